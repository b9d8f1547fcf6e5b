# /// script
# requires-python = ">=3.11"
# dependencies = []
# [tool.bench]
# title = "raw socket (floor)"
# import = "import hmac, json, socket, time"
# ///
"""The floor: sockets that are kept open, with only as much of HTTP as the benchmark server requires."""

import asyncio
import json
import socket
from collections import deque
from typing import Any, cast
from urllib.parse import urlsplit

from account import API_KEY_HEADER, Account, Client

MAX_CHUNK = 1 << 18


class Connections:
    """An account, and the idle connections to its server."""

    def __init__(self, account: Account) -> None:
        """Prepare the headers; connections are opened by calls."""
        address = urlsplit(account.url)
        self._address = address.hostname or "", address.port or 80
        self._idle: deque[Any] = deque()
        self._account = account
        self._headers = f" HTTP/1.1\r\nHost: {address.netloc}\r\n{API_KEY_HEADER}: {account.api_key}\r\n\r\n"

    def call(self) -> Any:
        """Send, and receive until the response is complete."""
        if self._idle:
            connection = self._idle.pop()
        else:
            connection = socket.create_connection(self._address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self._request())
        response = connection.recv(MAX_CHUNK)
        begin, end = body_in(response)
        while len(response) < end:
            response += connection.recv(MAX_CHUNK)
        self._idle.append(connection)
        return json.loads(response[begin:])

    async def call_async(self) -> Any:
        """Send on an idle connection, else on a new one."""
        if self._idle:
            connection = self._idle.pop()
        else:
            connection = (await asyncio.get_running_loop().create_connection(Connection, *self._address))[1]
        body = await connection.send(self._request())
        self._idle.append(connection)
        return json.loads(body)

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._idle:
            connection.close()

    async def close_async(self) -> None:
        """Close the idle connections."""
        self.close()

    def _request(self) -> bytes:
        return f"GET {self._account.signed_target()}{self._headers}".encode()


class Connection(asyncio.Protocol):
    """An async connection for one request at a time."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._transport: asyncio.Transport | None = None
        self._response = b""
        self._body_in = 0, 0
        self._body: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request, and return the future of its body."""
        self._body = asyncio.get_running_loop().create_future()
        if self._transport:
            self._transport.write(request)
        return self._body

    def data_received(self, data: bytes) -> None:
        """Resolve the future when the response is complete."""
        if not self._response:
            self._body_in = body_in(data)
        self._response += data
        begin, end = self._body_in
        if len(self._response) == end and self._body:
            self._body.set_result(self._response[begin:])
            self._response = b""

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.close()


def body_in(start_of_response: bytes) -> tuple[int, int]:
    """Return where the body begins and ends; the server sends all headers at once, the length as the last one."""
    if not start_of_response.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"rejected: {start_of_response!r}")
    end_of_head = start_of_response.index(b"\r\n\r\n")
    length = int(start_of_response[start_of_response.rindex(b" ", 0, end_of_head) : end_of_head])
    return end_of_head + 4, end_of_head + 4 + length


def connect(account: Account) -> Client:
    """Return a client; there are no writes."""
    connections = Connections(account)
    return Client(connections.call, None, connections.close)


async def connect_async(account: Account) -> Client:
    """Return an async client; there are no writes."""
    connections = Connections(account)
    return Client(connections.call_async, None, connections.close_async)
