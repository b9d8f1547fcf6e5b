"""`binance-coinm doctor`: each check of a call, what it found, and what to do."""

import re
import socket
import ssl
import threading
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from binance_coinm_cli._doctor import Endpoint
from binance_sandbox import Fault, Sandbox
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from support.certificates import Authority
from support.cli_runner import here, use
from support.constants import API_KEY, SECRET
from support.recording_proxy import RecordingProxy as Relay

PATH = "/dapi/v1/balance"
TIME = "/dapi/v1/time"
STEPS = [
    "credentials",
    "key type",
    "server",
    "DNS",
    "connection",
    "clock",
    "signature",
    "balance",
    "used weight",
]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use(monkeypatch, sandbox)


class Report:
    """The parsed output of doctor."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        """Run doctor, and parse its output."""
        self.code, self.out, err = here(capsys, "doctor", *arguments)
        assert "" == err
        self.marks: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        step = ""
        steps, _, self.end = self.out.rstrip("\n").rpartition("\n\n")
        for line in steps.splitlines():
            mark, text = line[:9].strip(), line[9:]
            if mark:
                step, _, text = text.partition(": ")
                self.marks[step], self.texts[step] = mark, text
            else:
                self.texts[step] += f"\n{text}"
        assert STEPS == list(self.marks)

    @property
    def failed(self) -> list[str]:
        """The failed checks: the last line names exactly these, and exactly these say what to do."""
        failed = [step for step, mark in self.marks.items() if mark == "FAILED"]
        assert (f"failed: {', '.join(failed)}" if failed else "all checks passed") == self.end
        assert failed == [step for step, text in self.texts.items() if "\nexpected: " in text and "\nto do: " in text]
        return failed

    @property
    def skipped(self) -> list[str]:
        """The checks that were skipped."""
        return [step for step, mark in self.marks.items() if mark == "skipped"]


def private_pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> bytes:
    """Return a private key as PEM."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    """Return the public key of a private key as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def use_private_key(monkeypatch: pytest.MonkeyPatch, path: Path, pem: bytes) -> None:
    """Set the environment to a private key instead of a secret."""
    path.write_bytes(pem)
    monkeypatch.delenv("BINANCE_API_SECRET")
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_FILE", str(path))


def test_all_checks_pass(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Each check says what it found; only both ends of the API key are shown, and neither secret nor signature."""
    report = Report(capsys)

    assert (0, []) == (report.code, report.failed)
    key, port = sandbox.account.api_key, sandbox.url.rpartition(":")[2]
    assert {
        "credentials": f"BINANCE_API_KEY ({key[:4]}...{key[-4:]}, 64 characters) and BINANCE_API_SECRET",
        "key type": "HMAC, a secret",
        "server": f"{sandbox.url} (BINANCE_SERVER)",
        "DNS": "127.0.0.1 is an IP address",
        "signature": "HMAC-SHA256 in hexadecimal, 64 characters",
        "balance": "HTTP 200, the balances of 5 assets",
    }.items() <= report.texts.items()
    # A new minute may begin during the checks.
    assert re.fullmatch("[1-3] in this minute, for this IP address", report.texts["used weight"])
    assert re.fullmatch(
        rf"127\.0\.0\.1 at 127\.0\.0\.1, port {port}, in [0-9.]+ ms; no TLS: http, within this machine",
        report.texts["connection"],
    )
    assert re.fullmatch(
        r"round trip [0-9.]+ ms; the exchange's clock is [0-9]+ ms (ahead of|behind) this machine's; [0-9]{4} ms are"
        r" left of the default recvWindow, 5000 ms",
        report.texts["clock"],
    )


def test_sandbox_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--sandbox runs all checks without an account."""
    for variable in ("BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_SERVER"):
        monkeypatch.delenv(variable)

    report = Report(capsys, "--sandbox")

    assert (0, []) == (report.code, report.failed)
    assert report.texts["credentials"].startswith("created by the sandbox, API key ")
    assert report.texts["server"].endswith(" (the sandbox)")


def test_missing_keys(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing keys are named, --sandbox is suggested, and checks that need no keys still run."""
    monkeypatch.delenv("BINANCE_API_SECRET")

    report = Report(capsys)

    assert (2, ["credentials"]) == (report.code, report.failed)
    assert report.texts["credentials"].startswith("no credentials: BINANCE_API_SECRET is not set\n")
    assert "or run binance-coinm doctor --sandbox, which needs no account" in report.texts["credentials"]
    assert ["key type", "signature", "balance"] == report.skipped
    assert "requires credentials" == report.texts["signature"]


def test_short_api_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A short API key is masked completely; the exchange's error explains what is wrong."""
    monkeypatch.setenv("BINANCE_API_KEY", "abcdefgh")

    report = Report(capsys)

    assert (1, ["balance"]) == (report.code, report.failed)
    assert "BINANCE_API_KEY (8 characters) and BINANCE_API_SECRET" == report.texts["credentials"]
    assert "code -2014" in report.texts["balance"]
    assert "\nto do: check that the API key was copied completely" in report.texts["balance"]


def test_wrong_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that does not belong to the API key is rejected by the exchange; the document's hint is shown."""
    monkeypatch.setenv("BINANCE_API_SECRET", "another-secret")

    report = Report(capsys)

    assert (1, ["balance"]) == (report.code, report.failed)
    assert (
        "HTTP 400, code -1022: Signature for this request is not valid.\n"
        "expected: the balances, for a request signed with HMAC\n"
        "to do: check that the secret or private key belongs to this API key and is of the registered type (HMAC, RSA"
        " or Ed25519), "
    ) == report.texts["balance"].partition("and that no proxy")[0]


@pytest.mark.parametrize(
    ("kind", "password", "described"),
    [
        ("Ed25519", b"", "Ed25519 in base64, 88 characters"),
        ("RSA", b"password", "RSA with SHA-256 in base64, 344 char"),
    ],
)
def test_private_key_for_an_account_with_a_secret(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    kind: str,
    password: bytes,
    described: str,
) -> None:
    """A key of another type than the registered one is rejected by the exchange, and its type is shown."""
    key = ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else rsa.generate_private_key(65537, 2048)
    use_private_key(monkeypatch, tmp_path / "key.pem", private_pem(key, password))
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_PASSWORD", password.decode())

    report = Report(capsys)

    assert (1, ["balance"]) == (report.code, report.failed)
    assert report.texts["credentials"].endswith(") and BINANCE_PRIVATE_KEY_FILE")
    assert f"{kind}, a private key" == report.texts["key type"]
    assert report.texts["signature"].startswith(described)
    assert "code -1022" in report.texts["balance"]
    assert f"signed with {kind}\n" in report.texts["balance"]


def test_secret_for_an_account_with_a_public_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox
) -> None:
    """A secret is rejected for an account that has a public key registered."""
    account = sandbox.add_account(public_key_pem=public_pem(ed25519.Ed25519PrivateKey.generate()))
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)

    report = Report(capsys)

    assert (1, ["balance"]) == (report.code, report.failed)
    assert "signed with HMAC\n" in report.texts["balance"]
    assert "is of the registered type" in report.texts["balance"]


