"""`public()`: a client without credentials, for the operations that need none."""

from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from binance_coinm import PublicClient, RetryPolicy, errors, public
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from support.operations import OPERATIONS, arguments, endpoint

MESSAGE = "{} needs credentials, and this client has none; nothing was sent. Call it with a client of connect()"
PUBLIC = [name for name, node in OPERATIONS.items() if node["security"] == []]
OTHERS = [name for name in OPERATIONS if name not in PUBLIC]
TIME = "/dapi/v1/time"


@pytest.fixture
def client(exchange: Sandbox) -> Iterator[PublicClient]:
    """Return a client without credentials; the environment has none either."""
    exchange.pop_requests()
    with public(server=exchange.url) as client:
        yield client


def test_both_kinds_of_operations_are_there() -> None:
    """The document has operations that need no credentials, and others; one of them needs the API key alone."""
    assert {"klineCandlestickData", "exchangeInformation", "checkServerTime"} <= {*PUBLIC}
    assert {"futuresAccountBalance", "newOrder", "oldTradesLookup", "startUserDataStream"} <= {*OTHERS}


@pytest.mark.parametrize("operation_id", PUBLIC)
def test_public_operations(exchange: Sandbox, client: PublicClient, operation_id: str) -> None:
    """An operation that needs no credentials is called without them, sync and async."""
    module = endpoint(operation_id)
    kwargs = arguments(module, with_optional=False)

    async def call() -> object:
        async with client:
            return await module.asyncio(client=client, **kwargs)

    results = [module.sync(client=client, **kwargs), anyio.run(call)]

    assert type(results[0]) is type(results[1])
    headers = [request.headers for request in exchange.pop_requests()]
    assert [False, False] == ["x-mbx-apikey" in (name.lower() for name in names) for names in headers]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("operation_id", OTHERS)
def test_other_operations(exchange: Sandbox, client: PublicClient, operation_id: str, backend: str) -> None:
    """An operation that needs credentials is an error, sync and async, and nothing is sent."""
    module = endpoint(operation_id)
    kwargs = arguments(module, with_optional=False)
    request = module.build_request(**kwargs)

    async def call() -> None:
        async with client:
            await module.asyncio(client=client, **kwargs)

    with pytest.raises(errors.ConfigurationError) as caught:
        module.sync(client=client, **kwargs)
    with pytest.raises(errors.ConfigurationError, match="this client has none"):
        anyio.run(call, backend=backend)

    assert MESSAGE.format(f"{request['method']} {request['url']}") == str(caught.value)
    assert [] == exchange.pop_requests()


def test_methods(client: PublicClient) -> None:
    """A client has the operations as methods, as that of `connect` has them."""
    assert client.market.check_server_time().server_time > 0
    methods: Any = client
    with pytest.raises(errors.ConfigurationError, match="^GET /dapi/v1/balance needs credentials"):
        methods.account.futures_account_balance()
    with pytest.raises(errors.ConfigurationError, match="^GET /dapi/v1/historicalTrades needs credentials"):
        methods.market.old_trades_lookup(symbol="BTCUSD_PERP")


def test_streamed_requests(exchange: Sandbox, client: PublicClient) -> None:
    """A streamed request that needs credentials is not sent either."""
    sync = client.get_httpx_client()
    request = sync.build_request("GET", "/dapi/v1/balance", extensions={"security": Security.USER_DATA})

    with pytest.raises(errors.ConfigurationError, match="this client has none"):
        sync.send(request, stream=True)

    assert [] == exchange.pop_requests()


def test_retries(sandbox: Sandbox) -> None:
    """Calls are retried."""
    sandbox.inject_fault(Fault.disconnect())
    with public(server=sandbox.url, retry=RetryPolicy(initial_backoff=0)) as client:
        client.market.check_server_time()

    assert [TIME, TIME] == [request.path for request in sandbox.received_requests]


def test_rate_limit(sandbox: Sandbox) -> None:
    """The used weight is known, and a client-side rate limit ends a call that would have to wait for too long."""
    with public(server=sandbox.url, max_weight_per_minute=1, timeout=0.5) as client:
        client.market.exchange_information()
        assert 1 == client.used_weight
        with pytest.raises(errors.RateLimitError):
            client.market.exchange_information()

    assert 1 == len(sandbox.received_requests)


def test_credentials_of_the_environment_are_not_read(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment, even invalid ones, are not read."""
    monkeypatch.setenv("BINANCE_API_KEY", "not a key\n")
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_FILE", "/nonexistent")

    with public(server=sandbox.url) as client:
        client.market.check_server_time()


def test_derived_clients(client: PublicClient) -> None:
    """A client with other options shares the connections and has no credentials either."""
    derived: Any = client.with_options(timeout=3.0)

    assert 3.0 == derived.timeout
    with pytest.raises(errors.ConfigurationError, match="this client has none"):
        derived.account.futures_account_balance()
    assert not hasattr(client, "with_credentials")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "timeout: expected "),
        ({"server": "nowhere"}, "server"),
        ({"max_connections": 0}, "max_connections: expected "),
        ({"transport": object()}, "transport: expected an httpx.BaseTransport"),
        ({"proxy": "ftp://user:of-a-proxy@host"}, "proxy"),
    ],
)
def test_invalid_options(options: dict[str, Any], message: str) -> None:
    """An invalid option is an error, as of `connect`."""
    with pytest.raises(errors.ConfigurationError, match=message) as caught:
        public(**{"server": "http://127.0.0.1:1", **options})

    assert "of-a-proxy" not in str(caught.value)


def test_custom_transport() -> None:
    """A custom transport serves the calls."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"serverTime": 1}))

    with public(server="http://127.0.0.1:1", transport=transport) as client:
        assert 1 == client.market.check_server_time().server_time
