"""Errors: which exception each response and each failure becomes, and what it tells."""

import json
import pickle
import time
from collections.abc import Iterator
from traceback import TracebackException
from typing import Any

import httpx
import pytest
from binance_client import errors as error_module
from binance_client.base_client import BaseClient
from binance_client.messages.error_map import QUOTA_EXHAUSTED, from_httpx_error
from binance_client.stale_connection import StaleConnectionError, UnsentRequestError
from binance_coinm import Credentials, HmacKey, connect, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import check_server_time
from binance_coinm.error_map import ERROR_MAP
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance

# Nothing that a test signs with; it has the form of an API key and of a signature.
ECHO = "0123456789abcdef" * 4
HTML = b"<html><body>no</body></html>"


def failure_of(balance: Balance, sandbox: Sandbox, **settings: Any) -> errors.BinanceError:
    """Call, and return the error that the call ends in."""
    with pytest.raises(errors.BinanceError) as caught:
        balance(connect(sandbox.credentials, server=sandbox.url, retry=None, **settings))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": -1102, "msg": "m"}, errors.ApiError),
        (400, {"code": -1021, "msg": "m"}, errors.TimestampError),
        (400, {"code": -1022, "msg": "m"}, errors.SignatureError),
        (400, {"code": -2014, "msg": "m"}, errors.ApiKeyError),
        (400, {"code": -2008, "msg": "m"}, errors.ApiKeyError),
        (401, {"code": -2015, "msg": "m"}, errors.ApiKeyError),
        (401, {"code": -1002, "msg": "m"}, errors.ApiKeyError),
        (401, {"code": -1021, "msg": "m"}, errors.TimestampError),
        (403, {"code": -1021, "msg": "m"}, errors.FirewallError),
        (403, HTML, errors.FirewallError),
        (404, HTML, errors.ApiError),
        (408, {"code": -1007, "msg": "m"}, errors.ExchangeError),
        (418, {"code": -1003, "msg": "m"}, errors.IpBannedError),
        (429, {"code": -1003, "msg": "m"}, errors.RateLimitError),
        (429, {"code": -1015, "msg": "m"}, errors.OrderRateLimitError),
        (400, {"code": -1015, "msg": "m"}, errors.OrderRateLimitError),
        (418, {"code": -1015, "msg": "m"}, errors.IpBannedError),
        (429, HTML, errors.RateLimitError),
        (451, {"code": 0, "msg": "m"}, errors.RestrictedLocationError),
        (500, {"code": -1003, "msg": "m"}, errors.RateLimitError),
        (502, HTML, errors.ExchangeError),
        (503, {"code": -1000, "msg": "m"}, errors.ExchangeError),
        (503, {"239999": "m"}, errors.ExchangeError),
        (520, HTML, errors.ExchangeError),
        (499, {"code": 1, "msg": "m"}, errors.ApiError),
        (400, {"code": "-1021", "msg": "m"}, errors.TimestampError),
        (400, {"code": "-1021x", "msg": 5}, errors.ApiError),
        (400, {"code": "9" * 19, "msg": "m"}, errors.ApiError),
        (400, {"code": -1000, "msg": "m"}, errors.ExchangeError),
        (400, {"code": -1010, "msg": "m"}, errors.ExchangeError),
        (400, [], errors.ApiError),
        (400, b"[" * 100_000, errors.ApiError),
        (200, {"code": -1022, "msg": "m"}, errors.SignatureError),
        (200, {"code": "-1022", "msg": "m"}, errors.SignatureError),
        (200, {"code": -9999, "msg": "m"}, errors.ApiError),
        (200, {"code": -1022}, errors.SignatureError),
        (200, {"code": 200, "msg": "m"}, errors.ResponseError),
        (200, {"239999": "m"}, errors.ResponseError),
        (200, HTML, errors.ResponseError),
        (200, b"", errors.ResponseError),
        (200, b"null", errors.ResponseError),
        (200, [None], errors.ResponseError),
        (201, [], errors.ResponseError),
        (204, b"", errors.ResponseError),
        (302, b"", errors.ResponseError),
        (304, b"", errors.ResponseError),
    ],
)
def test_which_exception(sandbox: Sandbox, balance: Balance, status: int, body: object, kind: type) -> None:
    """Status and code determine the exception, and no response leads to any other."""
    sandbox.respond_next(status, body=body, headers={"Location": "/elsewhere"} if status == 302 else None)

    error = failure_of(balance, sandbox)

    assert kind is type(error)
    assert status == error.status_code  # type: ignore[attr-defined]  # both classes have it


