"""Writes of unknown execution: their error says how to find out what became of them."""

import asyncio
import pickle
from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter
from typing import Any

import httpx
import pytest
from binance_client.base_client import BaseClient
from binance_coinm import Client, connect, errors, models
from binance_coinm.api.trade import auto_cancel_all_open_orders, new_order, query_order
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Call
from support.operations import OPERATIONS, arguments, endpoint

ORDER: dict[str, Any] = {
    "symbol": "BTCUSD_PERP",
    "side": models.OrderSide.BUY,
    "type_": models.OrderType.MARKET,
    "quantity": Decimal(1),
}
BEGINNING = "the exchange may have executed this request; query its state with "
HINT = f"{BEGINNING}client.trade.query_order before you send it again"
UNKNOWN = [
    ({"status": 200, "fault": Fault.disconnect()}, errors.NetworkError),
    ({"status": 200, "fault": Fault.cut_body()}, errors.NetworkError),
    ({"status": 200, "fault": Fault.silence()}, errors.TimeoutError),
    ({"status": 503, "example": "unknown"}, errors.ExchangeError),
    ({"status": 408}, errors.ExchangeError),
    ({"status": 502, "body": "<html>Bad gateway</html>"}, errors.ExchangeError),
    ({"status": 200, "body": {"code": -1007, "msg": "Timeout."}}, errors.ExchangeError),
    ({"status": 200, "body": "<html>"}, errors.ResponseError),
    ({"status": 200, "headers": {"Content-Encoding": "br"}}, errors.ResponseError),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, errors.ResponseError),
    ({"status": 304}, errors.ResponseError),
]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Return a client of the sandbox, which soon gives up."""
    with connect(sandbox.credentials, server=sandbox.url, timeout=0.5) as client:
        yield client


@pytest.mark.parametrize(("arranged", "kind"), UNKNOWN)
def test_error_names_the_query(
    sandbox: Sandbox, client: Client, call: Call, arranged: dict[str, Any], kind: type[errors.NetworkError]
) -> None:
    """Whatever leaves the execution unknown, the error says what to query before the order is sent again."""
    sandbox.respond_next(**arranged)

    with pytest.raises(kind) as caught:
        call(new_order, client, **ORDER)

    error = caught.value
    assert kind is type(error)
    assert ("unknown", HINT) == (error.execution, error.hint)
    assert HINT in str(error)
    assert 1 == len(sandbox.received_requests)
    assert error.__context__ is None
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301, pickled just here
    assert (str(error), HINT) == (str(copied), copied.hint)


def test_text_of_an_error_without_a_response(sandbox: Sandbox, client: Client, call: Call) -> None:
    """The text says once that the execution is unknown, and what to do."""
    sandbox.inject_fault(Fault.silence())

    with pytest.raises(errors.TimeoutError) as caught:
        call(new_order, client, **ORDER)

    assert str(caught.value).startswith("the call timed out, ReadTimeout")
    assert str(caught.value).endswith(f"; {HINT}")
    assert "it is unknown" not in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "kwargs", "status", "example"),
    [
        (new_order, ORDER, 503, "unavailable"),
        (query_order, {"symbol": "BTCUSD_PERP", "order_id": 1}, 503, "unknown"),
        (auto_cancel_all_open_orders, {"symbol": "BTCUSD_PERP", "countdown_time": 1000}, 503, "unknown"),
    ],
    ids=["not executed", "read", "may be repeated"],
)
def test_errors_without_a_query(
    sandbox: Sandbox, client: Client, call: Call, operation: Any, kwargs: dict[str, Any], status: int, example: str
) -> None:
    """What was not executed, or may be sent again as it is, needs no query."""
    sandbox.respond_next(status, example=example, times=4)

    with pytest.raises(errors.ExchangeError) as caught:
        call(operation, client.with_options(retry=None), **kwargs)

    assert caught.value.hint is None


def test_order_that_was_not_sent(call: Call) -> None:
    """An order that never left this machine needs no query."""
    with Sandbox() as sandbox:
        client = connect(sandbox.credentials, server=sandbox.url, retry=None)

    with client, pytest.raises(errors.NetworkError) as caught:
        call(new_order, client, **ORDER)

    assert ("not_executed", None) == (caught.value.execution, caught.value.hint)


def test_code_with_a_hint_of_its_own(sandbox: Sandbox, client: Client, call: Call) -> None:
    """What the document says of a code comes first."""
    sandbox.respond_next(400, body={"code": -4083, "msg": "Fail."})

    with pytest.raises(errors.ExchangeError) as caught:
        call(new_order, client, **ORDER)

    assert f"query each order of the batch; {HINT}" == caught.value.hint


WRITES = {name: node for name, node in OPERATIONS.items() if "x-queried-by" in node}


@pytest.mark.parametrize("operation_id", WRITES)
def test_all_writes(sandbox: Sandbox, client: Client, call: Call, operation_id: str) -> None:
    """The error of each write that the document describes so names a method that the client has, a read."""
    module = endpoint(operation_id)
    sandbox.inject_fault(Fault.disconnect())

    with pytest.raises(errors.NetworkError) as caught:
        call(module, client, **arguments(module, with_optional=False))

    method, _, rest = str(caught.value.hint).removeprefix(f"{BEGINNING}client.").partition(" ")
    assert "before you send it again" == rest
    assert callable(attrgetter(method)(client))
    assert OPERATIONS[WRITES[operation_id]["x-queried-by"]]["summary"] in attrgetter(method)(client).__doc__


def test_which_writes_need_no_query() -> None:
    """Only a write that does no harm when it is repeated has no query: a countdown, and the keys of the stream."""
    writes = {
        name
        for name in OPERATIONS
        if endpoint(name).build_request(**arguments(endpoint(name), with_optional=False))["method"] != "GET"
    }

    assert {
        "autoCancelAllOpenOrders",
        "startUserDataStream",
        "keepaliveUserDataStream",
        "closeUserDataStream",
    } == writes - {*WRITES}


@pytest.mark.parametrize("extensions", [{}, {"extensions": None}, {"extensions": {"security": Security.TRADE}}])
def test_requests_that_are_built_by_hand(sandbox: Sandbox, client: Client, extensions: dict[str, Any]) -> None:
    """A request that says nothing of a query has an error without one, sync and async."""
    request = {"method": "POST", "url": "/dapi/v1/order"} | extensions
    sandbox.inject_fault(Fault.disconnect(), times=2)

    found = []
    with pytest.raises(errors.NetworkError) as caught:
        client.request(request)
    found.append(caught.value)
    with pytest.raises(errors.NetworkError) as caught:
        asyncio.run(client.request_async(request))
    found.append(caught.value)

    assert [None, None] == [error.hint for error in found]
    assert all(str(e).endswith("; it is unknown whether the exchange executed the request") for e in found)


def test_client_of_httpx() -> None:
    """A base client with a client of httpx names the query too."""

    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={"code": -1000, "msg": "Unknown error, please check."})

    client = BaseClient("https://gateway.example", httpx_args={"transport": httpx.MockTransport(refuse)})

    with pytest.raises(errors.ExchangeError) as caught:
        new_order.sync(client=client, **ORDER)  # type: ignore[arg-type]  # the gateway signs

    assert HINT == caught.value.hint
