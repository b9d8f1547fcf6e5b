"""Responses that a function of a test computes from the parameters: orders that are kept, rejections and mistakes."""

import asyncio
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Thread, current_thread
from typing import Any, Protocol
from unittest.mock import AsyncMock, Mock

import pytest
from binance_coinm import Credentials, connect, errors
from binance_coinm.models import BatchOrder, OrderSide, OrderType
from binance_sandbox import Account, Fault, RequestRejectedError, Sandbox
from support.call_helpers import Balance
from support.constants import ROW

SYMBOL = "BTCUSD_PERP"
NOW_MS = 1_700_000_040_000
MARKET: dict[str, Any] = {"symbol": SYMBOL, "side": "BUY", "type_": "MARKET", "quantity": Decimal(1)}
PLACED = {"orderId": 1, "clientOrderId": "a", "symbol": SYMBOL}


class Trade(Protocol):
    """A call of an operation on orders by a client of its own."""

    def __call__(
        self, sandbox: Sandbox, operation: str, credentials: Credentials | None = None, **arguments: Any
    ) -> Any:
        """Call and close the client."""
        ...


def trade_sync(sandbox: Sandbox, operation: str, credentials: Credentials | None = None, **arguments: Any) -> Any:
    """Call by the sync method."""
    with connect(credentials or sandbox.credentials, server=sandbox.url, retry=None) as client:
        return getattr(client.trade, operation)(**arguments)


def trade_async(sandbox: Sandbox, operation: str, credentials: Credentials | None = None, **arguments: Any) -> Any:
    """Call by the async method, in an event loop of its own."""

    async def call() -> Any:
        async with connect(credentials or sandbox.credentials, server=sandbox.url, retry=None) as client:
            return await getattr(client.aio.trade, operation)(**arguments)

    return asyncio.run(call())


@pytest.fixture(params=[trade_sync, trade_async], ids=["sync", "async"])
def trade(request: pytest.FixtureRequest) -> Trade:
    """Return a call of an operation on orders, once of the sync and once of the async method."""
    call: Trade = request.param
    return call


