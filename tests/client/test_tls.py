"""TLS: servers are verified by a trusted certificate for the requested host."""

import asyncio
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from binance_client.connections.tls_settings import load_tls_settings
from binance_coinm import RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ClientClosedError, ConfigurationError, NetworkError
from binance_sandbox import Sandbox
from cryptography import x509
from support.call_helpers import Balance
from support.certificates import Authority
from support.concurrency import ResponseGate
from support.recording_proxy import RecordingProxy
from support.scripted_server import ScriptedServer, response

ALWAYS = RetryPolicy(initial_backoff=0)


@frozen
class Files:
    """Certificates in files: that of an authority, and those of servers on this machine and on another host."""

    authority: Path
    here: ssl.SSLContext
    elsewhere: ssl.SSLContext


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Create an authority."""
    folder, authority = tmp_path_factory.mktemp("tls"), Authority()
    (folder / "authority.pem").write_bytes(authority.certificate)

    def context(name: str, *names: x509.GeneralName) -> ssl.SSLContext:
        (folder / name).write_bytes(authority.server(*names))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / name)
        return context

    return Files(
        folder / "authority.pem",
        context("here.pem", x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))),
        context("elsewhere.pem", x509.DNSName("exchange.example"), x509.IPAddress(ip_address("192.0.2.1"))),
    )


@pytest.fixture
def server(sandbox: Sandbox, files: Files) -> Iterator[RecordingProxy]:
    """Return an exchange on this machine that uses TLS."""
    with RecordingProxy(sandbox.url, files.here) as relay:
        yield relay


def assert_rejected(sandbox: Sandbox, relay: RecordingProxy, balance: Balance, server: str, **settings: Any) -> None:
    """Fail unless a call ends before anything is sent."""
    with pytest.raises(NetworkError) as caught:
        balance(connect(sandbox.credentials, server=server, retry=None, **settings))

    assert "not_executed" == caught.value.execution
    assert b"" == b"".join(relay.received)
    assert [] == sandbox.received_requests


def test_servers_are_verified_by_default(sandbox: Sandbox, server: RecordingProxy, balance: Balance) -> None:
    """A server without a trusted certificate is rejected before it gets any of a request."""
    assert_rejected(sandbox, server, balance, server.url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: RecordingProxy, balance: Balance, files: Files, host: str
) -> None:
    """A server whose authority is in SSL_CERT_FILE is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))

    assert balance(connect(sandbox.credentials, server=f"https://{host}:{server.port}", retry=None)).parsed
    assert 1 == server.accepted


