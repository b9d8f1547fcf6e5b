"""The timeout of a call bounds all of it, whatever drips, stays silent or fails again and again.

This bound is a contract in real time (a call with `timeout=1` ends within 1.5 s), so that here, and nowhere else, the
machine's time is measured. The half second that the contract allows is the same for the shorter timeouts used here.
"""

import asyncio
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
from binance_coinm import Client, RetryPolicy, connect
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from cryptography import x509
from support.call_helpers import Balance, balance_async, balance_sync
from support.certificates import Authority
from support.fault_cases import Case, end_of, faults_of
from support.name_resolution import addresses_of_localhost

TIMEOUT = 0.4
# For faults that hold up a call at any stage.
SHORT_TIMEOUT = 0.2
# Each of two addresses gets half of it.
TIMEOUT_OF_TWO_ADDRESSES = 1
BEYOND = 0.5

several_loopback_addresses = pytest.mark.skipif(
    sys.platform != "linux", reason="needs many addresses on loopback, and a full backlog that refuses no connection"
)


def end_in_time(call: Callable[[], list[FuturesAccountBalance]], timeout: float) -> str:
    """Return what a call ends in, which has to be in time."""
    begun = time.monotonic()
    ended_in, _ = end_of(call)
    assert time.monotonic() - begun < timeout + BEYOND
    return ended_in


@contextmanager
def silent(address: str, port: int = 0) -> Generator[int]:
    """Listen at an address without ever accepting, and yield the port; connections to it get no reply at all."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((address, port), backlog=0))
        bound_to = listener.getsockname()
        # A backlog has room for at least one connection, whatever its size.
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(bound_to)
        yield bound_to[1]


@faults_of("test_fault_in_time")
def test_fault_in_time(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """No fault makes a call last longer than its timeout, and no wait begins that would."""
    case.arrange(sandbox)
    settings: dict[str, Any] = {"timeout": TIMEOUT, "retry": RetryPolicy(initial_backoff=0)} | dict(case.settings)
    client = connect(sandbox.credentials, server=sandbox.url, **settings)

    ended_in = end_in_time(lambda: balance(client).parsed, settings["timeout"])

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.received_requests))


@several_loopback_addresses
@faults_of("test_no_connection_accepted")
def test_no_connection_accepted(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A call to a server that does not accept connections ends in time, and was not executed."""
    with silent("127.0.0.1") as port:
        client = connect(sandbox.credentials, server=f"http://127.0.0.1:{port}", timeout=TIMEOUT)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.received_requests)