def test_attributes_of_an_api_error(sandbox: Sandbox, balance: Balance) -> None:
    """An error of the exchange has status, code, message and headers, and what they tell of the rate limit."""
    sandbox.respond_next(
        429, body={"code": -1003, "msg": "Too much."}, headers={"Retry-After": "7", "X-MBX-USED-WEIGHT-1M": "2401"}
    )

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.RateLimitError)
    assert (429, -1003, "Too much.", 7, 2401) == (
        error.status_code,
        error.code,
        error.msg,
        error.retry_after,
        error.used_weight,
    )
    assert "2401" == error.headers["x-mbx-used-weight-1m"]
    assert "HTTP 429, code -1003: Too much." == str(error)
    assert (429, -1003, "Too much.") == error.args


@pytest.mark.parametrize("code", [True, "1e3", -1021.0, None, [-1021]])
def test_code_of_another_type(sandbox: Sandbox, balance: Balance, code: object) -> None:
    """Only an integer, or one as text, is a code of the exchange; the message is kept without one."""
    sandbox.respond_next(400, body=json.dumps({"code": code, "msg": "m"}))

    error = failure_of(balance, sandbox)

    assert errors.ApiError is type(error)
    assert isinstance(error, errors.ApiError)
    assert (None, "m") == (error.code, error.msg)


@pytest.mark.parametrize(("code", "kind"), [(-1, errors.ApiError), ("-1", errors.ApiError), (0, errors.ResponseError)])
def test_error_body_of_a_success(sandbox: Sandbox, balance: Balance, code: object, kind: type) -> None:
    """A body with a negative code and a message is the exchange's error, whatever the status is."""
    sandbox.respond_next(200, body={"code": code, "msg": "m"}, headers={"X-Served-By": "edge"})

    error = failure_of(balance, sandbox)

    assert kind is type(error)
    assert isinstance(error, errors.ApiError | errors.ResponseError)
    assert (200, "edge") == (error.status_code, (error.headers or {})["x-served-by"])


@pytest.mark.parametrize("status", [201, 299])
def test_success_that_is_not_documented(sandbox: Sandbox, balance: Balance, status: int) -> None:
    """A successful status that the document does not describe is no result, even with rows."""
    sandbox.respond_next(status, body=sandbox.balances)

    error = failure_of(balance, sandbox)

    assert f"HTTP {status}: the document describes no response of this status" == str(error)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://portal.example/login?back=signature#top", "https://portal.example/login"),
        ("https://portal.example/login#signature", "https://portal.example/login"),
        ("/login", "/login"),
    ],
)
def test_location_of_a_redirect(sandbox: Sandbox, balance: Balance, location: str, shown: str) -> None:
    """The location of a redirect is shown without its query and fragment, which may repeat what was signed."""
    sandbox.respond_next(302, headers={"Location": location})

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ResponseError)
    assert "HTTP 302: expected a response, got a redirect, which is not followed" == str(error)
    assert shown == (error.headers or {})["location"]


