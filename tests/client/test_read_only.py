"""`connect(read_only=True)`: nothing that may change the account is sent."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import anyio
import httpx
import pytest
from binance_coinm import Client, connect, errors
from binance_coinm.security import Security
from binance_sandbox import Sandbox
from support.operations import OPERATIONS, arguments, endpoint

MESSAGE = (
    "{} needs the permission to trade, and this client is read-only; nothing was sent."
    " Call it with a client of connect() without read_only=True"
)
ORDER = "/dapi/v1/order"
TRADES = [name for name, node in OPERATIONS.items() if node["security"] == [{"TRADE": []}]]
READS = [name for name, node in OPERATIONS.items() if name not in TRADES]


@pytest.fixture
def client(exchange: Sandbox) -> Iterator[Client]:
    """Connect a read-only client."""
    exchange.pop_requests()
    with connect(exchange.credentials, server=exchange.url, read_only=True) as client:
        yield client


def in_event_loop(backend: str, client: Client, call: Callable[[], Any]) -> Any:
    """Return the result of an async call."""

    async def run() -> Any:
        async with client:
            return await call()

    return anyio.run(run, backend=backend)


def test_both_kinds_of_operations_are_there() -> None:
    """The document has operations that a read-only client rejects, reads among them, and others that it sends."""
    assert {"newOrder", "changeInitialLeverage", "getPositionMarginChangeHistory"} <= {*TRADES}
    assert {"futuresAccountBalance", "queryOrder", "startUserDataStream"} <= {*READS}


@pytest.mark.parametrize("operation_id", TRADES)
def test_operations_that_trade(exchange: Sandbox, client: Client, operation_id: str) -> None:
    """A sync call of an operation that trades is an error, and nothing is sent."""
    module = endpoint(operation_id)
    request = module.build_request(**arguments(module, with_optional=True))

    with pytest.raises(errors.ConfigurationError) as caught:
        module.sync(client=client, **arguments(module, with_optional=True))

    assert MESSAGE.format(f"{request['method']} {request['url']}") == str(caught.value)
    assert [] == exchange.pop_requests()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("operation_id", TRADES)
def test_async_operations_that_trade(exchange: Sandbox, client: Client, operation_id: str, backend: str) -> None:
    """An async call of an operation that trades is an error, and nothing is sent."""
    module = endpoint(operation_id)
    kwargs = arguments(module, with_optional=False)

    with pytest.raises(errors.ConfigurationError, match="this client is read-only"):
        in_event_loop(backend, client, lambda: module.asyncio(client=client, **kwargs))

    assert [] == exchange.pop_requests()


@pytest.mark.parametrize("operation_id", READS)
def test_other_operations(exchange: Sandbox, client: Client, operation_id: str) -> None:
    """All other operations are called as by any client, those of the event stream included."""
    module = endpoint(operation_id)

    module.sync(client=client, **arguments(module, with_optional=False))

    assert 1 == len(exchange.pop_requests())


BY_HAND = [
    pytest.param({"method": "POST", "url": ORDER}, id="write of unknown security type"),
    pytest.param({"method": "post", "url": ORDER, "params": {"signature": "0"}}, id="write signed by hand"),
    pytest.param({"method": "DELETE", "url": ORDER, "extensions": {"security": Security.NONE}}, id="write without key"),
    pytest.param(
        {"method": "PUT", "url": ORDER, "extensions": {"security": Security.USER_DATA}}, id="write that is signed"
    ),
    pytest.param({"method": "PATCH", "url": "/x", "extensions": {"security": object()}}, id="no security type"),
    pytest.param({"method": "GET", "url": ORDER, "extensions": {"security": Security.TRADE}}, id="read that trades"),
]


@pytest.mark.parametrize("request_", BY_HAND)
def test_requests_by_hand(exchange: Sandbox, client: Client, request_: dict[str, Any]) -> None:
    """A request that is built by hand is not sent if it is a write of unknown effect, or may trade; streamed or not."""
    sync = client.get_httpx_client()
    sends: list[Callable[[], object]] = [
        lambda: sync.request(**request_),
        lambda: sync.send(sync.build_request(**request_), stream=True),
        lambda: client.request(request_),
    ]
    for send in sends:
        with pytest.raises(errors.ConfigurationError, match="this client is read-only"):
            send()

    assert [] == exchange.pop_requests()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("request_", BY_HAND)
def test_async_requests_by_hand(exchange: Sandbox, client: Client, request_: dict[str, Any], backend: str) -> None:
    """The same for async requests."""

    async def call() -> None:
        httpx_client = client.get_async_httpx_client()
        with pytest.raises(errors.ConfigurationError, match="this client is read-only"):
            await httpx_client.request(**request_)
        with pytest.raises(errors.ConfigurationError, match="this client is read-only"):
            await httpx_client.send(httpx_client.build_request(**request_), stream=True)

    in_event_loop(backend, client, call)

    assert [] == exchange.pop_requests()


def test_reads_by_hand(exchange: Sandbox, client: Client) -> None:
    """A read that is built by hand is sent."""
    response = client.get_httpx_client().get("/dapi/v1/time")

    assert (200, 1) == (response.status_code, len(exchange.pop_requests()))


def test_derived_clients(exchange: Sandbox, client: Client) -> None:
    """Clients that derive from a read-only one are read-only, and it cannot be changed."""
    for derived in (client.with_options(timeout=5), client.with_credentials(exchange.credentials)):
        with pytest.raises(errors.ConfigurationError, match="this client is read-only"):
            derived.trade.cancel_all_open_orders(symbol="BTCUSD_PERP")
    with pytest.raises(errors.ConfigurationError, match="read_only: a client keeps the one of connect"):
        client.read_only = False  # pyright: ignore[reportAttributeAccessIssue]  # tested

    assert [] == exchange.pop_requests()


def test_custom_transport() -> None:
    """A custom transport is not called either."""
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    with Sandbox() as sandbox:
        transport = httpx.MockTransport(respond)
        client = connect(sandbox.credentials, server=sandbox.url, read_only=True, transport=transport)
        with client, pytest.raises(errors.ConfigurationError, match="this client is read-only"):
            client.trade.cancel_all_open_orders(symbol="BTCUSD_PERP")

    assert [] == sent


def test_calls_that_trade_without_read_only(exchange: Sandbox) -> None:
    """Without `read_only`, operations that trade are called."""
    with connect(exchange.credentials, server=exchange.url) as client:
        client.trade.cancel_all_open_orders(symbol="BTCUSD_PERP")


def test_read_only_is_checked(sandbox: Sandbox) -> None:
    """Anything but True and False is an error."""
    with pytest.raises(errors.ConfigurationError, match="^read_only: expected True or False, got 'yes'$"):
        connect(sandbox.credentials, server=sandbox.url, read_only="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # tested


class Smuggler(httpx.Auth):
    """A scheme of httpx that sends an order before the request that uses it."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send an order, and then the request."""
        yield httpx.Request("POST", request.url.join(ORDER), extensions={"security": Security.TRADE})
        yield request


UNKNOWN_AUTH = "auth: expected httpx's BasicAuth or DigestAuth"


def test_auth(exchange: Sandbox, client: Client) -> None:
    """A sync request with an auth of one's own is an error, also if the httpx client has it: it could send others."""
    raw = client.get_httpx_client()

    for send in (
        client.request,
        lambda request: raw.request(**request),
        lambda request: raw.stream(**request).__enter__(),
    ):
        with pytest.raises(errors.ConfigurationError, match=UNKNOWN_AUTH):
            send({"method": "GET", "url": "/dapi/v1/time", "auth": Smuggler()})
    raw.auth = Smuggler()
    with pytest.raises(errors.ConfigurationError, match=UNKNOWN_AUTH):
        client.market.check_server_time()
    assert [] == exchange.pop_requests()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_auth_async(exchange: Sandbox, client: Client, backend: str) -> None:
    """The same, async."""

    def call() -> Any:
        return client.request_async({"method": "GET", "url": "/dapi/v1/time", "auth": Smuggler()})

    with pytest.raises(errors.ConfigurationError, match=UNKNOWN_AUTH):
        in_event_loop(backend, client, call)
    assert [] == exchange.pop_requests()
