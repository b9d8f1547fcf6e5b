"""The connection pool for async calls, on asyncio or trio: the counterpart of `sync_transport`.

Imported when it is first needed, because importing asyncio takes time, and sync code does not need it.
"""

import errno
import math
from asyncio import AbstractEventLoop, Future
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from socket import socket
from typing import Any, TypeVar

import anyio
import httpcore
import httpx

from binance_client.event_loops import asyncio_loop, without_checkpoints

from .connection import Connection
from .flows import CONNECT, READ, WRITE, ErrorTypes, Flow, Resolve, Wait, WaitTimeoutError, map_errors, seconds_for
from .pool import ConnectionKinds, Pool
from .resolver import resolve

T = TypeVar("T")

_KINDS = ConnectionKinds(httpcore.AsyncHTTPConnection, httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy)


async def _suspend(wait: Wait, seconds: float) -> Any:
    if isinstance(wait, Resolve):
        look_up = partial(resolve, wait.host, wait.port, seconds)
        # Its own limiter, because anyio's default one would make it wait for unrelated threads.
        limiter = anyio.CapacityLimiter(1)
        try:
            return await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=limiter)
        except RuntimeError as error:
            # The system cannot start a thread.
            raise OSError(errno.EAGAIN, str(error)) from None
    loop = asyncio_loop()
    if loop is not None:
        with suppress(NotImplementedError):
            return await _wait_on(loop, wait.socket, seconds, for_reading=wait.for_reading)
    # For trio, and for the event loops of Windows, which cannot watch sockets.
    with anyio.move_on_after(seconds):
        await (anyio.wait_readable if wait.for_reading else anyio.wait_writable)(wait.socket)
        return None
    raise WaitTimeoutError


async def _wait_on(loop: AbstractEventLoop, watched: socket, seconds: float, *, for_reading: bool) -> None:
    """Wait without anyio, which would keep the loop of an abandoned call alive, and with it the connection."""
    ready: Future[bool] = loop.create_future()
    descriptor = watched.fileno()
    (loop.add_reader if for_reading else loop.add_writer)(descriptor, _settle, ready, True)  # noqa: FBT003, is_ready
    timer = None if seconds == math.inf else loop.call_later(seconds, _settle, ready, False)  # noqa: FBT003, is_ready
    try:
        if not await ready:
            raise WaitTimeoutError
    finally:
        if timer is not None:
            timer.cancel()
        if not loop.is_closed():
            (loop.remove_reader if for_reading else loop.remove_writer)(descriptor)


def _settle(ready: "Future[bool]", is_ready: bool) -> None:  # noqa: FBT001, the argument of a callback
    if not ready.done():
        ready.set_result(is_ready)


async def run(
    connection: Connection,
    flow: Flow[T],
    timeout: float | None,  # noqa: ASYNC109, httpcore's
    error_types: ErrorTypes,
) -> T:
    """Run a flow of a connection in this task, until the call's deadline or, without one, for a timeout."""
    deadline = connection.operation_deadline(timeout)
    steps = map_errors(flow, deadline, error_types)
    try:
        wait = next(steps)
        while True:
            try:
                result = await _suspend(wait, seconds_for(wait, deadline))
            except (WaitTimeoutError, OSError) as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what a flow returns is of its type
    finally:
        steps.close()


class AsyncStream(httpcore.AsyncNetworkStream):
    """A connection as a network stream of httpcore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109, httpcore's name
        """Read what is available, at least a byte; nothing if the server has ended the connection."""
        return await run(self._connection, self._connection.read(max_bytes), timeout, READ)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109, httpcore's name
        """Write all data; httpcore also writes the end of a request, which is usually empty."""
        if buffer:
            await run(self._connection, self._connection.write(buffer), timeout, WRITE)

    async def aclose(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109, httpcore's name
    ) -> httpcore.AsyncNetworkStream:
        """Do the TLS handshake, unless the call that opened the connection did."""
        if not self._connection.has_served:
            flow = self._connection.start_tls(ssl_context.context, server_hostname)
            await run(self._connection, flow, timeout, CONNECT)
        return self


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Opens one connection, unless an earlier call did."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109, httpcore's name
        *_: Any,
        **__: Any,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; the pool passes no other arguments."""
        if not self._connection.has_served:
            await run(self._connection, self._connection.open(host, port), timeout, CONNECT)
        return AsyncStream(self._connection)


class AsyncConnectionTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over one connection, for libraries that mock or trace `AsyncHTTPTransport`."""

    def __init__(self, connection: Any) -> None:
        # Instead of httpx's constructor, which would create a pool. pytest-httpx reads the attribute too.
        self._pool = connection


class AsyncPoolTransport(httpx.AsyncBaseTransport):
    """Sends each request over a connection of the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the end of the response releases the connection, and any failure closes it."""
        connection = self._pool.checkout(request)
        try:
            http_connection = self._pool.http_connection(_KINDS, request.url, connection, AsyncBackend(connection))
            response = await without_checkpoints(
                AsyncConnectionTransport(http_connection).handle_async_request(request)
            )
        except BaseException as error:  # noqa: BLE001, it is raised again, or another one instead
            raise self._pool.fail(connection, error) from None
        response.stream = _AsyncBody(response, self._pool, connection)
        return response

    async def aclose(self) -> None:
        """Close the pool."""
        self._pool.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, pool: Pool, connection: Connection) -> None:
        self._stream: Any = response.stream
        self._headers = response.headers
        self._pool = pool
        # Emptied by the first close of the response, because afterwards the connection belongs to another call.
        self._held = [connection]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except Exception as error:  # noqa: BLE001, it is raised again, or another one instead
            raise self._pool.fail(self._held[-1], error) if self._held else error from None

    async def aclose(self) -> None:
        try:
            await without_checkpoints(self._stream.aclose())
        finally:
            with suppress(IndexError):
                self._pool.release(self._held.pop(), self._headers)
