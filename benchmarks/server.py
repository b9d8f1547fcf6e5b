# /// script
# requires-python = ">=3.11"
# dependencies = ["uvloop==0.23.0"]
# ///
"""The exchange of the benchmarks: as little per request as will do, but each signature is checked.

It prints its ports as one line of JSON and runs until its standard input ends. Each port answers with the rows that it
is for, one of them after a delay.
"""

import asyncio
import hmac
import json
import resource
import sys
import time
from functools import partial
from typing import NamedTuple, cast

import uvloop
from account import API_KEY_HEADER, API_KEY_PREFIX, PATH, SECRET
from balances import body

DELAY = 0.05
# A signature made once and sent for ever is not what is to be measured.
MAX_AGE_MS = 60_000

_SECRET = SECRET.encode()
_PATH = PATH.encode()
_API_KEY_HEADER = f"\r\n{API_KEY_HEADER.lower()}:".encode()
_TIMESTAMP = b"timestamp="


class Port(NamedTuple):
    """What one port answers with, and how late."""

    rows: int
    delay: float = 0


PORTS = {"1": Port(1), "20": Port(20), "1000": Port(1_000), "delayed": Port(1, DELAY)}


def answer(status: bytes, content: bytes) -> bytes:
    """Give an HTTP answer."""
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nX-MBX-USED-WEIGHT-1M: 1\r\nContent-Length: %d\r\n\r\n%b"
    ) % (status, len(content), content)


def refusal(code: int, message: str) -> bytes:
    """Give the exchange's kind of error."""
    return answer(b"400 Bad Request", json.dumps({"code": code, "msg": message}).encode())


BAD_KEY = refusal(-2014, "API-key format invalid.")
BAD_SIGNATURE = refusal(-1022, "Signature for this request is not valid.")
BAD_TIMESTAMP = refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def why_refused(head: bytes, query: bytes) -> bytes | None:
    """Say what is wrong with a request for balances, if anything is."""
    signed, _, signature = query.rpartition(b"&signature=")
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


def something_else(path: bytes) -> bytes:
    """Answer what some contenders ask for beside the balances, and what the benchmarks ask for."""
    if path.endswith(b"/time"):
        return answer(b"200 OK", b'{"serverTime":%d}' % (time.time_ns() // 1_000_000))
    if path == b"/cpu":
        return answer(b"200 OK", b'{"seconds":%f}' % time.process_time())
    return answer(b"200 OK", b"{}")


class Connection(asyncio.Protocol):
    """One connection, with its requests one after the other or several at once."""

    def __init__(self, balances: bytes, delay: float) -> None:
        """Take the answer to requests for balances."""
        self._balances = balances
        self._delay = delay
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete; none of them has a body."""
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        answers = b"".join(map(self._answer, heads))
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, answers)
        else:
            self._write(answers)

    def _answer(self, head: bytes) -> bytes:
        path, _, query = head[4 : head.index(b" ", 4)].partition(b"?")
        if path != _PATH:
            return something_else(path)
        return why_refused(head, query) or self._balances

    def _write(self, answers: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(answers)


async def serve() -> None:
    """Listen on all ports, tell them, and serve until the standard input ends."""
    loop = asyncio.get_running_loop()
    ports: dict[str, int] = {}
    for name, (rows, delay) in PORTS.items():
        balances = answer(b"200 OK", body(rows))
        listener = await loop.create_server(partial(Connection, balances, delay), "127.0.0.1", backlog=4_096)
        ports[name] = listener.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    # 1,000 clients keep 1,000 connections open.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(serve())