def test_hint_for_a_code(sandbox: Sandbox, balance: Balance) -> None:
    """What to check for a code is said by the error, in the document's words; other codes have no hint."""
    sandbox.respond_next(400, body={"code": -1022, "msg": "m"})
    sandbox.respond_next(400, body={"code": -1102, "msg": "m"})

    known, other = failure_of(balance, sandbox), failure_of(balance, sandbox)

    assert isinstance(known, errors.SignatureError)
    assert (known.hint or "").startswith("check that the secret or private key belongs to this API key")
    assert f"HTTP 400, code -1022: m ({known.hint})" == str(known)
    assert isinstance(other, errors.ApiError)
    assert other.hint is None


@pytest.mark.parametrize("value", ["", "-1", "+1", "1e3", "inf", "soon", "1_0"])
def test_invalid_headers(sandbox: Sandbox, balance: Balance, value: str) -> None:
    """A header that is not a number of seconds or a weight counts as missing."""
    sandbox.respond_next(429, headers={"Retry-After": value, "X-MBX-USED-WEIGHT-1M": value})

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ApiError)
    assert error.retry_after is None
    assert error.used_weight is None


def test_html_page(sandbox: Sandbox, balance: Balance) -> None:
    """An error without code and message has the type and the beginning of its body, and what to do."""
    sandbox.respond_next(403, body=HTML, content_type="text/html")

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.FirewallError)
    assert (None, None, HTML) == (error.code, error.msg, error.body)
    assert str(error).startswith("HTTP 403, no code, text/html: <html><body>no</body></html> (wait a few minutes and ")


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (503, {"status": 1, "msg": "system maintenance"}, "HTTP 503, no code: system maintenance"),
        (400, {"message": "Forbidden by the gateway"}, "HTTP 400, no code: Forbidden by the gateway"),
        (400, {"error": "invalid_request"}, "HTTP 400, no code: invalid_request"),
        (400, {"code": -1102}, "HTTP 400, code -1102, application/json: {"),
        (400, {"error": {"reason": "nested"}}, 'HTTP 400, no code, application/json: {"error":{"reason":"nested"}}'),
        (400, [], "HTTP 400, no code, application/json: []"),
        (400, b"", "HTTP 400, no code, application/json"),
        (400, b" a\n\n  b\xff\x1b[2J" + b"c " * 999, "HTTP 400, no code, application/json: a b\ufffd\\x1b[2Jc c c"),
        (400, {"code": -1, "msg": "a\nb\x1b[31m\u202ec"}, "HTTP 400, code -1: a\\nb\\x1b[31m\\u202ec"),
        (400, {"code": -1, "msg": "m" * 10_000}, f"HTTP 400, code -1: {'m' * 500}…"),
    ],
)
def test_words_of_a_refusal(sandbox: Sandbox, balance: Balance, status: int, body: object, text: str) -> None:
    """What a server says reaches the text of the error, whatever names it, escaped and bounded."""
    sandbox.respond_next(status, body=body)

    error = failure_of(balance, sandbox)

    assert str(error).startswith(text)
    assert len(str(error)) < 600
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "echo",
    [
        f"/dapi/v1/balance?timestamp=1&signature={ECHO}",
        f"https://x.example/?a=%2Fdapi%3Ftimestamp%3D1%26signature%3D{ECHO}",
        f'{{"X-MBX-APIKEY": "{ECHO}"}}',
        f"key={ECHO}",
    ],
)
@pytest.mark.parametrize("status", [200, 400, 502])
@pytest.mark.parametrize(
    "form",
    [
        lambda echo: {"code": -1, "msg": echo},
        lambda echo: f"<p>{echo}</p>".encode(),
        lambda echo: [{"accountAlias": "a", "asset": "BTC", "balance": echo}],
        # Longer than what an error keeps, which ends within the secret.
        lambda echo: f"signature=x {' ' * (65_536 - 52 - len(echo))}{echo}".encode() + b"-" * 99,
    ],
    ids=["msg", "page", "row", "long"],
)
def test_echoed_secrets(sandbox: Sandbox, balance: Balance, status: int, form: Any, echo: str) -> None:
    """A server that repeats the signed query or the key, as the page of a proxy does, shows it in no error."""
    sandbox.respond_next(status, body=form(echo))

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ApiError | errors.ResponseError)
    assert ECHO not in f"{error} {error!r} {vars(error)}"
    assert ECHO not in "".join(TracebackException.from_exception(error, capture_locals=True).format())
    assert b"[redacted]" in error.body


