"""Settings of a client and options of a single call: which are valid, and what they do."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from attrs import fields
from attrs.exceptions import FrozenInstanceError
from attrs.validators import ge, le
from binance_client.base_client import AuthenticatedClient
from binance_client.policy import deadline as deadline_module
from binance_client.policy.call import Call, CallOptions
from binance_client.policy.client_state import ClientState
from binance_client.policy.retry_policy import RetryDetails
from binance_client.policy.validators import expect
from binance_client.sending.httpx_utils import copy_for_attempt
from binance_client.sending.shared_transport import SharedTransport
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import check_server_time
from binance_coinm.errors import ClientClosedError, ConfigurationError, ExchangeError
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET
from support.httpx_distribution import with_httpx_alone
from support.recording_proxy import RecordingProxy

LOOPBACK = "http://127.0.0.1:1"
INVALID_TIMEOUTS = [0, -1, 0.0, True, float("nan"), float("inf"), None, "3", 86_401, 10**40]
TIMEOUT_PROBLEM = "timeout: expected a positive number of seconds, at most a day, got {!r}"
INVALID_POLICIES = [True, False, 0, 4, "off", RetryPolicy]
POLICY_PROBLEM = "retry: expected RetryPolicy(…), or None for a single attempt, got {!r}"


async def _asynchronous(*_: object) -> int:
    return 0


class _AsynchronousObject:
    async def __call__(self, _: object) -> None:
        """Do nothing."""


def a_client(server: str = LOOPBACK, **settings: Any) -> Client:
    """Return a client of a server on this machine, or of another one."""
    return connect(Credentials(API_KEY, HmacKey(SECRET)), server=server, **settings)


Calls = list[tuple[CallOptions, Call]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return the options and the call of each request from now on."""
    seen: Calls = []
    original = Call.begin

    def remember(request: httpx.Request, options: CallOptions, write_keepalive_expiry: float) -> Call:
        call = original(request, options, write_keepalive_expiry)
        seen.append((options, call))
        return call

    monkeypatch.setattr(Call, "begin", remember)
    return seen


def state_of(client: Client) -> ClientState:
    """Return the state of a client."""
    return client._state  # noqa: SLF001, there is no public way


# Options.


@pytest.mark.parametrize("timeout", [1, 0.001, 3600.5, 86_400])
@pytest.mark.parametrize("retry", [None, RetryPolicy(2)])
def test_valid_options(timeout: float, retry: RetryPolicy | None) -> None:
    """A timeout is any finite time, and a retry policy any policy or none."""
    options = CallOptions(timeout, retry)

    assert (timeout, retry) == (options.timeout, options.retry)


@pytest.mark.parametrize("timeout", INVALID_TIMEOUTS)
def test_invalid_timeouts(timeout: Any) -> None:
    """A timeout that is not a finite number of seconds is an error: of options, a client, its attribute and a call."""
    client = a_client(timeout=7)
    for invalid in (
        lambda timeout: CallOptions(timeout, None),
        lambda timeout: a_client(timeout=timeout),
        lambda timeout: setattr(client, "timeout", timeout),
        lambda timeout: client.with_options(timeout=timeout),
    ):
        with pytest.raises(ConfigurationError) as caught:
            invalid(timeout)
        assert TIMEOUT_PROBLEM.format(timeout) == str(caught.value)
    assert 7 == client.timeout


@pytest.mark.parametrize("retry", INVALID_POLICIES)
def test_invalid_retry_policies(retry: Any) -> None:
    """A value that is not a retry policy is an error: of options, of a client, and of a call."""
    client = a_client()
    for invalid in (
        lambda retry: CallOptions(7, retry),
        lambda retry: a_client(retry=retry),
        lambda retry: client.with_options(retry=retry),
    ):
        with pytest.raises(ConfigurationError) as caught:
            invalid(retry)
        assert POLICY_PROBLEM.format(retry) == str(caught.value)


def test_options_are_immutable() -> None:
    """Options cannot be changed, because several calls share them."""
    with pytest.raises(FrozenInstanceError):
        CallOptions(10.0, None).timeout = 5  # type: ignore[misc]  # that it is wrong is what is tested


# Settings of a client.


@pytest.mark.parametrize("name", ["max_weight_per_minute", "max_response_bytes", "max_connections"])
@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, "3", True, float("inf")])
def test_invalid_counts(name: str, value: Any) -> None:
    """A weight or a size that is not a positive integer is an error that shows it."""
    with pytest.raises(ConfigurationError) as caught:
        a_client(**{name: value})

    assert f"{name}: expected a positive integer, got {value!r}" == str(caught.value)


