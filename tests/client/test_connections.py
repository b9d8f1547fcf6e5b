"""Connections: no caller gets another's response, no write is sent twice, and only clean connections are kept."""

import asyncio
import errno
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from binance_client.connections import connection as connection_module
from binance_client.connections.resolver import resolve
from binance_client.connections.sockets import PlainLayer
from binance_client.connections.tls import TLSLayer
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.security import Security
from support.constants import SECRET
from support.scripted_server import Reply, Request, ScriptedServer, chunked, client_of, owner_of, response, rows_of
from support.surplus_responses import SURPLUS_RESPONSES

ROUNDS = 4


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stop the clock of connections; they age by `now` of the returned object, in seconds."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(connection_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class Caller:
    """A function that calls by sync functions, on asyncio or on trio."""

    def __init__(self, library: str) -> None:
        """Store the library: "sync", "asyncio" or "trio"."""
        self._library = library
        self._runner = asyncio.Runner()

    def __call__(self, client: Client) -> str:
        """Return the owner of the rows that a call ends in, or the name of its error."""
        try:
            if self._library == "sync":
                return owner_of(futures_account_balance.sync(client=client))
            if self._library == "asyncio":
                return owner_of(self._runner.run(futures_account_balance.asyncio(client=client)))

            async def call() -> list[FuturesAccountBalance]:
                return await futures_account_balance.asyncio(client=client)

            return owner_of(trio.run(call))
        except errors.BinanceError as error:
            return type(error).__name__

    def close(self) -> None:
        """Close the event loop."""
        self._runner.close()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def call(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Return a caller for each library."""
    caller = Caller(request.param)
    yield caller
    caller.close()


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Return whether servers use TLS."""
    return bool(request.param)


@pytest.mark.parametrize("form", SURPLUS_RESPONSES)
def test_surplus_bytes_reach_no_other_caller(call: Caller, *, tls: bool, form: str) -> None:
    """Bytes that follow a response, and have arrived before the next request, reach nobody."""

    def respond(request: Request) -> Reply | bytes:
        if request.api_key == "second":
            return response(rows_of("second"))
        return Reply(
            SURPLUS_RESPONSES[form](rows_of("first"), rows_of("first's second")),
            closes=form == "until the connection closes",
        )

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as first:
        second = first.with_credentials(Credentials("second", HmacKey(SECRET)))
        for _ in range(ROUNDS):
            assert call(first) in {"first", "nobody", "ResponseError", "ApiError", "NetworkError"}
            assert server.has_sent_all()
            assert "second" == call(second)
        # Each first call closed its connection, and each second one left it for the next call.
        assert ROUNDS + 1 == server.accepted


def test_clean_connections_are_kept(call: Caller, *, tls: bool) -> None:
    """Successive calls of several accounts share one connection, whichever way the length of a body is given."""

    def respond(request: Request) -> bytes:
        rows = rows_of(request.api_key)
        return chunked(rows) if request.number % 2 else response(rows)

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as first:
        second = first.with_credentials(Credentials("second", HmacKey(SECRET)))
        for _ in range(10):
            assert ("first", "second") == (call(first), call(second))
        assert 1 == server.accepted


def test_surplus_bytes_after_the_next_request(call: Caller) -> None:
    """Bytes that a server sends after the next request count as its response: HTTP/1.1 numbers no responses.

    SECURITY.md says so. The connection is not used again afterwards.
    """

    def respond(request: Request) -> Reply | bytes:
        mine = response(rows_of(request.api_key))
        return Reply([[response(rows_of("late")) + mine]]) if request.number == 1 else mine

    with ScriptedServer(respond) as server, client_of(server) as client:
        assert ["first", "late", "first"] == [call(client), call(client), call(client)]
        assert [0, 0, 1] == [request.connection for request in server.requests]


def test_late_responses_reach_nobody(call: Caller, *, tls: bool) -> None:
    """A response to a call that has timed out reaches nobody."""
    has_given_up = threading.Event()

    def respond(request: Request) -> bytes:
        if request.api_key == "late":
            assert has_given_up.wait(10)
        return response(rows_of(request.api_key))

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as client:
        late = client.with_credentials(Credentials("late", HmacKey(SECRET))).with_options(timeout=0.1)
        for _ in range(ROUNDS):
            has_given_up.clear()
            assert "TimeoutError" == call(late)
            has_given_up.set()
            assert "first" == call(client)


def test_response_that_is_closed_twice(call: Caller) -> None:
    """A streamed response releases its connection once, however often its stream is closed."""
    both = threading.Barrier(2)

    def respond(request: Request) -> bytes:
        if request.number:
            both.wait(10)
        return response(rows_of(request.api_key))

    with ScriptedServer(respond) as server, client_of(server) as first:
        second = first.with_credentials(Credentials("second", HmacKey(SECRET)))
        with first.get_httpx_client().stream("GET", "/dapi/v1/time") as streamed:
            streamed.read()
            stream: Any = streamed.stream
            stream.close()
            stream.close()
        with ThreadPoolExecutor() as pool:
            other = pool.submit(futures_account_balance.sync, client=second)
            assert ("first", "second") == (call(first), owner_of(other.result()))
        assert 2 == server.accepted


# Idle connections.


def leave_idle(client: Client, wait_for: Callable[[int], None], number: int) -> None:
    """Make concurrent calls, which leave as many idle connections."""
    with ThreadPoolExecutor(number) as pool:
        calls = [pool.submit(futures_account_balance.sync, client=client) for _ in range(number)]
        wait_for(number)
        assert ["first"] * number == [owner_of(each.result()) for each in calls]


class Gate:
    """Holds back the first responses until a number of requests have arrived."""

    def __init__(self) -> None:
        """Hold back."""
        self._arrived = threading.Semaphore(0)
        self._is_open = threading.Event()

    def wait(self) -> None:
        """Wait, as the server, until the gate is opened."""
        self._arrived.release()
        assert self._is_open.wait(10)

    def open_after(self, number: int) -> None:
        """Wait until this many requests have arrived, and release all responses."""
        for _ in range(number):
            assert self._arrived.acquire(timeout=10)
        self._is_open.set()


def test_server_that_crashes_on_a_request(call: Caller) -> None:
    """A read over one of ten idle connections, which ends without a response, is sent once more and no more often."""
    gate = Gate()
    crashed: list[ScriptedServer] = []

    def respond(request: Request) -> Reply | bytes:
        if crashed:
            return Reply([], closes=True)
        gate.wait()
        return response(rows_of(request.api_key))

    with ScriptedServer(respond) as server, client_of(server) as client:
        leave_idle(client, gate.open_after, 10)
        before = len(server.requests)
        crashed.append(server)

        assert "NetworkError" == call(client)
        assert (10, 2) == (before, len(server.requests) - before)
        # A new connection, and none of the other nine idle ones.
        assert [10] == [request.connection for request in server.requests[before + 1 :]]


@pytest.mark.parametrize("resets", [False, True], ids=["EOF", "reset"])
def test_reads_over_stale_connections(
    call: Caller, caplog: pytest.LogCaptureFixture, *, tls: bool, resets: bool
) -> None:
    """If the server ends an idle connection just as a read is sent, the caller notices nothing; no attempt is lost."""

    def respond(request: Request) -> Reply | bytes:
        if request.number == 1:
            return Reply([], closes=True, resets=resets)
        return response(rows_of(request.api_key))

    caplog.set_level("INFO", "binance_client")
    with ScriptedServer(respond, tls=tls) as server, client_of(server) as client:
        assert ["first", "first"] == [call(client), call(client)]
        assert [0, 0, 1] == [request.connection for request in server.requests]
        targets = [request.target for request in server.requests[1:]]
        assert all("signature=" in target for target in targets)

    expected = "retry 1 of GET /dapi/v1/balance in 0.000 s: NetworkError"
    assert [expected] == [record.getMessage() for record in caplog.records if record.name == "binance_client"]


def test_idle_connections_that_the_server_closed(call: Caller, *, tls: bool) -> None:
    """Idle connections that have ended are not used: no request is lost to them, be it a read or a write."""
    with (
        ScriptedServer(lambda request: response(rows_of(request.api_key)), tls=tls) as server,
        client_of(server) as client,
    ):
        for number in range(ROUNDS):
            assert "first" == call(client)
            server.end_connections()
            assert number + 1 == len(server.requests) == server.accepted


def test_timeouts_are_not_stale(call: Caller) -> None:
    """A server that stays silent has the request, so that a call with a single attempt sends it once."""

    def respond(request: Request) -> bytes | None:
        return response(rows_of(request.api_key)) if request.number == 0 else None

    with ScriptedServer(respond) as server, client_of(server) as client:
        assert ["first", "TimeoutError"] == [call(client), call(client.with_options(timeout=0.2))]
        assert 2 == len(server.requests)


def write(client: Client) -> Any:
    """Send a signed write by hand."""
    return client.request({"method": "POST", "url": "/dapi/v1/order", "extensions": {"security": Security.TRADE}})


async def write_async(client: Client) -> Any:
    """Send a signed write by hand."""
    return await client.request_async(
        {"method": "POST", "url": "/dapi/v1/order", "extensions": {"security": Security.TRADE}}
    )


@pytest.fixture(params=["sync", "async"])
def writes(request: pytest.FixtureRequest) -> Callable[[Client], Any]:
    """Return a function that sends a write."""
    return write if request.param == "sync" else lambda client: asyncio.run(write_async(client))


def test_writes_over_stale_connections(writes: Callable[[Client], Any], *, tls: bool) -> None:
    """A write whose connection ends without a response is not sent again: it is unknown whether it was executed."""

    def respond(request: Request) -> Reply | bytes:
        return Reply([], closes=True) if request.number == 1 else response(b"{}")

    with ScriptedServer(respond, tls=tls) as server, client_of(server, retry=RetryPolicy(initial_backoff=0)) as client:
        writes(client)
        with pytest.raises(errors.NetworkError) as caught:
            writes(client)

        assert ("unknown", 2, 1) == (caught.value.execution, len(server.requests), server.accepted)


@pytest.mark.parametrize(
    ("idle", "settings", "connections"),
    [
        (4.9, {}, [0, 0]),
        (5.1, {}, [0, 1]),
        (5.1, {"write_keepalive_expiry": 20}, [0, 0]),
        (0.1, {"write_keepalive_expiry": 0}, [0, 1]),
        (0.1, {"keepalive_expiry": 0}, [0, 1]),
        (0, {"write_keepalive_expiry": 0}, [0, 1]),
        (0, {"keepalive_expiry": 0}, [0, 1]),
    ],
)
def test_writes_need_young_connections(
    monkeypatch: pytest.MonkeyPatch,
    writes: Callable[[Client], Any],
    idle: float,
    settings: dict[str, Any],
    connections: list[int],
) -> None:
    """A write uses an idle connection only if it is younger than a setting, by default 5 seconds."""
    clock = stopped_clock(monkeypatch)
    with ScriptedServer(lambda _: response(b"{}")) as server, client_of(server, **settings) as client:
        writes(client)
        clock.now += idle
        writes(client)
        assert connections == [request.connection for request in server.requests]


@pytest.mark.parametrize(
    ("idle", "settings", "headers", "connections"),
    [
        (59, {}, {}, [0, 0]),
        (61, {}, {}, [0, 1]),
        (100, {"keepalive_expiry": 120}, {}, [0, 0]),
        (4, {}, {"Keep_Alive": "timeout=5, max=100"}, [0, 0]),
        (6, {}, {"Keep_Alive": "timeout=5, max=100"}, [0, 1]),
        (59, {}, {"Keep_Alive": "timeout=600"}, [0, 0]),
        (61, {}, {"Keep_Alive": "timeout=600"}, [0, 1]),
        (59, {}, {"Keep_Alive": "max=5"}, [0, 0]),
        (0, {}, {"Connection": "close"}, [0, 1]),
        (0, {"keepalive_expiry": 0}, {}, [0, 1]),
        (0, {}, {"Keep_Alive": "timeout=0"}, [0, 1]),
    ],
)
def test_idle_connections_expire(
    monkeypatch: pytest.MonkeyPatch,
    call: Caller,
    idle: float,
    settings: dict[str, Any],
    headers: dict[str, str],
    connections: list[int],
) -> None:
    """An idle connection is kept for a minute, or as set; the server's own expiry takes precedence if it is shorter."""
    clock = stopped_clock(monkeypatch)
    with (
        ScriptedServer(lambda _: response(rows_of("first"), **headers)) as server,
        client_of(server, **settings) as client,
    ):
        assert "first" == call(client)
        clock.now += idle
        assert "first" == call(client)
        assert connections == [request.connection for request in server.requests]


def test_expired_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expired connections are closed when another one is used."""
    clock = stopped_clock(monkeypatch)
    gate = Gate()

    def respond(request: Request) -> bytes:
        if request.number < 5:
            gate.wait()
        return response(rows_of("first"))

    with ScriptedServer(respond) as server, client_of(server) as client:
        leave_idle(client, gate.open_after, 5)
        clock.now += 40
        futures_account_balance.sync(client=client)
        clock.now += 40
        futures_account_balance.sync(client=client)
        assert server.settles_at(1)


# Limits.


def test_connections_are_kept_for_all_calls() -> None:
    """Batches of 50 calls share the same 50 connections."""
    gates = [Gate() for _ in range(4)]

    def respond(request: Request) -> bytes:
        gates[request.number // 50].wait()
        return response(rows_of("first"))

    with ScriptedServer(respond) as server, client_of(server) as client:
        for gate in gates:
            leave_idle(client, gate.open_after, 50)
        assert 50 == server.accepted


@pytest.mark.parametrize(
    "connect_to",
    [
        lambda host: resolve(host, 443, 10),
        lambda host: TLSLayer(PlainLayer(), ssl.create_default_context(), host),
    ],
    ids=["resolver", "TLS"],
)
def test_invalid_host_names(connect_to: Callable[[str], object]) -> None:
    """A host name that no resolver and no certificate can have is a system error that shows it."""
    host = "a" * 64 + ".example"

    with pytest.raises(OSError, match=f"'{host}' is not a valid host name: .*label") as caught:
        connect_to(host)

    assert errno.EINVAL == caught.value.errno
    assert caught.value.__cause__ is None