class Orders:
    """What a user's test may keep: orders by the client's id."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.by_id: dict[str, dict[str, Any]] = {}
        responses = {"newOrder": self.place, "queryOrder": self.query, "cancelOrder": self.cancel}
        sandbox.responses.update(responses)

    def place(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Place a limit order."""
        if parameters["newClientOrderId"] in self.by_id:
            raise RequestRejectedError(-4111, "ClientOrderId is duplicated.")
        order = self.by_id[parameters["newClientOrderId"]] = {
            "orderId": len(self.by_id) + 1,
            "clientOrderId": parameters["newClientOrderId"],
            "status": "NEW",
            "origQty": parameters["quantity"],
            "executedQty": Decimal("0.0"),
            **{name: parameters[name] for name in ("symbol", "side", "type", "timeInForce", "price")},
        }
        return order

    def query(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return an order in the form of the query."""
        amounts = dict.fromkeys(["avgPrice", "cumBase", "stopPrice"], "0")
        flags = dict.fromkeys(["reduceOnly", "closePosition", "priceProtect"], False)
        times = {"time": 1, "updateTime": 1}
        return self.find(parameters) | amounts | flags | times | {"origType": "LIMIT", "workingType": "MARK_PRICE"}

    def cancel(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Cancel an open order."""
        order = self.find(parameters)
        if order["status"] != "NEW":
            raise RequestRejectedError(-2011, "Unknown order sent.")
        order["status"] = "CANCELED"
        return order

    def find(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return an order by the client's id."""
        try:
            return self.by_id[parameters["origClientOrderId"]]
        except KeyError:
            raise RequestRejectedError(-2013) from None


def limit_order(client_order_id: str) -> dict[str, Any]:
    """Return the arguments of a limit order."""
    amounts = {"quantity": Decimal(10), "price": Decimal("30005.10")}
    return MARKET | amounts | {"type_": "LIMIT", "time_in_force": "GTC", "new_client_order_id": client_order_id}


def test_parameters(sandbox: Sandbox, trade: Trade) -> None:
    """A function gets the parameters by the document's names and in its types, without those of the signature."""
    place = sandbox.responses["newOrder"] = Mock(return_value=PLACED)

    order = trade(sandbox, "new_order", **limit_order("a"), reduce_only=False, recv_window=3000)

    assert 1 == order.order_id
    [received] = place.call_args.args
    assert {
        "symbol": "BTCUSD_PERP",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": Decimal(10),
        "price": Decimal("30005.10"),
        "newClientOrderId": "a",
        "reduceOnly": False,
        "recvWindow": 3000,
    } == received
    assert [Decimal, Decimal, bool] == [type(received[name]) for name in ("quantity", "price", "reduceOnly")]
    assert "30005.10" == str(received["price"])


def test_parameters_in_json(sandbox: Sandbox, trade: Trade) -> None:
    """Of a parameter that is JSON a function gets the value, in which each amount is a Decimal."""
    received: list[Any] = []

    def place(order: dict[str, Any]) -> dict[str, Any]:
        received.append(order)
        if order["side"] == "SELL":
            return {"code": -2022, "msg": "ReduceOnly Order is rejected."}
        return PLACED | {"origQty": order["quantity"]}

    sandbox.responses["placeMultipleOrders"] = lambda parameters: list(map(place, parameters["batchOrders"]))
    batch = [
        BatchOrder(symbol=SYMBOL, side=side, type_=OrderType.MARKET, quantity=Decimal("1.50")) for side in OrderSide
    ]

    order, rejection = trade(sandbox, "place_multiple_orders", batch_orders=batch)

    common = {"symbol": SYMBOL, "type": "MARKET", "quantity": Decimal("1.50")}
    assert [{"side": "BUY"} | common, {"side": "SELL"} | common] == received
    assert ("1.50", -2022) == (f"{order.orig_qty:f}", rejection.code)


def test_orders_are_kept(sandbox: Sandbox, trade: Trade) -> None:
    """A test's functions keep orders together: what is placed can be queried, filled by the test, and canceled."""
    orders = Orders(sandbox)

    placed = trade(sandbox, "new_order", **limit_order("a"))
    orders.by_id["a"]["executedQty"] = Decimal("4.0")
    queried = trade(sandbox, "query_order", symbol=SYMBOL, orig_client_order_id="a")
    canceled = trade(sandbox, "cancel_order", symbol=SYMBOL, orig_client_order_id="a")

    assert ["NEW", "NEW", "CANCELED"] == [placed.status, queried.status, canceled.status]
    assert ["0.0", "4.0", "4.0"] == [f"{order.executed_qty:f}" for order in (placed, queried, canceled)]
    assert "30005.10" == f"{queried.price:f}"
    with pytest.raises(errors.ApiError, match=r"^HTTP 400, code -2011: Unknown order sent\."):
        trade(sandbox, "cancel_order", symbol=SYMBOL, orig_client_order_id="a")
    with pytest.raises(errors.ApiError, match="^HTTP 400, code -2013: unknown order"):
        trade(sandbox, "query_order", symbol=SYMBOL, orig_client_order_id="b")


@pytest.mark.parametrize(
    ("lost", "is_executed"),
    [
        (lambda sandbox: sandbox.inject_fault(Fault.disconnect()), True),
        (lambda sandbox: sandbox.inject_fault(Fault.cut_body()), True),
        (lambda sandbox: sandbox.respond_next(503, fault=Fault.disconnect()), False),
    ],
    ids=["response lost", "response cut", "request lost"],
)
def test_unknown_outcome(sandbox: Sandbox, trade: Trade, lost: Callable[[Sandbox], None], *, is_executed: bool) -> None:
    """A fault loses the response of an order that was executed; a canned response is in place of the function."""
    orders = Orders(sandbox)
    lost(sandbox)

    with pytest.raises(errors.NetworkError) as caught:
        trade(sandbox, "new_order", **limit_order("a"))

    assert "unknown" == caught.value.execution
    assert is_executed == ("a" in orders.by_id)
    assert 1 == len(sandbox.pop_requests())
    if is_executed:
        assert 1 == trade(sandbox, "query_order", symbol=SYMBOL, orig_client_order_id="a").order_id
    else:
        with pytest.raises(errors.ApiError, match="code -2013"):
            trade(sandbox, "query_order", symbol=SYMBOL, orig_client_order_id="a")


def rejecting(*arguments: Any, **settings: Any) -> Callable[[dict[str, Any]], Any]:
    """Return a function that rejects."""

    def place(_: dict[str, Any]) -> Any:
        raise RequestRejectedError(*arguments, **settings)

    return place


UNKNOWN = "HTTP 503, code -1000: Unknown error, please check your request or try again later."
BACKEND = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."


@pytest.mark.parametrize(
    ("place", "kind", "text"),
    [
        (rejecting(-2010), errors.ApiError, "HTTP 400, code -2010: order rejected"),
        (rejecting(-2010, "No."), errors.ApiError, "HTTP 400, code -2010: No."),
        (rejecting(-1007, status=408), errors.ExchangeError, "HTTP 408, code -1007: backend timeout, execution status"),
        (rejecting("timeout"), errors.ExchangeError, f"HTTP 408, code -1007: {BACKEND}"),
        (rejecting("unknown", status=503), errors.ExchangeError, UNKNOWN),
        (rejecting("unavailable", "Later."), errors.ExchangeError, "HTTP 503, code -1000: Later."),
        (rejecting("missing", parameter="price"), errors.ApiError, "HTTP 400, code -1102: Mandatory parameter 'price'"),
        (rejecting("page"), errors.FirewallError, "HTTP 403, no code, text/html: <html>"),
        (rejecting(-2010, status=403), errors.FirewallError, "HTTP 403, code -2010: order rejected"),
    ],
)
def test_rejections(sandbox: Sandbox, trade: Trade, place: Any, kind: type[errors.ApiError], text: str) -> None:
    """A function rejects with an error code or an error example of the document, whose status and headers it has."""
    sandbox.responses["newOrder"] = place

    with pytest.raises(kind) as caught:
        trade(sandbox, "new_order", **MARKET)

    assert str(caught.value).startswith(text) or text == str(caught.value)
    assert [caught.value.status_code] == [request.status for request in sandbox.received_requests]


def test_headers_of_a_rejection(sandbox: Sandbox, trade: Trade) -> None:
    """A rejection has the used weight of the document's responses, and the headers that it names."""
    sandbox.responses["queryOrder"] = rejecting("tooMany", RetryAfter="30")

    with pytest.raises(errors.RateLimitError) as caught:
        trade(sandbox, "query_order", symbol=SYMBOL, order_id=1)

    assert (30, 1) == (caught.value.retry_after, caught.value.used_weight)


def test_orders_that_count() -> None:
    """Orders of all operations that place some count, those of a batch each, and a rejected one does not."""
    with (
        Sandbox(clock=lambda: NOW_MS) as sandbox,
        connect(sandbox.credentials, server=sandbox.url, clock=lambda: NOW_MS) as client,
    ):
        sandbox.responses["newOrder"] = rejecting(-2019)
        with pytest.raises(errors.ApiError):
            client.trade.new_order(**MARKET)
        conditional: dict[str, Any] = {"algo_type": "CONDITIONAL", "type_": "STOP_MARKET"}
        client.trade.new_algo_order(**MARKET | conditional)
        client.trade.query_order(symbol=SYMBOL, order_id=1)
        assert {} == client.order_counts

        client.trade.place_multiple_orders(batch_orders=[BatchOrder(**MARKET) for _ in range(3)])

        assert {"10S": 4, "1M": 4} == client.order_counts


def failing(parameters: dict[str, Any]) -> Any:
    """Fail as a mistaken function does."""
    return parameters["nothing"]


@pytest.mark.parametrize(
    ("place", "status", "text"),
    [
        (failing, 500, "the function in responses['newOrder'] raised KeyError: 'nothing'"),
        (lambda _: pytest.fail("no order was expected"), 500, "raised Failed: no order was expected"),
        (lambda _: sys.exit(), 500, "raised SystemExit"),
        (Mock(side_effect=ConnectionResetError("mine")), 500, "raised ConnectionResetError: mine"),
        (Mock(side_effect=asyncio.CancelledError), 500, "raised asyncio.exceptions.CancelledError"),
        (lambda: PLACED, 500, "takes 0 positional arguments but 1 was given"),
        (
            rejecting(None),
            500,
            "raised ValueError: reason: expected an error code, or the name of an error example, got",
        ),
        (rejecting(-2103), 501, "the document has no error code -2103; the closest are -2023, -2013, -2010"),
        (
            rejecting("mising"),
            501,
            "no error example named 'mising'; add one, or name another; the closest are missing, ",
        ),
        (rejecting("someTime"), 501, "no error example named 'someTime'"),
        (rejecting("timeout", status=503), 501, "no error example named 'timeout' for status 503; add one, or"),
        (lambda _: None, 501, "newOrder: None is not of type 'object'"),
        (lambda _: PLACED | {"orderId": "1"}, 501, "newOrder.orderId: '1' is not of type 'integer'"),
        (lambda _: PLACED | {"origQty": 0.1}, 501, "newOrder.origQty: expected an exact value, got the float 0.1"),
        (lambda _: PLACED | {"later": 1}, 501, "newOrder: the document has no such member ('later' was unexpected)"),
        (lambda _: PLACED | {"origQty": {1}}, 501, "body: expected a value that JSON has, got {1}"),
        (lambda _: failing, 501, "body: expected a value that JSON has, got <function failing"),
    ],
)
def test_mistaken_functions(
    sandbox: Sandbox, trade: Trade, caplog: pytest.LogCaptureFixture, place: Any, status: int, text: str
) -> None:
    """A mistake of a function is a whole response that says what is wrong, and in the log; the sandbox goes on."""
    sandbox.responses["newOrder"] = place
    with caplog.at_level(logging.ERROR, "binance_sandbox"), pytest.raises(errors.ExchangeError) as caught:
        trade(sandbox, "new_order", **MARKET)
    sandbox.responses["newOrder"] = PLACED

    assert f"HTTP {status}, code 0: binance_sandbox: " in str(caught.value)
    assert text in str(caught.value)
    [record] = caplog.records
    assert text in record.getMessage()
    assert (status == 500) == bool(record.exc_info)
    assert 1 == trade(sandbox, "new_order", **MARKET).order_id
    assert [status, 200] == [request.status for request in sandbox.received_requests]


class AsyncCallable:
    """An object that is called as an async function is."""

    async def __call__(self, _: dict[str, Any]) -> Any:
        """Return a body, if it is awaited."""
        return PLACED


@pytest.mark.parametrize(
    "place",
    [AsyncCallable().__call__, AsyncCallable(), partial(AsyncCallable().__call__), AsyncMock()],
    ids=["function", "object", "partial", "mock"],
)
def test_async_functions(place: Any) -> None:
    """An async function, which nothing would await, is an error where it is set."""
    message = r"^responses\['newOrder'\]: expected a body, or a function that is not async, got "
    with pytest.raises(ValueError, match=message):
        Sandbox().responses["newOrder"] = place
    with pytest.raises(ValueError, match=message):
        Sandbox(accounts=[Account(responses={"newOrder": place})])


@pytest.mark.parametrize("body", [b'{"orderId":1,"clientOrderId":"a","symbol":"b","later":1}', PLACED])
def test_bodies_of_a_function(sandbox: Sandbox, trade: Trade, body: Any) -> None:
    """What a function returns is sent as a body that is set: bytes as they are, also if the document has them not."""
    sandbox.responses["newOrder"] = Mock(return_value=body)

    order = trade(sandbox, "new_order", **MARKET)

    assert ("a", {"later": 1} if isinstance(body, bytes) else {}) == (
        order.client_order_id,
        order.additional_properties,
    )


def test_accounts_have_separate_functions(sandbox: Sandbox, trade: Trade) -> None:
    """Each account has functions of its own, wherever they are set; `sandbox.responses` are those of the first."""
    accounts = [sandbox.account, sandbox.add_account(responses={"newOrder": lambda _: PLACED | {"orderId": 2}})]
    sandbox.responses["newOrder"] = lambda _: PLACED

    assert [1, 2] == [trade(sandbox, "new_order", account.credentials, **MARKET).order_id for account in accounts]
    assert sandbox.responses is sandbox.account.responses


def test_balances_of_a_function(sandbox: Sandbox, balance: Balance) -> None:
    """The balances may come from a function too; then there is no list to change in place, until one is set."""
    sandbox.responses["futuresAccountBalance"] = lambda _: [ROW | {"asset": "ETH"}]

    assert ["ETH"] == [row.asset for row in balance(connect(sandbox.credentials, server=sandbox.url)).parsed]
    with pytest.raises(RuntimeError, match="^a function returns the balances; change what it returns, or set"):
        _ = sandbox.balances
    sandbox.balances = [ROW]
    assert [ROW] == sandbox.balances


def test_functions_are_called_for_valid_requests_only(sandbox: Sandbox, trade: Trade) -> None:
    """A request that the exchange rejects by itself reaches no function."""
    place = sandbox.responses["newOrder"] = Mock(return_value=PLACED)

    with pytest.raises(errors.ApiError, match="code -1100"):
        trade(sandbox, "new_order", **limit_order("ü"))
    with pytest.raises(errors.ApiKeyError):
        trade(sandbox, "new_order", Account().credentials, **MARKET)
    sandbox.respond_next(400)
    with pytest.raises(errors.ApiError):
        trade(sandbox, "new_order", **MARKET)

    place.assert_not_called()


def test_a_function_may_use_the_sandbox(sandbox: Sandbox, trade: Trade) -> None:
    """A function may read the sandbox's clock, and set what comes next."""

    def place(_: dict[str, Any]) -> dict[str, Any]:
        sandbox.balances = [ROW | {"balance": "7"}]
        sandbox.respond_next(400)
        sandbox.responses["newOrder"] = PLACED
        return PLACED | {"updateTime": sandbox.now_ms}

    sandbox.responses["newOrder"] = place
    before = sandbox.now_ms

    assert before <= trade(sandbox, "new_order", **MARKET).update_time <= sandbox.now_ms
    with pytest.raises(errors.ApiError):
        trade(sandbox, "new_order", **MARKET)
    assert [ROW | {"balance": "7"}] == sandbox.balances


@pytest.mark.parametrize("is_async", [False, True], ids=["threads", "tasks"])
def test_functions_are_called_one_at_a_time(sandbox: Sandbox, *, is_async: bool) -> None:
    """Calls over many connections at once get one number each, because functions run in one thread, one at a time."""
    threads = set[Thread]()
    calls: list[str] = []

    def place(_: dict[str, Any]) -> dict[str, Any]:
        threads.add(current_thread())
        calls.append("begin")
        number = calls.count("begin")
        calls.append("end")
        return PLACED | {"orderId": number}

    sandbox.responses["newOrder"] = place
    client = connect(sandbox.credentials, server=sandbox.url, retry=None)

    async def place_all() -> list[Any]:
        async with client:
            return await asyncio.gather(*(client.aio.trade.new_order(**MARKET) for _ in range(40)))

    if is_async:
        placed = asyncio.run(place_all())
    else:
        with client, ThreadPoolExecutor(8) as pool:
            placed = list(pool.map(lambda _: client.trade.new_order(**MARKET), range(40)))

    assert list(range(1, 41)) == sorted(order.order_id for order in placed)
    assert ["begin", "end"] * 40 == calls
    assert 1 == len(threads)
    assert current_thread() not in threads