@pytest.mark.parametrize("name", ["max_response_bytes", "max_connections"])
def test_limits_are_required(name: str) -> None:
    """There is no client without a limit on the size of responses and the number of connections."""
    unlimited: dict[str, Any] = {name: None}

    with pytest.raises(ConfigurationError) as caught:
        a_client(**unlimited)

    assert f"{name}: expected a positive integer, got None" == str(caught.value)


@pytest.mark.parametrize("name", ["keepalive_expiry", "write_keepalive_expiry"])
@pytest.mark.parametrize("seconds", [-1, True, float("nan"), float("inf"), None, "3", 86_401])
def test_invalid_expiries(name: str, seconds: Any) -> None:
    """An expiry of connections that is not a number of seconds is an error that shows it."""
    with pytest.raises(ConfigurationError) as caught:
        a_client(**{name: seconds})

    assert f"{name}: expected a number of seconds, at most a day, got {seconds!r}" == str(caught.value)


@pytest.mark.parametrize("name", ["keepalive_expiry", "write_keepalive_expiry"])
@pytest.mark.parametrize("seconds", [0, 0.5, 86_400])
def test_valid_expiries(name: str, seconds: float) -> None:
    """A connection may be kept for any time up to a day, or not at all."""
    settings: dict[str, Any] = {name: seconds}

    a_client(**settings).close()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sync_clock", 1, "True or False"),
        ("sync_clock", None, "True or False"),
        ("retry_quota", 0, "a positive integer, or None"),
        ("retry_quota", -1, "a positive integer, or None"),
        ("retry_quota", 5.0, "a positive integer, or None"),
        ("retry_quota", True, "a positive integer, or None"),
        ("on_retry", True, "a function that is not async, or None"),
        ("on_retry", "print", "a function that is not async, or None"),
        ("on_retry", _asynchronous, "a function that is not async, or None"),
        ("on_retry", partial(_asynchronous, 1), "a function that is not async, or None"),
        ("on_retry", _AsynchronousObject(), "a function that is not async, or None"),
        ("clock", _asynchronous, "a function, not async, that returns milliseconds"),
    ],
)
def test_other_invalid_settings(name: str, value: Any, expected: str) -> None:
    """A setting of a wrong type is an error that says what was expected."""
    with pytest.raises(ConfigurationError) as caught:
        a_client(**{name: value})

    assert f"{name}: expected {expected}, got {value!r}" == str(caught.value)


def test_retry_as_an_attribute(sandbox: Sandbox, balance: Balance) -> None:
    """The retry policy can be set as an attribute, before and after a call, and holds from the next call on."""
    sandbox.respond_next(503, times=5)
    client = a_client(sandbox.url, retry=None)
    assert client.retry is None
    client.retry = RetryPolicy(2, 0)
    with pytest.raises(ExchangeError):
        client.market.check_server_time()
    client.retry = RetryPolicy(3, 0)

    with pytest.raises(ExchangeError):
        balance(client)

    assert 5 == len(sandbox.received_requests)
    assert RetryPolicy(3, 0) == client.retry == client.with_options(timeout=1).retry


@pytest.mark.parametrize("retry", INVALID_POLICIES)
def test_invalid_retry_as_an_attribute(retry: Any) -> None:
    """A policy that is none is rejected, and the client keeps its own."""
    client = a_client()

    with pytest.raises(ConfigurationError) as caught:
        client.retry = retry

    assert POLICY_PROBLEM.format(retry) == str(caught.value)
    assert RetryPolicy() == client.retry


@pytest.mark.parametrize(
    "name",
    [
        "server",
        "recv_window",
        "retry_quota",
        "on_retry",
        "clock",
        "sync_clock",
        "max_weight_per_minute",
        "verify",
        "proxy",
    ],
)
def test_settings_that_only_connect_takes(name: str) -> None:
    """A setting that would have no effect cannot be set as an attribute."""
    for client in (a_client(), a_client().with_options(timeout=2)):
        with pytest.raises(
            ConfigurationError, match=f"^{name}: a client keeps the one of connect; build another client$"
        ):
            setattr(client, name, None)


@pytest.mark.parametrize("retry", [RetryPolicy(2, 0), None])
def test_on_retry(sandbox: Sandbox, retry: RetryPolicy | None) -> None:
    """`on_retry` is called before each retry, with what is retried and why, and never for a single attempt."""
    retries = list[RetryDetails]()
    expected = [("GET", "/dapi/v1/time", 1, 0)] if retry else []
    sandbox.respond_next(503, times=2)

    with (
        a_client(sandbox.url, retry=retry, on_retry=retries.append) as client,
        pytest.raises(ExchangeError) as caught,
    ):
        check_server_time.sync(client=client)

    assert expected == [(details.method, details.path, details.attempt, details.wait) for details in retries]
    assert [str(caught.value)] * len(expected) == [str(details.error) for details in retries]
    assert 1 + len(expected) == len(sandbox.received_requests)


