"""Private keys, Ed25519 and RSA: their signatures, how they load, and errors that do not show them."""

import asyncio
import copy
import json
import pickle
import shutil
import subprocess
import sys
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from binance_coinm import connect
from binance_coinm.errors import ConfigurationError, SignatureError
from binance_coinm.security import Security
from binance_sandbox import Sandbox
from binance_signing import Credentials, Ed25519Key, HmacKey, RsaKey, Signer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET

PASSWORD = "correct horse battery staple"
KINDS = {"Ed25519": Ed25519Key, "RSA 2048": RsaKey, "RSA 4096": RsaKey}
OPENSSL = shutil.which("openssl")
PUBLISHED_BODY = "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"
PUBLISHED = f"-----BEGIN PRIVATE KEY-----\n{PUBLISHED_BODY}\n-----END PRIVATE KEY-----\n"
# The example of RFC 8410, section 10.3, which has an attribute and the public key.
VERSION_2_BODY = (
    "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
    "oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB"
    "Z9w7lshQhqowtrbLDFw4rXAxZuE="
)
# The same key in version 1, the first example of that section.
VERSION_1_BODY = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
KNOWN_ANSWERS = {
    b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223": (
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    ),
    b"timestamp=1591702613943": (
        "hHiQYz8TwEmv2/ylRrehdRkvD2ZFXYDw5i1cqVayZJsEGm1GEjzVCXvwDmcPCwf4PLi45MrMkkZNew2UOTcZBg=="
    ),
}


@cache
def generated(kind: str) -> ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """Generate a key once, because RSA keys take their time."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "EC":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, int(kind.removeprefix("RSA ")))


def pem_of(kind: str, password: str | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """Return a private key as PEM."""
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return generated(kind).private_bytes(Encoding.PEM, form, encryption)


def public_pem_of(kind: str) -> bytes:
    """Return the public key, which the exchange has, as PEM."""
    return generated(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def expected(kind: type) -> str:
    """Return the pattern of what an error says that a private key should be."""
    return (
        f"expected an {kind.__name__} as PKCS#8 PEM: its text, its bytes, a pathlib.Path,"
        " or a file in BINANCE_PRIVATE_KEY_FILE"
    )


def assert_hidden(error: BaseException, pem: str = "") -> None:
    """Assert that neither an exception nor its frames in the SDK show a password or a line of a PEM's body."""
    stack = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    frames = [str(frame.locals) for frame in stack if frame.filename != __file__]
    shown = "".join([str(error), repr(error), repr(vars(error)), *frames])
    assert error.__cause__ is None
    assert error.__context__ is None
    assert PASSWORD not in shown
    for line in pem.splitlines():
        # The last line of a body may be so short that it is found by chance.
        assert line.startswith("-----") or len(line) < 8 or line not in shown


@pytest.mark.parametrize(("payload", "signature"), KNOWN_ANSWERS.items())
def test_known_answers(payload: bytes, signature: str) -> None:
    """The published Ed25519 key makes the published signatures, in base64, percent-encoded."""
    assert quote(signature, safe="").encode() == Ed25519Key.from_pem(PUBLISHED).sign(payload)


def test_known_answer_of_a_request() -> None:
    """The last parameter of a signed request's query is the published signature."""
    payload, signature = list(KNOWN_ANSWERS.items())[1]
    signer = Signer(
        Credentials(API_KEY, Ed25519Key.from_pem(PUBLISHED)), "https://exchange.example", clock=lambda: 1591702613943
    )
    request = httpx.Request("GET", "https://exchange.example/x", extensions={"security": Security.USER_DATA})

    signer(request)

    assert payload + b"&signature=" + quote(signature, safe="").encode() == request.url.query
    assert signature == request.url.params["signature"]


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_openssl_verifies(tmp_path: Path, kind: str) -> None:
    """The openssl command verifies a signature with the public key."""
    payload, signature, public = tmp_path / "payload", tmp_path / "signature", tmp_path / "public.pem"
    payload.write_bytes(b"recvWindow=5000&timestamp=1591702613943")
    public.write_bytes(public_pem_of(kind))
    signed = KINDS[kind].from_pem(pem_of(kind)).sign(payload.read_bytes()).decode()
    signature.write_bytes(b64decode(unquote(signed), validate=True))
    by_digest = ["dgst", "-sha256", "-verify", public, "-signature", signature, payload]
    raw = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-sigfile", signature, "-in", payload]

    command = [str(part) for part in (OPENSSL, *(raw if kind == "Ed25519" else by_digest))]

    assert 0 == subprocess.run(command, check=False, capture_output=True).returncode
    payload.write_bytes(b"recvWindow=5000&timestamp=1591702613944")
    assert 1 == subprocess.run(command, check=False, capture_output=True).returncode


