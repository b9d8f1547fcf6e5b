"""Servers are verified: by a certificate that is trusted, for the host that was asked for."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from authority import Authority
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ClientClosedError, ConfigurationError, NetworkError
from binance_sandbox import Sandbox
from binance_signing import Recovery, connect
from calls import Balance
from cryptography import x509
from relay import Relay
from test_concurrency import Held


@frozen
class Files:
    """What of an authority is in files: its certificate, and what servers of this machine and of another host have."""

    authority: Path
    here: ssl.SSLContext
    elsewhere: ssl.SSLContext


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Make an authority."""
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
def server(sandbox: Sandbox, files: Files) -> Iterator[Relay]:
    """Give an exchange of this machine that speaks TLS."""
    with Relay(sandbox.url, files.here) as relay:
        yield relay


def assert_refused(sandbox: Sandbox, relay: Relay, balance: Balance, server: str, **settings: Any) -> None:
    """Fail unless a call ends before anything is sent."""
    with pytest.raises(NetworkError) as caught:
        balance(connect(sandbox.credentials, server=server, recovery=None, **settings))

    assert "failed" == caught.value.outcome
    assert b"" == b"".join(relay.received)
    assert [] == sandbox.requests


def test_servers_are_verified_by_default(sandbox: Sandbox, server: Relay, balance: Balance) -> None:
    """A server whose certificate nobody trusts is refused before it gets anything of a request."""
    assert_refused(sandbox, server, balance, server.url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: Relay, balance: Balance, files: Files, host: str
) -> None:
    """A server is accepted whose authority SSL_CERT_FILE names."""
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))

    assert balance(connect(sandbox.credentials, server=f"https://{host}:{server.port}", recovery=None)).parsed
    assert 1 == server.accepted


def test_recovery_does_not_help(sandbox: Sandbox, server: Relay, balance: Balance) -> None:
    """A server that is not trusted is not trusted the second time either."""
    with pytest.raises(NetworkError):
        balance(connect(sandbox.credentials, server=server.url, recovery=Recovery(backoff=0)))

    assert [] == sandbox.requests


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_servers_of_another_name(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance, files: Files, host: str
) -> None:
    """A server whose certificate is trusted, but for another host, is refused before it gets anything."""
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    with Relay(sandbox.url, files.elsewhere) as relay:
        assert_refused(sandbox, relay, balance, f"https://{host}:{relay.port}")


@pytest.mark.parametrize("name", ["here", "elsewhere"])
def test_servers_that_are_not_verified(sandbox: Sandbox, balance: Balance, files: Files, name: str) -> None:
    """Who says that servers are not to be verified gets an answer of any."""
    with Relay(sandbox.url, getattr(files, name)) as relay:
        assert balance(connect(sandbox.credentials, server=relay.url, verify=False)).parsed


def test_clients_that_verify_and_do_not(sandbox: Sandbox, server: Relay, balance: Balance) -> None:
    """That one client does not verify servers leaves others to do so."""
    with connect(sandbox.credentials, server=server.url, verify=False) as trusting:
        trusting.request({"method": "GET", "url": "/dapi/v1/time"})
        asked = len(sandbox.requests)

        with pytest.raises(NetworkError):
            balance(connect(sandbox.credentials, server=server.url, recovery=None))

    assert (1, 1) == (asked, len(sandbox.requests))


def test_certificates_of_ones_own(sandbox: Sandbox, server: Relay, balance: Balance, files: Files) -> None:
    """A file of certificates may be given."""
    assert balance(connect(sandbox.credentials, server=server.url, verify=str(files.authority))).parsed


def test_context_of_ones_own(sandbox: Sandbox, server: Relay, balance: Balance, files: Files) -> None:
    """A context that holds certificates may be given, and is the one by which servers are verified."""
    context = ssl.create_default_context(cafile=files.authority)

    assert_refused(sandbox, server, balance, server.url, verify=ssl.create_default_context())
    assert balance(connect(sandbox.credentials, server=server.url, verify=context)).parsed


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_folder_of_certificates(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sandbox: Sandbox,
    server: Relay,
    balance: Balance,
    files: Files,
    way: str,
) -> None:
    """A folder of certificates may be given, or named by SSL_CERT_DIR, as OpenSSL has them."""
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(files.authority)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes(files.authority.read_bytes())
    if way == "environment":
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    settings: dict[str, Any] = {"verify": str(tmp_path)} if way == "argument" else {}

    assert balance(connect(sandbox.credentials, server=server.url, recovery=None, **settings)).parsed


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_environment_that_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: Relay, balance: Balance, files: Files, variable: str
) -> None:
    """Who does not trust the environment does not trust the certificates that it names."""
    is_file = variable == "SSL_CERT_FILE"
    monkeypatch.setenv(variable, str(files.authority if is_file else files.authority.parent))

    assert_refused(sandbox, server, balance, server.url, trust_env=False)


@pytest.mark.parametrize("missing", ["missing.pem", os.devnull])
def test_certificates_of_the_environment_that_are_none(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: Relay, balance: Balance, missing: str
) -> None:
    """Without certificates where the environment says that they are, nothing is sent."""
    monkeypatch.setenv("SSL_CERT_FILE", missing)

    with pytest.raises((ConfigurationError, NetworkError)):
        balance(connect(sandbox.credentials, server=server.url, recovery=None))

    assert [] == sandbox.requests