def test_settings_reach_the_calls(calls: Calls) -> None:
    """The settings of a client are those of its calls."""
    client = a_client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200)),
        timeout=3,
        retry=RetryPolicy(2),
        clock=lambda: 1234,
        sync_clock=True,
        max_weight_per_minute=1,
        max_response_bytes=1,
        max_connections=2,
        write_keepalive_expiry=7,
    )
    state = state_of(client)

    client.request({"method": "GET", "url": "/dapi/v1/time"})

    assert [CallOptions(3, RetryPolicy(2))] == [options for options, _ in calls]
    assert 3 == client.timeout
    assert 1234 == state.clock() == client.clock()
    assert state.clock is client.clock
    settings = state.settings
    assert (True, 1) == (settings.sync_clock, settings.max_weight_per_minute)
    assert (1, 2, 7) == (settings.max_response_bytes, settings.max_connections, settings.write_keepalive_expiry)


def test_default_settings(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    """By default a call may take ten seconds and is retried, no weight is limited, and the clock is this machine's.

    Responses are limited to 16 MiB, and calls to 100 at once; a write needs a connection that was idle for at most five
    seconds.
    """
    monkeypatch.setattr("time.time_ns", lambda: 5_000_000)
    client = a_client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    state = state_of(client)

    client.request({"method": "GET", "url": "/dapi/v1/time"})

    assert [CallOptions(10.0, RetryPolicy())] == [options for options, _ in calls]
    assert 10.0 == client.timeout
    assert 5 == state.clock()
    settings = state.settings
    assert (False, None, None) == (settings.sync_clock, settings.max_weight_per_minute, settings.on_retry)
    assert (16_777_216, 100) == (settings.max_response_bytes, settings.max_connections)
    assert (60.0, 5.0) == (settings.keepalive_expiry, settings.write_keepalive_expiry)


def test_clients_share_a_servers_rate_limit() -> None:
    """Clients of one server share its rate limit, and those of other servers do not."""
    server = "https://options.example"
    limit = state_of(a_client(server=server)).rate_limit

    assert limit is state_of(a_client(server=f"{server}:443/gateway")).rate_limit
    assert limit is not state_of(a_client(server=f"{server}:444")).rate_limit


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "https://localhost:1", "http://[::1]:1"])
def test_rate_limits_of_this_machine_are_not_shared(server: str) -> None:
    """A port of this machine may be another server tomorrow, so that clients share nothing."""
    assert state_of(a_client(server=server)).rate_limit is not state_of(a_client(server=server)).rate_limit


def test_used_weight_of_a_client(sandbox: Sandbox) -> None:
    """`used_weight` is that of the last response, and None before the first one."""
    client = a_client(sandbox.url)

    with client:
        assert client.used_weight is None
        check_server_time.sync(client=client)
        check_server_time.sync(client=client)

    assert 2 == client.used_weight


# Options of a single call.


def test_calls_have_the_options_of_their_client(sandbox: Sandbox, calls: Calls) -> None:
    """Each call has the options of the client that it is made with."""
    with a_client(sandbox.url, timeout=7, retry=None) as client:
        check_server_time.sync(client=client)
        check_server_time.sync(client=client.with_options(timeout=3))
        check_server_time.sync(client=client.with_options(retry=RetryPolicy(2)))
        check_server_time.sync(client=client.with_options(timeout=3, retry=RetryPolicy(2)))
        check_server_time.sync(client=client)

    assert [
        CallOptions(7, None),
        CallOptions(3, None),
        CallOptions(7, RetryPolicy(2)),
        CallOptions(3, RetryPolicy(2)),
        CallOptions(7, None),
    ] == [options for options, _ in calls]


def test_async_calls_have_the_options_of_their_client(sandbox: Sandbox, calls: Calls) -> None:
    """Each async call has the options of the client that it is made with, too."""

    async def main() -> None:
        async with a_client(sandbox.url, timeout=7) as client:
            await check_server_time.asyncio(client=client)
            await check_server_time.asyncio(client=client.with_options(timeout=3, retry=None))

    asyncio.run(main())

    assert [CallOptions(7, RetryPolicy()), CallOptions(3, None)] == [options for options, _ in calls]


def test_retries_can_be_switched_off_and_on(sandbox: Sandbox, calls: Calls) -> None:
    """None is a retry policy, and not the same as an argument that is not given."""
    with a_client(sandbox.url) as client:
        off = client.with_options(retry=None)
        check_server_time.sync(client=off)
        check_server_time.sync(client=off.with_options(timeout=3))
        check_server_time.sync(client=off.with_options(retry=RetryPolicy(3)))

    assert [None, None, RetryPolicy(3)] == [options.retry for options, _ in calls]


