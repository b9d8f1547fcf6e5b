"""The connection pool for sync calls: httpx's transport above it, and httpcore's network backend below."""

import errno
import math
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, TypeVar

import httpcore
import httpx

from .connection import Connection
from .flows import CONNECT, READ, WRITE, Failures, Flow, OutOfTimeError, Resolve, Wait, guarded, seconds_for
from .pool import ConnectionKinds, Pool

T = TypeVar("T")

_KINDS = ConnectionKinds(httpcore.HTTPConnection, httpcore.HTTPProxy, httpcore.SOCKSProxy)


def resolve(host: str, port: int, seconds: float) -> Any:
    """Return what `socket.getaddrinfo` gives for a host, or raise OutOfTimeError.

    The system's resolver cannot be interrupted, so that it is asked in a thread, which is left behind when it is late.
    """
    found: Future[Any] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (UnicodeError, OverflowError) as error:
            found.set_exception(OSError(errno.EINVAL, f"{host!r} is no name of a host: {error}"))
        except BaseException as error:  # noqa: BLE001, whoever waits for it raises it
            found.set_exception(error)

    try:
        threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from None
    wait([found], None if seconds == math.inf else seconds)
    if not found.done():
        raise OutOfTimeError
    return found.result()


def _block(wait: Wait, seconds: float) -> Any:
    if isinstance(wait, Resolve):
        return resolve(wait.host, wait.port, seconds)
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(wait.socket, select.POLLIN if wait.is_to_read else select.POLLOUT)
        is_ready = bool(poll.poll(None if seconds == math.inf else math.ceil(seconds * 1000)))
    else:
        one, none = [wait.socket], list[socket.socket]()
        timeout = None if seconds == math.inf else seconds
        is_ready = any(select.select(*((one, none) if wait.is_to_read else (none, one)), one, timeout))
    if not is_ready:
        raise OutOfTimeError
    return None


def run(connection: Connection, flow: Flow[T], timeout: float | None, failures: Failures) -> T:
    """Run a flow of a connection in this thread, until its call's deadline or, if it has none, for a timeout."""
    until = connection.until(timeout)
    steps = guarded(flow, until, failures)
    try:
        waits_for = next(steps)
        while True:
            try:
                found = _block(waits_for, seconds_for(waits_for, until))
            except (OutOfTimeError, OSError) as failure:
                waits_for = steps.throw(failure)
            else:
                waits_for = steps.send(found)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what a flow returns is of its type
    finally:
        steps.close()


class Stream(httpcore.NetworkStream):
    """A connection, as httpcore reads and writes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        return run(self._connection, self._connection.read(max_bytes), timeout, READ)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all; httpcore writes the end of a request too, which mostly is nothing."""
        if buffer:
            run(self._connection, self._connection.write(buffer), timeout, WRITE)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Shake hands, unless that was done by the call that opened the connection."""
        if not self._connection.calls:
            flow = self._connection.start_tls(ssl_context.context, server_hostname)
            run(self._connection, flow, timeout, CONNECT)
        return self


class Backend(httpcore.NetworkBackend):
    """Opens one connection, unless that was done by an earlier call."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        """Connect; the pool gives no other arguments."""
        if not self._connection.calls:
            run(self._connection, self._connection.open(host, port), timeout, CONNECT)
        return Stream(self._connection)


class ConnectionTransport(httpx.HTTPTransport):
    """httpx's own transport over one connection, for libraries that mock or trace what goes through `HTTPTransport`."""

    def __init__(self, connection: Any) -> None:
        # Instead of httpx's constructor, which would make a pool here. pytest-httpx reads the attribute too.
        self._pool = connection


class PoolTransport(httpx.BaseTransport):
    """Sends each request over a connection of the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's end gives the connection back, and whatever else happens closes it."""
        connection = self._pool.checkout(request)
        try:
            sender = self._pool.http_connection(_KINDS, request.url, connection, Backend(connection))
            response = ConnectionTransport(sender).handle_request(request)
        except BaseException as error:  # noqa: BLE001, it is raised again, or another one in its place
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
        # Taken out by who ends the response first: afterwards the connection is another call's.
        self._held = [connection]

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except Exception as error:  # noqa: BLE001, it is raised again, or another one in its place
            raise self._pool.fail(self._held[-1], error) if self._held else error from None

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            with suppress(IndexError):
                self._pool.give_back(self._held.pop(), self._headers)
