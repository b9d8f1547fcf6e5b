"""The drivers of a call's tries: what they hand on to their engine, and what they wait for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import binance_coinm
import httpx
import pytest
import trio
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.engines import Answer
from binance_coinm.facts import REFUSALS
from binance_sandbox import Answer as SandboxAnswer
from binance_sandbox import Fault, Sandbox, Wire
from binance_signing import Credentials, Ed25519Key, HmacKey, Recovery, Server, Signer, SigningClient, connect
from binance_signing._async_driver import AsyncDriver
from binance_signing._clock import Clock
from binance_signing._exchange import Exchange
from binance_signing._lifetime import Lifetime
from binance_signing._package import package_of
from binance_signing._rate_limit import RateLimit, rate_limit_of
from binance_signing._sync_driver import SyncDriver
from binance_signing._tries import Rules
from calls import Balance
from samples import API_KEY, SECRET

TIME = "/dapi/v1/time"
PLACES = 2


@pytest.fixture
def client(sandbox: Sandbox) -> SigningClient:
    """Give a client that does not wait between tries."""
    return connect(sandbox.credentials, server=sandbox.url, recovery=Recovery(backoff=0), max_connections=PLACES)


def an_exchange(pacing: int | None = None, rate_limit: RateLimit | None = None) -> Exchange:
    """Return what drivers need to know of an exchange, at half past a minute."""
    return Exchange(
        package=package_of(binance_coinm),
        rules=Rules(
            sync_clock=False,
            pacing=pacing,
            can_measure_clock=True,
            clock=Clock(lambda: 30_000),
            refusals=REFUSALS,
            rate_limit=rate_limit or RateLimit(REFUSALS),
        ),
        max_answer_bytes=1,
        max_connections=PLACES,
        write_keepalive_expiry=5.0,
        lifetime=Lifetime(),
    )


def soon() -> float:
    """Give a deadline that is worth waiting for."""
    return time.monotonic() + 0.05


@pytest.mark.parametrize("status", [200, 503])
def test_streamed_answers_are_the_callers(sandbox: Sandbox, client: SigningClient, status: int) -> None:
    """An answer that is streamed comes chunk by chunk, whatever it is, and is not asked for again."""
    sandbox.answer_next(status, body=b"content")
    sandbox.answer_next(status, body=b"content")

    async def streamed() -> bytes:
        async with client, client.get_async_httpx_client().stream("GET", TIME) as response:
            assert status == response.status_code
            return b"".join([chunk async for chunk in response.aiter_bytes()])

    with client.get_httpx_client().stream("GET", TIME) as response:
        assert status == response.status_code
        assert b"content" == b"".join(response.iter_bytes())
    assert b"content" == asyncio.run(streamed())
    assert 2 == len(sandbox.requests)


def test_settings_of_a_request_reach_httpx(sandbox: Sandbox, client: SigningClient) -> None:
    """What httpx takes beside a request, such as authentication for a gateway, is handed on with each try."""
    sandbox.answer_next(503)
    sandbox.answer_next(503, path="/dapi/v1/balance")

    async def get() -> None:
        async with client:
            await client.get_async_httpx_client().get(TIME, auth=("gateway", "word"))

    client.get_httpx_client().get(TIME, auth=("gateway", "word"))
    asyncio.run(get())

    assert ["Basic Z2F0ZXdheTp3b3Jk"] * 3 == [request.headers["Authorization"] for request in sandbox.requests]


def the_time() -> Answer:
    """Return the exchange's answer to the question for the time."""
    return httpx.Response(200, json={"serverTime": 30_000})