def test_options_make_no_connections(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """A client with other options shares connections, clock, rate limit and credentials with the original."""
    another = sandbox.add_account("another", SECRET)
    client = connect(sandbox.credentials, server=relay.url, timeout=7)
    other = client.with_options(timeout=3)

    assert (Client, 3, 7) == (type(other), other.timeout, client.timeout)
    assert 7 == client.with_options().timeout
    assert client.clock is other.clock
    other.credentials = another.credentials
    assert client.credentials is other.credentials
    futures_account_balance.sync(client=client)
    futures_account_balance.sync(client=other)
    assert ["another", "another"] == [request.headers["X-MBX-APIKEY"] for request in sandbox.received_requests]
    assert 1 == relay.accepted
    assert client.used_weight == other.used_weight == 2
    client.close()
    with pytest.raises(ClientClosedError, match="^the client is closed; create a new one$") as caught:
        check_server_time.sync(client=other)
    assert "not_executed" == caught.value.execution


def test_options_make_no_connections_of_async_calls(sandbox: Sandbox, relay: RecordingProxy) -> None:
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
            await check_server_time.asyncio(client=other)
        assert "not_executed" == caught.value.execution

    asyncio.run(main())

    assert ["another", "another"] == [request.headers["X-MBX-APIKEY"] for request in sandbox.received_requests]
    assert 1 == relay.accepted


def test_expectation() -> None:
    """A validator that expects all of attrs' to pass says what was expected of a value, if one of them fails."""
    validate = expect("a number from 1 to 2", ge(1), le(2))
    attribute = fields(CallOptions).timeout

    for valid in (1, 2):
        validate(None, attribute, valid)
    for invalid in (0, 3, "1"):
        with pytest.raises(ConfigurationError) as caught:
            validate(None, attribute, invalid)
        assert f"timeout: expected a number from 1 to 2, got {invalid!r}" == str(caught.value)


def test_extensions_of_a_request_stay(sandbox: Sandbox, calls: Calls) -> None:
    """A request by hand has its own extensions, beside the client's options."""
    with a_client(sandbox.url, timeout=7) as client:
        client.request({"method": "GET", "url": "/dapi/v1/time", "extensions": {"weight": 5}})
        client.request({"method": "GET", "url": "/dapi/v1/time"})

    assert [5, 1] == [call.weight for _, call in calls]
    assert [CallOptions(7, RetryPolicy())] * 2 == [options for options, _ in calls]


# Requests by hand, over the httpx client.

By = Callable[[Client], Any]
AsyncBy = Callable[[Client], Awaitable[Any]]


def by_httpx_client(client: Client) -> Any:
    """Set another timeout on the httpx client, and send."""
    http = client.get_httpx_client()
    http.timeout = 0.2
    return http.get("/dapi/v1/time")


def by_client(client: Client) -> Any:
    """Set another timeout on the client, and send."""
    client.timeout = 0.2
    return client.get_httpx_client().get("/dapi/v1/time")


def by_async_httpx_client(client: Client) -> Awaitable[Any]:
    """Set another timeout on the async httpx client, and send."""
    http = client.get_async_httpx_client()
    http.timeout = 0.2
    return http.get("/dapi/v1/time")


def by_client_async(client: Client) -> Awaitable[Any]:
    """Set another timeout on the client, and send."""
    client.timeout = 0.2
    return client.get_async_httpx_client().get("/dapi/v1/time")


@pytest.mark.parametrize(
    "get",
    [
        lambda client: client.get_httpx_client().get("/dapi/v1/time", timeout=0.2),
        lambda client: client.get_httpx_client().get("/dapi/v1/time", timeout=httpx.Timeout(0.1, read=0.2)),
        lambda client: client.request({"method": "GET", "url": "/dapi/v1/time", "timeout": 0.2}),
        by_httpx_client,
        by_client,
    ],
    ids=["argument", "largest of four", "request", "httpx client", "client"],
)
def test_timeout_of_a_request(sandbox: Sandbox, get: By) -> None:
    """A request's own timeout bounds its call, and so does that of the client or of its httpx client."""
    sandbox.inject_fault(Fault.silence(), times=9)
    begin = time.monotonic()

    with a_client(sandbox.url, timeout=60, retry=None) as client, pytest.raises(httpx.TimeoutException):
        get(client)

    assert 0.2 <= time.monotonic() - begin < 10
    assert 1 == len(sandbox.received_requests)


@pytest.mark.parametrize(
    "get",
    [
        lambda client: client.get_async_httpx_client().get("/dapi/v1/time", timeout=0.2),
        lambda client: client.get_async_httpx_client().get("/dapi/v1/time", timeout=httpx.Timeout(0.1, read=0.2)),
        lambda client: client.request_async({"method": "GET", "url": "/dapi/v1/time", "timeout": 0.2}),
        by_async_httpx_client,
        by_client_async,
    ],
    ids=["argument", "largest of four", "request", "httpx client", "client"],
)
def test_timeout_of_an_async_request(sandbox: Sandbox, get: AsyncBy) -> None:
    """The same goes for async calls."""
    sandbox.inject_fault(Fault.silence(), times=9)

    async def main() -> None:
        async with a_client(sandbox.url, timeout=60, retry=None) as client:
            with pytest.raises(httpx.TimeoutException):
                await get(client)

    begin = time.monotonic()
    asyncio.run(main())

    assert 0.2 <= time.monotonic() - begin < 10
    assert 1 == len(sandbox.received_requests)


def test_longer_timeout_of_a_request(sandbox: Sandbox) -> None:
    """A request's own timeout may be longer than its client's, and None is the longest possible."""
    sandbox.inject_fault(Fault.delay(0.2), times=4)

    async def main() -> None:
        async with a_client(sandbox.url, timeout=0.1, retry=None) as client:
            http = client.get_async_httpx_client()
            assert 200 == (await http.get("/dapi/v1/time", timeout=30)).status_code
            assert 200 == (await http.get("/dapi/v1/time", timeout=None)).status_code

    with a_client(sandbox.url, timeout=0.1, retry=None) as client:
        http = client.get_httpx_client()
        assert 200 == http.get("/dapi/v1/time", timeout=30).status_code
        assert 200 == http.get("/dapi/v1/time", timeout=None).status_code
    asyncio.run(main())

    assert 4 == len(sandbox.received_requests)


def test_accounts_of_derived_clients(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """A request by hand over a derived client is signed for that client's account, over the same connection."""
    first, second, third = sandbox.account, sandbox.add_account("second"), sandbox.add_account("third")
    request = futures_account_balance.build_request()

    with connect(first.credentials, server=relay.url) as client:
        other = client.with_credentials(second.credentials)
        clients = [client, other, client, other.with_options(timeout=3), client.with_credentials(third.credentials)]
        responses = [one.get_httpx_client().request(**request) for one in clients]
        streamed = other.get_httpx_client().stream(**request)
        with streamed as response:
            responses.append(response)

    assert [200] * 6 == [response.status_code for response in responses]
    assert [first.api_key, "second", first.api_key, "second", "third", "second"] == [
        received.headers["X-MBX-APIKEY"] for received in sandbox.received_requests
    ]
    assert 1 == relay.accepted


def test_accounts_of_derived_async_clients(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """The same goes for async requests by hand."""
    first, second, third = sandbox.account, sandbox.add_account("second"), sandbox.add_account("third")
    request = futures_account_balance.build_request()

    async def main() -> list[int]:
        async with connect(first.credentials, server=relay.url) as client:
            other = client.with_credentials(second.credentials)
            clients = [client, other, client, other.with_options(timeout=3), client.with_credentials(third.credentials)]
            responses = [await one.get_async_httpx_client().request(**request) for one in clients]
            async with other.get_async_httpx_client().stream(**request) as response:
                responses.append(response)
        return [response.status_code for response in responses]

    assert [200] * 6 == asyncio.run(main())
    assert [first.api_key, "second", first.api_key, "second", "third", "second"] == [
        received.headers["X-MBX-APIKEY"] for received in sandbox.received_requests
    ]
    assert 1 == relay.accepted


# The call of a request.

OPTIONS = CallOptions(7, RetryPolicy(2))


@pytest.fixture
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the monotonic clock at 1000 seconds."""
    monkeypatch.setattr(deadline_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))


def call_of(method: str = "GET", options: CallOptions = OPTIONS, **extensions: Any) -> Call:
    """Return the call of a request."""
    request = httpx.Request(method, f"{LOOPBACK}/dapi/v1/x", extensions=extensions)
    return Call.begin(request, options, 5.0)


@pytest.mark.usefixtures("_stopped_clock")
def test_call_of_a_bare_request() -> None:
    """A request without extensions is unsigned, has weight 1, and the options of the client."""
    assert (
        Call(
            method="GET",
            path="/dapi/v1/x",
            is_safe=True,
            is_signed=False,
            is_replayable=True,
            weight=1,
            deadline=1007.0,
            max_idle_age=math.inf,
            retry=RetryPolicy(2),
        )
        == call_of()
    )


@pytest.mark.usefixtures("_stopped_clock")
def test_call_of_a_request_with_extensions() -> None:
    """Weight, security and timeout of a request take precedence."""
    timeout = httpx.Timeout(0.5).as_dict()

    assert Call(
        method="POST",
        path="/dapi/v1/x",
        is_safe=False,
        is_signed=True,
        is_replayable=True,
        weight=20,
        deadline=1000.5,
        max_idle_age=5.0,
        retry=None,
    ) == call_of("POST", CallOptions(7, None), weight=20, security=Security.TRADE, timeout=timeout)


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
@pytest.mark.usefixtures("_stopped_clock")
def test_deadline_of_a_request(timeout: dict[str, float | None], seconds: float) -> None:
    """A request's largest timeout bounds its call, or else the client's; None is a day, as is more than that."""
    assert 1000.0 + seconds == call_of(timeout=timeout).deadline


@pytest.mark.parametrize(
    ("extensions", "problem"),
    [
        *[
            ({"weight": weight}, f'extensions["weight"]: expected an int of at least 0, got {weight!r}')
            for weight in (-1, 1.0, True, None, "1")
        ],
        *[
            ({"timeout": timeout}, f'extensions["timeout"]: expected a dict, got {timeout!r}')
            for timeout in (None, 3, "3", [3])
        ],
        *[
            ({"timeout": {"read": timeout}}, f"timeout: expected a number of seconds, or None, got {timeout!r}")
            for timeout in (-1, float("nan"), "3")
        ],
    ],
)
def test_invalid_extensions(extensions: dict[str, Any], problem: str) -> None:
    """A weight or a timeout of a request that is none is an error that says what was expected."""
    with pytest.raises(ConfigurationError) as caught:
        call_of(**extensions)

    assert problem == str(caught.value)


def test_request_without_weight() -> None:
    """A request may count nothing."""
    assert 0 == call_of(weight=0).weight


@pytest.mark.usefixtures("_stopped_clock")
def test_request_of_an_attempt() -> None:
    """An attempt sends a copy of the request with the transport's limits, and leaves the request's own as they are."""
    url, own = f"{LOOPBACK}/dapi/v1/x", {"weight": 5, "timeout": {"read": 60}}
    request = httpx.Request("POST", url, headers={"x": "y"}, content=b"a=1", extensions=own)

    copy, streamed = copy_for_attempt(request, 5.0, 1007.0), copy_for_attempt(request, 5.0)

    limits = {"timeout": deadline_module.httpx_timeouts(1007.0), "deadline": 1007.0}
    assert {"weight": 5, "max_idle_age": 5.0, **limits} == copy.extensions
    assert {**own, "max_idle_age": 5.0} == streamed.extensions
    assert own == request.extensions
    for one in (copy, streamed):
        assert ("POST", url, request.headers, b"a=1") == (one.method, str(one.url), one.headers, one.content)


@pytest.mark.parametrize(
    ("method", "is_safe"),
    [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False), ("DELETE", False), ("OPTIONS", False)],
)
def test_safe_methods(method: str, *, is_safe: bool) -> None:
    """GET and HEAD are safe; any other method may change something, and needs a young connection."""
    assert is_safe is call_of(method).is_safe
    assert (math.inf if is_safe else 5.0) == call_of(method).max_idle_age


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
def test_signed_requests(security: object, *, is_signed: bool) -> None:
    """A request is signed if its security type says so."""
    assert is_signed is call_of(security=security).is_signed


def stream() -> Iterator[bytes]:
    """Return a body that can be read once."""
    yield b"a=1"


async def async_stream() -> AsyncIterator[bytes]:
    """Return a body that can be read once, by async code."""
    yield b"a=1"


@pytest.mark.parametrize(
    ("content", "is_replayable"),
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
def test_replayable_requests(content: dict[str, Any], *, is_replayable: bool) -> None:
    """A request can be sent again unless its body can only be streamed."""
    request = httpx.Request("POST", "https://exchange.example/dapi/v1/x", **content)

    assert is_replayable is Call.begin(request, OPTIONS, 5.0).is_replayable


@pytest.mark.parametrize("side", ["sync", "async"])
def test_new_timeout_while_a_client_is_built(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    """A timeout that is set while another thread builds the httpx client is not lost."""
    client = a_client(timeout=7)
    name = "build_client" if side == "sync" else "build_async_client"
    build = getattr(SharedTransport, name)

    def set_timeout_and_build(*arguments: Any) -> Any:
        monkeypatch.undo()
        client.timeout = 3
        return build(*arguments)

    monkeypatch.setattr(SharedTransport, name, set_timeout_and_build)
    get = client.get_httpx_client if side == "sync" else client.get_async_httpx_client

    get()

    assert (3, httpx.Timeout(3)) == (client.timeout, get().timeout)


@pytest.mark.parametrize("name", ["base_url", "headers", "httpx_args", "verify"])
@pytest.mark.parametrize("client", [a_client(), AuthenticatedClient(LOOPBACK, headers={"a": "b"})])
def test_settings_cannot_be_changed(client: AuthenticatedClient, name: str) -> None:
    """A setting that httpx's clients were built with is no attribute, or cannot be set."""
    with pytest.raises(AttributeError):
        getattr(client, name).update(a="c")
    if name == "base_url":
        with pytest.raises(AttributeError):
            setattr(client, name, "https://exchange.example")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        pytest.param(
            {"base_url": "https://xn--a-"}, "^base_url: expected a URL, got 'https://xn--a-'$", marks=with_httpx_alone
        ),
        ({"base_url": 7}, "^base_url: expected a URL, got 7$"),
        ({"headers": {"a": 7}}, "rejects the settings of this client, TypeError: "),
        ({"httpx_args": {"a": 7}}, "rejects the settings of this client, TypeError: "),
        ({"httpx_args": {"proxy": "http://user:pass/word@a"}}, "rejects the settings of this client, InvalidURL$"),
        ({"verify": ""}, "^verify: expected True, False"),
        ({"verify": "/missing.pem"}, "^verify: '/missing.pem' has no certificates that can be read"),
    ],
)
def test_invalid_settings_without_connect(settings: dict[str, Any], text: str) -> None:
    """A setting that httpx rejects is an error of the tree for a client without `connect`, too."""
    arguments: dict[str, Any] = {"base_url": LOOPBACK} | settings
    client = AuthenticatedClient(**arguments)

    for build in (client.get_httpx_client, client.get_async_httpx_client):
        with pytest.raises(ConfigurationError, match=text):
            build()


def test_custom_httpx_clients_are_rejected() -> None:
    """A custom httpx client is an error, because it would bypass signing and retries."""
    client = a_client()

    with httpx.Client() as own, pytest.raises(ConfigurationError) as of_sync:
        client.set_httpx_client(own)
    with pytest.raises(ConfigurationError) as of_async:
        client.set_async_httpx_client(httpx.AsyncClient())

    expected = "the client builds its own httpx clients; use connect(transport=…), or Signer as a hook"
    assert (expected, expected) == (str(of_sync.value), str(of_async.value))


TRANSPORTS = "an httpx.BaseTransport or httpx.AsyncBaseTransport"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("trust_env", "no", "True or False, got 'no'"),
        ("trust_env", None, "True or False, got None"),
        ("transport", 3, f"{TRANSPORTS}, got int"),
        ("transport", "", f"{TRANSPORTS}, got str"),
        ("transport", object(), f"{TRANSPORTS}, got object"),
        ("clock", None, "a function, not async, that returns milliseconds, got None"),
        ("clock", 1_700_000_000_000, "a function, not async, that returns milliseconds, got 1700000000000"),
    ],
)
def test_settings_of_another_type(name: str, value: Any, problem: str) -> None:
    """A setting of another type is rejected by `connect`, and not at the first call or never."""
    with pytest.raises(ConfigurationError) as caught:
        connect(Credentials(API_KEY, HmacKey(SECRET)), server=LOOPBACK, **{name: value})

    assert f"{name}: expected {problem}" == str(caught.value)


