# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx==0.28.1", "attrs==26.1.0"]
# [tool.bench]
# title = "httpx by hand"
# import = "import attrs, httpx"
# ///
"""httpx with its default settings, signed by hand; attrs is included because the SDK depends on it too."""

import json
from typing import Any

from account import Account, Client


def connect(account: Account) -> Client:
    """Return a client."""
    import httpx

    client = httpx.Client(base_url=account.url, headers=account.headers)

    def send(method: str, target: str) -> Any:
        return json.loads(client.request(method, target).raise_for_status().content)

    return Client(
        lambda: send("GET", account.signed_target()), lambda: send("POST", account.signed_write()), client.close
    )


async def connect_async(account: Account) -> Client:
    """Return an async client."""
    import httpx

    client = httpx.AsyncClient(base_url=account.url, headers=account.headers)

    async def send(method: str, target: str) -> Any:
        return json.loads((await client.request(method, target)).raise_for_status().content)

    return Client(
        lambda: send("GET", account.signed_target()), lambda: send("POST", account.signed_write()), client.aclose
    )