def test_retries_do_not_help(sandbox: Sandbox, server: RecordingProxy, balance: Balance) -> None:
    """A server that is not trusted is not trusted in further attempts either, so there is one handshake."""
    with RecordingProxy(server.url) as relay:
        with pytest.raises(NetworkError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            balance(connect(sandbox.credentials, server=f"https://127.0.0.1:{relay.port}", retry=ALWAYS))
        assert relay.settles_at(0)

        assert 1 == relay.accepted
    assert "not_executed" == caught.value.execution
    assert [] == sandbox.received_requests


class ProxyTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A custom transport that sends sync and async requests through a proxy."""

    def __init__(self, proxy: str) -> None:
        """Use httpx's own transports."""
        self._sync, self._async = httpx.HTTPTransport(proxy=proxy), httpx.AsyncHTTPTransport(proxy=proxy)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        return self._sync.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        return await self._async.handle_async_request(request)


def proxy_that_rejects(status: int) -> ScriptedServer:
    """Return a proxy that answers each CONNECT with a status."""
    return ScriptedServer(
        lambda _: response(b"", f"{status} Reason", Location="/", Proxy_Authenticate='Basic realm="r"')
    )


@pytest.mark.parametrize("is_custom", [False, True], ids=["pool", "custom transport"])
@pytest.mark.parametrize(("status", "requests"), [(302, 1), (403, 1), (407, 1), (502, 4), (503, 4)])
def test_proxy_that_rejects(sandbox: Sandbox, balance: Balance, status: int, requests: int, *, is_custom: bool) -> None:
    """A proxy that asks for another password gets the wrong one once per call; one that fails is asked again."""
    with proxy_that_rejects(status) as proxy:
        url = proxy.url.replace("://", "://user:word@")
        transport = ProxyTransport(url) if is_custom else None
        settings: dict[str, Any] = {"transport": transport} if is_custom else {"proxy": url}
        client = connect(sandbox.credentials, server="https://exchange.example", retry=ALWAYS, **settings)

        with pytest.raises(NetworkError, match=f"ProxyError: {status} Reason$") as caught:
            balance(client)

    assert ["CONNECT"] * requests == [request.method for request in proxy.requests]
    assert "not_executed" == caught.value.execution


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_servers_of_another_name(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance, files: Files, host: str
) -> None:
    """A server with a trusted certificate for another host is rejected before it gets any of a request."""
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    with RecordingProxy(sandbox.url, files.elsewhere) as relay:
        assert_rejected(sandbox, relay, balance, f"https://{host}:{relay.port}")


@pytest.mark.parametrize("name", ["here", "elsewhere"])
def test_servers_that_are_not_verified(sandbox: Sandbox, balance: Balance, files: Files, name: str) -> None:
    """Without verification any server is accepted."""
    with RecordingProxy(sandbox.url, getattr(files, name)) as relay:
        assert balance(connect(sandbox.credentials, server=relay.url, verify=False)).parsed


def test_verification_is_per_client(sandbox: Sandbox, server: RecordingProxy, balance: Balance) -> None:
    """A client that does not verify servers has no effect on others."""
    with connect(sandbox.credentials, server=server.url, verify=False) as trusting:
        trusting.request({"method": "GET", "url": "/dapi/v1/time"})
        requests = len(sandbox.received_requests)

        with pytest.raises(NetworkError):
            balance(connect(sandbox.credentials, server=server.url, retry=None))

    assert (1, 1) == (requests, len(sandbox.received_requests))


def test_file_of_certificates(sandbox: Sandbox, server: RecordingProxy, balance: Balance, files: Files) -> None:
    """`verify` may be a file of certificates."""
    assert balance(connect(sandbox.credentials, server=server.url, verify=str(files.authority))).parsed


def test_ssl_context(sandbox: Sandbox, server: RecordingProxy, balance: Balance, files: Files) -> None:
    """`verify` may be an ssl.SSLContext, which then verifies servers."""
    context = ssl.create_default_context(cafile=files.authority)

    assert_rejected(sandbox, server, balance, server.url, verify=ssl.create_default_context())
    assert balance(connect(sandbox.credentials, server=server.url, verify=context)).parsed


@pytest.mark.parametrize("source", ["argument", "environment"])
def test_folder_of_certificates(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sandbox: Sandbox,
    server: RecordingProxy,
    balance: Balance,
    files: Files,
    source: str,
) -> None:
    """A folder of certificates in OpenSSL's form may be given as argument or in SSL_CERT_DIR."""
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(files.authority)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes(files.authority.read_bytes())
    if source == "environment":
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    settings: dict[str, Any] = {"verify": str(tmp_path)} if source == "argument" else {}

    assert balance(connect(sandbox.credentials, server=server.url, retry=None, **settings)).parsed


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_environment_that_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    server: RecordingProxy,
    balance: Balance,
    files: Files,
    variable: str,
) -> None:
    """With `trust_env=False` certificates of the environment are not trusted."""
    is_file = variable == "SSL_CERT_FILE"
    monkeypatch.setenv(variable, str(files.authority if is_file else files.authority.parent))

    assert_rejected(sandbox, server, balance, server.url, trust_env=False)