def test_recv_window_of_a_client(sandbox: Sandbox) -> None:
    """The window of `connect` is sent with calls that do not set their own."""
    with connect(sandbox.credentials, server=sandbox.url, recv_window=4000) as client:
        client.account.futures_account_balance()
        client.account.futures_account_balance(recv_window=3000)

    windows = [httpx.QueryParams(request.query.decode())["recvWindow"] for request in sandbox.received_requests]
    assert ["4000", "3000"] == windows


def test_operations_of_derived_clients(calls: Calls) -> None:
    """The operations of a derived client have its options, even if those of the original were used before."""
    with a_client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"serverTime": 1}))) as client:
        client.market.check_server_time()
        client.with_options(timeout=3).market.check_server_time()
        client.market.check_server_time()

    assert [10.0, 3, 10.0] == [options.timeout for options, _ in calls]


@pytest.mark.parametrize(
    "derive",
    [lambda client: client.with_options(timeout=9), lambda client: client.with_credentials(client.credentials)],
    ids=["options", "credentials"],
)
def test_settings_of_derived_clients(derive: Callable[[Client], Client]) -> None:
    """A setting of a derived client changes that client alone."""
    client = a_client(timeout=7)
    derived = derive(client)

    derived.timeout = 3
    derived.retry = None

    assert (7, RetryPolicy()) == (client.timeout, client.retry)
    assert (3, None) == (derived.timeout, derived.retry)


