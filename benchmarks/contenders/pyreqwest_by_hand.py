# /// script
# requires-python = ">=3.11"
# dependencies = ["pyreqwest==0.15.1"]
# [tool.bench]
# title = "pyreqwest by hand"
# import = "from pyreqwest.client import SyncClientBuilder"
# ///
"""pyreqwest with its default settings, signed by hand."""

import json
from typing import TYPE_CHECKING, Any

from account import Account

if TYPE_CHECKING:
    import pyreqwest.client

    SyncClient = tuple[pyreqwest.client.SyncClient, Account]
    AsyncClient = tuple[pyreqwest.client.Client, Account]


def connect(account: Account) -> "SyncClient":
    """Make a client."""
    from pyreqwest.client import SyncClientBuilder

    builder = SyncClientBuilder().base_url(account.url).default_headers(account.headers)
    return builder.error_for_status().build(), account


def call(client: "SyncClient") -> Any:
    """Sign and send."""
    http, account = client
    response = http.get(account.signed_target()).build().send()
    return json.loads(response.bytes().to_bytes())


def close(client: "SyncClient") -> None:
    """Close the connections."""
    client[0].close()


async def connect_async(account: Account) -> "AsyncClient":
    """Make a client."""
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().base_url(account.url).default_headers(account.headers)
    return builder.error_for_status().build(), account


async def call_async(client: "AsyncClient") -> Any:
    """Sign and send."""
    http, account = client
    response = await http.get(account.signed_target()).build().send()
    return json.loads((await response.bytes()).to_bytes())


async def close_async(client: "AsyncClient") -> None:
    """Close the connections."""
    await client[0].close()