@pytest.mark.parametrize("kind", KINDS)
def test_exchange_accepts(sandbox: Sandbox, balance: Balance, kind: str) -> None:
    """A call signed with the account's private key returns rows; one signed with another key is a `SignatureError`."""
    account = sandbox.add_account(public_key_pem=public_pem_of(kind))
    key = KINDS[kind].from_pem(pem_of(kind))

    assert balance(connect(Credentials(account.api_key, key), server=sandbox.url)).parsed
    with pytest.raises(SignatureError):
        balance(connect(Credentials(account.api_key, Ed25519Key.from_pem(PUBLISHED)), server=sandbox.url))


@pytest.mark.parametrize("kind", ["Ed25519", "RSA 2048"])
def test_exchange_accepts_forms(tmp_path: Path, kind: str) -> None:
    """A form signed with a private key is accepted, sync and async; the signature is in the form."""
    # The document has no operation with a form, so one of its operations is changed to have one.
    described = json.loads((files("binance_coinm") / "openapi.json").read_text(encoding="utf-8"))
    described["paths"]["/dapi/v1/balance"] = {"post": described["paths"]["/dapi/v1/balance"]["get"]}
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(described), encoding="utf-8")
    form = {"data": {"recvWindow": "4000"}, "extensions": {"security": Security.USER_DATA}}
    request = {"method": "POST", "url": "/dapi/v1/balance", **form}

    async def of_both_sides() -> list[int]:
        credentials = Credentials(account.api_key, KINDS[kind].from_pem(pem_of(kind)))
        async with connect(credentials, server=sandbox.url) as client:
            return [client.request(request).status_code, (await client.request_async(request)).status_code]

    with Sandbox(document=document) as sandbox:
        account = sandbox.add_account(public_key_pem=public_pem_of(kind))
        assert [200, 200] == asyncio.run(of_both_sides())
    assert all(b"" == sent.query and b"&signature=" in sent.body for sent in sandbox.received_requests)


@pytest.mark.parametrize("kind", ["Ed25519", "RSA 2048"])
@pytest.mark.parametrize("password", [None, PASSWORD, PASSWORD.encode()], ids=["plain", "str", "bytes"])
def test_ways_to_load(tmp_path: Path, kind: str, password: str | bytes | None) -> None:
    """A PEM is the same key as text, bytes and file, encrypted or not, with any line ends."""
    pem = pem_of(kind, PASSWORD if password else None)
    path = tmp_path / "key.pem"
    path.write_bytes(b"\n" + pem.replace(b"\n", b"\r\n") + b"\n")

    keys = [KINDS[kind].from_pem(form, password=password) for form in (pem, pem.decode(), path)]

    assert {KINDS[kind].from_pem(pem_of(kind)).sign(b"payload")} == {key.sign(b"payload") for key in keys}