def test_httpx_clients_are_kept() -> None:
    """Each httpx client is built once, and again after a setting has changed."""
    client = a_client()

    for get in (client.get_httpx_client, client.get_async_httpx_client):
        first = get()
        assert first is get()
        client.timeout += 1
        assert first is not get()


def test_other_attributes_can_be_set() -> None:
    """A program may keep values of its own at a client, before and after it has made calls."""
    client: Any = a_client()

    client.label = "first"
    client.get_httpx_client()
    client.label = "second"

    assert "second" == client.label


# Clients without `connect`.


def test_requests_of_a_plain_client() -> None:
    """A client without `connect` sends the package's user agent, its headers and its timeout."""
    received: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(200, json={"serverTime": 5})

    class PlainClient(AuthenticatedClient):
        spec = Client.spec

    arguments: dict[str, Any] = {"timeout": 3, "headers": {"X-A": "b"}}
    arguments["httpx_args"] = {"transport": httpx.MockTransport(respond)}

    async def main() -> None:
        async with PlainClient("https://exchange.example/gateway", **arguments) as client:
            assert 5 == (await check_server_time.asyncio(client=client)).server_time

    with PlainClient("https://exchange.example/gateway", **arguments) as client:
        assert 5 == check_server_time.sync(client=client).server_time
    asyncio.run(main())

    for request in received:
        assert "https://exchange.example/gateway/dapi/v1/time" == str(request.url)
        assert (Client.spec.user_agent, "b") == (request.headers["User-Agent"], request.headers["X-A"])
        assert httpx.Timeout(3).as_dict() == request.extensions["timeout"]
    assert 2 == len(received)