@pytest.mark.parametrize(
    ("status", "hint"),
    [(403, "wait a few minutes and send fewer requests; "), (451, "call from a location that the exchange serves; ")],
)
def test_hints_by_status(sandbox: Sandbox, balance: Balance, status: int, hint: str) -> None:
    """A status that decides the class says what to do, whatever the code."""
    sandbox.respond_next(status, body={"code": -1021, "msg": "m"})

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ApiError)
    assert (error.hint or "").startswith(hint)
    assert f"({hint}" in str(error)


def test_calls_that_are_not_sent(sandbox: Sandbox) -> None:
    """The text of an error for a call that was not sent says so first, and what the exchange had answered."""
    sandbox.respond_next(418, body={"code": -1003, "msg": "banned"}, headers={"Retry-After": "300"})

    with connect(sandbox.credentials, server=sandbox.url, retry=None) as client:
        with pytest.raises(errors.IpBannedError, match="^HTTP 418, code -1003: banned$") as received:
            client.account.futures_account_balance()
        with pytest.raises(errors.IpBannedError, match="^not sent: the ban lasts until ") as caught:
            client.account.futures_account_balance()

    assert str(caught.value).endswith("; the exchange had answered: HTTP 418, code -1003: banned")
    assert (True, False) == (received.value.was_sent, caught.value.was_sent)
    assert 1 == len(sandbox.received_requests)


def test_call_beyond_the_own_limit() -> None:
    """A call that the client's own limit does not allow says that it was not sent, and shows no status."""
    error = ERROR_MAP.rate_limit_exceeded(10, 30)

    assert "not sent: the weight of this minute, 10, is used up" == str(error)
    assert not error.was_sent
    assert (429, None, None, {}, 30) == (error.status_code, error.code, error.msg, error.headers, error.retry_after)


@pytest.mark.parametrize(
    ("msg", "banned_until"),
    [
        ("Way too much; IP banned until 1592468353979.", 1592468353979),
        ("Banned.", None),
        ("banned until 12" + "0" * 30, None),
        ("banned until 999999999999999999", 10**14),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(418, errors.IpBannedError), (429, errors.RateLimitError)])
def test_end_of_a_ban(status: int, kind: type, msg: str, banned_until: int | None) -> None:
    """The end of a ban is parsed from the exchange's message, in milliseconds, at most those of the year 5138."""
    error = ERROR_MAP.from_response(httpx.Response(status, json={"code": -1003, "msg": msg}))

    assert kind is type(error)
    assert banned_until == vars(error)["banned_until"]


@pytest.mark.parametrize(
    ("extensions", "hint"), [({}, None), ({"hint": "not retried"}, "not retried")], ids=["received", "not retried"]
)
def test_hints_of_a_retry(extensions: dict[str, Any], hint: str | None) -> None:
    """Why an error was not retried is a hint, after what to check for the code if there is something."""
    known, other = (
        ERROR_MAP.from_response(httpx.Response(400, json={"code": code, "msg": "m"}, extensions=extensions))
        for code in (-2014, -1102)
    )

    check = "check that the API key was copied completely"
    assert (check if hint is None else f"{check}; {hint}", hint) == (known.hint, other.hint)


@pytest.mark.parametrize(
    ("values", "used_weight"),
    [
        ([], None),
        (["0"], 0),
        ([" 2400 "], 2400),
        (["7, 12", "9"], 12),
        (["x, 5"], 5),
        (["999999999"], 999_999_999),
        (["1000000000"], None),
    ],
)
def test_weights_in_headers(values: list[str], used_weight: int | None) -> None:
    """The used weight is the largest that the headers report, with at most nine digits."""
    headers = httpx.Headers([("X-MBX-USED-WEIGHT-1M", value) for value in values])

    assert used_weight == ERROR_MAP.used_weight(headers)


