"""Connections: nobody gets what is not theirs, nothing goes out twice, and only what is provably clean is kept."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.security import Security
from binance_signing import Credentials, HmacKey, Recovery, SigningClient, connect
from binance_signing._network import connection as connection_module
from samples import SECRET
from scripted_server import Reply, Request, ScriptedServer, chunked, response, rows_of

ROUNDS = 4
# What is sent after the first response, or in its place, by the name of what is odd about it.
FORMS: dict[str, Callable[[bytes, bytes], list[list[bytes]]]] = {
    "length": lambda a, b: [[response(a) + response(b)]],
    "two segments": lambda a, b: [[response(a)], [response(b)]],
    "two records in one segment": lambda a, b: [[response(a), response(b)]],
    "three records in one segment": lambda a, b: [[response(a)[:20], response(a)[20:], response(b)]],
    "a byte more": lambda a, _: [[response(a) + b"\n"]],
    "a byte more in a segment": lambda a, _: [[response(a)], [b"\n"]],
    "half a response more": lambda a, b: [[response(a) + response(b)[:30]]],
    "chunked": lambda a, b: [[chunked(a) + chunked(b)]],
    "chunked, then length": lambda a, b: [[chunked(a), response(b)]],
    "chunked with extensions and trailers": lambda a, b: [[chunked(a, b"X-T: 1\r\n", b";x=1") + response(b)]],
    "both lengths": lambda a, b: [[chunked(a).replace(b"\r\n", b"\r\nContent-Length: 5\r\n", 1) + response(b)]],
    "two equal lengths": lambda a, b: [
        [response(a).replace(b"\r\n", b"\r\nContent-Length: %d\r\n" % len(a), 1) + response(b)]
    ],
    "204 with a body": lambda _, b: [[response(response(b), "204 No Content")]],
    "304 with a body": lambda _, b: [[response(response(b), "304 Not Modified")]],
    "204 and a response": lambda _, b: [[response(b"", "204 No Content", Content_Length="") + response(b)]],
    "empty, and a response": lambda _, b: [[response(b"") + response(b)]],
    "an error first": lambda _, b: [[response(b'{"code":-1102,"msg":"no"}', "400 Bad Request") + response(b)]],
    "a redirect first": lambda _, b: [[response(b"", "302 Found", Location="/x") + response(b)]],
    "HTTP/1.0": lambda a, b: [[response(a, version="HTTP/1.0", Connection="keep-alive") + response(b)]],
    "an interim response": lambda a, b: [[b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(a) + response(b)]],
    "until the end": lambda a, b: [[response(a, Content_Length="") + response(b)]],
    "lines that end in LF": lambda a, b: [[response(a).replace(b"\r\n", b"\n") + response(b)]],
    "folded headers": lambda a, b: [[response(a, X_Long="1\r\n 2") + response(b)]],
    "a broken body": lambda _, b: [[response(b"[{") + response(b)]],
    "a false encoding": lambda a, b: [[response(a, Content_Encoding="gzip") + response(b)]],
}


def client_of(server: ScriptedServer, **settings: Any) -> SigningClient:
    """Return a client of a server, whose authority is trusted if it has one; by itself it makes one attempt."""
    settings = {"recovery": None, "verify": server.authority or True, "timeout": 10} | settings
    return connect(Credentials("first", HmacKey(SECRET)), server=server.url, **settings)


def owner_of(rows: list[FuturesAccountBalance]) -> str:
    """Return whose rows these are."""
    return str(rows[0].account_alias) if rows else "nobody"


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let connections age by `now` of what is returned alone, in seconds."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(connection_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class Caller:
    """Calls in one of several ways, each in its own time."""

    def __init__(self, way: str) -> None:
        """Call by sync functions, on asyncio or on trio."""
        self._way = way
        self._runner = asyncio.Runner()

    def __call__(self, client: SigningClient) -> str:
        """Return whose rows a call ends in, or the name of its error."""
        try:
            if self._way == "sync":
                return owner_of(futures_account_balance.sync(client=client))
            if self._way == "asyncio":
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
    """Return a way to call."""
    caller = Caller(request.param)
    yield caller
    caller.close()


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Return whether servers speak TLS."""
    return bool(request.param)


