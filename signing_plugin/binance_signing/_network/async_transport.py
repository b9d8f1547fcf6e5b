"""The connection pool for async calls, on asyncio or trio: the twin of `sync_transport`.

Imported when it is first needed, because asyncio takes its time, and sync code has no use for it.
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

from binance_signing._event_loops import asyncio_loop, without_checkpoints

from .connection import Connection
from .flows import CONNECT, READ, WRITE, Failures, Flow, OutOfTimeError, Resolve, Wait, guarded, seconds_for
from .pool import ConnectionKinds, Pool
from .sync_transport import resolve

T = TypeVar("T")

_KINDS = ConnectionKinds(httpcore.AsyncHTTPConnection, httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy)


async def _suspend(wait: Wait, seconds: float) -> Any:
    if isinstance(wait, Resolve):
        look_up = partial(resolve, wait.host, wait.port, seconds)
        # With a limiter of its own, or it would wait for the threads of others.
        limiter = anyio.CapacityLimiter(1)
        try:
            return await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=limiter)
        except RuntimeError as error:
            # No thread can be started.
            raise OSError(errno.EAGAIN, str(error)) from None
    loop = asyncio_loop()
    if loop is not None:
        with suppress(NotImplementedError):
            return await _wait_on(loop, wait.socket, seconds, is_to_read=wait.is_to_read)
    # Of trio, and of the event loops of Windows, which cannot watch sockets themselves.
    with anyio.move_on_after(None if seconds == math.inf else seconds):
        await (anyio.wait_readable if wait.is_to_read else anyio.wait_writable)(wait.socket)
        return None
    raise OutOfTimeError


async def _wait_on(loop: AbstractEventLoop, waiting: socket, seconds: float, *, is_to_read: bool) -> None:
    """Wait as anyio does, which would hold the loop of a call that never ends, and with it the connection."""
    ready: Future[bool] = loop.create_future()
    descriptor = waiting.fileno()
    (loop.add_reader if is_to_read else loop.add_writer)(descriptor, _settle, ready, True)  # noqa: FBT003, see there
    timer = None if seconds == math.inf else loop.call_later(seconds, _settle, ready, False)  # noqa: FBT003, see there
    try:
        if not await ready:
            raise OutOfTimeError
    finally:
        if timer is not None:
            timer.cancel()
        if not loop.is_closed():
            (loop.remove_reader if is_to_read else loop.remove_writer)(descriptor)


def _settle(ready: "Future[bool]", is_ready: bool) -> None:  # noqa: FBT001, it is given as argument of a callback
    if not ready.done():
        ready.set_result(is_ready)


async def run(
    connection: Connection,
    flow: Flow[T],
    timeout: float | None,  # noqa: ASYNC109, httpcore's
    failures: Failures,
) -> T:
    """Run a flow of a connection in this task, until its call's deadline or, if it has none, for a timeout."""
    until = connection.until(timeout)
    steps = guarded(flow, until, failures)
    try:
        waits_for = next(steps)
        while True:
            try:
                found = await _suspend(waits_for, seconds_for(waits_for, until))
            except (OutOfTimeError, OSError) as failure:
                waits_for = steps.throw(failure)
            else:
                waits_for = steps.send(found)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what a flow returns is of its type
    finally:
        steps.close()


class AsyncStream(httpcore.AsyncNetworkStream):
    """A connection, as httpcore reads and writes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109, httpcore's name
        """Read what is there."""
        return await run(self._connection, self._connection.read(max_bytes), timeout, READ)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109, httpcore's name
        """Write all; httpcore writes the end of a request too, which mostly is nothing."""
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
        """Shake hands, unless that was done by the call that opened the connection."""
        if not self._connection.calls:
            flow = self._connection.start_tls(ssl_context.context, server_hostname)
            await run(self._connection, flow, timeout, CONNECT)
        return self


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Opens one connection, unless that was done by an earlier call."""

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
        """Connect; the pool gives no other arguments."""
        if not self._connection.calls:
            await run(self._connection, self._connection.open(host, port), timeout, CONNECT)
        return AsyncStream(self._connection)


class AsyncConnectionTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over one connection, for libraries that mock or trace `AsyncHTTPTransport`."""

    def __init__(self, connection: Any) -> None:
        # Instead of httpx's constructor, which would make a pool here. pytest-httpx reads the attribute too.
        self._pool = connection


class AsyncPoolTransport(httpx.AsyncBaseTransport):
    """Sends each request over a connection of the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's end gives the connection back, and whatever else happens closes it."""
        connection = self._pool.checkout(request)
        try:
            sender = self._pool.http_connection(_KINDS, request.url, connection, AsyncBackend(connection))
            response = await without_checkpoints(AsyncConnectionTransport(sender).handle_async_request(request))
        except BaseException as error:  # noqa: BLE001, it is raised again, or another one in its place
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
        # Taken out by who ends the response first: afterwards the connection is another call's.
        self._held = [connection]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except Exception as error:  # noqa: BLE001, it is raised again, or another one in its place
            raise self._pool.fail(self._held[-1], error) if self._held else error from None

    async def aclose(self) -> None:
        try:
            await without_checkpoints(self._stream.aclose())
        finally:
            with suppress(IndexError):
                self._pool.give_back(self._held.pop(), self._headers)