@faults_of("test_slow_name_resolution")
def test_slow_name_resolution(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """A call ends in time even if the system's name resolution, which cannot be interrupted, does not."""
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

    assert case.sent == len(sandbox.received_requests)


# Serves a connection until it ends.
Serve = Callable[[socket.socket], None]


@contextmanager
def served(serve: Serve, context: ssl.SSLContext | None = None) -> Generator[int]:
    """Serve one connection, with a context by TLS, and yield the port."""

    def accept() -> None:
        connection, _ = listener.accept()
        # Longer than any call; a connection that is still in use then fails the test.
        connection.settimeout(10)
        with connection if context is None else context.wrap_socket(connection, server_side=True) as accepted:
            serve(accepted)

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        listener.settimeout(10)
        serving = threads.submit(accept)
        yield listener.getsockname()[1]
        serving.result()


def stalls(connection: socket.socket) -> None:
    """Read everything, and send nothing."""
    with suppress(ConnectionError, ssl.SSLError):
        while connection.recv(1 << 16):
            pass


def drips(head: bytes) -> Serve:
    """Return a server that reads, sends the beginning of a response, and goes on byte by byte."""

    def serve(connection: socket.socket) -> None:
        is_over = Event()
        with suppress(ConnectionError, ssl.SSLError):
            connection.recv(1 << 16)
            connection.sendall(head)
            while not is_over.wait(0.02):
                connection.sendall(b"\0")

    return serve


def after_connect(serve: Serve) -> Serve:
    """Return an HTTP proxy that grants a CONNECT request, and then serves differently."""

    def granting(connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(1 << 16)
            if not chunk:
                # On a busy machine the call's time may be up before it has sent its request.
                return
            received += chunk
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        serve(connection)

    return granting


def after_socks(serve: Serve) -> Serve:
    """Return a SOCKS proxy that grants a request, and then serves differently. Source: RFC 1928."""

    def granting(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"\5\0")
        connection.recv(1 << 16)
        connection.sendall(b"\5\0\0\1" + bytes(6))
        serve(connection)

    return granting


# The beginning of a record that is much longer than what is sent of it. Source: RFC 8446, section 5.1.
HANDSHAKE = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"
# The scheme of the proxy, if it is one that stalls, and what it or the server does.
STALLING_SERVERS: dict[str, tuple[str, Serve]] = {
    "handshake stalls": ("", stalls),
    "handshake drips": ("", drips(HANDSHAKE)),
    "proxy stays silent": ("http", stalls),
    "proxy drips its response": ("http", drips(b"HTTP/1.1 200 OK\r\nx: ")),
    "handshake stalls behind a proxy": ("http", after_connect(stalls)),
    "handshake drips behind a proxy": ("http", after_connect(drips(HANDSHAKE))),
    "handshake of an https proxy stalls": ("https", stalls),
    "handshake stalls behind an https proxy": ("https", after_connect(stalls)),
    "handshake drips behind an https proxy": ("https", after_connect(drips(HANDSHAKE))),
    "SOCKS proxy stays silent": ("socks5", stalls),
    "handshake stalls behind a SOCKS proxy": ("socks5", after_socks(stalls)),
    "handshake drips behind a SOCKS proxy": ("socks5", after_socks(drips(HANDSHAKE))),
}


@faults_of("test_connecting")
def test_connecting(sandbox: Sandbox, balance: Balance, tmp_path: Path, case: Case) -> None:
    """If a server or a proxy accepts a connection and then stalls, the call ends in time; nothing is sent."""
    scheme, serve = STALLING_SERVERS[case.name]
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

    assert case.sent == len(sandbox.received_requests)


class Wrapper(httpx.BaseTransport):
    """A custom transport, which does not know deadlines."""

    def __init__(self) -> None:
        """Wrap httpx's transport."""
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Forward the request."""
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close its connections."""
        self._inner.close()


class AsyncWrapper(httpx.AsyncBaseTransport):
    """The same for async calls."""

    def __init__(self) -> None:
        """Wrap httpx's transport."""
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forward the request."""
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._inner.aclose()


@faults_of("test_custom_transport")
@pytest.mark.parametrize(
    ("balance", "transport"),
    [(balance_sync, Wrapper), (balance_async, AsyncWrapper)],
    ids=["sync", "async"],
)
def test_custom_transport(
    sandbox: Sandbox, balance: Balance, transport: Callable[[], httpx.BaseTransport], case: Case
) -> None:
    """A body that drips ends the call in time also over a custom transport, each of whose reads is in time."""
    case.arrange(sandbox)
    client = connect(sandbox.credentials, server=sandbox.url, timeout=TIMEOUT, transport=transport())

    assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.received_requests)


def stream_sync(client: Client) -> None:
    """Read a streamed response, whose request has a timeout for each of its steps."""
    with client, client.get_httpx_client().stream("GET", "/", timeout=SHORT_TIMEOUT) as streamed:
        streamed.read()


def stream_async(client: Client) -> None:
    """Read it on asyncio."""

    async def read() -> None:
        async with client, client.get_async_httpx_client().stream("GET", "/", timeout=SHORT_TIMEOUT) as streamed:
            await streamed.aread()

    asyncio.run(read())


@pytest.mark.parametrize("stream", [stream_sync, stream_async], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("scheme", "accepts", "kind"),
    [
        pytest.param("http", False, httpx.ConnectTimeout, marks=several_loopback_addresses, id="connection"),
        pytest.param("https", True, httpx.ConnectTimeout, id="handshake"),
        pytest.param("http", True, httpx.ReadTimeout, id="response"),
    ],
)
def test_steps_of_a_stream(
    sandbox: Sandbox, stream: Callable[[Client], None], scheme: str, kind: type[Exception], *, accepts: bool
) -> None:
    """Each step of a streamed request ends in its timeout, which is not the client's."""
    with served(stalls) if accepts else silent("127.0.0.1") as port:
        client = connect(sandbox.credentials, server=f"{scheme}://127.0.0.1:{port}", timeout=60, trust_env=False)
        begun = time.monotonic()
        with pytest.raises(kind):
            stream(client)

    assert time.monotonic() - begun < SHORT_TIMEOUT + BEYOND


@several_loopback_addresses
@faults_of("test_silent_addresses")
def test_silent_addresses(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Addresses that stay silent share the timeout, however many they are."""
    first, *others = addresses = [f"127.0.0.{number}" for number in range(2, 6)]
    addresses_of_localhost(monkeypatch, lambda: addresses)
    with ExitStack() as stack:
        port = stack.enter_context(silent(first))
        for address in others:
            stack.enter_context(silent(address, port))
        client = connect(sandbox.credentials, server=f"http://localhost:{port}", timeout=TIMEOUT)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.received_requests)


@several_loopback_addresses
@faults_of("test_silent_address_before_another")
def test_silent_address_before_another(
    sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """A silent address leaves enough of the timeout to the next one."""
    addresses_of_localhost(monkeypatch, lambda: ["127.0.0.2", "127.0.0.1"])
    url = httpx.URL(sandbox.url).copy_with(host="localhost")
    with silent("127.0.0.2", url.port or 0):
        client = connect(sandbox.credentials, server=str(url), timeout=TIMEOUT_OF_TWO_ADDRESSES)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT_OF_TWO_ADDRESSES)

    assert case.sent == len(sandbox.received_requests)
