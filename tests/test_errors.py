"""Errors: which exception each answer and each failure becomes, and what it tells."""

import pickle
from typing import Any

import httpx
import pytest
from binance_coinm import Client, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import server_time
from binance_sandbox import Fault, Sandbox
from binance_signing import Credentials, HmacKey, connect
from binance_signing._network.pool import StaleConnectionError, UnsentRequestError
from calls import Balance

HTML = b"<html><body>no</body></html>"


def failure_of(balance: Balance, sandbox: Sandbox, **settings: Any) -> errors.BinanceError:
    """Call, and give what the call ends in."""
    with pytest.raises(errors.BinanceError) as caught:
        balance(connect(sandbox.credentials, server=sandbox.url, recovery=None, **settings))
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
        (429, HTML, errors.RateLimitError),
        (451, {"code": 0, "msg": "m"}, errors.RestrictedLocationError),
        (500, {"code": -1003, "msg": "m"}, errors.RateLimitError),
        (502, HTML, errors.ExchangeError),
        (503, {"code": -1000, "msg": "m"}, errors.ExchangeError),
        (503, {"239999": "m"}, errors.ExchangeError),
        (520, HTML, errors.ExchangeError),
        (499, {"code": 1, "msg": "m"}, errors.ApiError),
        (400, {"code": "-1021", "msg": 5}, errors.ApiError),
        (400, [], errors.ApiError),
        (400, b"[" * 100_000, errors.ApiError),
        (200, {"code": -1022, "msg": "m"}, errors.SignatureError),
        (200, {"code": -9999, "msg": "m"}, errors.ApiError),
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
    """Status and code decide on the exception, and there is no answer that makes another one."""
    sandbox.answer_next(status, body=body, headers={"Location": "/elsewhere"} if status == 302 else None)

    error = failure_of(balance, sandbox)

    assert kind is type(error)
    assert status == error.status_code  # type: ignore[attr-defined]  # both of these kinds have it


def test_what_an_api_error_tells(sandbox: Sandbox, balance: Balance) -> None:
    """An error of the exchange has its status, code, words, headers, and what they say of the rate limit."""
    sandbox.answer_next(
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


@pytest.mark.parametrize("value", ["", "-1", "1.5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 19])
def test_headers_that_tell_nothing(sandbox: Sandbox, balance: Balance, value: str) -> None:
    """A header that is no number of seconds or weight counts as not sent."""
    sandbox.answer_next(429, headers={"Retry-After": value, "X-MBX-USED-WEIGHT-1M": value})

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ApiError)
    assert error.retry_after is None
    assert error.used_weight is None


def test_page_for_people(sandbox: Sandbox, balance: Balance) -> None:
    """An error without code and words says of what type its body was, and nothing of the page."""
    sandbox.answer_next(403, body=HTML, content_type="text/html")

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.FirewallError)
    assert (None, None) == (error.code, error.msg)
    assert "HTTP 403, no code, text/html" == str(error)


@pytest.mark.parametrize(
    ("msg", "banned_until"),
    [
        ("Way too much; IP banned until 1592468353979.", 1592468353979),
        ("Banned.", None),
        ("banned until 12" + "0" * 30, None),
    ],
)
def test_end_of_a_ban(sandbox: Sandbox, balance: Balance, msg: str, banned_until: int | None) -> None:
    """The end of a ban is read from the exchange's words, in milliseconds."""
    sandbox.answer_next(418, body={"code": -1003, "msg": msg})

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.IpBannedError)
    assert banned_until == error.banned_until


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (503, {"code": -1000, "msg": "Unknown error, please check your request or try again later."}, "unknown"),
        (503, {"code": -1000, "msg": "Service Unavailable."}, "failed"),
        (503, {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."}, "failed"),
        (503, {"code": -1008, "msg": "Request throttled by system-level protection."}, "failed"),
        (503, HTML, "unknown"),
        (408, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, "unknown"),
        (500, {"code": -1006, "msg": "An unexpected response was received."}, "unknown"),
    ],
)
def test_outcome_of_an_exchange_error(
    sandbox: Sandbox, balance: Balance, status: int, body: object, outcome: str
) -> None:
    """A failure of the exchange says whether the request was carried out, as its words and code tell."""
    sandbox.answer_next(status, body=body)

    error = failure_of(balance, sandbox)

    assert isinstance(error, errors.ExchangeError)
    assert outcome == error.outcome


def test_wrong_secret(sandbox: Sandbox, balance: Balance) -> None:
    """A signature by another secret is a `SignatureError`."""
    with pytest.raises(errors.SignatureError, match="^HTTP 400, code -1022: Signature for this request is not valid"):
        balance(connect(Credentials(sandbox.account.api_key, HmacKey("another")), server=sandbox.url))


def test_wrong_api_key(sandbox: Sandbox, balance: Balance) -> None:
    """An API key that the exchange does not know is an `ApiKeyError`."""
    with pytest.raises(errors.ApiKeyError, match="^HTTP 401, code -2015: "):
        balance(connect(Credentials("another" * 9 + "x", HmacKey("another")), server=sandbox.url))


@pytest.mark.parametrize("offset", [10_000, -10_000])
def test_wrong_clock(sandbox: Sandbox, balance: Balance, offset: int) -> None:
    """A clock that is off by more than the window is a `TimestampError`."""
    with pytest.raises(errors.TimestampError, match="^HTTP 400, code -1021: Timestamp for this request "):
        balance(connect(sandbox.credentials, server=sandbox.url, clock=lambda: sandbox.now_ms + offset, recovery=None))


