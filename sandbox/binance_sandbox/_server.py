"""The HTTP/1.1 server on loopback: sockets and connections, in its own thread."""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from http import HTTPStatus
from ipaddress import ip_address
from threading import Thread
from urllib.parse import unquote, urlsplit

import h11

from binance_sandbox._http import Headers, ReceivedRequest, Response, diagnostic

_HOST = "127.0.0.1"
_READ_SIZE = 1 << 16
# Far more than a request to the exchange has; h11 limits the headers to 16 KiB, and the read size adds to that.
_MAX_BODY_BYTES = 1 << 20
# SO_LINGER on, for zero seconds: close() then sends RST. On Windows the two integers have another size.
_LINGER_ZERO = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)

_LOGGER = logging.getLogger("binance_sandbox")
_LOGGER.addHandler(logging.NullHandler())

Respond = Callable[[ReceivedRequest, "HTTPConnection"], Awaitable[None]]
"""Responds to one request over its connection."""
_Started = Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]]
"""The event loop, the event that stops the server, and the port."""


class HTTPConnection:
    """One client's connection; see `_faults.Connection` for the public part."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap the streams of an accepted connection."""
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        self._is_head = False

    async def serve(self, respond: Respond) -> None:
        """Serve requests until either side ends the connection."""
        # A ConnectionError means that the client is gone.
        with closing(self._writer), suppress(ConnectionError):
            try:
                while request := await self._receive():
                    if rejection := _reject(request):
                        await self.send(rejection)
                    else:
                        await self._respond(respond, request)
                    if self._http.our_state is not h11.DONE:
                        break
                    self._http.start_next_cycle()
            except h11.RemoteProtocolError as error:
                await self.send(diagnostic(HTTPStatus(error.error_status_hint), f"invalid HTTP request: {error}"))

    def abort(self) -> None:
        """Close the socket at once and drop what was not sent yet."""
        self._writer.transport.abort()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def close(self, *, reset: bool = False) -> None:
        if reset:
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self.abort()
        else:
            self._writer.close()

    async def wait_closed(self, seconds: float | None = None) -> bool:
        try:
            await asyncio.wait_for(self._read_to_end(), seconds)
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    async def send(self, response: Response, chunks: Iterator[bytes] | None = None) -> None:
        headers = list(response.headers.items())
        if chunks is None and "content-length" not in response.headers:
            headers.append(("content-length", str(len(response.body))))
        head = h11.Response(
            status_code=response.status,
            headers=[(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            reason=response.reason.encode(),
        )
        self._send_event(head)
        for chunk in (response.body,) if chunks is None else chunks:
            if self._writer.is_closing():
                return
            self._send_event(h11.Data(data=b"" if self._is_head else chunk))
            await self._writer.drain()
        self._send_event(h11.EndOfMessage())

    async def _receive(self) -> ReceivedRequest | None:
        """Return the next request, or None if the client sends no more."""
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        self._is_head = event.method == b"HEAD"
        body = b""
        while isinstance(part := await self._next_event(), h11.Data):
            # The rest of a body that is too long is read, so that the client gets the response, and dropped.
            if len(body) <= _MAX_BODY_BYTES:
                body += part.data
        path, _, query = event.target.partition(b"?")
        return ReceivedRequest(
            method=event.method.decode("ascii"),
            path=unquote(path.decode("ascii")),
            query=query,
            headers=Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers),
            body=body,
            client_ip=self._writer.get_extra_info("peername")[0],
        )

    async def _respond(self, respond: Respond, request: ReceivedRequest) -> None:
        """Respond to a request; report an exception of a custom fault or response to the client and to the log."""
        try:
            await respond(request, self)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except BaseException as error:
            # pytest.fail() and sys.exit() too are meant for the test; here they would end the server.
            _LOGGER.exception("error while responding to %s %s", request.method, request.path)
            if self._http.our_state is h11.SEND_RESPONSE and not self._writer.is_closing():
                await self.send(diagnostic(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}"))

    async def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._send_event(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
            self._http.receive_data(await self._reader.read(_READ_SIZE))
        return event

    async def _read_to_end(self) -> None:
        """Read until the client closes the connection, or sends too much; keep requests that it sends meanwhile."""
        while len(self._http.trailing_data[0]) <= _MAX_BODY_BYTES and (data := await self._reader.read(_READ_SIZE)):
            self._http.receive_data(data)

    def _send_event(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")


def _reject(request: ReceivedRequest) -> Response | None:
    """Return the response to a request that does not get as far as the exchange, None for any other request.

    A page in a browser could send requests to each port of this machine: across origins, and, if it has the name of its
    own server resolved to this machine (DNS rebinding), within its origin. Browsers say so in headers.
    """
    host = request.headers.get("host", "")
    # The Host of a CONNECT is that of the server behind a proxy, and no page can send one.
    if request.method != "CONNECT" and not _is_loopback(host):
        text = f"expected a Host of this machine, such as 127.0.0.1, got {host!r}; use the sandbox's URL"
        return diagnostic(HTTPStatus.MISDIRECTED_REQUEST, text)
    is_foreign = request.headers.get("origin", f"http://{host}") != f"http://{host}"
    if is_foreign or request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return diagnostic(HTTPStatus.FORBIDDEN, "a page of another origin cannot use the sandbox")
    if len(request.body) > _MAX_BODY_BYTES:
        text = f"expected a body of at most {_MAX_BODY_BYTES} bytes"
        return diagnostic(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
    return None


def _is_loopback(host: str) -> bool:
    """Return whether a Host header names this machine. Source: RFC 6761, section 6.3, for names."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False


class Server:
    """A server that runs from its construction until `close()`."""

    def __init__(self, respond: Respond, port: int) -> None:
        """Listen on a port of 127.0.0.1, 0 for any free one; raise OSError if it is taken."""
        self._respond = respond
        self._connections = set[HTTPConnection]()
        started = _Started()
        self._thread = Thread(target=self._run, args=(port, started), name="binance_sandbox", daemon=True)
        self._thread.start()
        self._loop, self._stop, bound_port = started.result()
        self.url = f"http://{_HOST}:{bound_port}"

    def close(self) -> None:
        """Stop listening and abort all connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self, port: int, started: _Started) -> None:
        try:
            asyncio.run(self._serve(port, started))
        except Exception as error:  # noqa: BLE001, __init__ waits for it and raises it
            started.set_exception(error)

    async def _serve(self, port: int, started: _Started) -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, _HOST, port)
        started.set_result((asyncio.get_running_loop(), stop, server.sockets[0].getsockname()[1]))
        await stop.wait()
        # wait_closed() has to begin before close(): on Python 3.11 it returns at once otherwise. It waits also for
        # sockets that are accepted but not yet in `_connections`, therefore the loop.
        closed = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(0)
        server.close()
        while not closed.done():
            for connection in self._connections:
                connection.abort()
            await asyncio.sleep(0)
        # asyncio.run() cancels the tasks of connections that have not noticed their end yet.

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = HTTPConnection(reader, writer)
        self._connections.add(connection)
        try:
            await connection.serve(self._respond)
        finally:
            self._connections.discard(connection)
