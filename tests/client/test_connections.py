"""Connections: no caller gets another's response, no write is sent twice, and only clean connections are kept."""

import asyncio
import errno
import math
import select
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from unittest import mock

import anyio
import httpx
import pytest
import trio
from binance_client.connections import connection as connection_module
from binance_client.connections import flows as flows_module
from binance_client.connections.connection import Connection
from binance_client.connections.flows import Ready, Resolve, Wait, WaitTimeoutError, seconds_for
from binance_client.connections.resolver import resolve
from binance_client.connections.sockets import PlainLayer
from binance_client.connections.tls import TLSLayer
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.security import Security
from support.constants import SECRET
from support.name_resolution import addresses_of_localhost
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
            return self.raising(client)
        except errors.BinanceError as error:
            return type(error).__name__

    def raising(self, client: Client) -> str:
        """Return the owner of the rows; raise the error of a call that has none."""
        if self._library == "sync":
            return owner_of(futures_account_balance.sync(client=client))
        if self._library == "asyncio":
            return owner_of(self._runner.run(futures_account_balance.asyncio(client=client)))

        async def call() -> list[FuturesAccountBalance]:
            return await futures_account_balance.asyncio(client=client)

        return owner_of(trio.run(call))

    def close(self) -> None:
        """Close the event loop."""
        self._runner.close()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def call(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Return a caller for each library."""
    caller = Caller(request.param)
    yield caller
    caller.close()


Chunks = Callable[..., list[bytes]]


def read_stream(client: Client, url: str = "/dapi/v1/time", **settings: Any) -> list[bytes]:
    """Return the parts of a streamed response; `each` of the settings is called after each part."""
    each, method = settings.pop("each", lambda _: None), settings.pop("method", "GET")
    parts = []
    with client.get_httpx_client().stream(method, url, **settings) as response:
        for part in response.iter_raw():
            parts.append(part)
            each(response)
    return parts


async def read_stream_async(client: Client, url: str = "/dapi/v1/time", **settings: Any) -> list[bytes]:
    """Return the same by an async call, which also awaits what `each` returns."""
    each, method = settings.pop("each", lambda _: None), settings.pop("method", "GET")
    parts = []
    async with client.get_async_httpx_client().stream(method, url, **settings) as response:
        async for part in response.aiter_raw():
            parts.append(part)
            awaitable = each(response)
            if awaitable is not None:
                await awaitable
    return parts


def read_stream_on_asyncio(client: Client, *arguments: Any, **settings: Any) -> list[bytes]:
    """Return the same on asyncio."""
    return asyncio.run(read_stream_async(client, *arguments, **settings))


def read_stream_on_trio(client: Client, *arguments: Any, **settings: Any) -> list[bytes]:
    """Return the same on trio."""

    async def read() -> list[bytes]:
        return await read_stream_async(client, *arguments, **settings)

    return trio.run(read)


@pytest.fixture(params=[read_stream, read_stream_on_asyncio, read_stream_on_trio], ids=["sync", "asyncio", "trio"])
def stream(request: pytest.FixtureRequest) -> Chunks:
    """Return a function that reads a streamed response, for each library."""
    function: Chunks = request.param
    return function


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


def test_connections_after_head(stream: Chunks) -> None:
    """A response to HEAD has no body, whatever its length, and its connection is kept."""
    head = response(b"").replace(b"Content-Length: 0", b"Content-Length: 3")
    with ScriptedServer(lambda _: head) as server, client_of(server) as client:
        assert [[], []] == [stream(client, method="HEAD") for _ in range(2)]
        assert ["HEAD", "HEAD"] == [request.method for request in server.requests]
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
            body: Any = streamed.stream
            body.close()
            body.close()
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
        # Those are closed: the server has most likely ended them, too.
        assert server.settles_at(0)


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


def test_writes_over_connections_that_were_reset(
    monkeypatch: pytest.MonkeyPatch, writes: Callable[[Client], Any], *, tls: bool
) -> None:
    """A write none of whose bytes could be sent, because the server has reset the idle connection, is sent anew."""
    # The server resets it right after it was found clean.
    monkeypatch.setattr(Connection, "is_clean", True)

    def respond(request: Request) -> Reply:
        return Reply([[response(b"{}")]], resets=request.number == 0)

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as client:
        writes(client)
        assert server.settles_at(0)
        writes(client)

        assert [0, 1] == [request.connection for request in server.requests]


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


def test_connections_to_several_servers(stream: Chunks) -> None:
    """A request for another server goes over no connection of the first one."""
    with (
        ScriptedServer(lambda _: response(b"mine")) as mine,
        ScriptedServer(lambda _: response(b"other")) as other,
        client_of(mine) as client,
    ):
        bodies = [stream(client, server.url) for server in (mine, other, mine, other)]

        assert [[b"mine"], [b"other"]] * 2 == bodies
        assert (1, 1) == (mine.accepted, other.accepted)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///"])
def test_urls_that_no_connection_can_have(url: str) -> None:
    """A request that was built with a URL of another scheme, or without a host, is told what was expected."""
    request = httpx.Request("GET", url)
    with ScriptedServer(lambda _: None) as server, client_of(server) as client:
        sends: list[Callable[[], object]] = [
            lambda: client.get_httpx_client().send(request, stream=True),
            lambda: asyncio.run(client.get_async_httpx_client().send(request, stream=True)),
        ]
        for send in sends:
            with pytest.raises(httpx.UnsupportedProtocol, match="^expected an http or https URL with a host$"):
                send()

        assert 0 == server.accepted


# Streamed responses.


def test_streams_without_a_timeout(stream: Chunks, *, tls: bool) -> None:
    """A streamed request may wait forever for its connection and its response."""
    with ScriptedServer(lambda _: response(b"body"), tls=tls) as server, client_of(server) as client:
        assert [b"body"] == stream(client, timeout=None)


@pytest.mark.parametrize("missing", ["poll", "select"])
def test_waits_by_poll_or_select(monkeypatch: pytest.MonkeyPatch, missing: str, *, tls: bool) -> None:
    """Sync calls wait by `poll`, which watches all descriptors, or else by `select`: Windows has no other."""
    monkeypatch.delattr(select, missing)

    def respond(request: Request) -> bytes | None:
        return response(rows_of("first")) if request.number < 2 else None

    with ScriptedServer(respond, tls=tls) as server, client_of(server) as client:
        assert "first" == owner_of(futures_account_balance.sync(client=client))
        assert [rows_of("first")] == read_stream(client, timeout=None)
        with pytest.raises(errors.TimeoutError):
            futures_account_balance.sync(client=client.with_options(timeout=0.1))


def test_client_that_is_closed_during_a_stream(stream: Chunks) -> None:
    """Closing the client ends a streamed response whose rest has not arrived, and says why."""
    is_over = threading.Event()

    def segments() -> Iterator[list[bytes]]:
        yield [response(b"part and rest")[: -len(b" and rest")]]
        is_over.wait(10)

    with ScriptedServer(lambda _: Reply(segments())) as server, client_of(server) as client:
        try:
            with pytest.raises(errors.ClientClosedError) as caught:
                stream(client, each=lambda _: client.close())
        finally:
            is_over.set()

    assert "unknown" == caught.value.execution


def test_stream_that_is_read_after_it_was_closed(stream: Chunks) -> None:
    """What is read of a response after it was closed is an error, and reaches no other call's connection."""
    is_over = threading.Event()

    def segments() -> Iterator[list[bytes]]:
        yield [response(b"part and rest")[: -len(b" and rest")]]
        is_over.wait(10)

    def close(response: httpx.Response) -> Any:
        body: Any = response.stream
        return body.aclose() if stream is not read_stream else body.close()

    with ScriptedServer(lambda _: Reply(segments())) as server, client_of(server) as client:
        try:
            with pytest.raises(httpx.ReadError, match="the connection was closed$"):
                stream(client, each=close)
        finally:
            is_over.set()


def test_stream_that_is_closed_twice(stream: Chunks) -> None:
    """A response that is closed again changes nothing, sync and async."""

    def close(response: httpx.Response) -> Any:
        body: Any = response.stream
        if stream is read_stream:
            body.close()
            return body.close()

        async def close_twice() -> None:
            await body.aclose()
            await body.aclose()

        return close_twice()

    with ScriptedServer(lambda _: response(b"body")) as server, client_of(server) as client:
        assert [[b"body"]] * 2 == [stream(client, each=close), stream(client)]


# Name resolution.


def client_by_name(server: ScriptedServer) -> Client:
    """Return a client of a server whose URL has the name of this machine, which needs a resolution."""
    url = server.url.replace("127.0.0.1", "localhost")
    return connect(Credentials("first", HmacKey(SECRET)), server=url, retry=None, timeout=10)


def test_client_that_is_closed_during_name_resolution(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """A call whose client is closed before its host has an address connects to none."""

    def resolve_and_close() -> list[str]:
        client.close()
        return ["127.0.0.1"]

    addresses_of_localhost(monkeypatch, resolve_and_close)
    with ScriptedServer(lambda _: response(rows_of("first"))) as server:
        client = client_by_name(server)
        with pytest.raises(errors.ClientClosedError) as caught:
            call.raising(client)

        assert ("not_executed", 0) == (caught.value.execution, server.accepted)


def test_threads_of_name_resolution(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """Names are resolved in threads that show what for, and that do not hold up the end of the process."""
    threads: list[tuple[str, bool]] = []

    def resolve_in_thread() -> list[str]:
        thread = threading.current_thread()
        threads.append((thread.name, thread.daemon))
        return ["127.0.0.1"]

    addresses_of_localhost(monkeypatch, resolve_in_thread)
    with ScriptedServer(lambda _: response(rows_of("first"))) as server, client_by_name(server) as client:
        assert "first" == call(client)

    assert [("resolve localhost", True)] == threads


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_threads_of_others(backend: str) -> None:
    """Name resolution does not wait for the threads that anyio allows others."""

    async def main() -> str:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        limiter.acquire_on_behalf_of_nowait(others := object())
        try:
            async with client_by_name(server) as client:
                return owner_of(await futures_account_balance.asyncio(client=client))
        finally:
            limiter.release_on_behalf_of(others)

    with ScriptedServer(lambda _: response(rows_of("first"))) as server:
        assert "first" == anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_name_resolution(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """A call that is cancelled does not wait for its name resolution, which cannot be interrupted."""
    has_begun, is_over = threading.Event(), threading.Event()
    resolved: list[bool] = []

    def resolve_slowly() -> list[str]:
        has_begun.set()
        resolved.append(is_over.wait(2))
        return []

    async def main() -> list[bool]:
        async with client_by_name(server) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: futures_account_balance.asyncio(client=client))
            assert await anyio.to_thread.run_sync(has_begun.wait, 10)
            tasks.cancel_scope.cancel()
        return [*resolved]

    addresses_of_localhost(monkeypatch, resolve_slowly)
    with ScriptedServer(lambda _: None) as server:
        try:
            assert [] == anyio.run(main, backend=backend)
        finally:
            is_over.set()


several_loopback_addresses = pytest.mark.skipif(sys.platform != "linux", reason="needs many addresses on loopback")


@several_loopback_addresses
def test_address_that_refuses_before_another(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """If an address of a host refuses the connection, the next one is tried, and it is no failed attempt."""
    addresses_of_localhost(monkeypatch, lambda: ["127.0.0.2", "127.0.0.1"])
    with ScriptedServer(lambda _: response(rows_of("first"))) as server, client_by_name(server) as client:
        assert "first" == call(client)


# Flows.


def test_timers_of_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call leaves no timer behind in the event loop."""
    timers: list[asyncio.TimerHandle] = []

    loop = asyncio.new_event_loop()
    call_later = loop.call_later

    def recording(*arguments: Any, **settings: Any) -> asyncio.TimerHandle:
        timers.append(call_later(*arguments, **settings))
        return timers[-1]

    monkeypatch.setattr(loop, "call_later", recording)
    with (
        ScriptedServer(lambda _: response(rows_of("first"))) as server,
        client_of(server) as client,
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        assert "first" == owner_of(runner.run(futures_account_balance.asyncio(client=client)))

    assert timers
    assert all(timer.cancelled() for timer in timers)


def test_waits_on_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    """On trio, a call over an idle connection waits only to read; a socket can nearly always be written to."""
    wait_writable = mock.Mock(wraps=anyio.wait_writable)
    monkeypatch.setattr(anyio, "wait_writable", wait_writable)

    async def main() -> None:
        await futures_account_balance.asyncio(client=client)
        wait_writable.reset_mock()
        await futures_account_balance.asyncio(client=client)

    with ScriptedServer(lambda _: response(rows_of("first"))) as server, client_of(server) as client:
        trio.run(main)

    assert (1, 0) == (server.accepted, wait_writable.call_count)


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (Resolve("localhost", 443), 12),
        (Resolve("localhost", 443, max_seconds=5), 5),
        (Resolve("localhost", 443, share=3), 4),
        (Resolve("localhost", 443, share=3, max_seconds=5), 4),
        (Resolve("localhost", 443, share=2, max_seconds=5), 5),
    ],
)
def test_seconds_of_a_wait(monkeypatch: pytest.MonkeyPatch, wait: Wait, seconds: float) -> None:
    """A wait gets its share of the time that is left, up to its maximum, and none after the deadline."""
    monkeypatch.setattr(flows_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))

    assert seconds == seconds_for(wait, 1012.0)
    assert 0 == seconds_for(wait, 1000.0) == seconds_for(wait, 999.0)
    assert wait.max_seconds == seconds_for(wait, math.inf)


@pytest.fixture
def connected() -> Iterator[tuple[PlainLayer, socket.socket]]:
    """Return a layer that is connected to this machine, and its peer."""
    layer = PlainLayer()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        for wait in layer.connect(*address):
            # A numeric address is not looked up, and the last one may take all of the time.
            assert Ready(opened(layer), for_reading=False) == wait
            select.select([], [opened(layer)], [], 10)
        with listener.accept()[0] as peer, closing(layer):
            yield layer, peer


def opened(layer: PlainLayer) -> socket.socket:
    """Return the socket of a layer."""
    assert layer.socket is not None
    return layer.socket


def finish(flow: Generator[Wait, Any, Any]) -> Any:
    """Return the result of a flow that waits for nothing more."""
    with pytest.raises(StopIteration) as end:
        next(flow)
    return end.value.value


def test_waits_for_a_response(connected: tuple[PlainLayer, socket.socket]) -> None:
    """After a request a connection waits before it reads, because the response takes time; otherwise it reads first."""
    layer, peer = connected
    is_readable = Ready(opened(layer), for_reading=True)

    finish(layer.send(b"request"))
    peer.sendall(b"response")
    select.select([opened(layer)], [], [], 10)
    flow = layer.receive(4)
    assert is_readable == next(flow)
    assert b"resp" == finish(flow)
    assert b"onse" == finish(layer.receive(4))
    assert is_readable == next(layer.receive(4))


def test_waits_to_send(connected: tuple[PlainLayer, socket.socket]) -> None:
    """A request that is larger than the buffers of the system waits until there is room, and counts what was sent."""
    layer, _ = connected
    data = bytes(1 << 25)

    assert Ready(opened(layer), for_reading=False) == next(layer.send(data))
    assert 0 < layer.sent < len(data)


def test_clean_connections(connected: tuple[PlainLayer, socket.socket]) -> None:
    """Whether a connection is clean can be asked, and nothing that waits is lost by that."""
    layer, peer = connected
    assert layer.is_clean()

    peer.sendall(b"surplus")
    select.select([opened(layer)], [], [], 10)

    assert not layer.is_clean()
    assert b"surplus" == finish(layer.receive(100))
    assert layer.is_clean()


def test_exception_of_a_signal_handler_while_sending(connected: tuple[PlainLayer, socket.socket]) -> None:
    """What was being sent when a signal handler raised counts as sent; what the system rejected does not."""
    layer, _ = connected
    sending: Any = SimpleNamespace(
        send=mock.Mock(side_effect=[TimeoutError("handler"), BrokenPipeError(errno.EPIPE, "")])
    )
    with mock.patch.object(layer, "socket", sending):
        with pytest.raises(TimeoutError, match="^handler$"):
            finish(layer.send(b"sent"))
        assert 4 == layer.sent
        with pytest.raises(BrokenPipeError):
            finish(layer.send(b"rejected"))
    assert 4 == layer.sent


def test_exception_of_a_signal_handler_while_connecting() -> None:
    """An exception of a signal handler ends the connecting, and no other address is tried."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))
    layer = PlainLayer()
    flow = layer.connect("localhost", 9)

    assert Resolve("localhost", 9) == next(flow)
    wait = flow.send([address, address])
    assert Ready(opened(layer), for_reading=False, share=2, max_seconds=2) == wait
    with closing(layer), pytest.raises(TimeoutError, match="^handler$"):
        flow.throw(TimeoutError("handler"))


def test_address_that_stays_silent() -> None:
    """The addresses of a host are tried one after another; the last one's failure is that of the connection."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))
    layer = PlainLayer()
    flow = layer.connect("localhost", 9)

    next(flow)
    flow.send([address, address])
    wait = flow.throw(WaitTimeoutError())
    assert Ready(opened(layer), for_reading=False) == wait
    with pytest.raises(WaitTimeoutError):
        flow.throw(WaitTimeoutError())
    assert layer.socket is None


def test_interrupted_connections(connected: tuple[PlainLayer, socket.socket]) -> None:
    """What a thread interrupts or closes ends in an error of the system that says so, whatever its state."""
    layer, peer = connected
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    peer.close()
    select.select([opened(layer)], [], [], 10)

    layer.interrupt()
    with pytest.raises(ConnectionAbortedError, match="the connection was interrupted$") as interrupted:
        next(layer.connect("127.0.0.1", 9))
    layer.close()
    with pytest.raises(ConnectionAbortedError, match="the connection was closed$") as closed:
        next(layer.receive(1))

    assert [errno.ECONNABORTED] * 2 == [interrupted.value.errno, closed.value.errno]
