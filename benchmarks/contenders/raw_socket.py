# /// script
# requires-python = ">=3.11"
# dependencies = []
# [tool.bench]
# title = "raw socket (floor)"
# import = "import hmac, json, socket, time"
# ///
"""The floor: the bytes of a request on a connection that is kept, and no more of HTTP than this server needs."""

import asyncio
import json
import socket
from collections import deque
from typing import Any, cast
from urllib.parse import urlsplit

from account import API_KEY_HEADER, Account

RECEIVED_AT_ONCE = 1 << 18


class Client:
    """An account, and the connections to its server that nobody uses at the moment."""

    def __init__(self, account: Account) -> None:
        """Connect to nothing yet."""
        address = urlsplit(account.url)
        self.address = address.hostname or "", address.port or 80
        self.idle: deque[Any] = deque()
        self._account = account
        self._headers = f" HTTP/1.1\r\nHost: {address.netloc}\r\n{API_KEY_HEADER}: {account.api_key}\r\n\r\n"

    def request(self) -> bytes:
        """Give a request, signed now."""
        return f"GET {self._account.signed_target()}{self._headers}".encode()


def body_in(start_of_answer: bytes) -> tuple[int, int]:
    """Say where the body begins, and where it ends; this server sends its headers at once, the length as the last."""
    if not start_of_answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"refused: {start_of_answer!r}")
    end_of_head = start_of_answer.index(b"\r\n\r\n")
    length = int(start_of_answer[start_of_answer.rindex(b" ", 0, end_of_head) : end_of_head])
    return end_of_head + 4, end_of_head + 4 + length


connect = Client


def call(client: Client) -> Any:
    """Send, and receive until the answer is complete."""
    connection = client.idle.pop() if client.idle else connection_to(client.address)
    connection.sendall(client.request())
    answer = connection.recv(RECEIVED_AT_ONCE)
    begin, end = body_in(answer)
    while len(answer) < end:
        answer += connection.recv(RECEIVED_AT_ONCE)
    client.idle.append(connection)
    return json.loads(answer[begin:])


def connection_to(address: tuple[str, int]) -> socket.socket:
    """Open a connection that sends at once what it is given."""
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def close(client: Client) -> None:
    """Close the connections."""
    for connection in client.idle:
        connection.close()


class Connection(asyncio.Protocol):
    """A connection on which one request at a time waits for its answer."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self.transport: asyncio.Transport | None = None
        self._answer = b""
        self._body_in = 0, 0
        self._body: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """Send, and give the body to wait for."""
        self._body = asyncio.get_running_loop().create_future()
        if self.transport:
            self.transport.write(request)
        return self._body

    def data_received(self, data: bytes) -> None:
        """Hand out the body when the answer is complete."""
        if not self._answer:
            self._body_in = body_in(data)
        self._answer += data
        begin, end = self._body_in
        if len(self._answer) == end and self._body:
            self._body.set_result(self._answer[begin:])
            self._answer = b""


async def connect_async(account: Account) -> Client:
    """Give a client that has no connection yet."""
    return Client(account)


async def call_async(client: Client) -> Any:
    """Send on a connection that nobody uses, else on a new one."""
    if client.idle:
        connection = client.idle.pop()
    else:
        connection = (await asyncio.get_running_loop().create_connection(Connection, *client.address))[1]
    body = await connection.ask(client.request())
    client.idle.append(connection)
    return json.loads(body)


async def close_async(client: Client) -> None:
    """Close the connections."""
    for connection in client.idle:
        connection.transport.close()
