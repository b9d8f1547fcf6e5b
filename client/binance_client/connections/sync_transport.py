"""The connection pool for sync calls: an httpx transport above it, and a network backend of httpcore below it."""

import math
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar

import httpcore
import httpx

from .connection import Connection
from .flows import CONNECT, READ, WRITE, ErrorTypes, Flow, Resolve, Wait, WaitTimeoutError, map_errors, seconds_for
from .pool import ConnectionKinds, Pool
from .resolver import resolve

T = TypeVar("T")

_KINDS = ConnectionKinds(httpcore.HTTPConnection, httpcore.HTTPProxy, httpcore.SOCKSProxy)


def _block(wait: Wait, seconds: float) -> Any:
    if isinstance(wait, Resolve):
        return resolve(wait.host, wait.port, seconds)
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(wait.socket, select.POLLIN if wait.for_reading else select.POLLOUT)
        is_ready = bool(poll.poll(None if seconds == math.inf else math.ceil(seconds * 1000)))
    else:
        sockets, no_sockets = [wait.socket], list[socket.socket]()
        timeout = None if seconds == math.inf else seconds
        is_ready = any(
            select.select(*((sockets, no_sockets) if wait.for_reading else (no_sockets, sockets)), sockets, timeout)
        )
    if not is_ready:
        raise WaitTimeoutError
    return None


def run(connection: Connection, flow: Flow[T], timeout: float | None, error_types: ErrorTypes) -> T:
    """Run a flow of a connection in this thread, until the call's deadline or, without one, for a timeout."""
    deadline = connection.operation_deadline(timeout)
    steps = map_errors(flow, deadline, error_types)
    try:
        wait = next(steps)
        while True:
            try:
                result = _block(wait, seconds_for(wait, deadline))
            except (WaitTimeoutError, OSError) as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what a flow returns is of its type
    finally:
        steps.close()


class Stream(httpcore.NetworkStream):
    """A connection as a network stream of httpcore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is available, at least a byte; nothing if the server has ended the connection."""
        return run(self._connection, self._connection.read(max_bytes), timeout, READ)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all data; httpcore also writes the end of a request, which is usually empty."""
        if buffer:
            run(self._connection, self._connection.write(buffer), timeout, WRITE)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Do the TLS handshake, unless the call that opened the connection did."""
        if not self._connection.has_served:
            flow = self._connection.start_tls(ssl_context.context, server_hostname)
            run(self._connection, flow, timeout, CONNECT)
        return self


class Backend(httpcore.NetworkBackend):
    """Opens one connection, unless an earlier call did."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        """Connect; the pool passes no other arguments."""
        if not self._connection.has_served:
            run(self._connection, self._connection.open(host, port), timeout, CONNECT)
        return Stream(self._connection)


class ConnectionTransport(httpx.HTTPTransport):
    """httpx's own transport over one connection, for libraries that mock or trace what goes through `HTTPTransport`."""

    def __init__(self, connection: Any) -> None:
        # Instead of httpx's constructor, which would create a pool. pytest-httpx reads the attribute too.
        self._pool = connection


class PoolTransport(httpx.BaseTransport):
    """Sends each request over a connection of the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the end of the response releases the connection, and any failure closes it."""
        connection = self._pool.checkout(request)
        try:
            http_connection = self._pool.http_connection(_KINDS, request.url, connection, Backend(connection))
            response = ConnectionTransport(http_connection).handle_request(request)
        except BaseException as error:  # noqa: BLE001, it is raised again, or another one instead
            raise self._pool.fail(connection, error) from None
        response.stream = _Body(response, self._pool, connection)
        return response

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpx.Response, pool: Pool, connection: Connection) -> None:
        self._stream: Any = response.stream
        self._headers = response.headers
        self._pool = pool
        # Emptied by the first close of the response, because afterwards the connection belongs to another call.
        self._held = [connection]

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except Exception as error:  # noqa: BLE001, it is raised again, or another one instead
            raise self._pool.fail(self._held[-1], error) if self._held else error from None

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            with suppress(IndexError):
                self._pool.release(self._held.pop(), self._headers)
