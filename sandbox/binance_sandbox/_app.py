"""Between uvicorn and the exchange: requests in, answers out, proper ones and others."""

import asyncio
import logging
import os
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import attrs
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from binance_sandbox._clock import Clock
from binance_sandbox._exchange import Exchange
from binance_sandbox._messages import Answer, Headers, ReceivedRequest
from binance_sandbox._plan import Plan

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_LOGGER = logging.getLogger("binance_sandbox")
_LOGGER.addHandler(logging.NullHandler())

# Windows has the two numbers in another size.
_LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection, which the application finds in the scope's state."""

    def __init__(self, config: uvicorn.Config, server_state: ServerState, connections: "set[Connection]") -> None:
        """Be in `connections` for as long as the connection lasts."""
        super().__init__(config=config, server_state=server_state, app_state={"connection": self})
        # uvicorn's own loggers belong to the process, which may run another server.
        self.logger, self.access_log = _LOGGER, False
        self.lost = asyncio.Event()
        self._connections = connections

    # uvicorn takes the narrower type that asyncio hands to servers.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register; called by asyncio."""
        super().connection_made(transport)
        # Else the body, which uvicorn writes after the headers, waits for the client's delayed acknowledgement; asyncio
        # itself does so only for sockets that were made with the protocol's number.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait for it; called by asyncio."""
        super().connection_lost(exc)
        self._connections.discard(self)
        self.lost.set()


@attrs.frozen
class _UvicornWire:
    """A request's connection; see `_faults.Wire`."""

    connection: Connection
    send_message: _Send

    def write(self, data: bytes) -> None:
        self.connection.transport.write(data)

    def close(self, *, reset: bool = False) -> None:
        transport = self.connection.transport
        if reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            transport.abort()
        else:
            transport.close()

    async def is_lost(self, seconds: float | None = None) -> bool:
        try:
            await asyncio.wait_for(self.connection.lost.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def send(self, answer: Answer, chunks: Iterator[bytes] | None = None) -> None:
        headers = list(answer.headers.items())
        if chunks is None and "content-length" not in answer.headers:
            headers.append(("content-length", str(len(answer.body))))
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self.send_message({"type": "http.response.start", "status": answer.status, "headers": raw})
        for chunk in (answer.body,) if chunks is None else chunks:
            if self.connection.transport.is_closing():
                return
            await self.send_message({"type": "http.response.body", "body": chunk, "more_body": True})
        await self.send_message({"type": "http.response.body", "body": b"", "more_body": False})


@attrs.frozen
class Application:
    """The ASGI application."""

    exchange: Exchange
    clock: Clock
    plan: Plan
    requests: deque[ReceivedRequest]

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        wire = _UvicornWire(scope["state"]["connection"], send)
        body = b""
        more_body = True
        while more_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more_body = message["more_body"]
        request = ReceivedRequest(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            body=body,
            caller=scope["client"][0],
        )
        told = self.plan.take(request.path)
        answer = self.exchange.answer(request, self.clock.now_ms(), told.answer if told else None)
        self.requests.append(attrs.evolve(request, status=answer.status))
        if told and told.fault:
            await told.fault.transmit(answer, wire)
            if wire.connection.transport.is_closing():
                # Without this uvicorn would add an answer of its own.
                await wire.is_lost()
        else:
            await wire.send(answer)
