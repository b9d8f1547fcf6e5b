"""The runners of the retry flow: what they pass on to httpx, and what they wait for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
import trio
from binance_client.lifetime import Lifetime
from binance_client.messages.http import HTTPResponse
from binance_client.policy.client_state import ClientState, Settings
from binance_client.policy.clock import Clock
from binance_client.policy.rate_limit import RateLimit, shared_rate_limit
from binance_client.policy.retry_quota import RetryQuota
from binance_client.sending.async_runner import AsyncRunner
from binance_client.sending.sync_runner import SyncRunner
from binance_coinm import Client, Credentials, Ed25519Key, HmacKey, RetryPolicy, Server, connect, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.spec import SPEC
from binance_sandbox import Connection, Fault, Response, Sandbox
from binance_signing import Signer
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET

TIME = "/dapi/v1/time"
PERMITS = 2


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """Return a client that does not wait between attempts."""
    return connect(
        sandbox.credentials, server=sandbox.url, retry=RetryPolicy(initial_backoff=0), max_connections=PERMITS
    )


def client_state(max_weight: int | None = None) -> ClientState:
    """Return the state of a client half a minute after the epoch."""
    settings = Settings(
        has_credentials=True,
        read_only=False,
        sync_clock=False,
        max_weight_per_minute=max_weight,
        max_response_bytes=1,
        max_connections=PERMITS,
        keepalive_expiry=60.0,
        write_keepalive_expiry=5.0,
        trust_env=True,
        retry_quota=None,
        on_retry=None,
    )
    clock, rate_limit = Clock(lambda: 30_000), RateLimit(SPEC.error_map)
    return ClientState(SPEC, settings, clock, rate_limit, RetryQuota(None), Lifetime())


def soon() -> float:
    """Return a deadline that is worth waiting for."""
    return time.monotonic() + 0.05


@pytest.mark.parametrize("status", [200, 503])
def test_streamed_responses_are_not_retried(sandbox: Sandbox, client: Client, status: int) -> None:
    """A streamed response arrives chunk by chunk, whatever its status, and is not retried."""
    sandbox.respond_next(status, body=b"content")
    sandbox.respond_next(status, body=b"content")

    async def streamed() -> bytes:
        async with client, client.get_async_httpx_client().stream("GET", TIME) as response:
            assert status == response.status_code
            assert not response.is_stream_consumed
            return b"".join([chunk async for chunk in response.aiter_bytes()])

    with client.get_httpx_client().stream("GET", TIME) as response:
        assert status == response.status_code
        assert not response.is_stream_consumed
        assert b"content" == b"".join(response.iter_bytes())
    assert b"content" == asyncio.run(streamed())
    assert 2 == len(sandbox.received_requests)


def test_settings_of_a_request_reach_httpx(sandbox: Sandbox, client: Client) -> None:
    """Settings of httpx for a request, such as authentication for a gateway, are passed on with each attempt."""
    sandbox.respond_next(503)
    sandbox.respond_next(503, path="/dapi/v1/balance")

    async def get() -> None:
        async with client:
            await client.get_async_httpx_client().get(TIME, auth=auth)
            async with client.get_async_httpx_client().stream("GET", TIME, auth=auth):
                pass

    auth = ("gateway", "word")
    client.get_httpx_client().get(TIME, auth=auth)
    with client.get_httpx_client().stream("GET", TIME, auth=auth):
        pass
    asyncio.run(get())

    assert ["Basic Z2F0ZXdheTp3b3Jk"] * 5 == [request.headers["Authorization"] for request in sandbox.received_requests]


def test_number_of_attempts(sandbox: Sandbox, client: Client) -> None:
    """A response tells in its extensions how many attempts it took."""
    sandbox.respond_next(503, times=2)

    async def get() -> httpx.Response:
        async with client:
            return await client.get_async_httpx_client().get(TIME)

    assert 3 == client.get_httpx_client().get(TIME).extensions["attempts"]
    assert 1 == asyncio.run(get()).extensions["attempts"]


def time_response() -> HTTPResponse:
    """Return the exchange's response to the request for its time."""
    return httpx.Response(200, json={"serverTime": 1_700_000_000_000})


