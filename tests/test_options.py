"""What can be set for a client and for a single call, and what becomes of it."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import binance_coinm
import httpx
import pytest
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import server_time
from binance_coinm.errors import ClientClosedError, ConfigurationError
from binance_coinm.facts import REFUSALS
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from binance_signing import Credentials, HmacKey, Recovery, SigningClient, connect
from binance_signing import _exchange as exchange_module
from binance_signing import _httpx_messages as httpx_messages
from binance_signing._clock import Clock
from binance_signing._exchange import Exchange
from binance_signing._lifetime import Lifetime
from binance_signing._options import CallOptions, call_options
from binance_signing._package import package_of
from binance_signing._rate_limit import RateLimit
from binance_signing._tries import Call, Rules
from relay import Relay
from samples import API_KEY, SECRET

LOOPBACK = "http://127.0.0.1:1"
BAD_SECONDS = [0, -1, 0.0, True, float("nan"), float("inf"), None, "3", 86_401, 10**40]
TOLD_SECONDS = "timeout: expected a positive number of seconds, at most a day, got {!r}"
BAD_RECOVERIES = [True, False, 0, 4, "off", Recovery]
TOLD_RECOVERY = "recovery: expected Recovery(…), or None for a single try, got {!r}"


def a_client(server: str = LOOPBACK, **settings: Any) -> SigningClient:
    """Give a client of an exchange on this machine, or of another one."""
    return connect(Credentials(API_KEY, HmacKey(SECRET)), server=server, **settings)


Calls = list[tuple[CallOptions, Call]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return the options of all calls from now on, and what their tries go by."""
    seen: Calls = []
    original = Exchange.call

    def remember(exchange: Exchange, request: httpx.Request, options: CallOptions, *, is_repeatable: bool) -> Call:
        call = original(exchange, request, options, is_repeatable=is_repeatable)
        seen.append((options, call))
        return call

    monkeypatch.setattr(Exchange, "call", remember)
    return seen


def exchange_of(client: SigningClient) -> Exchange:
    """Give what a client knows of its exchange."""
    return client._exchange  # noqa: SLF001, there is no public way


# Options.


@pytest.mark.parametrize("timeout", [1, 0.001, 3600.5, 86_400])
@pytest.mark.parametrize("recovery", [None, Recovery(2)])
def test_options_that_can_be_set(timeout: float, recovery: Recovery | None) -> None:
    """Any finite time, and any recovery or none."""
    options = call_options(timeout, recovery)

    assert (timeout, recovery) == (options.timeout, options.recovery)


@pytest.mark.parametrize("timeout", BAD_SECONDS)
def test_timeouts_that_are_refused(timeout: Any) -> None:
    """A time that is no finite number of seconds is refused and shown: of options, of a client, and of a call."""
    client = a_client()
    for refused in (
        lambda timeout: call_options(timeout, None),
        lambda timeout: a_client(timeout=timeout),
        lambda timeout: client.with_options(timeout=timeout),
    ):
        with pytest.raises(ConfigurationError) as caught:
            refused(timeout)
        assert TOLD_SECONDS.format(timeout) == str(caught.value)


@pytest.mark.parametrize("recovery", BAD_RECOVERIES)
def test_recoveries_that_are_refused(recovery: Any) -> None:
    """What is no recovery is refused and shown: of options, of a client, and of a call."""
    client = a_client()
    for refused in (
        lambda recovery: call_options(7, recovery),
        lambda recovery: a_client(recovery=recovery),
        lambda recovery: client.with_options(recovery=recovery),
    ):
        with pytest.raises(ConfigurationError) as caught:
            refused(recovery)
        assert TOLD_RECOVERY.format(recovery) == str(caught.value)


def test_options_stay() -> None:
    """What several calls share cannot be changed."""
    with pytest.raises(AttributeError, match="can't set attribute"):
        CallOptions(10.0, None).timeout = 5  # type: ignore[misc]  # that it is wrong is what is tested


# Settings of a client.


