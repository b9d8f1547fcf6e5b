"""The drivers of a call's tries: what they hand on to their engine, and what they wait for."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import binance_coinm
import httpx
import pytest
import trio
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.facts import REFUSALS
from binance_sandbox import Fault, Sandbox
from binance_signing import Credentials, HmacKey, Recovery, Server, Signer, SigningClient, connect
from binance_signing._clock import Clock
from binance_signing._exchange import Exchange
from binance_signing._options import CallOptions
from binance_signing._package import package_of
from binance_signing._rate_limit import RateLimit, rate_limit_of
from binance_signing._tries import Rules
from calls import Balance
from samples import API_KEY, SECRET

TIME = "/dapi/v1/time"
PLACES = 2


@pytest.fixture
def client(sandbox: Sandbox) -> SigningClient:
    """Give a client that does not wait between tries."""
    return connect(sandbox.credentials, server=sandbox.url, recovery=Recovery(backoff=0), max_connections=PLACES)


def driver_of(engine: object) -> Any:
    """Give what makes an engine's tries."""
    return vars(engine)["_driver"]


def places_of(engine: object) -> Any:
    """Give the places of an engine's tries."""
    return vars(driver_of(engine))["_places"]


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


def test_clock_that_others_measured(sandbox: Sandbox, client: SigningClient) -> None:
    """A clock that was measured meanwhile is not measured again."""
    client.clock.measured(0, 0, 0)
    driver = driver_of(client.engine())

    async def measure() -> bool:
        async with client:
            async_driver = driver_of(client.async_engine())
            return bool(await async_driver.measure_clock(0, soon()))

    assert driver.measure_clock(0, soon()) is True
    assert asyncio.run(measure()) is True
    assert [] == sandbox.requests


def test_clock_that_others_measure_for_too_long(sandbox: Sandbox, client: SigningClient) -> None:
    """Who waits for another call's measurement does so until its own deadline."""
    driver = driver_of(client.engine())

    async def measure() -> bool:
        async with client:
            async_driver = driver_of(client.async_engine())
            async with async_driver._measuring:  # noqa: SLF001, what a call holds that measures
                other_task = asyncio.create_task(async_driver.measure_clock(0, soon()))
                return bool(await asyncio.wait_for(other_task, 5))

    with driver._measuring:  # noqa: SLF001, the same
        assert driver.measure_clock(0, soon()) is False
    assert asyncio.run(measure()) is False
    assert [] == sandbox.requests


def test_no_place_until_the_deadline(sandbox: Sandbox, client: SigningClient) -> None:
    """A call that finds all places taken until its deadline was not sent, and says so."""
    message = (
        rf"^the call's time ran out, PoolTimeout: {PLACES} other calls \(max_connections\) were on their way until the"
        " call's deadline$"
    )
    late = client.with_options(timeout=0.05)
    places = places_of(client.engine())

    async def call() -> None:
        async with client:
            async_places = places_of(client.async_engine())
            for _ in range(PLACES):
                await async_places.acquire()
            await futures_account_balance.asyncio(client=late)

    for _ in range(PLACES):
        places.get_nowait()
    with pytest.raises(errors.TimeoutError, match=message) as of_sync:
        futures_account_balance.sync(client=late)
    with pytest.raises(errors.TimeoutError, match=message) as of_async:
        asyncio.run(call())

    assert ("failed", "failed") == (of_sync.value.outcome, of_async.value.outcome)
    assert [] == sandbox.requests


def test_places_are_given_back(sandbox: Sandbox, client: SigningClient) -> None:
    """Each call gives back its place, also one that fails."""
    sandbox.fail_next(Fault.disconnect(), times=PLACES + 1)
    places = places_of(client.engine())
    single = client.with_options(recovery=None)

    for _ in range(PLACES + 1):
        with pytest.raises(errors.NetworkError):
            futures_account_balance.sync(client=single)

    assert sandbox.rows == [row.to_dict() for row in futures_account_balance.sync(client=single)]
    assert PLACES == places.qsize()
    client.close()


def test_closed_in_the_middle(sandbox: Sandbox, balance: Balance, client: SigningClient) -> None:
    """A call whose client is closed meanwhile ends in what says so."""
    client.close()

    with pytest.raises(errors.ConfigurationError, match="^this client is closed; connect again, or close it later$"):
        balance(client)
    engine = connect(sandbox.credentials, server=sandbox.url).engine()
    engine.close()
    with pytest.raises(errors.ConfigurationError) as caught:
        engine.request(method="GET", url=TIME)

    assert "this client was closed before the call had its answer; close it later" == str(caught.value)


@pytest.mark.parametrize("pacing", [None, 10])
def test_rate_limit_of_the_question_for_the_time(pacing: int | None) -> None:
    """A 429 in answer to the question for the time uses up the minute, for who keeps to a weight."""
    rate_limit = RateLimit(REFUSALS)
    exchange = Exchange(
        package=package_of(binance_coinm),
        options=CallOptions(10.0, None),
        rules=Rules(
            sync_clock=False,
            pacing=pacing,
            can_measure_clock=True,
            clock=Clock(lambda: 30_000),
            refusals=REFUSALS,
            rate_limit=rate_limit,
        ),
        max_answer_bytes=1,
        max_connections=1,
    )

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


@pytest.mark.parametrize("run", [lambda clients: asyncio.run(clients()), trio.run], ids=["asyncio", "trio"])
def test_each_loop_has_a_client_of_httpx(client: SigningClient, run: Callable[..., list[object]]) -> None:
    """Calls of one event loop share a client of httpx; those of another one, or of none, have another."""
    others: list[object] = []

    async def clients_of_this_loop() -> list[object]:
        return [client.get_async_httpx_client(), client.get_async_httpx_client()]

    async def clients_of_two_loops() -> list[object]:
        with ThreadPoolExecutor() as pool:
            others.extend(pool.submit(run, clients_of_this_loop).result())
        return await clients_of_this_loop()

    first, again = run(clients_of_two_loops)

    assert first is again
    assert others[0] is others[1]
    assert 3 == len({id(first), id(others[0]), id(client.get_async_httpx_client())})