def test_nobody_listens(balance: Balance) -> None:
    """A connection that cannot be made is a `NetworkError` of a request that was not carried out."""
    with Sandbox() as gone:
        pass
    with Sandbox() as sandbox:
        credentials = sandbox.credentials
        url = sandbox.url
    del gone

    with pytest.raises(errors.NetworkError, match="^no answer, or not all of it, ConnectError: ") as caught:
        balance(connect(credentials, server=url, recovery=None))

    assert "failed" == caught.value.outcome
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
def test_broken_answers(sandbox: Sandbox, balance: Balance, fault: Fault) -> None:
    """An answer that does not come whole is a `NetworkError` of a request that may have been carried out."""
    sandbox.fail_next(fault)

    error = failure_of(balance, sandbox)

    assert errors.NetworkError is type(error)
    assert isinstance(error, errors.NetworkError)
    assert "unknown" == error.outcome


def test_silence(sandbox: Sandbox, balance: Balance) -> None:
    """An exchange that does not answer in time is a `TimeoutError`."""
    sandbox.fail_next(Fault.silence())

    error = failure_of(balance, sandbox, timeout=0.1)

    assert isinstance(error, errors.TimeoutError)
    assert isinstance(error, httpx.TimeoutException)
    assert "unknown" == error.outcome


def test_broken_compression(sandbox: Sandbox, balance: Balance) -> None:
    """A body that is not of the encoding that it claims to be is a `ResponseError`."""
    sandbox.answer_next(200, body=b"[]", headers={"Content-Encoding": "gzip"})

    assert isinstance(failure_of(balance, sandbox), errors.ResponseError)


def test_answer_beyond_the_limit(sandbox: Sandbox, balance: Balance) -> None:
    """An answer that is too large is a `ResponseError` with the status and the headers of that answer."""
    error = failure_of(balance, sandbox, max_answer_bytes=1)

    assert isinstance(error, errors.ResponseError)
    assert "HTTP 200: expected a body of at most 1 bytes (max_answer_bytes), got more" == str(error)
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
        errors.NetworkError("n", "failed"),
        errors.TimeoutError("t", "unknown"),
        errors.ClientClosedError("c", "failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: errors.BinanceError) -> None:
    """An error comes out of a pickle as it went in."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301, of our own making

    assert type(error) is type(copy)
    assert str(error) == str(copy)
    assert vars(error) == vars(copy)


@pytest.mark.parametrize(
    "error",
    [
        errors.NetworkError("n", "failed"),
        errors.TimeoutError("t", "unknown"),
        errors.ClientClosedError("c", "failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_tree_are_no_failures(error: errors.NetworkError) -> None:
    """An engine that raises an exception of the tree, each of which is one of httpx too, gets it back as it is."""
    assert error is errors.from_failure(error)


@pytest.mark.parametrize(
    ("failure", "kind", "outcome", "text"),
    [
        (httpx.ReadError("r"), errors.NetworkError, "unknown", "no answer, or not all of it, ReadError: r"),
        (httpx.ConnectError("c"), errors.NetworkError, "failed", "no answer, or not all of it, ConnectError: c"),
        (
            StaleConnectionError("s"),
            errors.NetworkError,
            "unknown",
            "no answer, or not all of it, StaleConnectionError: s",
        ),
        (UnsentRequestError("u"), errors.NetworkError, "failed", "no answer, or not all of it, UnsentRequestError: u"),
        (httpx.ReadTimeout("r"), errors.TimeoutError, "unknown", "the call's time ran out, ReadTimeout: r"),
        (httpx.ConnectTimeout("c"), errors.TimeoutError, "failed", "the call's time ran out, ConnectTimeout: c"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_failures_of_an_engine(failure: httpx.HTTPError, kind: type, outcome: str, text: str) -> None:
    """A failure of the engine becomes an exception of the tree, which tells whether the request was carried out."""
    error = errors.from_failure(failure)

    assert isinstance(error, errors.NetworkError)
    assert (kind, outcome, text) == (type(error), error.outcome, str(error))
    assert (None, None) == (error.__cause__, error.__context__)


def test_closed_client(sandbox: Sandbox, balance: Balance) -> None:
    """A generated client that is closed, signing or not, ends each call in a `ClientClosedError`."""
    with Client(sandbox.url) as plain:
        server_time.sync(client=plain)
    with connect(sandbox.credentials, server=sandbox.url) as client:
        futures_account_balance.sync(client=client)

    with pytest.raises(errors.ClientClosedError) as of_plain:
        server_time.sync(client=plain)
    with pytest.raises(errors.ClientClosedError) as of_signing:
        balance(client)

    for caught in (of_plain, of_signing):
        assert "the client is closed; create a new one" == str(caught.value)
        assert "failed" == caught.value.outcome


def test_handlers_for_the_standard_kinds() -> None:
    """What catches ValueError, httpx's transport errors and its timeouts catches ours too."""
    assert issubclass(errors.ConfigurationError, ValueError)
    assert issubclass(errors.NetworkError, httpx.TransportError)
    assert issubclass(errors.TimeoutError, httpx.TimeoutException)
    assert issubclass(errors.ClientClosedError, errors.NetworkError)
    assert not issubclass(errors.ClientClosedError, errors.ConfigurationError)
    assert all(issubclass(getattr(errors, name), errors.BinanceError) for name in errors.__all__)
