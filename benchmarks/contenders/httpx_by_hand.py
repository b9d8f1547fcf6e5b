# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx==0.28.1", "attrs==26.1.0"]
# [tool.bench]
# title = "httpx by hand"
# import = "import attrs, httpx"
# ///
"""httpx with its default settings, signed by hand; attrs is there because the SDK needs it beside httpx."""

import json
from typing import TYPE_CHECKING, Any

from account import Account

if TYPE_CHECKING:
    import httpx

    Client = tuple[httpx.Client, Account]
    AsyncClient = tuple[httpx.AsyncClient, Account]


def connect(account: Account) -> "Client":
    """Make a client."""
    import httpx

    return httpx.Client(base_url=account.url, headers=account.headers), account


def call(client: "Client") -> Any:
    """Sign and send."""
    http, account = client
    return json.loads(http.get(account.signed_target()).raise_for_status().content)


def write(client: "Client") -> Any:
    """Sign and send a write."""
    http, account = client
    return json.loads(http.post(account.signed_write()).raise_for_status().content)


def close(client: "Client") -> None:
    """Close the connections."""
    client[0].close()


async def connect_async(account: Account) -> "AsyncClient":
    """Make a client."""
    import httpx

    return httpx.AsyncClient(base_url=account.url, headers=account.headers), account


async def call_async(client: "AsyncClient") -> Any:
    """Sign and send."""
    http, account = client
    return json.loads((await http.get(account.signed_target())).raise_for_status().content)


async def write_async(client: "AsyncClient") -> Any:
    """Sign and send a write."""
    http, account = client
    return json.loads((await http.post(account.signed_write())).raise_for_status().content)


async def close_async(client: "AsyncClient") -> None:
    """Close the connections."""
    await client[0].aclose()
