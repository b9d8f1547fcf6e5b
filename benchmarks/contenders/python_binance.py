# /// script
# requires-python = ">=3.11"
# dependencies = ["python-binance==1.0.37"]
# [tool.bench]
# title = "python-binance"
# import = "from binance.client import Client"
# ///
"""python-binance, without the ping that a new client would send to the spot server."""

from account import WRITE, Account, Client


def connect(account: Account) -> Client:
    """Return a client; its URLs are attributes."""
    from binance.client import Client as BinanceClient

    client = BinanceClient(account.api_key, account.secret, ping=False)
    client.FUTURES_COIN_URL = f"{account.url}/dapi"
    return Client(
        client.futures_coin_account_balance,
        lambda: client.futures_coin_change_leverage(**WRITE),
        client.close_connection,
    )


async def connect_async(account: Account) -> Client:
    """Return an async client; its URLs are attributes."""
    from binance.async_client import AsyncClient

    client = AsyncClient(account.api_key, account.secret)
    client.FUTURES_COIN_URL = f"{account.url}/dapi"
    return Client(
        client.futures_coin_account_balance,
        lambda: client.futures_coin_change_leverage(**WRITE),
        client.close_connection,
    )