@pytest.mark.parametrize("verify", ["", "  ", "\n", None, 0, 1, [], b"authority.pem"], ids=repr)
def test_verify_that_is_none(sandbox: Sandbox, server: Relay, verify: Any) -> None:
    """What is no setting of `verify` is refused by its type, and not taken for one by its truth; nothing is sent."""
    told = "verify: expected True, False, an ssl.SSLContext, or a path of certificates (file or folder), got "

    with pytest.raises(ConfigurationError) as caught:
        connect(sandbox.credentials, server=server.url, verify=verify)

    assert f"{told}{verify!r}" == str(caught.value)
    assert 0 == server.accepted


def test_certificates_that_are_none(sandbox: Sandbox, files: Files) -> None:
    """A path at which there are no certificates is refused when a client is made."""
    for path in (files.authority.with_name("missing.pem"), Path(__file__)):
        with pytest.raises(ConfigurationError, match="^verify: .* holds no certificates that can be read"):
            connect(sandbox.credentials, verify=str(path))


def test_empty_folder_of_certificates(tmp_path: Path, sandbox: Sandbox, server: Relay, balance: Balance) -> None:
    """A folder may be given too, and if it is empty, nobody is trusted."""
    assert_refused(sandbox, server, balance, server.url, verify=str(tmp_path))


def test_server_without_tls(sandbox: Sandbox, relay: Relay, balance: Balance) -> None:
    """A server that does not speak TLS behind a URL of https gets nothing of a request."""
    with pytest.raises(NetworkError) as caught:
        balance(connect(sandbox.credentials, server=relay.url.replace("http", "https"), recovery=None))

    assert "failed" == caught.value.outcome
    assert b"X-MBX-APIKEY" not in b"".join(relay.received)
    assert [] == sandbox.requests


def test_pools_are_of_their_certificates(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: Relay, balance: Balance, files: Files
) -> None:
    """A server is refused by a client though one that is open was told to trust it."""
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(files.authority))
        trusting = connect(sandbox.credentials, server=server.url)
        trusting.request({"method": "GET", "url": "/dapi/v1/time"})

    with trusting, pytest.raises(NetworkError):
        balance(connect(sandbox.credentials, server=server.url, recovery=None))


class Way:
    """A proxy through which calls go, by its scheme and by whether it tunnels, and how it is given to `connect`."""

    def __init__(self, stack: ExitStack, files: Files, sandbox: Sandbox, kind: str) -> None:
        """Start it, and the server behind it."""
        trusting = ssl.create_default_context(cafile=files.authority)
        is_plain, is_encrypted = kind == "plain http", kind == "https"
        server = sandbox if is_plain else stack.enter_context(Relay(sandbox.url, files.here))
        tunnel = "" if is_plain else "socks5" if kind == "SOCKS" else "http"
        self.relay = stack.enter_context(Relay(server.url, files.here if is_encrypted else None, tunnel=tunnel))
        proxy = httpx.Proxy(self.relay.url, ssl_context=trusting if is_encrypted else None)
        self.settings: dict[str, Any] = {"server": server.url, "proxy": proxy, "verify": trusting}


@pytest.fixture(params=["plain http", "http", "https", "SOCKS"])
def way(request: pytest.FixtureRequest, sandbox: Sandbox, files: Files) -> Iterator[Way]:
    """Return a proxy: for requests by http, for tunnels by http and by https, or of SOCKS."""
    with ExitStack() as stack:
        yield Way(stack, files, sandbox, request.param)


def test_connections_through_a_proxy(sandbox: Sandbox, way: Way) -> None:
    """Sync and async calls through a proxy share one connection, and a proxy that tunnels sees nothing of them."""
    # The sandbox knows no paths that are whole URLs, as they are sent to a proxy of plain http.
    sandbox.answer_next(200, body=sandbox.rows, times=4)
    with connect(sandbox.credentials, **way.settings) as client:
        for _ in range(2):
            assert futures_account_balance.sync(client=client)
            assert asyncio.run(futures_account_balance.asyncio(client=client))

        assert 1 == way.relay.accepted
    assert way.relay.settles_at(0)
    assert 4 == len(sandbox.requests)
    sees = sandbox.account.api_key.encode() in b"".join(way.relay.received)
    assert sees is way.settings["server"].startswith("http:")


@pytest.mark.parametrize("tunnel", ["http", "socks5"])
def test_servers_behind_a_tunnel_are_verified(sandbox: Sandbox, server: Relay, balance: Balance, tunnel: str) -> None:
    """A server behind a proxy gets nothing of a request if nobody trusts it."""
    with Relay(server.url, tunnel=tunnel) as proxy:
        assert_refused(sandbox, server, balance, server.url, proxy=proxy.url)

        assert 1 == proxy.accepted
        assert proxy.settles_at(0)


@pytest.mark.parametrize("side", ["sync", "async"])
def test_close_in_the_middle_of_a_call_through_a_proxy(sandbox: Sandbox, way: Way, side: str) -> None:
    """A client that is closed while a call goes through a proxy ends the call, and leaves no connection open."""
    held = Held()
    sandbox.fail_next(held.fault())
    client = connect(sandbox.credentials, timeout=30, **way.settings)

    def call() -> object:
        if side == "sync":
            return futures_account_balance.sync(client=client)
        return asyncio.run(futures_account_balance.asyncio(client=client))

    with ThreadPoolExecutor(1) as threads:
        outcome = threads.submit(call)
        held.wait_for(1)
        assert 1 == way.relay.open

        client.close()

        with pytest.raises(ClientClosedError) as caught:
            outcome.result()

    assert "unknown" == caught.value.outcome
    assert way.relay.settles_at(0)
    assert 1 == way.relay.accepted
    assert 1 == len(sandbox.requests)
