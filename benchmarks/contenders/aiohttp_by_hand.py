# /// script
# requires-python = ">=3.11"
# dependencies = ["aiohttp==3.14.5"]
# [tool.bench]
# title = "aiohttp by hand"
# import = "import aiohttp"
# ///
"""aiohttp with its default settings, signed by hand; it has no sync half."""

import json
from typing import TYPE_CHECKING, Any

from account import Account

if TYPE_CHECKING:
    import aiohttp

    AsyncClient = tuple[aiohttp.ClientSession, Account]


async def connect_async(account: Account) -> "AsyncClient":
    """Make a session."""
    import aiohttp

    return aiohttp.ClientSession(account.url, headers=account.headers, raise_for_status=True), account


async def call_async(client: "AsyncClient") -> Any:
    """Sign and send."""
    session, account = client
    async with session.get(account.signed_target()) as response:
        return json.loads(await response.read())


async def write_async(client: "AsyncClient") -> Any:
    """Sign and send a write."""
    session, account = client
    async with session.post(account.signed_write()) as response:
        return json.loads(await response.read())


async def close_async(client: "AsyncClient") -> None:
    """Close the connections."""
    await client[0].close()