@pytest.mark.parametrize("name", ["pacing", "max_answer_bytes", "max_connections"])
@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, "3", True, float("inf")])
def test_counts_that_are_refused(name: str, value: Any) -> None:
    """A weight or a size that is no positive integer is refused, and shown."""
    with pytest.raises(ConfigurationError) as caught:
        a_client(**{name: value})

    assert f"{name}: expected a positive integer, got {value!r}" == str(caught.value)


@pytest.mark.parametrize("name", ["max_answer_bytes", "max_connections"])
def test_clients_without_a_limit_are_refused(name: str) -> None:
    """There is no client without a limit on the size of answers and on the number of connections."""
    unlimited: dict[str, Any] = {name: None}

    with pytest.raises(ConfigurationError) as caught:
        a_client(**unlimited)

    assert f"{name}: expected a positive integer, got None" == str(caught.value)


@pytest.mark.parametrize("name", ["keepalive_expiry", "write_keepalive_expiry"])
@pytest.mark.parametrize("seconds", [-1, True, float("nan"), float("inf"), None, "3", 86_401])
def test_expiries_that_are_refused(name: str, seconds: Any) -> None:
    """A time for which connections are kept has to be a number of seconds, and what is refused is shown."""
    with pytest.raises(ConfigurationError) as caught:
        a_client(**{name: seconds})

    assert f"{name}: expected a number of seconds, at most a day, got {seconds!r}" == str(caught.value)


@pytest.mark.parametrize("name", ["keepalive_expiry", "write_keepalive_expiry"])
@pytest.mark.parametrize("seconds", [0, 0.5, 86_400])
def test_expiries_that_can_be_set(name: str, seconds: float) -> None:
    """A connection may be kept for any time up to a day, and for none."""
    settings: dict[str, Any] = {name: seconds}

    a_client(**settings).close()


def test_settings_reach_the_exchange(calls: Calls) -> None:
    """What is set is what calls go by."""
    client = a_client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200)),
        timeout=3,
        recovery=Recovery(2),
        clock=lambda: 1234,
        sync_clock=True,
        pacing=1,
        max_answer_bytes=1,
        max_connections=2,
        write_keepalive_expiry=7,
    )
    exchange = exchange_of(client)

    client.request({"method": "GET", "url": "/dapi/v1/time"})

    assert [CallOptions(3, Recovery(2))] == [options for options, _ in calls]
    assert 3 == client.timeout
    assert 1234 == exchange.rules.clock() == client.clock()
    assert exchange.rules.clock is client.clock
    assert (True, 1) == (exchange.rules.sync_clock, exchange.rules.pacing)
    assert (1, 2, 7) == (exchange.max_answer_bytes, exchange.max_connections, exchange.write_keepalive_expiry)


def test_default_settings(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    """Without settings a call may take ten seconds and recovers, there is no pacing, and the clock is this machine's.

    Answers have 16 MiB, 100 calls are on their way at once, and a write goes over a connection that was idle for five
    seconds at most.
    """
    monkeypatch.setattr("time.time_ns", lambda: 5_000_000)
    client = a_client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    exchange = exchange_of(client)

    client.request({"method": "GET", "url": "/dapi/v1/time"})

    assert [CallOptions(10.0, Recovery())] == [options for options, _ in calls]
    assert 10.0 == client.timeout
    assert 5 == exchange.rules.clock()
    assert (False, None) == (exchange.rules.sync_clock, exchange.rules.pacing)
    assert (16_777_216, 100, 5.0) == (
        exchange.max_answer_bytes,
        exchange.max_connections,
        exchange.write_keepalive_expiry,
    )


def test_clients_share_a_servers_rate_limit() -> None:
    """What one client learns of a server's rate limit is known to the others of that server, and to nobody else."""
    server = "https://options.example"
    limit = exchange_of(a_client(server=server)).rules.rate_limit

    assert limit is exchange_of(a_client(server=f"{server}:443/gateway")).rules.rate_limit
    assert limit is not exchange_of(a_client(server=f"{server}:444")).rules.rate_limit


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "https://localhost:1", "http://[::1]:1"])
def test_rate_limits_of_this_machine_are_not_shared(server: str) -> None:
    """What listens on a port of this machine may be another server tomorrow, so that nothing is kept of it."""
    assert (
        exchange_of(a_client(server=server)).rules.rate_limit
        is not exchange_of(a_client(server=server)).rules.rate_limit
    )


