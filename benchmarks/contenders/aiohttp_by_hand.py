# /// script
# requires-python = ">=3.11"
# dependencies = ["aiohttp==3.14.5"]
# [tool.bench]
# title = "aiohttp by hand"
# import = "import aiohttp"
# ///
"""aiohttp with its default settings, signed by hand; async only."""

import json
from typing import Any

from account import Account, Client


async def connect_async(account: Account) -> Client:
    """Return a client."""
    import aiohttp

    session = aiohttp.ClientSession(account.url, headers=account.headers, raise_for_status=True)

    async def send(method: str, target: str) -> Any:
        async with session.request(method, target) as response:
            return json.loads(await response.read())

    return Client(
        lambda: send("GET", account.signed_target()), lambda: send("POST", account.signed_write()), session.close
    )