def test_settings_without_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are not to trust the environment do not read its certificates."""
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")

    settings = load_tls_settings(verify=True, trust_env=False, is_shared=False)

    assert ssl.CERT_REQUIRED == settings.context.verify_mode


@pytest.mark.parametrize("missing", ["missing.pem", os.devnull])
def test_invalid_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: RecordingProxy, balance: Balance, missing: str
) -> None:
    """Nothing is sent if the environment names certificates that do not exist."""
    monkeypatch.setenv("SSL_CERT_FILE", missing)

    with pytest.raises((ConfigurationError, NetworkError)):
        balance(connect(sandbox.credentials, server=server.url, retry=None))

    assert [] == sandbox.received_requests


@pytest.mark.parametrize("verify", ["", "  ", "\n", None, 0, 1, [], b"authority.pem"], ids=repr)
def test_invalid_verify(sandbox: Sandbox, server: RecordingProxy, verify: Any) -> None:
    """An invalid `verify` is rejected by its type, and not used by its truth; nothing is sent."""
    expected = "verify: expected True, False, an ssl.SSLContext, or the path of a file or folder of certificates, got "

    with pytest.raises(ConfigurationError) as caught:
        connect(sandbox.credentials, server=server.url, verify=verify)

    assert f"{expected}{verify!r}" == str(caught.value)
    assert 0 == server.accepted


def test_files_without_certificates(sandbox: Sandbox, files: Files) -> None:
    """A path without certificates is an error when a client is created."""
    for path in (files.authority.with_name("missing.pem"), Path(__file__)):
        with pytest.raises(ConfigurationError, match="^verify: .* has no certificates that can be read"):
            connect(sandbox.credentials, verify=str(path))


def test_empty_folder_of_certificates(
    tmp_path: Path, sandbox: Sandbox, server: RecordingProxy, balance: Balance
) -> None:
    """With an empty folder of certificates no server is trusted."""
    assert_rejected(sandbox, server, balance, server.url, verify=str(tmp_path))


def test_server_without_tls(sandbox: Sandbox, relay: RecordingProxy, balance: Balance) -> None:
    """A server that does not use TLS behind an https URL gets nothing of a request."""
    with pytest.raises(NetworkError) as caught:
        balance(connect(sandbox.credentials, server=relay.url.replace("http", "https"), retry=None))

    assert "not_executed" == caught.value.execution
    assert b"X-MBX-APIKEY" not in b"".join(relay.received)
    assert [] == sandbox.received_requests


def test_end_of_tls(balance: Balance, sandbox: Sandbox, files: Files) -> None:
    """A server may end a response by the end of TLS, and it is offered HTTP/1.1 alone."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.authority.with_name("here.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])

    def serve() -> str | None:
        accepted, _ = listener.accept()
        with context.wrap_socket(accepted, server_side=True) as connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[]")
            protocol = connection.selected_alpn_protocol()
            # Sends close_notify, and waits for the end of the other side.
            with suppress(ssl.SSLError, OSError):
                connection.unwrap()
            return protocol

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        protocol = threads.submit(serve)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        trusting = ssl.create_default_context(cafile=files.authority)
        client = connect(sandbox.credentials, server=url, verify=trusting, retry=None)

        assert [] == balance(client).parsed
        assert "http/1.1" == protocol.result()


def test_clients_do_not_share_certificates(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: RecordingProxy, balance: Balance, files: Files
) -> None:
    """A client rejects a server that another open client trusts."""
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(files.authority))
        trusting = connect(sandbox.credentials, server=server.url)
        trusting.request({"method": "GET", "url": "/dapi/v1/time"})

    with trusting, pytest.raises(NetworkError):
        balance(connect(sandbox.credentials, server=server.url, retry=None))


def test_replaced_certificates(
    tmp_path: Path, sandbox: Sandbox, server: RecordingProxy, balance: Balance, files: Files
) -> None:
    """A file of certificates that was replaced is read again for a new client, and not for an older one."""
    path = tmp_path / "authority.pem"
    path.write_bytes(Authority().certificate)
    older = connect(sandbox.credentials, server=server.url, verify=str(path), retry=None)
    path.write_bytes(files.authority.read_bytes())

    assert balance(connect(sandbox.credentials, server=server.url, verify=str(path))).parsed
    with pytest.raises(NetworkError):
        balance(older)