def test_settings_of_httpx_come_last() -> None:
    """What `httpx_args` has takes precedence; without the package's description, httpx's own User-Agent is sent."""
    settings = {"timeout": 5, "headers": {"X-C": "d"}}
    client = AuthenticatedClient(LOOPBACK, timeout=3, headers={"X-A": "b"}, httpx_args=settings)

    for http in (client.get_httpx_client(), client.get_async_httpx_client()):
        assert httpx.Timeout(5) == http.timeout
        assert "d" == http.headers["X-C"]
        assert "X-A" not in http.headers
        assert http.headers["User-Agent"].startswith("python-httpx")
    asyncio.run(client.aclose())


@pytest.mark.parametrize(
    "settings",
    [
        {"transport": httpx.MockTransport(lambda _: httpx.Response(200))},
        {"verify": False},
        {"trust_env": False},
    ],
    ids=["transport", "verify", "trust_env"],
)
def test_certificates_that_a_plain_client_does_not_read(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """Certificates of the environment may be invalid if `httpx_args` says what replaces them."""
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")

    with AuthenticatedClient(LOOPBACK, httpx_args=settings) as client:
        client.get_httpx_client()
    with (
        pytest.raises(ConfigurationError, match="^SSL_CERT_FILE: '/missing.pem' has no certificates"),
        AuthenticatedClient(LOOPBACK) as client,
    ):
        client.get_httpx_client()


def test_custom_httpx_clients_of_a_plain_client() -> None:
    """A client without `connect` sends with the custom httpx clients, sync and async, and closes them."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"serverTime": 5}))
    sync, from_async = httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)
    client = AuthenticatedClient(LOOPBACK).set_httpx_client(sync).set_async_httpx_client(from_async)

    async def main() -> None:
        async with client:
            assert client is client.set_httpx_client(sync)
            assert (sync, from_async) == (client.get_httpx_client(), client.get_async_httpx_client())

    asyncio.run(main())

    assert (True, True) == (sync.is_closed, from_async.is_closed)


@pytest.mark.parametrize("is_async", [False, True])
def test_plain_client_builds_each_httpx_client_once(*, is_async: bool) -> None:
    """Each httpx client is built when it is first needed, kept, and closed with the client."""
    client = AuthenticatedClient(LOOPBACK)
    client.close()
    asyncio.run(client.aclose())
    get = client.get_async_httpx_client if is_async else client.get_httpx_client
    http = get()
    assert http is get()

    if is_async:
        client.close()
        assert not http.is_closed
    asyncio.run(client.aclose())

    assert http.is_closed


@pytest.mark.parametrize("time", [None, 1.5, "7", True, -1, 1_700_000_000_000_000_000, 10**30])
def test_clock_of_another_type(time: Any) -> None:
    """A clock that returns anything but milliseconds, such as `time.time_ns`, is rejected before anything is sent."""
    with (
        connect(Credentials(API_KEY, HmacKey(SECRET)), server=LOOPBACK, clock=lambda: time) as client,
        pytest.raises(ConfigurationError, match="^clock: expected milliseconds since the epoch as an int, got "),
    ):
        client.account.futures_account_balance()


@pytest.mark.usefixtures("_stopped_clock")
@pytest.mark.parametrize(("deadline", "seconds"), [(1007.0, 7.0), (1000.0, 0.001), (990.0, 0.001)])
def test_timeouts_until_a_deadline(deadline: float, seconds: float) -> None:
    """Each timeout of httpx is the time until the deadline, and a moment after it."""
    expected = {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}
    assert expected == deadline_module.httpx_timeouts(deadline)


@pytest.mark.usefixtures("_stopped_clock")
def test_error_after_a_deadline() -> None:
    """The error is a timeout of httpx, from the deadline on."""
    deadline_module.require_in_time(1000.1)
    with pytest.raises(httpx.ReadTimeout, match="^the call's deadline has passed$"):
        deadline_module.require_in_time(1000.0)