def test_used_weight_of_a_client(sandbox: Sandbox) -> None:
    """A client shows the used weight of the last answer, None before the first one."""
    client = a_client(sandbox.url)

    with client:
        assert client.used_weight is None
        server_time.sync(client=client)
        server_time.sync(client=client)

    assert 2 == client.used_weight


# Options of a single call.


def test_calls_have_the_options_of_their_client(sandbox: Sandbox, calls: Calls) -> None:
    """Each call is made with the options of the client that it is given."""
    with a_client(sandbox.url, timeout=7, recovery=None) as client:
        server_time.sync(client=client)
        server_time.sync(client=client.with_options(timeout=3))
        server_time.sync(client=client.with_options(recovery=Recovery(2)))
        server_time.sync(client=client.with_options(timeout=3, recovery=Recovery(2)))
        server_time.sync(client=client)

    assert [
        CallOptions(7, None),
        CallOptions(3, None),
        CallOptions(7, Recovery(2)),
        CallOptions(3, Recovery(2)),
        CallOptions(7, None),
    ] == [options for options, _ in calls]


def test_async_calls_have_the_options_of_their_client(sandbox: Sandbox, calls: Calls) -> None:
    """Each async call is made with the options of the client that it is given too."""

    async def main() -> None:
        async with a_client(sandbox.url, timeout=7) as client:
            await server_time.asyncio(client=client)
            await server_time.asyncio(client=client.with_options(timeout=3, recovery=None))

    asyncio.run(main())

    assert [CallOptions(7, Recovery()), CallOptions(3, None)] == [options for options, _ in calls]


def test_recovery_can_be_switched_off_and_on(sandbox: Sandbox, calls: Calls) -> None:
    """None is a recovery that is given, and not one that is left out."""
    with a_client(sandbox.url) as client:
        off = client.with_options(recovery=None)
        server_time.sync(client=off)
        server_time.sync(client=off.with_options(timeout=3))
        server_time.sync(client=off.with_options(recovery=Recovery(3)))

    assert [None, None, Recovery(3)] == [options.recovery for options, _ in calls]


def test_options_make_no_connections(sandbox: Sandbox, relay: Relay) -> None:
    """A client with other options has connections, clock, limit and credentials of the one that it comes from."""
    another = sandbox.add_account("another", SECRET)
    client = connect(sandbox.credentials, server=relay.url, timeout=7)
    other = client.with_options(timeout=3)

    assert (SigningClient, 3, 7) == (type(other), other.timeout, client.timeout)
    assert 7 == client.with_options().timeout
    assert client.clock is other.clock
    other.credentials = another.credentials
    assert client.credentials is other.credentials
    futures_account_balance.sync(client=client)
    futures_account_balance.sync(client=other)
    assert ["another", "another"] == [request.headers["X-MBX-APIKEY"] for request in sandbox.requests]
    assert 1 == relay.accepted
    assert client.used_weight == other.used_weight == 2
    client.close()
    with pytest.raises(ClientClosedError, match="^the client is closed; create a new one$") as caught:
        server_time.sync(client=other)
    assert "failed" == caught.value.outcome


def test_options_make_no_connections_of_async_calls(sandbox: Sandbox, relay: Relay) -> None:
    """The same goes for async calls."""
    another = sandbox.add_account("another", SECRET)

    async def main() -> None:
        async with connect(sandbox.credentials, server=relay.url, timeout=7) as client:
            other = client.with_options(timeout=3)
            other.credentials = another.credentials
            await futures_account_balance.asyncio(client=client)
            await futures_account_balance.asyncio(client=other)
            assert client.used_weight == other.used_weight == 2
        with pytest.raises(ClientClosedError, match="^the client is closed; create a new one$") as caught:
            await server_time.asyncio(client=other)
        assert "failed" == caught.value.outcome

    asyncio.run(main())

    assert ["another", "another"] == [request.headers["X-MBX-APIKEY"] for request in sandbox.requests]
    assert 1 == relay.accepted