def test_key_log(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sandbox: Sandbox,
    server: RecordingProxy,
    balance: Balance,
    files: Files,
) -> None:
    """SSLKEYLOGFILE names the file for keys, as the standard library has it; verify=False does not read it."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert balance(connect(sandbox.credentials, server=server.url, verify=str(files.authority))).parsed

    assert "CLIENT" in (tmp_path / "keys").read_text(encoding="ascii")
    monkeypatch.setenv("SSLKEYLOGFILE", "/missing/keys")
    connect(sandbox.credentials, server=server.url, verify=False).close()


class Route:
    """A proxy through which calls go: plain, a tunnel, or SOCKS, and the settings of `connect` for it."""

    def __init__(self, stack: ExitStack, files: Files, sandbox: Sandbox, kind: str) -> None:
        """Start the proxy, and the server behind it."""
        trusting = ssl.create_default_context(cafile=files.authority)
        is_plain, is_encrypted = kind == "plain http", kind == "https"
        server = sandbox if is_plain else stack.enter_context(RecordingProxy(sandbox.url, files.here))
        tunnel = "" if is_plain else "socks5" if kind == "SOCKS" else "http"
        self.relay = stack.enter_context(
            RecordingProxy(server.url, files.here if is_encrypted else None, tunnel=tunnel)
        )
        proxy = httpx.Proxy(self.relay.url, ssl_context=trusting if is_encrypted else None)
        self.settings: dict[str, Any] = {"server": server.url, "proxy": proxy, "verify": trusting}


@pytest.fixture(params=["plain http", "http", "https", "SOCKS"])
def route(request: pytest.FixtureRequest, sandbox: Sandbox, files: Files) -> Iterator[Route]:
    """Return a proxy: for plain http, for tunnels by http and by https, or SOCKS."""
    with ExitStack() as stack:
        yield Route(stack, files, sandbox, request.param)


def test_connections_through_a_proxy(sandbox: Sandbox, route: Route) -> None:
    """Sync and async calls through a proxy share one connection, and a tunnel sees nothing of their content."""
    # The sandbox has no paths that are whole URLs, which an HTTP proxy gets.
    sandbox.respond_next(200, body=sandbox.balances, times=4)
    with connect(sandbox.credentials, **route.settings) as client:
        for _ in range(2):
            assert futures_account_balance.sync(client=client)
            assert asyncio.run(futures_account_balance.asyncio(client=client))

        assert 1 == route.relay.accepted
    assert route.relay.settles_at(0)
    assert 4 == len(sandbox.received_requests)
    is_visible = sandbox.account.api_key.encode() in b"".join(route.relay.received)
    assert is_visible is route.settings["server"].startswith("http:")


@pytest.mark.parametrize("tunnel", ["http", "socks5"])
def test_servers_behind_a_tunnel_are_verified(
    sandbox: Sandbox, server: RecordingProxy, balance: Balance, tunnel: str
) -> None:
    """A server behind a proxy gets nothing of a request if it is not trusted."""
    with RecordingProxy(server.url, tunnel=tunnel) as proxy:
        assert_rejected(sandbox, server, balance, server.url, proxy=proxy.url)

        assert 1 == proxy.accepted
        assert proxy.settles_at(0)


@pytest.mark.parametrize("side", ["sync", "async"])
def test_close_during_a_call_through_a_proxy(sandbox: Sandbox, route: Route, side: str) -> None:
    """Closing the client ends a call through a proxy, and leaves no connection open."""
    gate = ResponseGate()
    sandbox.inject_fault(gate.fault())
    client = connect(sandbox.credentials, timeout=30, **route.settings)

    def call() -> object:
        if side == "sync":
            return futures_account_balance.sync(client=client)
        return asyncio.run(futures_account_balance.asyncio(client=client))

    with ThreadPoolExecutor(1) as threads:
        outcome = threads.submit(call)
        gate.wait_for(1)
        assert 1 == route.relay.open

        client.close()

        with pytest.raises(ClientClosedError) as caught:
            outcome.result()

    assert "unknown" == caught.value.execution
    assert route.relay.settles_at(0)
    assert 1 == route.relay.accepted
    assert 1 == len(sandbox.received_requests)