def test_clock_synchronized_by_another_call() -> None:
    """A clock that another call has synchronized meanwhile is not synchronized again."""
    state = client_state()
    idle_ages: list[float] = []

    def request_time(max_idle_age: float) -> HTTPResponse:
        idle_ages.append(max_idle_age)
        return time_response()

    async def request_time_async(max_idle_age: float) -> HTTPResponse:
        return request_time(max_idle_age)

    runner, async_runner = SyncRunner(state), AsyncRunner(state)

    assert runner.sync_clock(0, soon(), request_time) is True
    assert 1 == state.clock.sync_count
    assert runner.sync_clock(0, soon(), request_time) is True
    assert asyncio.run(async_runner.sync_clock(0, soon(), request_time_async)) is True
    assert 1 == len(idle_ages)
    assert asyncio.run(async_runner.sync_clock(1, soon(), request_time_async)) is True
    # Over a young connection: a request that is delayed by a stale one would return a wrong time.
    assert [5.0, 5.0] == idle_ages
    assert 2 == state.clock.sync_count


def test_deadline_while_another_call_synchronizes() -> None:
    """A call that waits for another call's synchronization does so until its own deadline."""
    others: list[bool] = []

    def never(_: float) -> HTTPResponse:
        raise AssertionError("the clock is synchronized twice at the same time")

    async def never_async(_: float) -> HTTPResponse:
        return never(0)

    def request_time(_: float) -> HTTPResponse:
        others.append(runner.sync_clock(0, soon(), never))
        return time_response()

    async def request_time_async(_: float) -> HTTPResponse:
        another_call = asyncio.create_task(async_runner.sync_clock(1, soon(), never_async))
        others.append(await asyncio.wait_for(another_call, 5))
        return time_response()

    state = client_state()
    runner, async_runner = SyncRunner(state), AsyncRunner(state)

    assert runner.sync_clock(0, time.monotonic() + 10, request_time) is True
    assert asyncio.run(async_runner.sync_clock(1, time.monotonic() + 10, request_time_async)) is True
    assert [False, False] == others


