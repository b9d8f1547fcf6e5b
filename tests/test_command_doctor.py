"""`binance-coinm doctor`: each step of a call, what it found, and what to do about it."""

import re
import socket
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from authority import Authority
from binance_coinm_cli import _peer
from binance_sandbox import Fault, Sandbox
from command import here, use
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from relay import Relay

PATH = "/dapi/v1/balance"
TIME = "/dapi/v1/time"
STEPS = [
    "credentials",
    "key type",
    "server",
    "name resolution",
    "connection",
    "time",
    "signature",
    "answer",
    "used weight",
]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use(monkeypatch, sandbox)


class Report:
    """What doctor wrote, taken apart."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        """Run it."""
        self.code, self.out, err = here(capsys, "doctor", *arguments)
        assert "" == err
        self.marks: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        step = ""
        steps, _, self.end = self.out.rstrip("\n").rpartition("\n\n")
        for line in steps.splitlines():
            mark, text = line[:11].strip(), line[11:]
            if mark:
                step, _, text = text.partition(": ")
                self.marks[step], self.texts[step] = mark, text
            else:
                self.texts[step] += f"\n{text}"
        assert STEPS == list(self.marks)

    @property
    def failed(self) -> list[str]:
        """The steps that failed, which are those that the end names, and that say what to do."""
        failed = [step for step, mark in self.marks.items() if mark == "FAILED"]
        assert (f"something is wrong: {', '.join(failed)}" if failed else "all is well") == self.end
        assert failed == [step for step, text in self.texts.items() if "\nexpected: " in text and "\nto do: " in text]
        return failed

    @property
    def not_tried(self) -> list[str]:
        """The steps that were not tried."""
        return [step for step, mark in self.marks.items() if mark == "not tried"]


def private_pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> bytes:
    """Give a private key as the environment's file holds it."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    """Give its public key as the exchange has it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def use_private_key(monkeypatch: pytest.MonkeyPatch, path: Path, pem: bytes) -> None:
    """Let the environment name a private key instead of a secret."""
    path.write_bytes(pem)
    monkeypatch.delenv("BINANCE_API_SECRET")
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_FILE", str(path))


