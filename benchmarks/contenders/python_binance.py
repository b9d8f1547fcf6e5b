# /// script
# requires-python = ">=3.11"
# dependencies = ["python-binance==1.0.37"]
# [tool.bench]
# title = "python-binance"
# import = "from binance.client import Client"
# ///
"""python-binance, without the ping of the spot server that it would send when it is made."""

from typing import TYPE_CHECKING, Any

from account import WRITE, Account

if TYPE_CHECKING:
    from binance.async_client import AsyncClient
    from binance.client import Client


def connect(account: Account) -> "Client":
    """Make a client; its URLs are attributes."""
    from binance.client import Client

    client = Client(account.api_key, account.secret, ping=False)
    client.FUTURES_COIN_URL = f"{account.url}/dapi"
    return client


def call(client: "Client") -> Any:
    """Call."""
    return client.futures_coin_account_balance()


def write(client: "Client") -> Any:
    """Send a write."""
    return client.futures_coin_change_leverage(**WRITE)


def close(client: "Client") -> None:
    """Close the connections."""
    client.close_connection()


async def connect_async(account: Account) -> "AsyncClient":
    """Make a client; its URLs are attributes."""
    from binance.async_client import AsyncClient

    client = AsyncClient(account.api_key, account.secret)
    client.FUTURES_COIN_URL = f"{account.url}/dapi"
    return client


async def call_async(client: "AsyncClient") -> Any:
    """Call."""
    return await client.futures_coin_account_balance()


async def write_async(client: "AsyncClient") -> Any:
    """Send a write."""
    return await client.futures_coin_change_leverage(**WRITE)


async def close_async(client: "AsyncClient") -> None:
    """Close the connections."""
    await client.close_connection()