@pytest.mark.parametrize("sync_clock", [True, False])
def test_deadline_of_the_request_for_the_time(balance: Balance, *, sync_clock: bool) -> None:
    """The request for the exchange's time has to end by the deadline of the call that needs it."""
    deadlines: list[tuple[str, float]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        deadlines.append((request.url.path, request.extensions["deadline"]))
        return (
            httpx.Response(200, json=[])
            if sync_clock or len(deadlines) > 1
            else httpx.Response(400, json={"code": -1021, "msg": "m"})
        )

    client = connect(
        Credentials(API_KEY, HmacKey(SECRET)),
        transport=httpx.MockTransport(respond),
        sync_clock=sync_clock,
        retry=RetryPolicy(initial_backoff=0),
    )

    balance(client)

    paths = [TIME, "/dapi/v1/balance"] if sync_clock else ["/dapi/v1/balance", TIME, "/dapi/v1/balance"]
    assert paths == [path for path, _ in deadlines]
    assert 1 == len({deadline for _, deadline in deadlines})


class CallsWithinCalls:
    """A transport that makes another call before it responds, after a number of failures."""

    def __init__(self, failures: int = 0) -> None:
        """Store the number of failures; `within` are the calls to make, the last one first."""
        self.failures = failures
        self.within: list[Callable[[], object]] = []
        self.transport = httpx.MockTransport(self.respond)
        self.async_transport = httpx.MockTransport(self.respond_async)

    def respond(self, _: httpx.Request) -> httpx.Response:
        """Respond once a call within this one has ended."""
        self._fail()
        if self.within:
            self.within.pop()()
        return httpx.Response(200, json=[])

    async def respond_async(self, _: httpx.Request) -> httpx.Response:
        """Respond once an async call within this one has ended."""
        self._fail()
        if self.within:
            within = self.within.pop()()
            assert isinstance(within, Awaitable)
            await within
        return httpx.Response(200, json=[])

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise httpx.ReadError("failed")


NO_PERMIT = (
    rf"^the call timed out, PoolTimeout: {PERMITS} other calls \(max_connections\) were in flight until the"
    " call's deadline$"
)


@pytest.mark.parametrize("failures", [0, 2 * PERMITS])
def test_no_permit_until_the_deadline(sandbox: Sandbox, failures: int) -> None:
    """A call that gets no permit until its deadline was not sent, and says so; failed calls release theirs."""
    calls = CallsWithinCalls(failures)
    client = connect(
        sandbox.credentials, server=sandbox.url, transport=calls.transport, max_connections=PERMITS, retry=None
    )
    late = client.with_options(timeout=0.05)

    def call() -> None:
        futures_account_balance.sync(client=client)

    def call_without_permit() -> None:
        with pytest.raises(errors.TimeoutError, match=NO_PERMIT) as caught:
            futures_account_balance.sync(client=late)
        assert "not_executed" == caught.value.execution

    for _ in range(failures):
        with pytest.raises(errors.NetworkError, match="failed"):
            call()
    # Twice, because a permit that is released twice would be one too many.
    for _ in range(2):
        calls.within = [call_without_permit, *[call] * (PERMITS - 1)]
        call()
        assert [] == calls.within


@pytest.mark.parametrize("failures", [0, 2 * PERMITS])
@pytest.mark.parametrize("run", [asyncio.run, lambda coroutine: trio.run(lambda: coroutine)], ids=["asyncio", "trio"])
def test_no_permit_for_async_calls(sandbox: Sandbox, failures: int, run: Callable[..., None]) -> None:
    """The same goes for the async calls of an event loop."""
    calls = CallsWithinCalls(failures)
    client = connect(
        sandbox.credentials, server=sandbox.url, transport=calls.async_transport, max_connections=PERMITS, retry=None
    )
    late = client.with_options(timeout=0.05)

    async def call() -> None:
        await futures_account_balance.asyncio(client=client)

    async def call_without_permit() -> None:
        with pytest.raises(errors.TimeoutError, match=NO_PERMIT) as caught:
            await futures_account_balance.asyncio(client=late)
        assert "not_executed" == caught.value.execution

    async def main() -> None:
        for _ in range(failures):
            with pytest.raises(errors.NetworkError, match="failed"):
                await call()
        for _ in range(2):
            calls.within = [call_without_permit, *[call] * (PERMITS - 1)]
            await call()
            assert [] == calls.within

    run(main())


@pytest.mark.parametrize("side", ["sync", "async"])
def test_another_call_that_synchronizes(side: str) -> None:
    """A call waits half of its time for another call's synchronization, and is then sent with the time it has."""
    calls = CallsWithinCalls()
    client = connect(
        Credentials(API_KEY, HmacKey(SECRET)),
        transport=calls.transport if side == "sync" else calls.async_transport,
        sync_clock=True,
        retry=None,
        timeout=5,
    )
    other = client.with_options(timeout=0.2)

    if side == "sync":
        calls.within = [lambda: futures_account_balance.sync(client=other)]
        assert [] == futures_account_balance.sync(client=client)
    else:
        calls.within = [lambda: futures_account_balance.asyncio(client=other)]
        assert [] == asyncio.run(futures_account_balance.asyncio(client=client))
    assert [] == calls.within


@pytest.mark.parametrize("side", ["sync", "async"])
def test_no_permit_for_the_request_for_the_time(side: str) -> None:
    """A call whose request for the time gets no permit ends at its deadline, and was not executed."""
    calls = CallsWithinCalls()
    client = connect(
        Credentials(API_KEY, HmacKey(SECRET)),
        transport=calls.transport if side == "sync" else calls.async_transport,
        sync_clock=True,
        retry=None,
        timeout=5,
        max_connections=1,
    )
    other = client.with_options(timeout=0.05)

    def call_without_permit() -> None:
        with pytest.raises(errors.TimeoutError, match="PoolTimeout: 1 other calls") as caught:
            futures_account_balance.sync(client=other)
        assert "not_executed" == caught.value.execution

    async def call_without_permit_async() -> None:
        with pytest.raises(errors.TimeoutError, match="PoolTimeout: 1 other calls") as caught:
            await futures_account_balance.asyncio(client=other)
        assert "not_executed" == caught.value.execution

    if side == "sync":
        calls.within = [call_without_permit]
        client.get_httpx_client().get(TIME)
    else:
        calls.within = [call_without_permit_async]

        async def get() -> None:
            await client.get_async_httpx_client().get(TIME)

        asyncio.run(get())
    assert [] == calls.within


@pytest.mark.parametrize("run", [lambda call: asyncio.run(call()), trio.run], ids=["asyncio", "trio"])
def test_custom_transport_that_never_responds(run: Callable[..., None]) -> None:
    """An async call over a custom transport that ignores timeouts ends at its deadline, with the unsigned request."""

    async def never(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    async def call() -> None:
        client = connect(
            Credentials(API_KEY, HmacKey(SECRET)), transport=httpx.MockTransport(never), retry=None, timeout=0.05
        )
        http = client.get_async_httpx_client()
        request = http.build_request(**futures_account_balance.build_request())
        with anyio.fail_after(5), pytest.raises(httpx.ReadTimeout, match="^the call's deadline has passed$") as caught:
            await http.send(request)
        assert request is caught.value.request

    run(call)


def test_each_loop_has_its_permits(sandbox: Sandbox) -> None:
    """Calls of an event loop take no permit from those of another loop, nor from sync calls."""
    calls = CallsWithinCalls()

    class Both(httpx.MockTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=[], request=request)

    client = connect(
        sandbox.credentials,
        server=sandbox.url,
        transport=Both(calls.respond_async),
        max_connections=1,
        timeout=5,
        retry=None,
    )

    async def call() -> None:
        await futures_account_balance.asyncio(client=client)

    async def call_of_others() -> None:
        futures_account_balance.sync(client=client)
        with ThreadPoolExecutor() as pool:
            pool.submit(asyncio.run, call()).result()
            pool.submit(trio.run, call).result()

    async def main() -> None:
        calls.within = [call_of_others]
        await call()

    asyncio.run(main())
    trio.run(main)

    assert [] == calls.within


def test_permits_of_failed_calls_over_sockets(sandbox: Sandbox, balance: Balance) -> None:
    """Each call releases its permit, also one that gets no response."""
    sandbox.inject_fault(Fault.disconnect(), times=PERMITS + 1)
    client = connect(sandbox.credentials, server=sandbox.url, retry=None, max_connections=PERMITS, timeout=5)

    for _ in range(PERMITS + 1):
        with pytest.raises(errors.NetworkError) as caught:
            futures_account_balance.sync(client=client)
        assert errors.NetworkError is type(caught.value)

    assert sandbox.balances == [row.to_dict() for row in balance(client).parsed]


# Closed clients.

CLOSED = "^the client is closed; create a new one$"
INTERRUPTED = (
    "^the client was closed before the call got its response; close it after its calls have ended(; it is unknown .*)?$"
)


def closing(client: Client) -> Fault:
    """Return the fault that a client is closed during its call."""

    async def transmit(response: Response, connection: Connection) -> None:
        client.close()
        await connection.send(response)

    return Fault("closing", transmit)


def test_closed_before_the_call(sandbox: Sandbox, balance: Balance, client: Client) -> None:
    """A call of a closed client ends in an error that says so, and was not executed."""
    client.close()

    with pytest.raises(errors.ClientClosedError, match=CLOSED) as caught:
        balance(client)

    assert "not_executed" == caught.value.execution
    assert [] == sandbox.received_requests


def test_httpx_client_that_is_closed(sandbox: Sandbox) -> None:
    """Closing the httpx client closes the client, and requests by hand say so too."""
    client, async_client = (connect(sandbox.credentials, server=sandbox.url) for _ in range(2))
    http_client = client.get_httpx_client()

    async def close_and_request() -> None:
        async_http_client = async_client.get_async_httpx_client()
        await async_http_client.aclose()
        await async_http_client.get(TIME)

    http_client.close()
    with pytest.raises(errors.ClientClosedError, match=CLOSED) as of_sync:
        http_client.get(TIME)
    with pytest.raises(errors.ClientClosedError, match=CLOSED) as of_async:
        asyncio.run(close_and_request())

    assert ("not_executed", "not_executed") == (of_sync.value.execution, of_async.value.execution)
    for closed in (client, async_client):
        with pytest.raises(errors.ClientClosedError, match=CLOSED):
            closed.get_httpx_client()
        with pytest.raises(errors.ClientClosedError, match=CLOSED):
            closed.get_async_httpx_client()


@pytest.mark.parametrize("is_derived", [False, True])
def test_closed_during_a_call(sandbox: Sandbox, balance: Balance, client: Client, *, is_derived: bool) -> None:
    """A call during which its client is closed is not retried, and may have been executed."""
    sandbox.inject_fault(closing(client))

    with pytest.raises(errors.ClientClosedError, match=INTERRUPTED) as caught:
        balance(client.with_options(timeout=5) if is_derived else client)

    assert "unknown" == caught.value.execution
    assert isinstance(caught.value, errors.NetworkError)
    assert 1 == len(sandbox.received_requests)


def test_closed_before_anything_was_sent(sandbox: Sandbox, balance: Balance) -> None:
    """A call whose client is closed while the request is signed was not executed."""

    def sign(_: bytes) -> bytes:
        signing_client.close()
        return b"s"

    signing_client = connect(Credentials(API_KEY, Ed25519Key(sign)), server=sandbox.url)

    with pytest.raises(errors.ClientClosedError) as caught:
        balance(signing_client)

    assert "not_executed" == caught.value.execution
    assert [] == sandbox.received_requests


@pytest.mark.parametrize("max_weight", [None, 10])
def test_rate_limit_of_the_time_request(max_weight: int | None) -> None:
    """A 429 in response to the request for the time uses up the minute of a client that limits its weight."""
    state = client_state(max_weight)

    assert not state.update_clock(httpx.Response(429, json={"code": -1003, "msg": "m"}), state.now())
    assert (0 if max_weight is None else 30) == state.rate_limit.reserve(1, 10, 30_000)


def test_rate_limit_is_shared_by_origin() -> None:
    """All callers get the same rate limit for a server, and other servers have others."""
    origin = ("https", "first.example", None)
    first = shared_rate_limit(origin, SPEC.error_map)

    assert isinstance(first, RateLimit)
    assert first is shared_rate_limit(origin, SPEC.error_map)
    assert first is not shared_rate_limit(("https", "second.example", None), SPEC.error_map)


def test_text_of_missing_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of missing credentials names both ways to give them, and where they are created."""
    with pytest.raises(errors.ConfigurationError) as unset:
        connect()
    monkeypatch.setenv("BINANCE_API_KEY", "")
    with pytest.raises(errors.ConfigurationError) as empty:
        connect()

    expected = (
        "no credentials: BINANCE_API_KEY {}; set BINANCE_API_KEY and BINANCE_API_SECRET (or BINANCE_PRIVATE_KEY_FILE),"
        " or call connect(Credentials(api_key, HmacKey(secret))). API keys are created in the account's API Management"
        " on the exchange's website, separately for each server"
    )
    assert (expected.format("is not set"), expected.format("is empty")) == (str(unset.value), str(empty.value))


def test_text_of_an_invalid_server() -> None:
    """The error of a server names both ways to give one."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Signer(Credentials(API_KEY, HmacKey(SECRET)), "ftp://exchange.example")

    assert (
        "server is 'ftp://exchange.example', which is not an http or https URL; use a Server or a URL such as"
        " https://dapi.example, or set BINANCE_SERVER to a server's name or a URL"
    ) == str(caught.value)


def test_text_of_another_origin() -> None:
    """The error of another origin names both origins, with the port if it is not the scheme's default."""
    signer = Signer(Credentials(API_KEY, HmacKey(SECRET)), f"{Server.DEMO}:8443/gateway")
    security = futures_account_balance.build_request()["extensions"]

    with pytest.raises(errors.ConfigurationError) as caught:
        signer(httpx.Request("GET", "https://other.example:444/", extensions=security))

    assert (
        "a request to https://other.example:444 needs credentials, which are for https://demo-dapi.binance.com:8443"
        " alone; pass a path instead of a URL, and do not follow redirects"
    ) == str(caught.value)
    assert "Signer('https://demo-dapi.binance.com:8443')" == repr(signer)
    assert "Signer()" == repr(Signer.__new__(Signer))


@pytest.mark.parametrize("run", [lambda call: asyncio.run(call()), trio.run], ids=["asyncio", "trio"])
def test_all_loops_share_one_httpx_client(sandbox: Sandbox, run: Callable[..., object]) -> None:
    """Calls of all event loops, at once or one after another, go through one async httpx client."""
    client = connect(sandbox.credentials, server=sandbox.url)
    seen: list[object] = []

    async def call() -> None:
        http = client.get_async_httpx_client()
        seen.append(http)
        assert 200 == (await http.get(TIME)).status_code

    async def call_in_two_loops() -> None:
        await call()
        with ThreadPoolExecutor() as pool:
            pool.submit(run, call).result()
            pool.submit(asyncio.run, call()).result()
            pool.submit(trio.run, call).result()
        await call()

    run(call_in_two_loops)
    run(call_in_two_loops)
    client.close()

    assert 10 == len(seen) == len(sandbox.received_requests)
    assert 1 == len({id(http) for http in seen})


@pytest.mark.parametrize("stream", [False, True])
def test_exceptions_of_the_caller_keep_their_tracebacks(*, stream: bool) -> None:
    """A failed request removes the frames of its own exceptions, but not those of one that the caller handles."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = connect(Credentials(API_KEY, HmacKey(SECRET)), transport=httpx.MockTransport(fail), retry=None)
    request = client.get_httpx_client().build_request("GET", TIME)
    tracebacks = []

    async def send() -> None:
        await client.get_async_httpx_client().send(request, stream=stream)

    for fails in (lambda: client.get_httpx_client().send(request, stream=stream), lambda: asyncio.run(send())):
        try:
            int("")
        except ValueError as error:
            with pytest.raises(httpx.ConnectError):
                fails()
            tracebacks.append(error.__traceback__)

    assert all(tracebacks)


def test_closed_while_a_custom_transport_fails(balance: Balance) -> None:
    """A call whose transport fails because the client is closed has an unknown outcome."""

    def close_and_fail(_: httpx.Request) -> httpx.Response:
        custom.close()
        raise RuntimeError

    custom = connect(Credentials(API_KEY, HmacKey(SECRET)), transport=httpx.MockTransport(close_and_fail))

    with pytest.raises(errors.ClientClosedError) as caught:
        balance(custom)

    assert "unknown" == caught.value.execution
