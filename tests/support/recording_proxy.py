"""A relay on loopback in front of a sandbox, which records its connections: how many, what they send, their end."""

import asyncio
import ssl
from contextlib import suppress
from threading import Condition, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

# How a connection can end, on either side, or when the relay stops.
_ENDS = (ConnectionError, ssl.SSLError, TimeoutError, asyncio.CancelledError, asyncio.IncompleteReadError)
_CHUNK_SIZE = 1 << 16


class RecordingProxy:
    """Forwards what connections send to a sandbox, and its responses; with a context it speaks TLS to its callers.

    Connections over TLS count from the end of their handshake on. A tunnel is a proxy ("http" by CONNECT, or "socks5")
    that leads here whatever server is requested; `received` begins with the request for the tunnel.
    """

    def __init__(self, url: str, context: ssl.SSLContext | None = None, *, tunnel: str = "") -> None:
        """Prepare a relay to the server with this URL; it runs within `with`."""
        self._target = urlsplit(url).port
        self._context = context
        self._tunnel = tunnel
        self._changed = Condition()
        self._open = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event, int] | None = None
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), daemon=True, name="relay")
        self.received: list[bytes] = []
        self.sent = 0

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        with self._changed:
            assert self._changed.wait_for(lambda: self._running is not None, 10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and close the connections that are still open."""
        if self._running:
            loop, stop, _ = self._running
            loop.call_soon_threadsafe(stop.set)
            self._thread.join()

    @property
    def port(self) -> int:
        """The port that the relay listens on."""
        assert self._running
        return self._running[2]

    @property
    def url(self) -> str:
        """The URL of the relay."""
        scheme = self._tunnel if self._tunnel.startswith("socks") else "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> int:
        """The number of connections so far."""
        return len(self.received)

    @property
    def open(self) -> int:
        """The number of connections that callers have open."""
        return self._open

    def settles_at(self, connections: int) -> bool:
        """Return True if exactly this many connections are open, now or within three seconds.

        Idle connections are kept for longer than that.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._open == connections, 3)

    async def _serve(self) -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._context)
        with self._changed:
            self._running = asyncio.get_running_loop(), stop, server.sockets[0].getsockname()[1]
            self._changed.notify_all()
        await stop.wait()
        closed = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(0)
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        await closed

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with self._changed:
            index = len(self.received)
            self.received.append(b"")
            self._open += 1
        try:
            if self._tunnel:
                self.received[index] += await self._read_tunnel_request(reader, writer)
            from_target, to_target = await asyncio.open_connection("127.0.0.1", self._target)
            responses = asyncio.create_task(self._forward(from_target, writer))
            try:
                while chunk := await reader.read(_CHUNK_SIZE):
                    self.received[index] += chunk
                    to_target.write(chunk)
            finally:
                responses.cancel()
                to_target.close()
        except _ENDS:
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    async def _read_tunnel_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        if self._tunnel == "http":
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return request
        # Source: RFC 1928, sections 3, 4 and 6.
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\5\0")
        request = await reader.readexactly(5)
        request += await reader.readexactly(5 if request[3] == 1 else request[4] + 2)
        writer.write(b"\5\0\0\1" + bytes(6))
        return request

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*_ENDS):
            while chunk := await reader.read(_CHUNK_SIZE):
                writer.write(chunk)
                # Backpressure: what a caller does not read is not read from the exchange.
                await writer.drain()
                self.sent += len(chunk)
            if writer.can_write_eof():
                writer.write_eof()
            else:
                writer.close()
