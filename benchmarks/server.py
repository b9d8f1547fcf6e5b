# /// script
# requires-python = ">=3.11"
# dependencies = ["trustme==1.2.1", "uvloop==0.23.0"]
# ///
"""The benchmark server: it does little work per request, but verifies each signature.

    python server.py CA-FILE

It prints its URLs as one line of JSON and runs until its standard input ends. Two of them return 1 and 1,000 rows. The
third, `distant`, uses TLS through a relay that delays both directions; its CA certificate is written to CA-FILE.
"""

import asyncio
import hmac
import json
import os
import re
import ssl
import sys
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import cast

import trustme
import uvloop
from account import (
    API_KEY_HEADER,
    API_KEY_PREFIX,
    DISTANT_ROWS,
    PATH,
    ROUND_TRIP_SECONDS,
    SECRET,
    WRITE_PATH,
    payload,
)

# An implementation must sign each call; one that repeats an old signature is rejected.
MAX_AGE_MS = 60_000
MAX_CHUNK = 1 << 16

_SECRET = SECRET.encode()
_API_KEY_HEADER = f"\r\n{API_KEY_HEADER.lower()}:".encode()
_CONTENT_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_TIMESTAMP = b"timestamp="


def response(status: bytes, content: bytes) -> bytes:
    """Return an HTTP response."""
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nX-MBX-USED-WEIGHT-1M: 1\r\nContent-Length: %d\r\n\r\n%b"
    ) % (status, len(content), content)


def error_response(code: int, message: str) -> bytes:
    """Return an error in the exchange's format."""
    return response(b"400 Bad Request", json.dumps({"code": code, "msg": message}).encode())


BAD_KEY = error_response(-2014, "API-key format invalid.")
BAD_SIGNATURE = error_response(-1022, "Signature for this request is not valid.")
BAD_TIMESTAMP = error_response(-1021, "Timestamp for this request is outside of the recvWindow.")
LEVERAGE = response(b"200 OK", b'{"leverage":10,"maxQty":"1000","symbol":"BTCUSD_PERP"}')


def rejection(head: bytes, parameters: bytes) -> bytes | None:
    """Return the error response for a request that is not signed correctly, or None."""
    signed, _, signature = parameters.rpartition(b"&signature=")
    if hmac.digest(_SECRET, signed, "sha256").hex().encode() != signature:
        return BAD_SIGNATURE
    start = head.lower().find(_API_KEY_HEADER) + len(_API_KEY_HEADER)
    if not head[start : start + 80].lstrip().startswith(API_KEY_PREFIX):
        return BAD_KEY
    start = signed.find(_TIMESTAMP) + len(_TIMESTAMP)
    timestamp = signed[start : start + 13]
    if not timestamp.isdigit() or abs(time.time_ns() // 1_000_000 - int(timestamp)) > MAX_AGE_MS:
        return BAD_TIMESTAMP
    return None


class Connection(asyncio.Protocol):
    """One connection; requests may be pipelined."""

    def __init__(self, rows: int) -> None:
        """Prepare the responses."""
        self._responses = {PATH.encode(): response(b"200 OK", payload(rows)), WRITE_PATH.encode(): LEVERAGE}
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Respond to each request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n") + 4) > 3:  # noqa: PLR2004, find returns -1 if there is none
            head = self._buffer[:end]
            length = _CONTENT_LENGTH.search(head)
            body_end = end + (int(length[1]) if length else 0)
            if len(self._buffer) < body_end:
                return
            body, self._buffer = self._buffer[end:body_end], self._buffer[body_end:]
            if self._transport:
                self._transport.write(self._respond(head, body))

    def _respond(self, head: bytes, body: bytes) -> bytes:
        path, _, query = head.split(b" ", 2)[1].partition(b"?")
        if path in self._responses:
            return rejection(head, query + body) or self._responses[path]
        # Some implementations send other requests before their first call.
        if path.endswith(b"/time"):
            return response(b"200 OK", b'{"serverTime":%d}' % (time.time_ns() // 1_000_000))
        return response(b"200 OK", b"{}")


async def relay(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Relay one connection with a delay; nothing arrives before a TCP handshake would have ended."""
    connected = asyncio.get_running_loop().time() + ROUND_TRIP_SECONDS
    from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(forward(reader, to_server, connected), forward(from_server, writer, connected))


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float) -> None:
    """Forward one direction of a connection, including its end, with half a round trip of delay."""
    loop = asyncio.get_running_loop()
    pending: deque[bytes] = deque()

    def deliver() -> None:
        # The oldest chunk, because timers that are due at the same time fire in any order.
        if chunk := pending.popleft():
            writer.write(chunk)
        else:
            writer.close()

    chunk = None
    while chunk != b"":
        chunk = b""
        with suppress(ConnectionError):
            chunk = await reader.read(MAX_CHUNK)
        pending.append(chunk)
        loop.call_at(max(loop.time(), not_before) + ROUND_TRIP_SECONDS / 2, deliver)


async def serve(ca_file: str) -> None:
    """Listen, print the URLs, and serve until the standard input ends."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    loop = asyncio.get_running_loop()
    plain = [await loop.create_server(partial(Connection, rows), "127.0.0.1", backlog=4_096) for rows in (1, 1_000)]
    behind = await loop.create_server(partial(Connection, DISTANT_ROWS), "127.0.0.1", ssl=tls)
    front = await asyncio.start_server(partial(relay, port_of(behind)), "127.0.0.1")
    urls = {rows: f"http://127.0.0.1:{port_of(server)}" for rows, server in zip(("1", "1000"), plain, strict=True)}
    print(json.dumps(urls | {"distant": f"https://127.0.0.1:{port_of(front)}"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    # Cancelling the relay of connections that are still open would print tracebacks.
    os._exit(0)


def port_of(server: asyncio.Server) -> int:
    """Return the port that a server listens on."""
    return int(server.sockets[0].getsockname()[1])


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