@pytest.mark.parametrize("form", FORMS)
def test_nobody_gets_what_is_not_theirs(call: Caller, *, tls: bool, form: str) -> None:
    """Whatever follows a response, and has arrived before the next request, reaches nobody."""

    def respond(request: Request) -> Reply | bytes:
        if request.api_key == "second":
            return response(rows_of("second"))
        return Reply(FORMS[form](rows_of("first"), rows_of("first's second")), closes=form == "until the end")

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as first:
        second = first.with_credentials(Credentials("second", HmacKey(SECRET)))
        for _ in range(ROUNDS):
            assert call(first) in {"first", "nobody", "ResponseError", "ApiError", "NetworkError"}
            assert server.has_sent_all()
            assert "second" == call(second)
        # Each first call ended its connection, and each second one left it for the next.
        assert ROUNDS + 1 == server.accepted


def test_clean_connections_are_kept(call: Caller, *, tls: bool) -> None:
    """Calls one after another, of several accounts, go over one connection, by all ways to tell a length."""

    def respond(request: Request) -> bytes:
        rows = rows_of(request.api_key)
        return chunked(rows) if request.number % 2 else response(rows)

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as first:
        second = first.with_credentials(Credentials("second", HmacKey(SECRET)))
        for _ in range(10):
            assert ("first", "second") == (call(first), call(second))
        assert 1 == server.accepted


def test_what_comes_later_cannot_be_told_apart(call: Caller) -> None:
    """What a server sends after the next request was written is taken for its response: HTTP/1.1 has no numbers.

    SECURITY.md says so. The connection is not used any more after it.
    """

    def respond(request: Request) -> Reply | bytes:
        mine = response(rows_of(request.api_key))
        return Reply([[response(rows_of("late")) + mine]]) if request.number == 1 else mine

    with ScriptedServer(respond) as server, client_of(server) as client:
        assert ["first", "late", "first"] == [call(client), call(client), call(client)]
        assert [0, 0, 1] == [request.connection for request in server.requests]


def test_answers_that_come_after_the_call_has_given_up(call: Caller, *, tls: bool) -> None:
    """A response to a call that has run out of time reaches nobody."""
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
    """A streamed response gives its connection back once, however often its stream is closed."""
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


def several_idle(client: SigningClient, server_has: Callable[[int], None], number: int) -> None:
    """Have calls on their way at once, which leaves as many idle connections."""
    with ThreadPoolExecutor(number) as pool:
        calls = [pool.submit(futures_account_balance.sync, client=client) for _ in range(number)]
        server_has(number)
        assert ["first"] * number == [owner_of(each.result()) for each in calls]


class Gate:
    """Holds back the first responses until so many requests have come in."""

    def __init__(self) -> None:
        """Hold back."""
        self._arrived = threading.Semaphore(0)
        self._is_open = threading.Event()

    def wait(self) -> None:
        """Wait, as the server, until it is opened."""
        self._arrived.release()
        assert self._is_open.wait(10)

    def open_after(self, number: int) -> None:
        """Wait until so many requests are there, and let all go."""
        for _ in range(number):
            assert self._arrived.acquire(timeout=10)
        self._is_open.set()


def test_server_that_dies_of_a_request(call: Caller) -> None:
    """A read over one of ten idle connections, which ends without a response, goes out once more and no more often."""
    gate = Gate()
    dying: list[ScriptedServer] = []

    def respond(request: Request) -> Reply | bytes:
        if dying:
            return Reply([], closes=True)
        gate.wait()
        return response(rows_of(request.api_key))

    with ScriptedServer(respond) as server, client_of(server) as client:
        several_idle(client, gate.open_after, 10)
        before = len(server.requests)
        dying.append(server)

        assert "NetworkError" == call(client)
        assert (10, 2) == (before, len(server.requests) - before)
        # The new one, and none of the other nine.
        assert [10] == [request.connection for request in server.requests[before + 1 :]]


@pytest.mark.parametrize("resets", [False, True], ids=["EOF", "reset"])
def test_reads_over_stale_connections(
    call: Caller, caplog: pytest.LogCaptureFixture, *, tls: bool, resets: bool
) -> None:
    """A server that ends an idle connection just as a read comes costs the caller nothing, not even an attempt."""

    def respond(request: Request) -> Reply | bytes:
        if request.number == 1:
            return Reply([], closes=True, resets=resets)
        return response(rows_of(request.api_key))

    caplog.set_level("DEBUG", "binance_signing")
    with ScriptedServer(respond, tls=tls) as server, client_of(server) as client:
        assert ["first", "first"] == [call(client), call(client)]
        assert [0, 0, 1] == [request.connection for request in server.requests]
        timestamps = [request.target for request in server.requests[1:]]
        assert all("signature=" in target for target in timestamps)

    told = "stale connection, the request is sent once more over a new one: "
    why = "the server closed the connection, which had been idle, without a response"
    assert [told + why] == [record.getMessage() for record in caplog.records if record.name == "binance_signing"]


