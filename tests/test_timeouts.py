"""The timeout of a call bounds all of it, whatever drips, stays silent or fails again and again.

That bound is a contract in real time (a call with `timeout=1` ends within 1.5 s), so that here, and nowhere else, the
machine's time is measured. The half second that the contract leaves is the same for the shorter timeouts used here.
"""

import socket
import ssl
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from authority import Authority
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from binance_signing import Recovery, connect
from calls import Balance, balance_async, balance_sync
from cryptography import x509
from test_faults import Case, addresses_of_localhost, end_of, faults_of

TIMEOUT = 0.4
# For what may be late at any moment.
SHORT_TIMEOUT = 0.2
# Each of two addresses has half of it.
TIMEOUT_OF_TWO_ADDRESSES = 1
BEYOND = 0.5

several_loopback_addresses = pytest.mark.skipif(
    sys.platform != "linux", reason="needs many addresses on loopback, and a full queue that refuses nobody"
)


def end_in_time(call: Callable[[], list[FuturesAccountBalance]], timeout: float) -> str:
    """Give what a call ends in, which has to be in time."""
    begun = time.monotonic()
    ended_in, _ = end_of(call)
    assert time.monotonic() - begun < timeout + BEYOND
    return ended_in


@contextmanager
def silent(address: str, port: int = 0) -> Generator[int]:
    """Listen at an address without ever accepting, and give the port; whoever connects gets no answer at all."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((address, port), backlog=0))
        place = listener.getsockname()
        # The queue of those who wait to be accepted has at least one place, however short it is made.
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(place)
        yield place[1]


@faults_of("test_fault_in_time")
def test_fault_in_time(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """No fault makes a call last longer than its timeout, and a wait that does not fit is not begun."""
    case.tell(sandbox)
    settings: dict[str, Any] = {"timeout": TIMEOUT, "recovery": Recovery(backoff=0)} | dict(case.settings)
    client = connect(sandbox.credentials, server=sandbox.url, **settings)

    ended_in = end_in_time(lambda: balance(client).parsed, settings["timeout"])

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.requests))


@several_loopback_addresses
@faults_of("test_nobody_accepts")
def test_nobody_accepts(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A server that does not accept connections is given up in time, and nothing was carried out."""
    with silent("127.0.0.1") as port:
        client = connect(sandbox.credentials, server=f"http://127.0.0.1:{port}", timeout=TIMEOUT)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.requests)


@faults_of("test_name_that_is_not_resolved")
def test_name_that_is_not_resolved(
    sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """A system that does not resolve a name, and cannot be interrupted while it tries, is given up in time."""
    is_over = Event()

    def resolve() -> list[str]:
        assert is_over.wait(60)
        return ["127.0.0.1"]

    addresses_of_localhost(monkeypatch, resolve)
    url = httpx.URL(sandbox.url).copy_with(host="localhost")
    client = connect(sandbox.credentials, server=str(url), timeout=TIMEOUT)
    try:
        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)
    finally:
        is_over.set()

    assert case.sent == len(sandbox.requests)


# Speaks to whoever has connected, until the connection ends.
Serve = Callable[[socket.socket], None]


@contextmanager
def served(serve: Serve, context: ssl.SSLContext | None = None) -> Generator[int]:
    """Serve one connection, with a context by TLS, and give the port."""

    def accept() -> None:
        connection, _ = listener.accept()
        # Longer than any call; whoever goes on sending or waiting then ends in an error of the test.
        connection.settimeout(10)
        with connection if context is None else context.wrap_socket(connection, server_side=True) as accepted:
            serve(accepted)

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        listener.settimeout(10)
        serving = threads.submit(accept)
        yield listener.getsockname()[1]
        serving.result()


def stalls(connection: socket.socket) -> None:
    """Read whatever comes, and say nothing."""
    with suppress(ConnectionError, ssl.SSLError):
        while connection.recv(1 << 16):
            pass


def drips(head: bytes) -> Serve:
    """Return what reads something, says the beginning of an answer, and goes on byte by byte."""

    def serve(connection: socket.socket) -> None:
        is_over = Event()
        with suppress(ConnectionError, ssl.SSLError):
            connection.recv(1 << 16)
            connection.sendall(head)
            while not is_over.wait(0.02):
                connection.sendall(b"\0")

    return serve