def test_extensions_of_a_request_stay(sandbox: Sandbox, calls: Calls) -> None:
    """A request by hand has its own extensions beside the client's options."""
    with a_client(sandbox.url, timeout=7) as client:
        client.request({"method": "GET", "url": "/dapi/v1/time", "extensions": {"weight": 5}})
        client.request({"method": "GET", "url": "/dapi/v1/time"})

    assert [5, 1] == [call.weight for _, call in calls]
    assert [CallOptions(7, Recovery())] * 2 == [options for options, _ in calls]


# Requests by hand, over the client of httpx.

By = Callable[[SigningClient], Any]
AsyncBy = Callable[[SigningClient], Awaitable[Any]]


def by_client_of_httpx(client: SigningClient) -> Any:
    """Let the client of httpx have another timeout, and send."""
    http = client.get_httpx_client()
    http.timeout = 0.2
    return http.get("/dapi/v1/time")


def by_client(client: SigningClient) -> Any:
    """Let the client have another timeout, and send."""
    client.timeout = 0.2
    return client.get_httpx_client().get("/dapi/v1/time")


def by_async_client_of_httpx(client: SigningClient) -> Awaitable[Any]:
    """Let the async client of httpx have another timeout, and send."""
    http = client.get_async_httpx_client()
    http.timeout = 0.2
    return http.get("/dapi/v1/time")


def by_client_async(client: SigningClient) -> Awaitable[Any]:
    """Let the client have another timeout, and send."""
    client.timeout = 0.2
    return client.get_async_httpx_client().get("/dapi/v1/time")


@pytest.mark.parametrize(
    "get",
    [
        lambda client: client.get_httpx_client().get("/dapi/v1/time", timeout=0.2),
        lambda client: client.get_httpx_client().get("/dapi/v1/time", timeout=httpx.Timeout(0.1, read=0.2)),
        lambda client: client.request({"method": "GET", "url": "/dapi/v1/time", "timeout": 0.2}),
        by_client_of_httpx,
        by_client,
    ],
    ids=["argument", "largest of four", "request", "client of httpx", "client"],
)
def test_timeout_of_a_request(sandbox: Sandbox, get: By) -> None:
    """A request's own timeout bounds its call, and so does that of the client or of its client of httpx."""
    sandbox.fail_next(Fault.silence(), times=9)
    begin = time.monotonic()

    with a_client(sandbox.url, timeout=60, recovery=None) as client, pytest.raises(httpx.TimeoutException):
        get(client)

    assert 0.2 <= time.monotonic() - begin < 10
    assert 1 == len(sandbox.requests)


@pytest.mark.parametrize(
    "get",
    [
        lambda client: client.get_async_httpx_client().get("/dapi/v1/time", timeout=0.2),
        lambda client: client.get_async_httpx_client().get("/dapi/v1/time", timeout=httpx.Timeout(0.1, read=0.2)),
        lambda client: client.request_async({"method": "GET", "url": "/dapi/v1/time", "timeout": 0.2}),
        by_async_client_of_httpx,
        by_client_async,
    ],
    ids=["argument", "largest of four", "request", "client of httpx", "client"],
)
def test_timeout_of_an_async_request(sandbox: Sandbox, get: AsyncBy) -> None:
    """The same goes for async calls."""
    sandbox.fail_next(Fault.silence(), times=9)

    async def main() -> None:
        async with a_client(sandbox.url, timeout=60, recovery=None) as client:
            with pytest.raises(httpx.TimeoutException):
                await get(client)

    begin = time.monotonic()
    asyncio.run(main())

    assert 0.2 <= time.monotonic() - begin < 10
    assert 1 == len(sandbox.requests)


