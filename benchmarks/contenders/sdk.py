# /// script
# requires-python = ">=3.11"
# dependencies = ["binance-coinm"]
# [tool.bench]
# title = "this SDK"
# import = """
# from binance_coinm import Credentials, HmacKey, connect
# from binance_coinm.api.account import futures_account_balance
# """
# ///
"""This SDK, from a wheel of the working tree."""

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from account import WRITE, WRITE_PATH, Account, Client

if TYPE_CHECKING:
    from decimal import Decimal

    from binance_coinm.models import FuturesAccountBalance


def connect(account: Account, **settings: Any) -> Client:
    """Return a client."""
    client, operation = _connect(account, settings)
    return Client(partial(operation.sync, client=client), lambda: _accepted(client.request(_write())), client.close)


async def connect_async(account: Account, **settings: Any) -> Client:
    """Return an async client."""
    client, operation = _connect(account, settings)

    async def write() -> Any:
        return _accepted(await client.request_async(_write()))

    return Client(partial(operation.asyncio, client=client), write, client.aclose)


def balances(response: "list[FuturesAccountBalance]") -> "list[Decimal]":
    """Return the rows' balances."""
    return [row.balance for row in response]


def parse(body: bytes) -> "list[FuturesAccountBalance]":
    """Parse a response body into models, as a call does."""
    import httpx
    from binance_coinm.api.account import futures_account_balance

    return futures_account_balance.parse_response(httpx.Response(200, content=body)).parsed


def parse_long(kind: str, body: bytes) -> object:
    """Parse another long response into models."""
    import httpx
    from binance_coinm.api.market import exchange_information, kline_candlestick_data
    from binance_coinm.api.trade import all_orders

    operations = {"orders": all_orders, "contracts": exchange_information, "candles": kline_candlestick_data}
    return operations[kind].parse_response(httpx.Response(200, content=body)).parsed


def _connect(account: Account, settings: dict[str, Any]) -> tuple[Any, Any]:
    from binance_coinm import Credentials, HmacKey, connect
    from binance_coinm.api.account import futures_account_balance

    credentials = Credentials(account.api_key, HmacKey(account.secret))
    return connect(credentials, server=account.url, **settings), futures_account_balance


def _write() -> dict[str, Any]:
    from binance_coinm.security import Security

    return {"method": "POST", "url": WRITE_PATH, "params": WRITE, "extensions": {"security": Security.TRADE}}


def _accepted(response: Any) -> Any:
    # There is no generated function for this operation, so that an error response does not raise.
    if response.status_code != HTTPStatus.OK:
        raise ValueError(f"rejected: {response.content!r}")
    return response