def test_clock_that_others_measured() -> None:
    """A clock that was measured meanwhile is not measured again."""
    exchange = an_exchange()
    asked: list[float] = []

    def ask(max_idle_age: float) -> Answer:
        asked.append(max_idle_age)
        return the_time()

    async def ask_async(max_idle_age: float) -> Answer:
        return ask(max_idle_age)

    driver, async_driver = SyncDriver(exchange), AsyncDriver(exchange)

    assert driver.measure_clock(0, soon(), ask) is True
    assert 1 == exchange.rules.clock.measurements
    assert driver.measure_clock(0, soon(), ask) is True
    assert asyncio.run(async_driver.measure_clock(0, soon(), ask_async)) is True
    assert 1 == len(asked)
    assert asyncio.run(async_driver.measure_clock(1, soon(), ask_async)) is True
    # Over no connection that was idle for long: a question that is late for it tells a wrong time.
    assert [5.0, 5.0] == asked
    assert 2 == exchange.rules.clock.measurements


def test_clock_that_others_measure_for_too_long() -> None:
    """Who waits for another call's measurement does so until its own deadline."""
    others: list[bool] = []

    def never(_: float) -> Answer:
        raise AssertionError("the clock is measured twice at the same time")

    async def never_async(_: float) -> Answer:
        return never(0)

    def ask(_: float) -> Answer:
        others.append(driver.measure_clock(0, soon(), never))
        return the_time()

    async def ask_async(_: float) -> Answer:
        another_call = asyncio.create_task(async_driver.measure_clock(1, soon(), never_async))
        others.append(await asyncio.wait_for(another_call, 5))
        return the_time()

    exchange = an_exchange()
    driver, async_driver = SyncDriver(exchange), AsyncDriver(exchange)

    assert driver.measure_clock(0, time.monotonic() + 10, ask) is True
    assert asyncio.run(async_driver.measure_clock(1, time.monotonic() + 10, ask_async)) is True
    assert [False, False] == others


class CallsWithinCalls:
    """A transport that makes another call before it answers one, and fails at first as often as it is to."""

    def __init__(self, failures: int = 0) -> None:
        """Prepare it; `within` is the call to make next."""
        self.failures = failures
        self.within: list[Callable[[], object]] = []
        self.transport = httpx.MockTransport(self.answer)
        self.async_transport = httpx.MockTransport(self.answer_async)

    def answer(self, _: httpx.Request) -> httpx.Response:
        """Answer once a call within this one has ended."""
        self._fail()
        if self.within:
            self.within.pop()()
        return httpx.Response(200, json=[])

    async def answer_async(self, _: httpx.Request) -> httpx.Response:
        """Answer once an async call within this one has ended."""
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


NO_PLACE = (
    rf"^the call's time ran out, PoolTimeout: {PLACES} other calls \(max_connections\) were on their way until the"
    " call's deadline$"
)


@pytest.mark.parametrize("failures", [0, 2 * PLACES])
def test_no_place_until_the_deadline(sandbox: Sandbox, failures: int) -> None:
    """A call that finds all places taken until its deadline was not sent, and says so; who fails gives back a place."""
    calls = CallsWithinCalls(failures)
    client = connect(
        sandbox.credentials, server=sandbox.url, transport=calls.transport, max_connections=PLACES, recovery=None
    )
    late = client.with_options(timeout=0.05)

    def call() -> None:
        futures_account_balance.sync(client=client)

    def call_without_place() -> None:
        with pytest.raises(errors.TimeoutError, match=NO_PLACE) as caught:
            futures_account_balance.sync(client=late)
        assert "failed" == caught.value.outcome

    for _ in range(failures):
        with pytest.raises(errors.NetworkError, match="failed"):
            call()
    # Twice, for a place that is given back twice is one too many.
    for _ in range(2):
        calls.within = [call_without_place, *[call] * (PLACES - 1)]
        call()
        assert [] == calls.within


