"""Tests as users write them; `test_pytest_plugin.py` has many workers run them at once, in a folder of their own."""

import os
from decimal import Decimal
from typing import Any

import pytest
from binance_coinm import Client, RetryPolicy, connect, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.trade import new_order
from binance_coinm.models import OrderSide, OrderType
from binance_sandbox import Fault, RequestRejectedError, Sandbox

ORDER: Any = {"symbol": "BTCUSD_PERP", "side": OrderSide.BUY, "type_": OrderType.MARKET}
ANSWERS = {
    400: errors.ApiError,
    401: errors.ApiKeyError,
    403: errors.FirewallError,
    408: errors.ExchangeError,
    418: errors.IpBannedError,
    429: errors.RateLimitError,
    451: errors.RestrictedLocationError,
    500: errors.ExchangeError,
    503: errors.ExchangeError,
}
FAULTS = {
    Fault.disconnect(): errors.NetworkError,
    Fault.disconnect(reset=True): errors.NetworkError,
    Fault.cut_headers(): errors.NetworkError,
    Fault.cut_body(): errors.NetworkError,
    Fault.broken_chunks(): errors.NetworkError,
    Fault.garbage(): errors.NetworkError,
    Fault.silence(): errors.TimeoutError,
    Fault.delay(3600): errors.TimeoutError,
    Fault.drip_headers(3600): errors.TimeoutError,
    Fault.drip_body(3600): errors.TimeoutError,
}
all_answers = pytest.mark.parametrize(("status", "error"), ANSWERS.items())
all_faults = pytest.mark.parametrize(("fault", "error"), FAULTS.items(), ids=lambda value: getattr(value, "name", ""))
many_times = pytest.mark.parametrize("number", range(10))


def row(asset: str, available: str) -> dict[str, Any]:
    """Return a row as the exchange sends it."""
    amounts = ["balance", "withdrawAvailable", "crossWalletBalance", "crossUnPnl", "availableBalance"]
    return {"accountAlias": "SgsR", "asset": asset, "updateTime": 0} | dict.fromkeys(amounts, available)


def client_of(sandbox: Sandbox, recovery: RetryPolicy | None = None) -> Client:
    """Return a client of the sandbox; `RetryPolicy(initial_backoff=0)` lets it recover without waiting."""
    return connect(sandbox.credentials, server=sandbox.url, retry=recovery, timeout=10)


def impatient(client: Client, error: type[errors.BinanceError]) -> Client:
    """Return a client that waits a moment only, if a test lets the time run out."""
    return client.with_options(timeout=0.2) if error is errors.TimeoutError else client


@many_times
def test_rows(binance_sandbox: Sandbox, number: int) -> None:
    """A call gets the rows that the test has set, and the test sees the one request."""
    binance_sandbox.balances = [row(f"A{number}", f"{number}.50000000")]

    with client_of(binance_sandbox) as client:
        [found] = futures_account_balance.sync(client=client, recv_window=1000 + number)

    assert (f"A{number}", Decimal(number) + Decimal("0.5")) == (found.asset, found.available_balance)
    [request] = binance_sandbox.pop_requests()
    assert request.query.startswith(b"recvWindow=%d&timestamp=" % (1000 + number))
    assert [] == binance_sandbox.received_requests


@all_answers
def test_answer(binance_sandbox: Sandbox, status: int, error: type[errors.ApiError]) -> None:
    """The next call ends in the answer that the test asks for, and the one after it in rows."""
    binance_sandbox.respond_next(status)

    with client_of(binance_sandbox) as client:
        with pytest.raises(error):
            futures_account_balance.sync(client=client)
        if error is not errors.IpBannedError:
            assert futures_account_balance.sync(client=client)


@all_faults
def test_fault(binance_sandbox: Sandbox, fault: Fault, error: type[errors.BinanceError]) -> None:
    """The next call ends in the fault that the test asks for, and the one after it in rows."""
    binance_sandbox.inject_fault(fault)

    with client_of(binance_sandbox) as client:
        with pytest.raises(error):
            futures_account_balance.sync(client=impatient(client, error))
        assert futures_account_balance.sync(client=client)


