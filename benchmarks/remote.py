# /// script
# requires-python = ">=3.11"
# dependencies = ["trustme==1.2.1", "uvloop==0.23.0"]
# ///
"""The server of the benchmarks over TLS, and a relay in front of it that makes it as slow to reach as a distant one.

    python remote.py CA-FILE ROUND-TRIP-SECONDS

It writes the certificate of its authority into CA-FILE, prints its URL, and runs until its standard input ends.
"""

import asyncio
import json
import os
import re
import ssl
import sys
from collections import deque
from contextlib import suppress
from functools import partial

import trustme
from account import PATH, WRITE_PATH
from balances import FEW, body
from server import answer, something_else, why_refused

# How long idle connections are kept, in seconds; nginx's default.
KEEPALIVE = 75
_MOST = 1 << 16
_CONTENT_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CONTENTS = {
    PATH.encode(): body(FEW),
    WRITE_PATH.encode(): b'{"leverage":10,"maxQty":"1000","symbol":"BTCUSD_PERP"}',
}


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Respond to the requests of one connection, until it is closed or idle for too long."""
    with suppress(ConnectionError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError):
        while True:
            async with asyncio.timeout(KEEPALIVE):
                head = await reader.readuntil(b"\r\n\r\n")
            length = _CONTENT_LENGTH.search(head)
            form = await reader.readexactly(int(length[1])) if length else b""
            path, _, query = head.split(b" ", 2)[1].partition(b"?")
            content = _CONTENTS.get(path)
            # The signature covers query and body, one after the other.
            refused = content and why_refused(head, query + form)
            writer.write(refused or (answer(b"200 OK", content) if content else something_else(path)))
    writer.close()


async def relay(port: int, round_trip: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Relay one connection to the server: what it sends arrives late, and nothing before a TCP handshake would end."""
    connected = asyncio.get_running_loop().time() + round_trip
    from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(
        forward(reader, to_server, round_trip / 2, connected), forward(from_server, writer, round_trip / 2, connected)
    )


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, not_before: float) -> None:
    """Forward one direction of a connection with a delay in seconds, its end included."""
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
            chunk = await reader.read(_MOST)
        pending.append(chunk)
        loop.call_at(max(loop.time(), not_before) + delay, deliver)


async def serve(ca_file: str, round_trip: float) -> None:
    """Listen, print the URL, and serve until the standard input ends."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(serve_connection, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    front = await asyncio.start_server(partial(relay, port, round_trip), "127.0.0.1", 0)
    print(json.dumps(f"https://127.0.0.1:{front.sockets[0].getsockname()[1]}"), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # The connections that are left end with the process; to cancel what serves them would fill the log.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2])))
