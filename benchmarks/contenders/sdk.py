# /// script
# requires-python = ">=3.11"
# dependencies = ["binance-coinm"]
# [tool.bench]
# title = "this SDK"
# import = """
# from binance_signing import connect, Credentials, HmacKey
# from binance_coinm.api.account import futures_account_balance
# """
# ///
"""This SDK; the runner puts the wheel that it built in place of the requirement."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from account import WRITE, WRITE_PATH, Account

if TYPE_CHECKING:
    from decimal import Decimal

    from binance_coinm.models import FuturesAccountBalance
    from binance_signing import SigningClient

    # A client, and the module of the operation.
    Client = tuple[SigningClient, Any]


def connect(account: Account, **settings: Any) -> "Client":
    """Make a client."""
    from binance_coinm.api.account import futures_account_balance
    from binance_signing import Credentials, HmacKey, connect

    credentials = Credentials(account.api_key, HmacKey(account.secret))
    return connect(credentials, server=account.url, **settings), futures_account_balance


def call(client: "Client") -> "list[FuturesAccountBalance]":
    """Call."""
    signing, operation = client
    rows: list[FuturesAccountBalance] = operation.sync(client=signing)
    return rows


def write(client: "Client") -> Any:
    """Send a write."""
    return _accepted(client[0].request(_write()))


def close(client: "Client") -> None:
    """Close the connections."""
    client[0].close()


async def connect_async(account: Account, **settings: Any) -> "Client":
    """Make a client: the same as for sync code."""
    return connect(account, **settings)


async def call_async(client: "Client") -> "list[FuturesAccountBalance]":
    """Call."""
    signing, operation = client
    rows: list[FuturesAccountBalance] = await operation.asyncio(client=signing)
    return rows


async def write_async(client: "Client") -> Any:
    """Send a write."""
    return _accepted(await client[0].request_async(_write()))


async def close_async(client: "Client") -> None:
    """Close the connections."""
    await client[0].aclose()


def balances(answer: "list[FuturesAccountBalance]") -> "list[Decimal]":
    """Give the rows' balances."""
    return [row.balance for row in answer]


def parse(body: bytes) -> "list[FuturesAccountBalance]":
    """Make models of an answer's body, by what a call does with it."""
    import httpx
    from binance_coinm.api.account import futures_account_balance

    return futures_account_balance.read_response(httpx.Response(200, content=body)).parsed


def _write() -> dict[str, Any]:
    from binance_coinm.security import Security

    return {"method": "POST", "url": WRITE_PATH, "params": WRITE, "extensions": {"security": Security.TRADE}}


def _accepted(response: Any) -> Any:
    # There is no generated function for this operation, which would raise for a response that is an error.
    if response.status_code != HTTPStatus.OK:
        raise ValueError(f"refused: {response.content!r}")
    return response