def place(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return an order, or reject it."""
    if parameters["quantity"] > 1:
        raise RequestRejectedError(-2019)
    return {"orderId": 7, "clientOrderId": "a", "symbol": parameters["symbol"]}


def test_function(binance_sandbox: Sandbox) -> None:
    """A function of the test responds, and rejects."""
    binance_sandbox.responses["newOrder"] = place

    with client_of(binance_sandbox) as client:
        assert 7 == new_order.sync(client=client, **ORDER, quantity=Decimal(1)).order_id
        with pytest.raises(errors.ApiError, match="-2019"):
            new_order.sync(client=client, **ORDER, quantity=Decimal(2))


def test_recovery(binance_sandbox: Sandbox) -> None:
    """What fails once is tried again, and the test sees both requests."""
    binance_sandbox.respond_next(503)

    with client_of(binance_sandbox, RetryPolicy(initial_backoff=0)) as client:
        assert futures_account_balance.sync(client=client)

    assert [503, 200] == [request.status for request in binance_sandbox.received_requests]


def test_environment(binance_environment: Sandbox) -> None:
    """What calls `connect()` by itself reaches the sandbox, whatever the machine's own settings are."""
    binance_environment.balances = [row("BTC", "1")]

    with connect() as client:
        [found] = futures_account_balance.sync(client=client)

    assert "BTC" == found.asset
    assert 1 == len(binance_environment.received_requests)


def test_environment_of_others(binance_sandbox: Sandbox) -> None:
    """Without the fixture for it, the environment is the machine's own."""
    assert binance_sandbox.url != os.environ["BINANCE_SERVER"]


def test_environment_is_that_of_the_sandbox(binance_environment: Sandbox, binance_sandbox: Sandbox) -> None:
    """Both fixtures give the same sandbox."""
    assert binance_sandbox is binance_environment


@pytest.mark.asyncio
@many_times
async def test_rows_by_asyncio(binance_sandbox: Sandbox, number: int) -> None:
    """A call of pytest-asyncio's loop gets the rows that the test has set, and the test sees the one request."""
    binance_sandbox.balances = [row(f"A{number}", f"{number}.50000000")]

    async with client_of(binance_sandbox) as client:
        [found] = await futures_account_balance.asyncio(client=client)

    assert (f"A{number}", Decimal(number) + Decimal("0.5")) == (found.asset, found.available_balance)
    assert ["/dapi/v1/balance"] == [request.path for request in binance_sandbox.pop_requests()]


@pytest.mark.asyncio
@all_answers
async def test_answer_by_asyncio(binance_sandbox: Sandbox, status: int, error: type[errors.ApiError]) -> None:
    """In pytest-asyncio's loop too the next call ends in the answer that the test asks for."""
    binance_sandbox.respond_next(status)

    async with client_of(binance_sandbox) as client:
        with pytest.raises(error):
            await futures_account_balance.asyncio(client=client)


@pytest.mark.anyio
async def test_function_by_anyio(binance_sandbox: Sandbox) -> None:
    """In anyio's loops too a function of the test responds, and rejects."""
    binance_sandbox.responses["newOrder"] = place

    async with client_of(binance_sandbox) as client:
        assert 7 == (await new_order.asyncio(client=client, **ORDER, quantity=Decimal(1))).order_id
        with pytest.raises(errors.ApiError, match="-2019"):
            await new_order.asyncio(client=client, **ORDER, quantity=Decimal(2))


@pytest.mark.anyio
@many_times
async def test_rows_by_anyio(binance_sandbox: Sandbox, number: int) -> None:
    """A call of anyio's loops, asyncio's and trio's, gets the rows that the test has set."""
    binance_sandbox.balances = [row(f"A{number}", f"{number}.50000000")]

    async with client_of(binance_sandbox) as client:
        [found] = await futures_account_balance.asyncio(client=client)

    assert f"A{number}" == found.asset
    assert 1 == len(binance_sandbox.received_requests)


@pytest.mark.anyio
@all_faults
async def test_fault_by_anyio(binance_sandbox: Sandbox, fault: Fault, error: type[errors.BinanceError]) -> None:
    """In anyio's loops too the next call ends in the fault that the test asks for, and the one after it in rows."""
    binance_sandbox.inject_fault(fault)

    async with client_of(binance_sandbox) as client:
        with pytest.raises(error):
            await futures_account_balance.asyncio(client=impatient(client, error))
        assert await futures_account_balance.asyncio(client=client)


@pytest.mark.anyio
async def test_environment_by_anyio(binance_environment: Sandbox) -> None:
    """In async code too `connect()` reaches the sandbox."""
    async with connect() as client:
        assert await futures_account_balance.asyncio(client=client)

    assert 1 == len(binance_environment.received_requests)