ENCLOSED = {
    "byte order mark": f"\ufeff{PUBLISHED}",
    "comment": f"# my key\n{PUBLISHED}",
    "quotation marks": f'"{PUBLISHED}"',
    "spaces": f" \t{PUBLISHED}\n ",
    "spelled-out line breaks": PUBLISHED.replace("\n", "\\n"),
    "spelled-out line breaks of Windows": PUBLISHED.replace("\n", "\\r\\n"),
    "spaces as line breaks": PUBLISHED.replace("\n", " "),
    "bag attributes and a certificate": (
        f"Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n{PUBLISHED}"
        "Bag Attributes\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    ),
}


@pytest.mark.parametrize("pem", ENCLOSED.values(), ids=ENCLOSED)
def test_what_stands_around_a_key(tmp_path: Path, pem: str) -> None:
    """What stands around a PEM, as in the output of `openssl pkcs12` or in a variable, does not matter."""
    path = tmp_path / "key.pem"
    path.write_text(pem, encoding="utf-8")
    payload, signature = list(KNOWN_ANSWERS.items())[1]

    for form in (pem, pem.encode(), path):
        assert quote(signature, safe="").encode() == Ed25519Key.from_pem(form).sign(payload)


def test_longest_pem() -> None:
    """A PEM may have 65536 bytes, with what stands around it."""
    assert Ed25519Key.from_pem(PUBLISHED.ljust(65536))


def test_version_2_of_the_form() -> None:
    """An Ed25519 key in PKCS#8 version 2, which has the public key too, is the same as in version 1."""
    first, second = (Ed25519Key.from_pem(armored(body)) for body in (VERSION_1_BODY, VERSION_2_BODY))

    assert first.sign(b"payload") == second.sign(b"payload")


@pytest.mark.parametrize("kind", ["Ed25519", "RSA 2048"])
def test_form_of_openssh(kind: str) -> None:
    """A key as `ssh-keygen` writes it is read, because that command converts no Ed25519 key to PKCS#8."""
    keys = [KINDS[kind].from_pem(pem_of(kind, form=form)) for form in (PrivateFormat.OpenSSH, PrivateFormat.PKCS8)]

    assert keys[0].sign(b"payload") == keys[1].sign(b"payload")


def test_form_of_openssh_with_a_password() -> None:
    """A key that `ssh-keygen -N pw` wrote needs a library, which is named."""
    with pytest.raises(
        ConfigurationError, match="^the private key cannot be decoded: .*bcrypt.*; expected an Ed25519Key"
    ):
        Ed25519Key.from_pem(armored(OPENSSH_LOCKED, "OPENSSH PRIVATE KEY"), password="pw")


def test_home_in_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A path may begin with `~`, which no shell expands in an env file, as argument and in the environment."""
    (tmp_path / "key.pem").write_text(PUBLISHED)
    environment = {"HOME": str(tmp_path), "BINANCE_API_KEY": API_KEY, "BINANCE_PRIVATE_KEY_FILE": "~/key.pem"}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)

    assert isinstance(Credentials.from_env().key, Ed25519Key)
    assert Ed25519Key.from_pem(Path("~/key.pem"))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('"value"', "is in quotation marks, which are not part of it; remove them"),
        ("'value'", "is in quotation marks, which are not part of it; remove them"),
        ('"value', "is in quotation marks, which are not part of it; remove them"),
        ("'value", "is in quotation marks, which are not part of it; remove them"),
        ('value"', "is in quotation marks, which are not part of it; remove them"),
        ("value'", "is in quotation marks, which are not part of it; remove them"),
        ("value\n", "contains whitespace at its beginning or end, such as a line break; remove it"),
        ("\tvalue", "contains whitespace at its beginning or end, such as a line break; remove it"),
        ("\ufeffvalue", "contains whitespace or other characters that a key never has"),
    ],
)
@pytest.mark.parametrize("variable", ["BINANCE_API_KEY", "BINANCE_API_SECRET"])
def test_values_that_were_copied_with_too_much(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str
) -> None:
    """An API key or secret in quotation marks, as Docker keeps them in env files, is an error that says so."""
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        monkeypatch.setenv(name, value.replace("value", PASSWORD.replace(" ", "-")) if name == variable else "key")

    with pytest.raises(ConfigurationError, match=f"^(api_key|secret) {problem}.*; .*{variable}$") as caught:
        connect()

    assert PASSWORD.replace(" ", "-") not in str(caught.value)


def armored(body: str, label: str = "PRIVATE KEY") -> bytes:
    """Return a PEM with any body."""
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


# The beginning of a key with the cipher aes256-ctr and the key derivation bcrypt.
OPENSSH_LOCKED = (
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAzaVOcSkRZZSiTELlLDukjAAAAEAAAAAEAAAAz"
    "AAAAC3NzaC1lZDI1NTE5AAAAIO+VQsv0E9GE80v6Ro/yyhc+PHoD92LRRt3ofpqtHPq6AAAAkOdn5uympSzROa8laJCp9qBmSksg"
    "lMD4b9btBfUDdDLQBSiHEuLAwFeJZDjHnavi1tsqe5nS3d6bPg6GU4f0/3W9B6/nbr5lQNkm8Np6q3F9FQks7s032YgB20u3NSOe"
    "I1sOHr8driZGljQJftqhex33I8FgEj5+/eolhn0wttZO2C9jdMurmiqJ5G4GqvVY0g=="
)
OPENSSH_ENCRYPTED = b64encode(
    b"openssh-key-v1\0\0\0\0\x0aaes256-ctr\0\0\0\x06bcrypt\0\0\0\0\0\0\0\x01" + bytes(64)
).decode()
DAMAGED = "cannot be decoded: it is damaged"
WRONG_PASSWORD = rf"{DAMAGED}, or its password is wrong or missing \(quotation marks and spaces would be part of it\)"
BINARY = "is binary, or text in UTF-16; convert DER with `openssl pkcs8 -topk8 -inform DER -in FILE -out NEW`"
INVALID: dict[str, tuple[Callable[[], object], object, str]] = {
    "PKCS#1": (
        lambda: pem_of("RSA 2048", form=PrivateFormat.TraditionalOpenSSL),
        None,
        "is in PKCS#1 form; convert it with `openssl pkcs8 -topk8 -in FILE -out NEW`",
    ),
    "public key": (
        lambda: public_pem_of("Ed25519"),
        None,
        "is a public key; load the private key that belongs to it",
    ),
    "EC key": (lambda: pem_of("EC"), None, "is of a type that the exchange does not accept, .*EC.*PrivateKey"),
    "EC key in SEC 1": (
        lambda: pem_of("EC", form=PrivateFormat.TraditionalOpenSSL),
        None,
        "is of a type that the exchange does not accept, EC; create an Ed25519 or RSA key",
    ),
    "RSA of 1024 bits": (lambda: pem_of("RSA 1024"), None, "is an RSA key of 1024 bits; at least 2048 are required"),
    "OpenSSH with a password": (lambda: armored(OPENSSH_ENCRYPTED, "OPENSSH PRIVATE KEY"), None, WRONG_PASSWORD),
    "DER": (lambda: b64decode(PUBLISHED_BODY), None, BINARY),
    "UTF-16": (lambda: PUBLISHED.encode("utf-16"), None, BINARY),
    "certificate": (
        lambda: armored("A" * 64, "CERTIFICATE"),
        None,
        "is a certificate; load the private key that belongs to it",
    ),
    "request": (
        lambda: armored("A" * 64, "CERTIFICATE REQUEST"),
        None,
        "is a PEM of another kind, CERTIFICATE REQUEST",
    ),
    "certificate before a request": (
        lambda: armored("A" * 64, "CERTIFICATE") + armored("A" * 64, "CERTIFICATE REQUEST"),
        None,
        "is a certificate; load the private key that belongs to it",
    ),
    "two keys": (lambda: PUBLISHED * 2, None, "is one of several; leave only one in the PEM"),
    "file name": (
        lambda: "/home/me/private/key.pem",
        None,
        "is not a PEM, which begins with -----BEGIN PRIVATE KEY----- or … ENCRYPTED …",
    ),
    "empty": (lambda: "", None, "is empty"),
    "whitespace": (lambda: b" \r\n", None, "is empty"),
    "too long": (lambda: PUBLISHED + " " * 65536, None, "is not a PEM: it has more than 65536 bytes"),
    "file without an end": (lambda: Path("/dev/zero"), None, "is not a PEM: it has more than 65536 bytes"),
    "not base64": (lambda: armored("these are words"), None, DAMAGED),
    "not a key": (lambda: armored("A" * 64), None, DAMAGED),
    "a character too many": (lambda: armored(f"{PUBLISHED_BODY}*"), None, DAMAGED),
    "truncated version 2": (lambda: armored(VERSION_2_BODY[:-8]), None, DAMAGED),
    "truncated": (
        lambda: pem_of("RSA 2048")[:800],
        None,
        "is not complete: a line -----END …----- like that of its -----BEGIN …----- is missing",
    ),
    "wrong password": (lambda: pem_of("Ed25519", "another"), PASSWORD, WRONG_PASSWORD),
    "password in quotation marks": (lambda: pem_of("Ed25519", "another"), '"another"', WRONG_PASSWORD),
    "password that is a number": (lambda: pem_of("Ed25519", "another"), 5, "or its password is int"),
    "password with a lone surrogate": (
        lambda: pem_of("Ed25519", "another"),
        f"{PASSWORD}\udcff",
        "or its password cannot be encoded as UTF-8",
    ),
    "missing password": (lambda: pem_of("Ed25519", PASSWORD), None, "is encrypted and needs its password"),
    "needless password": (lambda: PUBLISHED, PASSWORD, "takes no password"),
    "missing file": (
        lambda: Path(__file__, "missing"),
        PASSWORD,
        "cannot be read: (Not a directory|No such file or directory)",
    ),
    "directory": (
        lambda: Path(__file__).parent,
        PASSWORD,
        "cannot be read: (Is a directory|Permission denied)",
    ),
    "path that is the PEM": (
        lambda: Path(PUBLISHED),
        PASSWORD,
        "cannot be read: its PEM is given as the path; pass text, or the path of a file",
    ),
    "path in quotation marks": (
        lambda: Path('"key.pem"'),
        PASSWORD,
        "cannot be read: its path is in quotation marks, which are not part of it; remove them",
    ),
    "path of nobody": (lambda: Path("~nobody-of-this-name/key.pem"), PASSWORD, "cannot be read: invalid path"),
    "path with NUL": (lambda: Path("a\0b"), PASSWORD, "cannot be read: invalid path"),
    "text with a lone surrogate": (
        lambda: f"{PUBLISHED}\udcff",
        None,
        "or its password cannot be encoded as UTF-8",
    ),
    "None": (lambda: None, PASSWORD, "or its password is NoneType"),
    "number": (lambda: 5, PASSWORD, "or its password is int"),
    "list": (lambda: [PUBLISHED], PASSWORD, "or its password is list"),
    "key": (lambda: Ed25519Key.from_pem(PUBLISHED), PASSWORD, "or its password is Ed25519Key"),
}


@pytest.mark.parametrize("kind", [Ed25519Key, RsaKey])
@pytest.mark.parametrize(("make", "password", "reason"), INVALID.values(), ids=INVALID)
def test_invalid_pems(kind: Any, make: Callable[[], Any], password: Any, reason: str) -> None:
    """A value that is not a signing key is an error that says why and what is expected, and does not show the value."""
    pem = make()

    with pytest.raises(ConfigurationError, match=f"^the private key {reason}; {expected(kind)}$") as caught:
        kind.from_pem(pem, password=password)

    assert_hidden(caught.value, pem.decode("latin-1") if isinstance(pem, bytes) else PUBLISHED)


@pytest.mark.parametrize(("kind", "other"), [("RSA 2048", Ed25519Key), ("Ed25519", RsaKey)])
def test_key_of_another_kind(kind: str, other: type[Ed25519Key | RsaKey]) -> None:
    """An RSA key is not an Ed25519 key, nor the other way round."""
    loaded = f"the private key is an {KINDS[kind].__name__}"

    with pytest.raises(ConfigurationError, match=f"^{loaded}; {expected(other)}$") as caught:
        other.from_pem(pem_of(kind))

    assert_hidden(caught.value, pem_of(kind).decode())


@pytest.mark.parametrize("kind", [Ed25519Key, RsaKey])
def test_pem_in_place_of_a_loaded_key(kind: Any) -> None:
    """A PEM passed to the constructor is an error at once, not at the first call."""
    with pytest.raises(ConfigurationError) as caught:
        kind(PUBLISHED)

    assert f"a {kind.__name__} is loaded with {kind.__name__}.from_pem(pem)" == str(caught.value)
    assert_hidden(caught.value, PUBLISHED)


def test_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the library is not installed, the error says how to install it."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, module, None)

    reason = r"the private key needs the cryptography library: pip install 'binance-coinm\[keys\]'"

    with pytest.raises(ConfigurationError, match=f"^{reason}; {expected(Ed25519Key)}$") as caught:
        Ed25519Key.from_pem(PUBLISHED)

    assert_hidden(caught.value, PUBLISHED)


@pytest.mark.parametrize("kind", ["Ed25519", "RSA 2048"])
@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "encrypted"])
def test_key_file_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sandbox: Sandbox, balance: Balance, kind: str, password: str | None
) -> None:
    """Calls are signed with the key file of the environment, of either kind, encrypted or not."""
    sandbox.add_account(API_KEY, public_key_pem=public_pem_of(kind))
    path = tmp_path / "key.pem"
    path.write_bytes(pem_of(kind, password))
    variables = {"API_KEY": API_KEY, "PRIVATE_KEY_FILE": str(path), "PRIVATE_KEY_PASSWORD": password}
    for variable, value in variables.items():
        if value:
            monkeypatch.setenv(f"BINANCE_{variable}", value)

    assert balance(connect(server=sandbox.url)).parsed


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PRIVATE_KEY_PASSWORD": PASSWORD}, WRONG_PASSWORD),
        ({}, "is encrypted and needs its password"),
        ({"PRIVATE_KEY_PASSWORD": ""}, "is encrypted and needs its password"),
        ({"PRIVATE_KEY_PASSWORD": f"{PASSWORD}\udcff"}, "or its password cannot be encoded as UTF-8"),
        (
            {"PRIVATE_KEY_FILE": "missing.pem", "PRIVATE_KEY_PASSWORD": PASSWORD},
            "cannot be read: No such file or directory",
        ),
        (
            {"PRIVATE_KEY_FILE": PUBLISHED},
            "cannot be read: its PEM is given as the path; pass text, or the path of a file",
        ),
        (
            {"PRIVATE_KEY_FILE": "'key.pem'"},
            "cannot be read: its path is in quotation marks, which are not part of it; remove them",
        ),
    ],
    ids=[
        "wrong password",
        "missing password",
        "empty password",
        "undecodable password",
        "missing file",
        "PEM as file",
        "quoted path",
    ],
)
def test_invalid_environments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    """A key file of the environment that cannot be used is an error that names the variable and shows no value."""
    path = tmp_path / "key.pem"
    path.write_bytes(pem_of("Ed25519", "another"))
    for variable, value in ({"API_KEY": API_KEY, "PRIVATE_KEY_FILE": str(path)} | variables).items():
        monkeypatch.setenv(f"BINANCE_{variable}", value)
    names = r"\(BINANCE_PRIVATE_KEY_FILE, BINANCE_PRIVATE_KEY_PASSWORD\)"

    with pytest.raises(ConfigurationError, match=f"^the private key {reason} {names}$") as caught:
        connect()

    assert_hidden(caught.value, PUBLISHED)


def test_two_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret and a key file are an error, even if the file is missing, because either could be meant."""
    for variable, value in {"KEY": API_KEY, "SECRET": PASSWORD}.items():
        monkeypatch.setenv(f"BINANCE_API_{variable}", value)
    monkeypatch.setenv("BINANCE_PRIVATE_KEY_FILE", "missing.pem")

    with pytest.raises(ConfigurationError) as caught:
        connect()

    assert (
        "BINANCE_API_SECRET and BINANCE_PRIVATE_KEY_FILE are both set, but an API key has only one key;"
        " unset one of them"
    ) == str(caught.value)
    assert_hidden(caught.value)


@pytest.mark.parametrize("kind", ["HMAC", "Ed25519", "RSA 2048"])
def test_secrets_are_not_copied_or_shown(kind: str) -> None:
    """Keys and credentials cannot be copied or pickled, and their text is the name of their type."""
    key = HmacKey(SECRET) if kind == "HMAC" else KINDS[kind].from_pem(pem_of(kind))
    pickles = [partial(pickle.dumps, protocol=number) for number in range(6)]
    copies: list[Callable[[object], object]] = [copy.copy, copy.deepcopy, *pickles]

    for secret in (key, Credentials(API_KEY, key)):
        for make_copy in copies:
            with pytest.raises(TypeError, match=f"a {type(secret).__name__} cannot be pickled"):
                make_copy(secret)
        assert {f"{type(secret).__name__}(hidden)"} == {repr(secret), str(secret), f"{secret}"}
        assert not hasattr(secret, "__dict__")