@pytest.mark.parametrize("failures", [0, 2 * PLACES])
@pytest.mark.parametrize("run", [asyncio.run, lambda coroutine: trio.run(lambda: coroutine)], ids=["asyncio", "trio"])
def test_no_place_for_async_calls(sandbox: Sandbox, failures: int, run: Callable[..., None]) -> None:
    """The same goes for the async calls of an event loop."""
    calls = CallsWithinCalls(failures)
    client = connect(
        sandbox.credentials, server=sandbox.url, transport=calls.async_transport, max_connections=PLACES, recovery=None
    )
    late = client.with_options(timeout=0.05)

    async def call() -> None:
        await futures_account_balance.asyncio(client=client)

    async def call_without_place() -> None:
        with pytest.raises(errors.TimeoutError, match=NO_PLACE) as caught:
            await futures_account_balance.asyncio(client=late)
        assert "failed" == caught.value.outcome

    async def main() -> None:
        for _ in range(failures):
            with pytest.raises(errors.NetworkError, match="failed"):
                await call()
        for _ in range(2):
            calls.within = [call_without_place, *[call] * (PLACES - 1)]
            await call()
            assert [] == calls.within

    run(main())


def test_each_loop_has_its_places(sandbox: Sandbox) -> None:
    """Calls of one event loop take no place from those of another one, nor from sync calls."""
    calls = CallsWithinCalls()

    class Both(httpx.MockTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=[], request=request)

    client = connect(
        sandbox.credentials,
        server=sandbox.url,
        transport=Both(calls.answer_async),
        max_connections=1,
        timeout=5,
        recovery=None,
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


def test_places_of_a_failed_call_over_sockets(sandbox: Sandbox, balance: Balance) -> None:
    """Each call gives back its place, also one whose answer does not come."""
    sandbox.fail_next(Fault.disconnect(), times=PLACES + 1)
    client = connect(sandbox.credentials, server=sandbox.url, recovery=None, max_connections=PLACES, timeout=5)

    for _ in range(PLACES + 1):
        with pytest.raises(errors.NetworkError) as caught:
            futures_account_balance.sync(client=client)
        assert errors.NetworkError is type(caught.value)

    assert sandbox.rows == [row.to_dict() for row in balance(client).parsed]


# Clients that are closed.

CLOSED = "^the client is closed; create a new one$"
INTERRUPTED = "^the client was closed before the call had its answer; close it later$"


def closing(client: SigningClient) -> Fault:
    """Return the fault that a client is closed while its call is on its way."""

    async def transmit(answer: SandboxAnswer, wire: Wire) -> None:
        client.close()
        await wire.send(answer)

    return Fault("closing", transmit)


def test_closed_before_the_call(sandbox: Sandbox, balance: Balance, client: SigningClient) -> None:
    """A call of a client that is closed ends in what says so, and was not carried out."""
    client.close()

    with pytest.raises(errors.ClientClosedError, match=CLOSED) as caught:
        balance(client)

    assert "failed" == caught.value.outcome
    assert [] == sandbox.requests


def test_engine_that_is_closed(sandbox: Sandbox) -> None:
    """Who closes the client of httpx closes the client, and requests by hand say so too."""
    client, async_client = (connect(sandbox.credentials, server=sandbox.url) for _ in range(2))
    engine = client.get_httpx_client()

    async def close_and_request() -> None:
        async_engine = async_client.get_async_httpx_client()
        await async_engine.aclose()
        await async_engine.get(TIME)

    engine.close()
    with pytest.raises(errors.ClientClosedError, match=CLOSED) as of_sync:
        engine.get(TIME)
    with pytest.raises(errors.ClientClosedError, match=CLOSED) as of_async:
        asyncio.run(close_and_request())

    assert ("failed", "failed") == (of_sync.value.outcome, of_async.value.outcome)
    for closed in (client, async_client):
        with pytest.raises(errors.ClientClosedError, match=CLOSED):
            closed.get_httpx_client()
        with pytest.raises(errors.ClientClosedError, match=CLOSED):
            closed.get_async_httpx_client()


@pytest.mark.parametrize("is_derived", [False, True])
def test_closed_in_the_middle(sandbox: Sandbox, balance: Balance, client: SigningClient, *, is_derived: bool) -> None:
    """A call whose client is closed meanwhile is not tried again, and may have been carried out."""
    sandbox.fail_next(closing(client))

    with pytest.raises(errors.ClientClosedError, match=INTERRUPTED) as caught:
        balance(client.with_options(timeout=5) if is_derived else client)

    assert "unknown" == caught.value.outcome
    assert isinstance(caught.value, errors.NetworkError)
    assert 1 == len(sandbox.requests)


def test_closed_before_anything_was_sent(sandbox: Sandbox, balance: Balance) -> None:
    """A call whose client is closed while it is signed was not carried out."""

    def sign(_: bytes) -> bytes:
        signing_client.close()
        return b"s"

    signing_client = connect(Credentials(API_KEY, Ed25519Key(sign)), server=sandbox.url)

    with pytest.raises(errors.ClientClosedError) as caught:
        balance(signing_client)

    assert "failed" == caught.value.outcome
    assert [] == sandbox.requests


@pytest.mark.parametrize("pacing", [None, 10])
def test_rate_limit_of_the_question_for_the_time(pacing: int | None) -> None:
    """A 429 in answer to the question for the time uses up the minute, for who keeps to a weight."""
    rate_limit = RateLimit(REFUSALS)
    exchange = an_exchange(pacing, rate_limit)

    assert not exchange.measured(httpx.Response(429, json={"code": -1003, "msg": "m"}), 0)
    assert (0 if pacing is None else 30) == rate_limit.wait_before(1, 10, 30_000)


def test_rate_limit_is_shared_by_origin() -> None:
    """Who asks for a server's rate limit first has the same as who asks later, and other servers have others."""
    origin = ("https", "first.example", None)
    first = rate_limit_of(origin, REFUSALS)

    assert isinstance(first, RateLimit)
    assert first is rate_limit_of(origin, REFUSALS)
    assert first is not rate_limit_of(("https", "second.example", None), REFUSALS)


def test_what_missing_credentials_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of missing credentials names both ways to give them, and where they are made."""
    with pytest.raises(errors.ConfigurationError) as unset:
        connect()
    monkeypatch.setenv("BINANCE_API_KEY", "")
    with pytest.raises(errors.ConfigurationError) as empty:
        connect()

    told = (
        "no credentials: BINANCE_API_KEY {}; set BINANCE_API_KEY and BINANCE_API_SECRET (or BINANCE_PRIVATE_KEY_FILE),"
        " or call connect(Credentials(api_key, HmacKey(secret))). API keys are made in the account's API Management on"
        " the exchange's web site, for each server its own"
    )
    assert (told.format("is not set"), told.format("is empty")) == (str(unset.value), str(empty.value))


def test_what_a_wrong_server_says() -> None:
    """The error of a server names both ways to give one."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Signer(Credentials(API_KEY, HmacKey(SECRET)), "ftp://exchange.example")

    assert (
        "server is 'ftp://exchange.example', which is no http or https URL; give a Server or a URL such as"
        " https://dapi.example as argument, or a server's name or a URL in BINANCE_SERVER"
    ) == str(caught.value)


def test_what_another_origin_says() -> None:
    """The error of another origin names both origins, with the port where it is not the scheme's own."""
    signer = Signer(Credentials(API_KEY, HmacKey(SECRET)), f"{Server.DEMO}:8443/gateway")
    security = futures_account_balance.build_request()["extensions"]

    with pytest.raises(errors.ConfigurationError) as caught:
        signer(httpx.Request("GET", "https://other.example:444/", extensions=security))

    assert (
        "a request to https://other.example:444 needs credentials, which are for https://demo-dapi.binance.com:8443"
        " alone; call by a path, and do not follow redirects"
    ) == str(caught.value)
    assert "Signer('https://demo-dapi.binance.com:8443')" == repr(signer)
    assert "Signer()" == repr(Signer.__new__(Signer))


@pytest.mark.parametrize("run", [lambda call: asyncio.run(call()), trio.run], ids=["asyncio", "trio"])
def test_all_loops_have_one_client_of_httpx(sandbox: Sandbox, run: Callable[..., object]) -> None:
    """Calls of all event loops, and of loops one after another, go through one async client of httpx."""
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

    assert 10 == len(seen) == len(sandbox.requests)
    assert 1 == len({id(http) for http in seen})