def test_longer_timeout_of_a_request(sandbox: Sandbox) -> None:
    """A request's own timeout may be longer than its client's, and None is as long as a call may take at all."""
    sandbox.fail_next(Fault.delay(0.2), times=4)

    async def main() -> None:
        async with a_client(sandbox.url, timeout=0.1, recovery=None) as client:
            http = client.get_async_httpx_client()
            assert 200 == (await http.get("/dapi/v1/time", timeout=30)).status_code
            assert 200 == (await http.get("/dapi/v1/time", timeout=None)).status_code

    with a_client(sandbox.url, timeout=0.1, recovery=None) as client:
        http = client.get_httpx_client()
        assert 200 == http.get("/dapi/v1/time", timeout=30).status_code
        assert 200 == http.get("/dapi/v1/time", timeout=None).status_code
    asyncio.run(main())

    assert 4 == len(sandbox.requests)


def test_accounts_of_derived_clients(sandbox: Sandbox, relay: Relay) -> None:
    """A request by hand over a derived client is signed as that client's account, over the same connection."""
    first, second, third = sandbox.account, sandbox.add_account("second"), sandbox.add_account("third")
    request = futures_account_balance.build_request()

    with connect(first.credentials, server=relay.url) as client:
        other = client.with_credentials(second.credentials)
        clients = [client, other, client, other.with_options(timeout=3), client.with_credentials(third.credentials)]
        answers = [one.get_httpx_client().request(**request) for one in clients]
        streamed = other.get_httpx_client().stream(**request)
        with streamed as response:
            answers.append(response)

    assert [200] * 6 == [answer.status_code for answer in answers]
    assert [first.api_key, "second", first.api_key, "second", "third", "second"] == [
        received.headers["X-MBX-APIKEY"] for received in sandbox.requests
    ]
    assert 1 == relay.accepted


def test_accounts_of_derived_async_clients(sandbox: Sandbox, relay: Relay) -> None:
    """The same goes for async requests by hand."""
    first, second, third = sandbox.account, sandbox.add_account("second"), sandbox.add_account("third")
    request = futures_account_balance.build_request()

    async def main() -> list[int]:
        async with connect(first.credentials, server=relay.url) as client:
            other = client.with_credentials(second.credentials)
            clients = [client, other, client, other.with_options(timeout=3), client.with_credentials(third.credentials)]
            answers = [await one.get_async_httpx_client().request(**request) for one in clients]
            async with other.get_async_httpx_client().stream(**request) as response:
                answers.append(response)
        return [answer.status_code for answer in answers]

    assert [200] * 6 == asyncio.run(main())
    assert [first.api_key, "second", first.api_key, "second", "third", "second"] == [
        received.headers["X-MBX-APIKEY"] for received in sandbox.requests
    ]
    assert 1 == relay.accepted


# What the tries of a call go by.

OPTIONS = CallOptions(7, Recovery(2))


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """Give what a client knows of its exchange; the monotonic clock stands still at 1000 seconds."""
    monkeypatch.setattr(exchange_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    return Exchange(
        package=package_of(binance_coinm),
        rules=Rules(
            sync_clock=True,
            pacing=5,
            can_measure_clock=True,
            clock=Clock(lambda: 0, lambda: 0),
            refusals=REFUSALS,
            rate_limit=RateLimit(REFUSALS),
        ),
        max_answer_bytes=100,
        max_connections=1,
        write_keepalive_expiry=5.0,
        lifetime=Lifetime(),
    )


def call(exchange: Exchange, method: str = "GET", options: CallOptions = OPTIONS, **extensions: Any) -> Call:
    """Give what the tries of a request go by."""
    request = httpx.Request(method, f"{LOOPBACK}/dapi/v1/x", extensions=extensions)
    return exchange.call(request, options, is_repeatable=True)


def test_call_of_a_bare_request(exchange: Exchange) -> None:
    """A request that says nothing is an unsigned one of weight 1, by the options of the client."""
    assert Call(
        is_read=True,
        is_signed=False,
        is_repeatable=True,
        weight=1,
        deadline=1007.0,
        max_idle_age=math.inf,
        recovery=Recovery(2),
        rules=exchange.rules,
    ) == call(exchange)


def test_call_of_a_request_that_says_all(exchange: Exchange) -> None:
    """Weight, security and timeout of a request go before what there is without them."""
    timeout = httpx.Timeout(0.5).as_dict()

    assert Call(
        is_read=False,
        is_signed=True,
        is_repeatable=True,
        weight=20,
        deadline=1000.5,
        max_idle_age=5.0,
        recovery=None,
        rules=exchange.rules,
    ) == call(exchange, "POST", CallOptions(7, None), weight=20, security=Security.TRADE, timeout=timeout)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ({}, 7),
        ({"connect": 0.25, "read": 0.5, "write": 1, "pool": 2}, 2),
        ({"connect": 4, "read": 3, "write": 2, "pool": 1}, 4),
        ({"read": 3}, 3),
        ({"connect": 0.25, "read": None, "write": 1, "pool": 2}, 86_400),
        (dict.fromkeys(["connect", "read", "write", "pool"]), 86_400),
        ({"connect": 1, "read": 100_000, "write": 1, "pool": 1}, 86_400),
        (dict.fromkeys(["connect", "read", "write", "pool"], 0), 0),
    ],
)
def test_time_of_a_request(exchange: Exchange, timeout: dict[str, float | None], seconds: float) -> None:
    """A request's largest timeout is the time of its call, without one the client's; none is a day, as is more."""
    assert 1000.0 + seconds == call(exchange, timeout=timeout).deadline