def after_connect(serve: Serve) -> Serve:
    """Return a proxy of http, that grants its one request and then lets another speak."""

    def granting(connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        serve(connection)

    return granting


def after_socks(serve: Serve) -> Serve:
    """Return a SOCKS proxy that grants its one request, and then lets another speak. Source: RFC 1928."""

    def granting(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"\5\0")
        connection.recv(1 << 16)
        connection.sendall(b"\5\0\0\1" + bytes(6))
        serve(connection)

    return granting


# The beginning of a record that is much longer than what comes of it. Source: RFC 8446, section 5.1.
HANDSHAKE = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"
# What the server does, or the proxy whose scheme it is.
WAYS: dict[str, tuple[str, Serve]] = {
    "handshake stalls": ("", stalls),
    "handshake drips": ("", drips(HANDSHAKE)),
    "proxy says nothing": ("http", stalls),
    "proxy drips its answer": ("http", drips(b"HTTP/1.1 200 OK\r\nx: ")),
    "handshake stalls behind a proxy": ("http", after_connect(stalls)),
    "handshake drips behind a proxy": ("http", after_connect(drips(HANDSHAKE))),
    "handshake of an https proxy stalls": ("https", stalls),
    "handshake stalls behind an https proxy": ("https", after_connect(stalls)),
    "handshake drips behind an https proxy": ("https", after_connect(drips(HANDSHAKE))),
    "SOCKS proxy says nothing": ("socks5", stalls),
    "handshake stalls behind a SOCKS proxy": ("socks5", after_socks(stalls)),
    "handshake drips behind a SOCKS proxy": ("socks5", after_socks(drips(HANDSHAKE))),
}


@faults_of("test_way_to_the_server")
def test_way_to_the_server(sandbox: Sandbox, balance: Balance, tmp_path: Path, case: Case) -> None:
    """A server or a proxy that accepts a connection and does not go on with it is given up in time; nothing is sent."""
    scheme, serve = WAYS[case.name]
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    (tmp_path / "server.pem").write_bytes(authority.server(x509.DNSName("localhost")))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    trusting = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    is_encrypted = scheme == "https" and case.name != "handshake of an https proxy stalls"

    with served(serve, context if is_encrypted else None) as port:
        client = connect(
            sandbox.credentials,
            server="https://dapi.example" if scheme else f"https://localhost:{port}",
            timeout=SHORT_TIMEOUT,
            proxy=httpx.Proxy(f"{scheme}://localhost:{port}", ssl_context=trusting) if scheme else None,
        )

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, SHORT_TIMEOUT)

    assert case.sent == len(sandbox.requests)


class Wrapper(httpx.BaseTransport):
    """A transport of one's own, which knows nothing of deadlines."""

    def __init__(self) -> None:
        """Take httpx's."""
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Hand the request on."""
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close its connections."""
        self._inner.close()


class AsyncWrapper(httpx.AsyncBaseTransport):
    """The same for async calls."""

    def __init__(self) -> None:
        """Take httpx's."""
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand the request on."""
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._inner.aclose()


@faults_of("test_transport_of_ones_own")
@pytest.mark.parametrize(
    ("balance", "transport"),
    [(balance_sync, Wrapper), (balance_async, AsyncWrapper)],
    ids=["sync", "async"],
)
def test_transport_of_ones_own(
    sandbox: Sandbox, balance: Balance, transport: Callable[[], httpx.BaseTransport], case: Case
) -> None:
    """Over a transport of one's own, each of whose reads ends in time, a body that drips ends the call in time too."""
    case.tell(sandbox)
    client = connect(sandbox.credentials, server=sandbox.url, timeout=TIMEOUT, transport=transport())

    assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.requests)


@several_loopback_addresses
@faults_of("test_silent_addresses")
def test_silent_addresses(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Addresses that stay silent share the timeout, however many there are."""
    first, *others = addresses = [f"127.0.0.{number}" for number in range(2, 6)]
    addresses_of_localhost(monkeypatch, lambda: addresses)
    with ExitStack() as stack:
        port = stack.enter_context(silent(first))
        for address in others:
            stack.enter_context(silent(address, port))
        client = connect(sandbox.credentials, server=f"http://localhost:{port}", timeout=TIMEOUT)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.requests)


@several_loopback_addresses
@faults_of("test_silent_address_before_another")
def test_silent_address_before_another(
    sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """An address that stays silent leaves enough of the timeout to the next one."""
    addresses_of_localhost(monkeypatch, lambda: ["127.0.0.2", "127.0.0.1"])
    url = httpx.URL(sandbox.url).copy_with(host="localhost")
    with silent("127.0.0.2", url.port or 0):
        client = connect(sandbox.credentials, server=str(url), timeout=TIMEOUT_OF_TWO_ADDRESSES)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT_OF_TWO_ADDRESSES)

    assert case.sent == len(sandbox.requests)