@pytest.fixture
def _other_time_zone() -> Iterator[None]:
    """Let the machine be five hours behind the exchange's time zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "EST5")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_other_time_zone")
@pytest.mark.parametrize("time_of_day", ["12:00:30 GMT", "12:00:30 -0000", "12:00:30 +0000", "14:00:30 +0200"])
def test_dates_of_time_zones(time_of_day: str) -> None:
    """The date of a header is of its own time zone or of UTC, whatever that of the machine is."""
    headers = httpx.Headers({"Retry-After": f"Fri, 27 Nov 2026 {time_of_day}"})

    assert 30 == ERROR_MAP.retry_after(headers, received_ms=1_795_780_800_000)


@pytest.mark.parametrize(
    ("content", "code", "msg"),
    [
        (b'{"code":-1,"msg":"m","message":"n","error":"e"}', -1, "m"),
        (b'{"code":-1,"msg":5,"message":"n","error":"e"}', -1, "n"),
        (b'{"code":-1,"msg":null,"error":"e"}', -1, "e"),
        (b'{"code":-1,"msg":["m"]}', -1, None),
        (b'{"msg":""}', None, ""),
        (b'"msg"', None, None),
        (b"[1]", None, None),
        (b"", None, None),
        (b"\xff", None, None),
    ],
)
def test_code_and_words_of_a_body(content: bytes, code: int | None, msg: str | None) -> None:
    """The code of a body, and the first of its members for words that is a text; None for what it does not have."""
    error = ERROR_MAP.from_response(httpx.Response(400, content=content))

    assert isinstance(error, errors.ApiError)
    assert (code, msg, content) == (error.code, error.msg, error.body)


def test_clock_offset_of_an_error() -> None:
    """A `TimestampError` has the offset that was measured; no other error has one."""
    late, other = (
        ERROR_MAP.from_response(httpx.Response(400, json={"code": code}, extensions={"clock_offset_ms": -7}))
        for code in (-1021, -1022)
    )

    assert isinstance(late, errors.TimestampError)
    assert -7 == late.clock_offset_ms
    assert "clock_offset_ms" not in vars(other)


@pytest.mark.parametrize("length", [65_536, 65_537, 100_000])
def test_excerpt_of_a_long_body(length: int) -> None:
    """An error keeps the first 65536 bytes of a body, and no word that is cut off there."""
    whole = httpx.Response(502, content=b" " * (length - 3) + b"end")

    error = ERROR_MAP.from_response(whole)

    assert {65_536: whole.content, 65_537: b" " * 65_534, 100_000: b" " * 65_536}[length] == error.body


@pytest.mark.parametrize(
    ("status", "body", "execution"),
    [
        (503, {"code": -1000, "msg": "Unknown error, please check your request or try again later."}, "unknown"),
        (503, {"code": -1000, "msg": "Service Unavailable."}, "not_executed"),
        (
            503,
            {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."},
            "not_executed",
        ),
        (503, {"code": -1008, "msg": "Request throttled by system-level protection."}, "not_executed"),
        (503, HTML, "unknown"),
        (408, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, "unknown"),
        (500, {"code": -1006, "msg": "An unexpected response was received."}, "unknown"),
        (400, {"code": -1006, "msg": "An unexpected response was received."}, "unknown"),
        (400, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, "unknown"),
        (400, {"code": -1001, "msg": "Internal error."}, "not_executed"),
        (400, {"code": -1008, "msg": "Request throttled by system-level protection."}, "not_executed"),
        (400, {"code": -1016, "msg": "This service is no longer available."}, "not_executed"),
    ],
)
def test_execution_of_an_exchange_error(
    sandbox: Sandbox, balance: Balance, status: int, body: object, execution: str
) -> None:
    """A failure of the exchange says whether the request was executed, by its message and code."""
    sandbox.respond_next(status, body=body)

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ExchangeError)
    assert execution == error.execution


def test_wrong_secret(sandbox: Sandbox, balance: Balance) -> None:
    """A signature by another secret is a `SignatureError`."""
    with pytest.raises(errors.SignatureError, match="^HTTP 400, code -1022: Signature for this request is not valid"):
        balance(connect(Credentials(sandbox.account.api_key, HmacKey("another")), server=sandbox.url))


def test_wrong_api_key(sandbox: Sandbox, balance: Balance) -> None:
    """An unknown API key is an `ApiKeyError`."""
    with pytest.raises(errors.ApiKeyError, match="^HTTP 401, code -2015: "):
        balance(connect(Credentials("another" * 9 + "x", HmacKey("another")), server=sandbox.url))


@pytest.mark.parametrize("offset", [10_000, -10_000])
def test_wrong_clock(sandbox: Sandbox, balance: Balance, offset: int) -> None:
    """A clock that is off by more than the window is a `TimestampError`."""
    with pytest.raises(errors.TimestampError, match="^HTTP 400, code -1021: Timestamp for this request "):
        balance(connect(sandbox.credentials, server=sandbox.url, clock=lambda: sandbox.now_ms + offset, retry=None))


def test_connection_refused(balance: Balance) -> None:
    """A failed connection is a `NetworkError` of a request that was not executed."""
    with Sandbox() as gone:
        pass
    with Sandbox() as sandbox:
        credentials = sandbox.credentials
        url = sandbox.url
    del gone

    with pytest.raises(errors.NetworkError, match="^no response, or only part of one, ConnectError: ") as caught:
        balance(connect(credentials, server=url, retry=None))

    assert "not_executed" == caught.value.execution
    assert isinstance(caught.value, httpx.TransportError)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.disconnect(),
        Fault.disconnect(reset=True),
        Fault.cut_headers(),
        Fault.cut_body(),
        Fault.garbage(),
        Fault.broken_chunks(),
    ],
    ids=lambda fault: fault.name,
)
def test_broken_responses(sandbox: Sandbox, balance: Balance, fault: Fault) -> None:
    """An incomplete response is a `NetworkError` of a request that may have been executed."""
    sandbox.inject_fault(fault)

    error = failure_of(balance, sandbox)

    assert errors.NetworkError is type(error)
    assert isinstance(error, errors.NetworkError)
    assert "unknown" == error.execution


def test_silence(sandbox: Sandbox, balance: Balance) -> None:
    """An exchange that does not respond in time is a `TimeoutError`."""
    sandbox.inject_fault(Fault.silence())

    error = failure_of(balance, sandbox, timeout=0.1)

    assert isinstance(error, errors.TimeoutError)
    assert isinstance(error, httpx.TimeoutException)
    assert "unknown" == error.execution


def test_broken_compression(sandbox: Sandbox, balance: Balance) -> None:
    """A body that is not encoded as it claims is a `ResponseError`."""
    sandbox.respond_next(200, body=b"[]", headers={"Content-Encoding": "gzip"})

    assert isinstance(failure_of(balance, sandbox), errors.ResponseError)


def test_response_beyond_the_limit(sandbox: Sandbox, balance: Balance) -> None:
    """A response that is too large is a `ResponseError` with its status and headers."""
    error = failure_of(balance, sandbox, max_response_bytes=1)

    assert isinstance(error, errors.ResponseError)
    assert "HTTP 200: expected a body of at most 1 bytes (max_response_bytes), got more" == str(error)
    assert "1" == error.headers["X-MBX-USED-WEIGHT-1M"]


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigurationError("c"),
        errors.IpBannedError(
            status_code=418, code=-1003, msg="banned until 5", headers=httpx.Headers({"Retry-After": "3"})
        ),
        errors.ExchangeError(status_code=503, code=-1008, msg="m", headers={}),
        errors.ResponseError("r", path=(0, "asset")),
        errors.NetworkError("n", "not_executed"),
        errors.TimeoutError("t", "unknown"),
        errors.ClientClosedError("c", "not_executed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: errors.BinanceError) -> None:
    """An error is the same after pickling."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301, our own pickle

    assert type(error) is type(copy)
    assert str(error) == str(copy)
    assert vars(error) == vars(copy)