def test_registered_private_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox, tmp_path: Path
) -> None:
    """A private key passes if its public key is registered."""
    key = ed25519.Ed25519PrivateKey.generate()
    account = sandbox.add_account(public_key_pem=public_pem(key), responses={"futuresAccountBalance": []})
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)
    use_private_key(monkeypatch, tmp_path / "key.pem", private_pem(key))

    report = Report(capsys)

    assert (0, []) == (report.code, report.failed)
    assert "HTTP 200, the balances of 0 assets" == report.texts["balance"]


def test_invalid_private_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file that is not a private key is an invalid configuration."""
    use_private_key(monkeypatch, tmp_path / "key.pem", b"no key")

    report = Report(capsys)

    assert (2, ["credentials"]) == (report.code, report.failed)
    assert report.texts["credentials"].startswith("the private key is not a PEM")


def test_api_key_in_quotation_marks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An API key in the quotation marks of an env file is an invalid configuration, found before anything is sent."""
    monkeypatch.setenv("BINANCE_API_KEY", f'"{API_KEY}"')
    monkeypatch.setenv("BINANCE_API_SECRET", SECRET)

    report = Report(capsys)

    assert (2, ["credentials"]) == (report.code, report.failed)
    assert report.texts["credentials"].startswith(
        "api_key is in quotation marks, which are not part of it; remove them"
    )


@pytest.mark.parametrize(("hours", "side"), [(1, "ahead of"), (-1, "behind")])
def test_clock_an_hour_off(capsys: pytest.CaptureFixture[str], sandbox: Sandbox, hours: int, side: str) -> None:
    """A clock offset is measured, the exchange rejects the call, and doctor says what to do."""
    sandbox.clock_offset_ms = hours * 3_600_000

    report = Report(capsys)

    assert (1, ["clock", "balance"]) == (report.code, report.failed)
    offset = re.search(rf"the exchange's clock is ([0-9]+) ms {side} this machine's", report.texts["clock"])
    assert offset
    assert 3_599_000 < int(offset[1]) < 3_601_000
    expected = "\nexpected: a timestamp at most 5000 ms (recvWindow) old, and less than 1000 ms in the future\n"
    assert expected in report.texts["clock"]
    assert "\nto do: synchronize this machine's clock (NTP)" in report.texts["clock"]
    assert "code -1021" in report.texts["balance"]
    assert re.search(rf"; the exchange's clock is [0-9]+ ms {side} this machine's", report.texts["balance"])


