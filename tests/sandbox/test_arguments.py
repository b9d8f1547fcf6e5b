"""Invalid arguments of the sandbox: each is a ValueError where it is given, which says what was expected."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from binance_sandbox import Account, Fault, RequestRejectedError, Sandbox, gzip_bomb
from support.constants import BUNDLED_SPEC

NAN = float("nan")
CONSTRUCTOR = [
    ({"port": True}, "port: expected an integer from 1 to 65535, or 0 for any free port, got True"),
    ({"port": 65536}, "port: expected an integer from 1 to 65535, or 0 for any free port, got 65536"),
    ({"port": "8000"}, "port: expected an integer from 1 to 65535, or 0 for any free port, got '8000'"),
    ({"weight_limit": 1.5}, "weight_limit: expected an integer, at least 0, got 1.5"),
    ({"clock_offset_ms": NAN}, "clock_offset_ms: expected a finite number of milliseconds, got nan"),
    ({"clock": 5}, "clock: expected a function that returns milliseconds since the epoch, got 5"),
    ({"clock": lambda: "now"}, "clock: expected a function that returns a finite number of milliseconds, got 'now'"),
    ({"document": b"openapi.yaml"}, "document: expected the path of an OpenAPI document, got b'openapi.yaml'"),
    ({"accounts": []}, "accounts: expected at least one Account, in an iterable, got []"),
    ({"accounts": 1}, "accounts: expected at least one Account, in an iterable, got 1"),
    ({"accounts": ["key"]}, "accounts: expected at least one Account, in an iterable, got 'key'"),
    (
        {"accounts": [Account("same"), Account("same")]},
        "an account with this API key exists already; use another key, or change that account",
    ),
]
TIMES = "times: expected an integer, at least 1, got "
STATUS = "status: expected an integer from 200 to 599, got "
CLOSEST = "; the closest are internal, throttled, maintenance"
HEADERS = "headers: expected names and values that HTTP allows, each a string, got "
STUBS = [
    ({"status": 199}, f"{STATUS}199"),
    ({"status": 600}, f"{STATUS}600"),
    ({"status": True}, f"{STATUS}True"),
    ({"status": "503"}, f"{STATUS}'503'"),
    ({"times": 0}, f"{TIMES}0"),
    ({"times": 1.5}, f"{TIMES}1.5"),
    ({"times": True}, f"{TIMES}True"),
    ({"headers": {"Retry-After": 1}}, HEADERS + "{'Retry-After': 1}"),
    ({"headers": {"Retry After": "1"}}, HEADERS + "{'Retry After': '1'}"),
    ({"headers": {"X": "1\r\nY: 2"}}, HEADERS + "{'X': '1\\r\\nY: 2'}"),
    ({"headers": {"X": "€"}}, HEADERS + "{'X': '€'}"),
    ({"headers": [("X", "1")]}, "headers: expected values by name, got [('X', '1')]"),
    ({"content_type": 1}, "content_type: expected a media type, got 1"),
    ({"path": "dapi/v1/time"}, "path: expected a path that begins with /, got 'dapi/v1/time'"),
    ({"path": 1}, "path: expected a path that begins with /, got 1"),
    ({"fault": "silence"}, "fault: expected a Fault such as Fault.silence(), got 'silence'"),
    (
        {"example": "other"},
        "the document has no example named 'other' for status 503; name another, or pass a body" + CLOSEST,
    ),
]
BYTES = "expected a number of bytes, at least 0, got "
SECONDS = "expected a finite number of seconds, at least 0, got "
FAULTS: list[tuple[Callable[..., object], Any, str]] = [
    (Fault.cut_headers, -1, f"after: {BYTES}-1"),
    (Fault.cut_headers, 1.5, f"after: {BYTES}1.5"),
    (Fault.cut_body, True, f"after: {BYTES}True"),
    (Fault.huge_body, "1", f"size: {BYTES}'1'"),
    (gzip_bomb, -1, f"size: {BYTES}-1"),
    (Fault.delay, -1, f"seconds: {SECONDS}-1"),
    (Fault.delay, NAN, f"seconds: {SECONDS}nan"),
    (Fault.drip_headers, "1", f"interval: {SECONDS}'1'"),
    (Fault.drip_body, float("inf"), f"interval: {SECONDS}inf"),
    (Fault.garbage, "text", "data: expected bytes, got 'text'"),
    (lambda reset: Fault.disconnect(reset=reset), 1, "reset: expected True or False, got 1"),
    (lambda name: Fault(name, Fault.silence().apply), 1, "name: expected the fault's name, got 1"),
    (
        lambda apply: Fault("x", apply),
        None,
        "apply: expected an async function of a response and a connection, got None",
    ),
]
ACCOUNTS = [
    ({"api_key": ""}, "api_key: expected a string that is not empty, or None, got str"),
    ({"api_key": b"key"}, "api_key: expected a string that is not empty, or None, got bytes"),
    ({"secret": ""}, "secret: expected a string that is not empty, or None, got str"),
    ({"secret": "s", "public_key_pem": "p"}, "an account has a secret or a public key, not both; pass one of them"),
    ({"responses": []}, "responses: expected bodies by operationId, got []"),
]

REJECTIONS = [
    ({"reason": None}, "reason: expected an error code, or the name of an error example, got None"),
    ({"msg": b"no"}, "msg: expected the exchange's message, or None, got b'no'"),
    ({"status": 200}, "status: expected an integer from 400 to 599, got 200"),
    ({"status": "503"}, "status: expected an integer from 400 to 599, got '503'"),
    ({"RetryAfter": 30}, "RetryAfter: expected a text, got 30"),
]


@pytest.mark.parametrize(("arguments", "message"), CONSTRUCTOR)
def test_invalid_arguments_of_the_sandbox(arguments: dict[str, Any], message: str) -> None:
    """The constructor rejects what it cannot serve with."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Sandbox(**arguments)