@pytest.mark.parametrize(
    ("method", "is_read"),
    [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False), ("DELETE", False), ("OPTIONS", False)],
)
def test_reads(exchange: Exchange, method: str, *, is_read: bool) -> None:
    """GET and HEAD change nothing at the exchange; any other method may, and goes over no connection idle for long."""
    assert is_read is call(exchange, method).is_read
    assert (math.inf if is_read else 5.0) == call(exchange, method).max_idle_age


@pytest.mark.parametrize(
    ("security", "is_signed"),
    [
        (Security.USER_DATA, True),
        (Security.TRADE, True),
        (Security.USER_STREAM, False),
        (Security.MARKET_DATA, False),
        (Security.NONE, False),
        (None, False),
        ("USER_DATA", False),
    ],
)
def test_signed_requests(exchange: Exchange, security: object, *, is_signed: bool) -> None:
    """Whether a request is signed is what its security type says."""
    assert is_signed is call(exchange, security=security).is_signed


def stream() -> Iterator[bytes]:
    """Give a body that can be read once."""
    yield b"a=1"


async def async_stream() -> AsyncIterator[bytes]:
    """Give a body that can be read once, and not at once."""
    yield b"a=1"


@pytest.mark.parametrize(
    ("content", "is_repeatable"),
    [
        ({}, True),
        ({"content": b"a=1"}, True),
        ({"data": {"a": "1"}}, True),
        ({"json": {"a": 1}}, True),
        ({"content": stream()}, False),
        ({"content": async_stream()}, False),
        ({"files": {"file": b"1"}}, False),
    ],
    ids=["none", "bytes", "form", "json", "sync stream", "async stream", "files"],
)
def test_repeatable_requests(exchange: Exchange, content: dict[str, Any], *, is_repeatable: bool) -> None:
    """A request can be sent again if its body is not gone after the first time."""
    request = httpx.Request("POST", "https://exchange.example/dapi/v1/x", **content)

    assert is_repeatable is httpx_messages.is_repeatable(request)
    assert is_repeatable is exchange.call(request, OPTIONS, is_repeatable=is_repeatable).is_repeatable


def test_clients_of_httpx_are_made_by_the_client() -> None:
    """A client of httpx of one's own is refused, for it would not sign, nor make its calls in tries."""
    client = a_client()

    with httpx.Client() as own, pytest.raises(ConfigurationError) as of_sync:
        client.set_httpx_client(own)
    with pytest.raises(ConfigurationError) as of_async:
        client.set_async_httpx_client(httpx.AsyncClient())

    told = "this client has its own of httpx; give connect(transport=…), or use Signer as a hook"
    assert (told, told) == (str(of_sync.value), str(of_async.value))