@pytest.mark.parametrize(
    ("offset_ms", "failed"), [(3000, []), (-900, []), (5500, ["clock", "balance"]), (-2500, ["clock", "balance"])]
)
def test_small_clock_offsets(
    capsys: pytest.CaptureFixture[str], sandbox: Sandbox, offset_ms: int, failed: list[str]
) -> None:
    """Doctor accepts a clock offset if and only if the exchange does."""
    sandbox.clock_offset_ms = offset_ms

    assert failed == Report(capsys).failed


def test_unknown_host(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown host fails DNS and skips what depends on it; the signature is still checked."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    report = Report(capsys, "--server", "https://dapi.example")

    assert (1, ["DNS"]) == (report.code, report.failed)
    assert report.texts["DNS"].startswith("dapi.example: Name or service not known\nexpected: an IP address")
    assert ["connection", "clock", "balance", "used weight"] == report.skipped
    assert "requires DNS" == report.texts["connection"]
    assert "requires connection" == report.texts["balance"]


def test_slow_name_resolution(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """DNS fails at the timeout, however long the system's resolver takes."""
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: is_over.wait(60))

    report = Report(capsys, "--server", "https://dapi.example", "--timeout", "0.05")
    is_over.set()

    assert (1, ["DNS"]) == (report.code, report.failed)
    assert report.texts["DNS"].startswith("dapi.example: timed out\nexpected: an IP address within 0.05 s")


@pytest.mark.parametrize(("variable", "value"), [("SSLKEYLOGFILE", "/missing/keys"), ("SSL_CERT_FILE", "/missing.pem")])
def test_invalid_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    """Settings of certificates are the fault of the server's step, and not of the credentials."""
    monkeypatch.setenv(variable, value)

    report = Report(capsys, "--server", "https://dapi.example")

    assert (2, ["server"]) == (report.code, report.failed)
    assert variable in report.texts["server"]
    assert value in report.texts["server"]


def test_invalid_host_name(capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid host name fails DNS, like an unknown one."""
    report = Report(capsys, "--server", f"https://{'x' * 64}.example")

    assert (1, ["DNS"]) == (report.code, report.failed)


def test_addresses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """All addresses of a host are shown, each once."""
    port = int(sandbox.url.rpartition(":")[2])
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found * 2)

    report = Report(capsys, "--server", f"http://localhost:{port}")

    assert (0, "localhost resolves to 127.0.0.1, ::1") == (report.code, report.texts["DNS"])


def test_connection_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A refused connection fails the connection check."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    report = Report(capsys, "--server", f"http://127.0.0.1:{port}")

    assert (1, ["connection"]) == (report.code, report.failed)
    assert report.texts["connection"].startswith(f"127.0.0.1, port {port}: Connection refused\nexpected: a connection")


def test_connection_timeout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A connection attempt ends at the timeout."""

    def silent(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)

    report = Report(capsys, "--timeout", "3")

    assert (1, ["connection"]) == (report.code, report.failed)
    assert "timed out\nexpected: a connection within 3 s" in report.texts["connection"]


def test_timeout(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A call without a response fails at the timeout, after a single attempt."""
    sandbox.inject_fault(Fault.silence(), path=PATH)

    report = Report(capsys, "--timeout", "0.3")

    assert (1, ["balance"]) == (report.code, report.failed)
    assert report.texts["balance"].startswith("the call timed out")
    assert "or allow more time with --timeout" in report.texts["balance"]
    assert 1 == [request.path for request in sandbox.received_requests].count(PATH)


def test_silence(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Without any response, the connection check still passes, and no used weight is known."""
    sandbox.inject_fault(Fault.silence(), times=9)

    report = Report(capsys, "--timeout", "0.2")

    assert (1, ["clock", "balance"]) == (report.code, report.failed)
    assert "not reported by any response" == report.texts["used weight"]


def test_firewall(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A firewall's HTML page is reported as such by both checks that it answers."""
    sandbox.respond_next(403, body="<html>Forbidden</html>", content_type="text/html", times=2)

    report = Report(capsys)

    assert (1, ["clock", "balance"]) == (report.code, report.failed)
    for step in report.failed:
        assert report.texts[step].startswith("HTTP 403, no code, text/html: <html>Forbidden</html>\n")
        assert "\nto do: wait a few minutes and send fewer requests" in report.texts[step]


def test_ban(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """The end of a ban is shown, and nothing more is sent during it."""
    sandbox.respond_next(418, body={"code": -1003, "msg": "IP banned until 4102444800000."})

    report = Report(capsys)

    assert (1, ["clock", "balance"]) == (report.code, report.failed)
    assert "\nto do: send no requests until 2100-01-01 00:00:00 UTC: " in report.texts["clock"]
    assert report.texts["balance"].startswith("not sent: the ban lasts until ")
    assert [TIME] == [request.path for request in sandbox.received_requests]


def test_ban_without_an_end(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """The end of a ban is not shown if it is in the past."""
    sandbox.respond_next(418, path=PATH)

    report = Report(capsys)

    assert (1, ["balance"]) == (report.code, report.failed)
    assert "\nto do: send no requests for a few minutes: " in report.texts["balance"]


def test_unknown_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown server name is an invalid configuration; checks that do not need the server still run."""
    monkeypatch.setenv("BINANCE_SERVER", "moon")

    report = Report(capsys)

    assert (2, ["server"]) == (report.code, report.failed)
    assert ["DNS", "connection", "clock", "balance", "used weight"] == report.skipped


def test_server_of_the_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A server of the document is shown with its name and the source of the setting; production is the default."""

    def unknown(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.delenv("BINANCE_SERVER")

    assert "demo, https://demo-dapi.binance.com (--server)" == Report(capsys, "--server", "demo").texts["server"]
    assert "production, https://dapi.binance.com (the default)" == Report(capsys).texts["server"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return a certificate authority whose certificate is in a file of this test."""
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    return authority


def encrypted(authority: Authority, tmp_path: Path, *names: x509.GeneralName) -> ssl.SSLContext:
    """Return the TLS context of a server with these names."""
    (tmp_path / "server.pem").write_bytes(authority.server(*names))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


def test_certificate(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    authority: Authority,
    tmp_path: Path,
) -> None:
    """For a TLS connection, its version and the certificate's issuer and expiry are shown."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = encrypted(authority, tmp_path, x509.IPAddress(ip_address("127.0.0.1")))
    with Relay(sandbox.url, context) as relay:
        report = Report(capsys, "--server", relay.url)

    assert (0, []) == (report.code, report.failed)
    days = (datetime(2100, 1, 1, tzinfo=UTC) - datetime.now(UTC)).days
    assert re.fullmatch(
        rf".*, in [0-9.]+ ms; TLSv1\.3 in [0-9.]+ ms; certificate by Authority of a test, until 2100-01-01 00:00:00 UTC"
        rf" \({days} days\)",
        report.texts["connection"],
    )


@pytest.mark.parametrize(
    ("trusted", "said"),
    [([], "unable to get local issuer certificate"), (["authority.pem"], "IP address mismatch")],
)
def test_invalid_certificate(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    authority: Authority,
    tmp_path: Path,
    trusted: list[str],
    said: str,
) -> None:
    """A certificate of an unknown authority or another host fails with its reason, and nothing is sent."""
    for name in trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    context = encrypted(authority, tmp_path, x509.IPAddress(ip_address("192.0.2.1")))
    with Relay(sandbox.url, context) as relay:
        report = Report(capsys, "--server", relay.url)

    assert (1, ["connection"]) == (report.code, report.failed)
    assert "127.0.0.1 has an invalid certificate: " in report.texts["connection"]
    assert said in report.texts["connection"]
    assert [] == sandbox.received_requests


def test_server_without_tls(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A server without TLS at an https URL fails the connection check."""
    report = Report(capsys, "--server", sandbox.url.replace("http", "https"))

    assert (1, ["connection"]) == (report.code, report.failed)
    assert report.texts["connection"].startswith("127.0.0.1 does not speak TLS: ")


def test_proxy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """With a proxy, connections are opened to the proxy; its password is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", sandbox.url.replace("//", "//user:password@"))

    report = Report(capsys, "--server", "https://dapi.example")

    # The sandbox is not a proxy, and rejects CONNECT.
    assert (1, ["clock", "balance"]) == (report.code, report.failed)
    assert "the proxy 127.0.0.1 is an IP address" == report.texts["DNS"]
    assert "the next checks verify TLS with the server behind it" in report.texts["connection"]
    assert "user:password" not in report.out


@pytest.mark.parametrize(
    ("proxy", "endpoint"),
    [
        ("proxy.example:3128", Endpoint("proxy.example", 3128, is_proxy=True)),
        ("http://proxy.example", Endpoint("proxy.example", 80, is_proxy=True)),
        ("socks5://proxy.example", Endpoint("proxy.example", 1080, is_proxy=True)),
    ],
)
def test_proxies(monkeypatch: pytest.MonkeyPatch, proxy: str, endpoint: Endpoint) -> None:
    """A proxy has its URL's port or its scheme's default; http and NO_PROXY hosts are reached directly."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "other.example")

    assert endpoint == Endpoint.for_url(httpx.URL("https://dapi.example"))
    assert Endpoint("other.example", 443) == Endpoint.for_url(httpx.URL("https://other.example"))
    assert Endpoint("localhost", 80) == Endpoint.for_url(httpx.URL("http://localhost"))