@pytest.mark.parametrize(("arguments", "message"), STUBS)
def test_invalid_stubs(arguments: dict[str, Any], message: str) -> None:
    """An invalid argument raises in the test, not in the server, where a client's retry would hide it."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Sandbox().respond_next(**{"status": 503, **arguments})


@pytest.mark.parametrize("arguments", [{"times": 1.5}, {"path": "time"}, {"fault": Fault.silence}, {"fault": None}])
def test_invalid_faults_are_not_injected(arguments: dict[str, Any]) -> None:
    """What `inject_fault` is given is checked as what `respond_next` is given; a fault needs its parentheses."""
    with pytest.raises(ValueError, match=f"^{next(iter(arguments))}: expected "):
        Sandbox().inject_fault(**{"fault": Fault.silence(), **arguments})


@pytest.mark.parametrize(("create", "argument", "message"), FAULTS)
def test_invalid_arguments_of_faults(create: Callable[[Any], object], argument: Any, message: str) -> None:
    """A fault rejects what it could not do later, within a response."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        create(argument)


@pytest.mark.parametrize(("arguments", "message"), ACCOUNTS)
def test_invalid_arguments_of_accounts(arguments: dict[str, Any], message: str) -> None:
    """An account rejects what is no key, without showing it."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Account(**arguments)


@pytest.mark.parametrize(("arguments", "message"), REJECTIONS)
def test_invalid_arguments_of_rejections(arguments: dict[str, Any], message: str) -> None:
    """A rejection rejects what the exchange could not send."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        RequestRejectedError(**{"reason": -2010, **arguments})


@pytest.mark.parametrize("pem", ["", "key", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", 1])
def test_invalid_public_key(pem: Any) -> None:
    """Anything but a public key is rejected, an empty text too, which is no key and not the absence of one."""
    with pytest.raises(ValueError, match="^public_key_pem: expected an Ed25519 or RSA public key"):
        Account(public_key_pem=pem)


@pytest.mark.parametrize("name", ["clock_offset_ms", "clock_drift"])
def test_invalid_clock_settings(name: str) -> None:
    """The clock of a running sandbox cannot be set to what is no time."""
    sandbox = Sandbox()
    with pytest.raises(ValueError, match=f"^{name}: expected a finite number of milliseconds.*, got '1'$"):
        setattr(sandbox, name, "1")

    assert 0 == getattr(sandbox, name)


@pytest.mark.parametrize("text", ["", "[]", "a: [", "openapi: 3.1.0", "paths: {/time: {get: {}}}", "\0"])
def test_document_that_is_none(tmp_path: Path, text: str) -> None:
    """A file that is not an OpenAPI document is named, with what was found in it."""
    document = tmp_path / "openapi.yaml"
    document.write_text(text)

    with pytest.raises(ValueError, match=r"^document: expected an OpenAPI document, got .*openapi\.yaml, in which"):
        Sandbox(document=document)


def test_document_in_several_files(tmp_path: Path) -> None:
    """A document that refers to other files is an error that names the one to use instead."""
    document = tmp_path / "openapi.yaml"
    document.write_text("paths: {/time: {$ref: 'market.yaml#/components/pathItems/time'}}")

    with pytest.raises(
        ValueError, match=r"a reference to another file, market\.yaml.*; use the openapi\.json of a package"
    ):
        Sandbox(document=document)


def test_document_may_be_a_text() -> None:
    """A path may be given as text."""
    assert Sandbox().balances == Sandbox(document=str(BUNDLED_SPEC)).balances
    with pytest.raises(FileNotFoundError, match="missing.yaml"):
        Sandbox(document="missing.yaml")
