"""Servers are verified: by a certificate that is trusted, for the host that was asked for."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from authority import Authority
from binance_coinm.errors import ConfigurationError, NetworkError
from binance_sandbox import Sandbox
from binance_signing import Recovery, _certificates, connect
from calls import Balance
from cryptography import x509
from relay import Relay


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


@pytest.fixture(autouse=True)
def _certificates_are_loaded_anew() -> Iterator[None]:
    """Let nothing of what other tests trusted be left in this process, and nothing of this one's be left for others."""
    _certificates.tls_context.cache_clear()
    yield
    _certificates.tls_context.cache_clear()


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
    """With httpx a context that holds certificates may be given."""
    context = ssl.create_default_context(cafile=files.authority)

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