def test_all_is_well(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Each step says what it found; of the API key its ends are shown, and of secret and signature nothing."""
    report = Report(capsys)

    assert (0, []) == (report.code, report.failed)
    key, port = sandbox.account.api_key, sandbox.url.rpartition(":")[2]
    assert {
        "credentials": f"BINANCE_API_KEY ({key[:4]}...{key[-4:]}, 64 characters) and BINANCE_API_SECRET",
        "key type": "HMAC, a secret",
        "server": f"{sandbox.url} (BINANCE_SERVER)",
        "name resolution": "127.0.0.1 is an address",
        "signature": "HMAC-SHA256 in hexadecimal, 64 characters",
        "answer": "HTTP 200, the balances of 5 assets",
    }.items() <= report.texts.items()
    # The minute may end in between.
    assert re.fullmatch("[1-3] within this minute, for this IP address", report.texts["used weight"])
    assert re.fullmatch(
        rf"127\.0\.0\.1 at 127\.0\.0\.1, port {port}, in [0-9.]+ ms; no TLS: http, within this machine",
        report.texts["connection"],
    )
    assert re.fullmatch(
        r"round trip [0-9.]+ ms; the exchange's clock is [0-9]+ ms (ahead of|behind) this machine's; recvWindow, 5000"
        r" ms unless it is set, leaves a request [0-9]{4} ms",
        report.texts["time"],
    )


def test_sandbox_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an account the way can be gone with the sandbox that the command brings along."""
    for variable in ("BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_SERVER"):
        monkeypatch.delenv(variable)

    report = Report(capsys, "--sandbox")

    assert (0, []) == (report.code, report.failed)
    assert report.texts["credentials"].startswith("made up by the sandbox, API key ")
    assert report.texts["server"].endswith(" (the sandbox)")


def test_missing_keys(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without keys it is said what is missing, and how to do without; what needs none is looked at all the same."""
    monkeypatch.delenv("BINANCE_API_SECRET")

    report = Report(capsys)

    assert (2, ["credentials"]) == (report.code, report.failed)
    assert report.texts["credentials"].startswith("no credentials: BINANCE_API_SECRET is not set; set ")
    assert "binance-coinm doctor --sandbox goes the way without an account" in report.texts["credentials"]
    assert ["key type", "signature", "answer"] == report.not_tried
    assert "it needs: credentials" == report.texts["signature"]


def test_short_api_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is shown of an API key that would not be much longer than its ends; the exchange says what is wrong."""
    monkeypatch.setenv("BINANCE_API_KEY", "abcdefgh")

    report = Report(capsys)

    assert (1, ["answer"]) == (report.code, report.failed)
    assert "BINANCE_API_KEY (8 characters) and BINANCE_API_SECRET" == report.texts["credentials"]
    assert "code -2014" in report.texts["answer"]
    assert "\nto do: check that the API key is copied as a whole" in report.texts["answer"]


def test_wrong_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that is not the API key's is found by the exchange; the document's advice is what to do."""
    monkeypatch.setenv("BINANCE_API_SECRET", "another-secret")

    report = Report(capsys)

    assert (1, ["answer"]) == (report.code, report.failed)
    assert (
        "HTTP 400, code -1022: Signature for this request is not valid.\n"
        "expected: the balances, for a request that is signed by HMAC\n"
        "to do: check that the secret or private key is the one of this API key and of the kind that is registered,"
        " HMAC, RSA or Ed25519; "
    ) == report.texts["answer"].partition("signed is the query")[0]


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
    """A key of another kind than is registered is found by the exchange, and the kind is told."""
    key = ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else rsa.generate_private_key(65537, 2048)
    use_private_key(monkeypatch, tmp_path / "key.pem", private_pem(key, password))
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_PASSWORD", password.decode())

    report = Report(capsys)

    assert (1, ["answer"]) == (report.code, report.failed)
    assert report.texts["credentials"].endswith(") and BINANCE_PRIVATE_KEY_FILE")
    assert f"{kind}, a private key" == report.texts["key type"]
    assert report.texts["signature"].startswith(described)
    assert "code -1022" in report.texts["answer"]
    assert f"signed by {kind}\n" in report.texts["answer"]


def test_secret_for_an_account_with_a_public_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox
) -> None:
    """The other way round it is the same."""
    account = sandbox.add_account(public_key_pem=public_pem(ed25519.Ed25519PrivateKey.generate()))
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)

    report = Report(capsys)

    assert (1, ["answer"]) == (report.code, report.failed)
    assert "signed by HMAC\n" in report.texts["answer"]
    assert "of the kind that is registered" in report.texts["answer"]


def test_private_key_that_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox, tmp_path: Path
) -> None:
    """With a private key whose public key is registered all is well."""
    key = ed25519.Ed25519PrivateKey.generate()
    account = sandbox.add_account(public_key_pem=public_pem(key), answers={"futuresAccountBalance": []})
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)
    use_private_key(monkeypatch, tmp_path / "key.pem", private_pem(key))

    report = Report(capsys)

    assert (0, []) == (report.code, report.failed)
    assert "HTTP 200, the balances of 0 assets" == report.texts["answer"]


def test_private_key_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file that holds no key is wrong configuration."""
    use_private_key(monkeypatch, tmp_path / "key.pem", b"no key")

    report = Report(capsys)

    assert (2, ["credentials"]) == (report.code, report.failed)
    assert report.texts["credentials"].startswith("the private key is no PKCS#8 PEM")


@pytest.mark.parametrize(("hours", "side"), [(1, "ahead of"), (-1, "behind")])
def test_clock_an_hour_off(capsys: pytest.CaptureFixture[str], sandbox: Sandbox, hours: int, side: str) -> None:
    """A clock that is off is measured, the exchange refuses the call, and it is told what helps."""
    sandbox.clock_offset_ms = hours * 3_600_000

    report = Report(capsys)

    assert (1, ["time", "answer"]) == (report.code, report.failed)
    offset = re.search(rf"the exchange's clock is ([0-9]+) ms {side} this machine's", report.texts["time"])
    assert offset
    assert 3_599_000 < int(offset[1]) < 3_601_000
    expected = "\nexpected: a request that is at most 5000 ms (recvWindow) old, and less than 1000 ms early\n"
    assert expected in report.texts["time"]
    assert "\nto do: set this machine's clock (NTP)" in report.texts["time"]
    assert "code -1021" in report.texts["answer"]
    assert f"; the exchange's clock is ahead of this machine's by {'-' * (hours < 0)}" in report.texts["answer"]


@pytest.mark.parametrize(
    ("offset_ms", "failed"), [(3000, []), (-900, []), (5500, ["time", "answer"]), (-2500, ["time", "answer"])]
)
def test_clock_that_is_off_by_little(
    capsys: pytest.CaptureFixture[str], sandbox: Sandbox, offset_ms: int, failed: list[str]
) -> None:
    """What doctor says of a clock is what the exchange says."""
    sandbox.clock_offset_ms = offset_ms

    assert failed == Report(capsys).failed


def test_unknown_host(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that nobody knows ends the way there; the signature can be looked at all the same."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    report = Report(capsys, "--server", "https://dapi.example")

    assert (1, ["name resolution"]) == (report.code, report.failed)
    assert report.texts["name resolution"].startswith("dapi.example: Name or service not known\nexpected: an address")
    assert ["connection", "time", "answer", "used weight"] == report.not_tried
    assert "it needs: name resolution" == report.texts["connection"]
    assert "it needs: connection" == report.texts["answer"]


def test_name_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that cannot be one is told like one that nobody knows."""
    report = Report(capsys, "--server", f"https://{'x' * 64}.example")

    assert (1, ["name resolution"]) == (report.code, report.failed)


def test_addresses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """All addresses of a name are told, each once."""
    port = int(sandbox.url.rpartition(":")[2])
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found * 2)

    report = Report(capsys, "--server", f"http://localhost:{port}")

    assert (0, "localhost is 127.0.0.1, ::1") == (report.code, report.texts["name resolution"])


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """A port at which nobody listens refuses the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    report = Report(capsys, "--server", f"http://127.0.0.1:{port}")

    assert (1, ["connection"]) == (report.code, report.failed)
    assert report.texts["connection"].startswith(f"127.0.0.1, port {port}: Connection refused\nexpected: a connection")


def test_nobody_answers_a_connection(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A connection that is not answered ends by the timeout."""

    def silent(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)

    report = Report(capsys, "--timeout", "3")

    assert (1, ["connection"]) == (report.code, report.failed)
    assert "no answer in time\nexpected: a connection within 3 s" in report.texts["connection"]


def test_timeout(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """An exchange that does not answer the call is told after the timeout, in one try."""
    sandbox.fail_next(Fault.silence(), path=PATH)

    report = Report(capsys, "--timeout", "0.3")

    assert (1, ["answer"]) == (report.code, report.failed)
    assert report.texts["answer"].startswith("the call's time ran out")
    assert "or give it more time by --timeout" in report.texts["answer"]
    assert 1 == [request.path for request in sandbox.requests].count(PATH)


def test_silence(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Where nothing is answered at all, the connection is there all the same, and no answer told a weight."""
    sandbox.fail_next(Fault.silence(), times=9)

    report = Report(capsys, "--timeout", "0.2")

    assert (1, ["time", "answer"]) == (report.code, report.failed)
    assert "no answer told it" == report.texts["used weight"]


def test_firewall(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A firewall's page is told as one, for the time as for the call."""
    sandbox.answer_next(403, body="<html>Forbidden</html>", content_type="text/html", times=2)

    report = Report(capsys)

    assert (1, ["time", "answer"]) == (report.code, report.failed)
    for step in report.failed:
        assert report.texts[step].startswith("HTTP 403, no code, text/html\n")
        assert "\nto do: wait some minutes and call less often" in report.texts[step]


def test_ban(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A ban is told with its end, and nothing more is sent during it."""
    sandbox.answer_next(418, body={"code": -1003, "msg": "IP banned until 4102444800000."})

    report = Report(capsys)

    assert (1, ["time", "answer"]) == (report.code, report.failed)
    assert "\nto do: send nothing until 2100-01-01 00:00:00 UTC: " in report.texts["time"]
    assert "(not sent: the ban lasts until " in report.texts["answer"]
    assert [TIME] == [request.path for request in sandbox.requests]


def test_ban_without_an_end(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """The end of a ban that is over already is not told as one."""
    sandbox.answer_next(418, path=PATH)

    report = Report(capsys)

    assert (1, ["answer"]) == (report.code, report.failed)
    assert "\nto do: send nothing for some minutes: " in report.texts["answer"]


def test_unknown_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is none is wrong configuration; what does not need it is looked at."""
    monkeypatch.setenv("BINANCE_SERVER", "moon")

    report = Report(capsys)

    assert (2, ["server"]) == (report.code, report.failed)
    assert ["name resolution", "connection", "time", "answer", "used weight"] == report.not_tried


def test_server_of_the_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that the document names is told by its name, and by who chose it; production is the default."""

    def unknown(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.delenv("BINANCE_SERVER")

    assert "demo, https://demo-dapi.binance.com (--server)" == Report(capsys, "--server", "demo").texts["server"]
    assert "production, https://dapi.binance.com (the default)" == Report(capsys).texts["server"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority, whose certificate is in a file of this test."""
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    return authority


def encrypted(authority: Authority, tmp_path: Path, *names: x509.GeneralName) -> ssl.SSLContext:
    """Give what a server of these names speaks TLS by."""
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
    """Of a connection with TLS its version is told, and who made the certificate, and until when it is valid."""
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
def test_certificate_that_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sandbox: Sandbox,
    authority: Authority,
    tmp_path: Path,
    trusted: list[str],
    said: str,
) -> None:
    """A certificate of an unknown authority, or of another host, is refused for what it is, and nothing is sent."""
    for name in trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    context = encrypted(authority, tmp_path, x509.IPAddress(ip_address("192.0.2.1")))
    with Relay(sandbox.url, context) as relay:
        report = Report(capsys, "--server", relay.url)

    assert (1, ["connection"]) == (report.code, report.failed)
    assert "127.0.0.1 shows a certificate that is refused: " in report.texts["connection"]
    assert said in report.texts["connection"]
    assert [] == sandbox.requests


def test_server_without_tls(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A server that does not speak TLS at a URL of https is told as one."""
    report = Report(capsys, "--server", sandbox.url.replace("http", "https"))

    assert (1, ["connection"]) == (report.code, report.failed)
    assert report.texts["connection"].startswith("127.0.0.1 does not speak TLS: ")


def test_proxy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Where a proxy is on the way, it is the proxy that is connected to; its password is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", sandbox.url.replace("//", "//user:password@"))

    report = Report(capsys, "--server", "https://dapi.example")

    # The sandbox is no proxy, and says no.
    assert (1, ["time", "answer"]) == (report.code, report.failed)
    assert "the proxy 127.0.0.1 is an address" == report.texts["name resolution"]
    assert "TLS is made with the server behind it" in report.texts["connection"]
    assert "user:password" not in report.out


@pytest.mark.parametrize(
    ("proxy", "peer"),
    [
        ("proxy.example:3128", _peer.Peer("proxy.example", 3128, is_proxy=True)),
        ("http://proxy.example", _peer.Peer("proxy.example", 80, is_proxy=True)),
        ("socks5://proxy.example", _peer.Peer("proxy.example", 1080, is_proxy=True)),
    ],
)
def test_proxies(monkeypatch: pytest.MonkeyPatch, proxy: str, peer: _peer.Peer) -> None:
    """A proxy is where its URL says, or where its kind is by convention; it is not for this machine, nor for others."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "other.example")

    assert peer == _peer.peer_of(httpx.URL("https://dapi.example"))
    assert _peer.Peer("other.example", 443) == _peer.peer_of(httpx.URL("https://other.example"))
    assert _peer.Peer("localhost", 80) == _peer.peer_of(httpx.URL("http://localhost"))
