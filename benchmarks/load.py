"""What the benchmarks' exchange can do at most, told by a caller that does next to nothing itself."""

import json
import socket
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from account import API_KEY_HEADER, Account

CONNECTIONS = 64
WARM_UP_ROUNDS = 20


class Capacity(NamedTuple):
    """What a server did under as much load as it takes, and which share of the time it was busy with it."""

    calls_per_s: float
    busy: float


def capacity(url: str, seconds: float = 2) -> Capacity:
    """Send one signed request again and again on many connections; the answers are only counted."""
    account = Account(url)
    address = urlsplit(url)
    request = (
        f"GET {account.signed_target()} HTTP/1.1\r\n"
        f"Host: {address.netloc}\r\n{API_KEY_HEADER}: {account.api_key}\r\n\r\n"
    ).encode()
    sockets = [socket.create_connection((address.hostname or "", address.port or 80)) for _ in range(CONNECTIONS)]
    sockets[0].sendall(request)
    expected = sockets[0].recv(65_536)
    if not expected.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"the server does not answer as it should: {expected!r}")

    def ask_on_all() -> None:
        for connection in sockets:
            connection.sendall(request)
        for connection in sockets:
            missing = len(expected)
            while missing:
                missing -= len(connection.recv(missing))

    for _ in range(WARM_UP_ROUNDS):
        ask_on_all()
    calls = 0
    cpu_before, before = cpu_seconds(url), time.perf_counter()
    while time.perf_counter() < before + seconds:
        ask_on_all()
        calls += CONNECTIONS
    elapsed, cpu = time.perf_counter() - before, cpu_seconds(url) - cpu_before
    for connection in sockets:
        connection.close()
    return Capacity(calls / elapsed, cpu / elapsed)


def cpu_seconds(url: str) -> float:
    """Ask the server for the processor time that it has used so far."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80)) as connection:
        connection.sendall(b"GET /cpu HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return float(json.loads(connection.recv(65_536).partition(b"\r\n\r\n")[2])["seconds"])