@pytest.mark.parametrize(
    "error",
    [
        errors.NetworkError("n", "not_executed"),
        errors.TimeoutError("t", "unknown"),
        errors.ClientClosedError("c", "not_executed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_tree_stay(error: errors.NetworkError) -> None:
    """An error of the tree, which is one of httpx too, is returned as it is."""
    assert error is from_httpx_error(error)


UNKNOWN = "; it is unknown whether the exchange executed the request"


@pytest.mark.parametrize(
    ("failure", "kind", "execution", "text"),
    [
        (
            httpx.ReadError("r"),
            errors.NetworkError,
            "unknown",
            f"no response, or only part of one, ReadError: r{UNKNOWN}",
        ),
        (
            httpx.ConnectError("c"),
            errors.NetworkError,
            "not_executed",
            "no response, or only part of one, ConnectError: c",
        ),
        (
            StaleConnectionError("s"),
            errors.NetworkError,
            "unknown",
            f"no response, or only part of one, StaleConnectionError: s{UNKNOWN}",
        ),
        (
            UnsentRequestError("u"),
            errors.NetworkError,
            "not_executed",
            "no response, or only part of one, UnsentRequestError: u",
        ),
        (
            httpx.ReadError(""),
            errors.NetworkError,
            "unknown",
            f"no response, or only part of one, ReadError{UNKNOWN}",
        ),
        (
            httpx.ReadError("\x1b" + "long " * 200),
            errors.NetworkError,
            "unknown",
            f"no response, or only part of one, ReadError: \\x1b{('long ' * 100)[:499]}…{UNKNOWN}",
        ),
        (
            httpx.LocalProtocolError("a header with a key"),
            errors.NetworkError,
            "unknown",
            f"no response, or only part of one, LocalProtocolError{UNKNOWN}",
        ),
        (httpx.ReadTimeout("r"), errors.TimeoutError, "unknown", f"the call timed out, ReadTimeout: r{UNKNOWN}"),
        (httpx.ConnectTimeout("c"), errors.TimeoutError, "not_executed", "the call timed out, ConnectTimeout: c"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_failures_of_httpx(failure: httpx.HTTPError, kind: type, execution: str, text: str) -> None:
    """A failure of httpx becomes an error of the tree, which tells whether the request was executed."""
    error = from_httpx_error(failure)

    assert isinstance(error, errors.NetworkError)
    assert (kind, execution, text) == (type(error), error.execution, str(error))
    assert (None, None) == (error.__cause__, error.__context__)


@pytest.mark.parametrize(
    "failure", [httpx.DecodingError("d"), httpx.TooManyRedirects("t"), httpx.InvalidURL("i")], ids=str
)
def test_responses_that_httpx_cannot_read(failure: httpx.HTTPError | httpx.InvalidURL) -> None:
    """What httpx cannot read of a response is a `ResponseError` with httpx's words."""
    error = from_httpx_error(failure)

    assert errors.ResponseError is type(error)
    assert f"the response cannot be read, {type(failure).__name__}: {failure}" == str(error)


def test_failure_without_quota() -> None:
    """A failure that was not retried because the quota is used up says so."""
    failure = httpx.ConnectError("c")
    failure.add_note("a note of a caller")
    failure.add_note(QUOTA_EXHAUSTED)

    text = "no response, or only part of one, ConnectError: c; not retried, because the client's retry quota is used up"
    assert text == str(from_httpx_error(failure))


def test_closed_client(sandbox: Sandbox, balance: Balance) -> None:
    """Each call of a closed client, signing or not, ends in a `ClientClosedError`."""
    with BaseClient(sandbox.url) as plain:
        check_server_time.sync(client=plain)
    with connect(sandbox.credentials, server=sandbox.url) as client:
        futures_account_balance.sync(client=client)

    with pytest.raises(errors.ClientClosedError) as of_plain:
        check_server_time.sync(client=plain)
    with pytest.raises(errors.ClientClosedError) as of_signing:
        balance(client)

    for caught in (of_plain, of_signing):
        assert "the client is closed; create a new one" == str(caught.value)
        assert "not_executed" == caught.value.execution


def test_base_classes() -> None:
    """Handlers of ValueError and of httpx's transport errors and timeouts handle ours too."""
    assert issubclass(errors.ConfigurationError, ValueError)
    assert issubclass(errors.NetworkError, httpx.TransportError)
    assert issubclass(errors.TimeoutError, httpx.TimeoutException)
    assert issubclass(errors.ClientClosedError, errors.NetworkError)
    assert not issubclass(errors.ClientClosedError, errors.ConfigurationError)
    names = vars(error_module)["__all__"]
    assert set(names) <= set(vars(errors))
    assert all(issubclass(getattr(errors, name), errors.BinanceError) for name in names)


@pytest.mark.parametrize(
    ("headers", "text"),
    [({}, "HTTP 418, no code, no content type"), ({"content-type": "text/html"}, "HTTP 418, no code, text/html")],
)
def test_text_without_a_code(headers: dict[str, str], text: str) -> None:
    """An error without the exchange's code tells the content type, which shows what has responded."""
    assert text == str(errors.ApiError(status_code=418, code=None, msg=None, headers=headers))


@pytest.mark.parametrize(
    ("path", "status_code", "hint", "text"),
    [
        ((), None, None, "expected a string, got null"),
        (("asset",), None, None, "field asset: expected a string, got null"),
        ((3, "asset", 0), 200, None, "HTTP 200: row 3, field asset, item 0: expected a string, got null"),
        ((), 200, "query the order", "HTTP 200: expected a string, got null (query the order)"),
    ],
)
def test_text_of_a_response_error(
    path: tuple[str | int, ...], status_code: int | None, hint: str | None, text: str
) -> None:
    """The text of an invalid response has what is known: status, place, reason and hint."""
    error = errors.ResponseError("expected a string, got null", path=path)
    assert (None, {}) == (error.status_code, error.headers)
    error.status_code, error.hint = status_code, hint

    assert text == str(error)
    assert f"ResponseError({text!r})" == repr(error)
    assert ("expected a string, got null",) == error.args


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (None, "this machine's clock offset was not measured"),
        (-1, "the exchange's clock is 1 ms behind this machine's"),
        (0, "the exchange's clock is 0 ms ahead of this machine's"),
        (5, "the exchange's clock is 5 ms ahead of this machine's"),
    ],
)
def test_text_of_a_timestamp_error(offset: int | None, text: str) -> None:
    """The text of a rejected timestamp says by how much which clock is ahead."""
    error = errors.TimestampError(status_code=400, code=-1021, msg="m", headers={})
    error.clock_offset_ms = offset

    assert f"HTTP 400, code -1021: m; {text}" == str(error)


@pytest.mark.parametrize(("length", "end"), [(499, "m"), (500, "m"), (501, "m…")])
def test_length_of_a_message(length: int, end: str) -> None:
    """A message of the exchange is shown up to its 500th character, and what is left out leaves an ellipsis."""
    error = errors.ApiError(status_code=400, code=-1, msg="m" * length, headers={})

    assert f"HTTP 400, code -1: {'m' * (min(length, 500) - 1)}{end}" == str(error)