def test_connections_that_the_server_has_closed(call: Caller, *, tls: bool) -> None:
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
    """A server that stays silent has the request, so that a call in one attempt sends it once."""

    def respond(request: Request) -> bytes | None:
        return response(rows_of(request.api_key)) if request.number == 0 else None

    with ScriptedServer(respond) as server, client_of(server) as client:
        assert ["first", "TimeoutError"] == [call(client), call(client.with_options(timeout=0.2))]
        assert 2 == len(server.requests)


def write(client: SigningClient) -> Any:
    """Send a signed write by hand."""
    return client.request({"method": "POST", "url": "/dapi/v1/order", "extensions": {"security": Security.TRADE}})


async def write_async(client: SigningClient) -> Any:
    """Send a signed write by hand."""
    return await client.request_async(
        {"method": "POST", "url": "/dapi/v1/order", "extensions": {"security": Security.TRADE}}
    )


@pytest.fixture(params=["sync", "async"])
def writes(request: pytest.FixtureRequest) -> Callable[[SigningClient], Any]:
    """Return a way to send a write."""
    return write if request.param == "sync" else lambda client: asyncio.run(write_async(client))


def test_writes_that_meet_the_end_of_a_connection(writes: Callable[[SigningClient], Any], *, tls: bool) -> None:
    """A write that was sent over a connection which then ends is not sent again: nobody knows what became of it."""

    def respond(request: Request) -> Reply | bytes:
        return Reply([], closes=True) if request.number == 1 else response(b"{}")

    with ScriptedServer(respond, tls=tls) as server, client_of(server, recovery=Recovery(backoff=0)) as client:
        writes(client)
        with pytest.raises(errors.NetworkError) as caught:
            writes(client)

        assert ("unknown", 2, 1) == (caught.value.outcome, len(server.requests), server.accepted)


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
def test_writes_go_over_young_connections(
    monkeypatch: pytest.MonkeyPatch,
    writes: Callable[[SigningClient], Any],
    idle: float,
    settings: dict[str, Any],
    connections: list[int],
) -> None:
    """A write goes over an idle connection only if it is younger than a setting, by default 5 seconds."""
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
    """An idle connection is kept for a minute, or what is set; what the server says goes first if it is less."""
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
    """Connections that expire beside one that is used are closed."""
    clock = stopped_clock(monkeypatch)
    gate = Gate()

    def respond(request: Request) -> bytes:
        if request.number < 5:
            gate.wait()
        return response(rows_of("first"))

    with ScriptedServer(respond) as server, client_of(server) as client:
        several_idle(client, gate.open_after, 5)
        clock.now += 40
        futures_account_balance.sync(client=client)
        clock.now += 40
        futures_account_balance.sync(client=client)
        assert server.settles_at(1)


@pytest.mark.parametrize("name", ["keepalive_expiry", "write_keepalive_expiry"])
@pytest.mark.parametrize("value", [-1, "5", True, None, float("nan"), 86_401])
def test_expiries_that_are_refused(name: str, value: Any) -> None:
    """What is no number of seconds is refused, and shown."""
    with pytest.raises(errors.ConfigurationError) as caught:
        connect(Credentials("first", HmacKey(SECRET)), **{name: value})

    assert f"{name}: expected a number of seconds, at most a day, got {value!r}" == str(caught.value)


# Limits.


def test_as_many_connections_are_kept_as_calls_may_be_on_their_way() -> None:
    """Batches of 50 calls go over the same 50 connections."""
    gates = [Gate() for _ in range(4)]

    def respond(request: Request) -> bytes:
        gates[request.number // 50].wait()
        return response(rows_of("first"))

    with ScriptedServer(respond) as server, client_of(server) as client:
        for gate in gates:
            several_idle(client, gate.open_after, 50)
        assert 50 == server.accepted
