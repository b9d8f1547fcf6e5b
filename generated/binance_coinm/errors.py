"""What a call can end in, beside its answer: one tree of exceptions under `BinanceError`."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, Self

import httpx

from .engines import Answer

Outcome = Literal["failed", "unknown"]

# Seconds that a ban lasts at least and at most.
SHORTEST_BAN = 120
LONGEST_BAN = 259200

# The connection was not there yet, so that nothing of the request can have reached the exchange.
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def _restored(kind: "type[BinanceError]", args: tuple[Any, ...], attributes: dict[str, Any]) -> "BinanceError":
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class BinanceError(Exception):
    """Whatever a call can end in, beside its answer."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the attributes along, which the arguments of `Exception` do not hold."""
        return _restored, (type(self), self.args, self.__dict__)


class ConfigurationError(BinanceError, ValueError):
    """Credentials, key, server or an argument is wrong; nothing was sent."""


class ApiError(BinanceError):
    """The exchange said no.

    `status_code` is the HTTP status; `code` and `msg` are the exchange's own, None when the answer held none, such as a
    page for people. `retry_after` (seconds) and `used_weight` (of this minute, for the caller's IP address) are None
    when the answer did not tell them. `note` is none of the exchange's: what to check, or why nothing was sent at all.
    Source: General Info, "HTTP Return Codes", "LIMITS"; Error Codes.
    """

    def __init__(self, *, status_code: int, code: int | None, msg: str | None, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.code = code
        self.msg = msg
        self.headers = headers
        self.retry_after = _non_negative(headers.get("Retry-After"))
        self.used_weight = used_weight(headers)
        self.note = _ADVICE_BY_CODE.get(code)
        super().__init__(status_code, code, msg)

    def __str__(self) -> str:
        """Say what the exchange said, and what to do about it."""
        content = self.headers.get("content-type", "nothing")
        said = f"code {self.code}: {self.msg}" if self.code is not None else f"no code, {content}"
        return f"HTTP {self.status_code}, {said}" + (f" ({self.note})" if self.note else "")

    def not_sent(self, why: str, retry_after: int) -> Self:
        """Give this error again, for a call that is not sent because of it for so many seconds."""
        error = type(self)(status_code=self.status_code, code=self.code, msg=self.msg, headers=self.headers)
        error.note = f"not sent: {why}"
        error.retry_after = retry_after
        return error


class TimestampError(ApiError):
    """The request's timestamp is outside of the window that the exchange accepts: a clock is wrong, or it took long.

    `clock_offset_ms` tells by how many milliseconds the exchange's clock is ahead of this machine's, None if that was
    not measured.
    """

    clock_offset_ms: int | None = None

    def __str__(self) -> str:
        """Say what the exchange said, and how far the clock is off."""
        if self.clock_offset_ms is None:
            return f"{super().__str__()}; how far this machine's clock is off was not measured"
        return f"{super().__str__()}; the exchange's clock is ahead of this machine's by {self.clock_offset_ms} ms"


class SignatureError(ApiError):
    """The signature is not that of this request by this key."""


class ApiKeyError(ApiError):
    """The API key is not accepted: it is wrong, of another server, or not for this IP address or operation."""


class _LimitError(ApiError):
    def __init__(self, *, status_code: int, code: int | None, msg: str | None, headers: Mapping[str, str]) -> None:
        super().__init__(status_code=status_code, code=code, msg=msg, headers=headers)
        told = re.search(r"banned until (\d+)", msg or "")
        self.banned_until = _non_negative(told[1]) if told else None


class RateLimitError(_LimitError):
    """The caller's IP address has used up its weight of this minute.

    `banned_until` is None, unless the answer tells of a ban; see `IpBannedError`.
    """


class IpBannedError(_LimitError):
    """The caller's IP address is banned.

    `banned_until` is the end of the ban in milliseconds since the epoch, None when the answer did not tell it.
    """


class FirewallError(ApiError):
    """The exchange's web application firewall refused the request."""


class RestrictedLocationError(ApiError):
    """The exchange does not serve the place that the caller is at."""


class ExchangeError(ApiError):
    """The exchange failed; `outcome` says whether the request was carried out: "failed" (it was not) or "unknown"."""

    def __init__(self, *, status_code: int, code: int | None, msg: str | None, headers: Mapping[str, str]) -> None:
        super().__init__(status_code=status_code, code=code, msg=msg, headers=headers)
        self.outcome: Outcome = _OUTCOME_BY_CODE.get(code) or "unknown"
        for start, outcome in _OUTCOME_BY_MSG.items():
            if msg is not None and msg.startswith(start):
                self.outcome = outcome


class ResponseError(BinanceError, ValueError):
    """An answer, or a value given to `from_dict`, is not what openapi.yaml describes.

    `path` tells the place, rows by their index from 0 and fields by their name; `reason` what was expected and what was
    there; `status_code` and `headers` are those of the answer, if it is one.
    """

    def __init__(self, reason: str, *, path: tuple[str | int, ...] = ()) -> None:
        self.reason = reason
        self.path = path
        self.status_code: int | None = None
        self.headers: Mapping[str, str] = {}
        super().__init__(reason)

    def __str__(self) -> str:
        """Say status, place and reason."""
        place = ", ".join(f"row {step}" if isinstance(step, int) else f"field {step}" for step in self.path)
        status = f"HTTP {self.status_code}" if self.status_code is not None else ""
        return ": ".join(part for part in (status, place, self.reason) if part)


class NetworkError(BinanceError, httpx.TransportError):
    """There was no answer, or not all of it.

    `outcome` says whether the request was carried out: "failed" (there was no connection) or "unknown".
    """

    outcome: Outcome

    def __init__(self, message: str, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(message)


class TimeoutError(NetworkError, httpx.TimeoutException):  # noqa: A001, it is one of a module that is named in full
    """The call's time ran out."""


_EXCEPTION_BY_STATUS: dict[int, type[ApiError]] = {
    403: FirewallError,
    418: IpBannedError,
    429: RateLimitError,
    451: RestrictedLocationError,
}
_EXCEPTION_BY_CODE: dict[int | None, type[ApiError]] = {
    -1003: RateLimitError,
    -1021: TimestampError,
    -1022: SignatureError,
    -2008: ApiKeyError,
    -2014: ApiKeyError,
    -2015: ApiKeyError,
}
_EXCEPTION_BY_STATUS_ELSE: dict[int, type[ApiError]] = {
    401: ApiKeyError,
    408: ExchangeError,
    503: ExchangeError,
}
_EXCEPTION_BY_CLASS_ELSE: dict[int, type[ApiError]] = {
    5: ExchangeError,
}
_ADVICE_BY_CODE: dict[int | None, str] = {
    -1021: "check this machine's clock, and whether recvWindow leaves the way to the exchange enough time",
    -1022: "check that the secret or private key is the one of this API key and of the kind that is registered, HMAC, RSA or Ed25519; signed is the query followed by the body, as on the wire, so that nothing on the way may change them",
    -2008: "check the API key and the server: each server has its own keys",
    -2014: "check that the API key is copied as a whole",
    -2015: "check the API key, its list of IP addresses, its permissions, and the server: each server has its own keys",
}
_OUTCOME_BY_MSG: dict[str, Outcome] = {
    "Unknown error": "unknown",
    "Service Unavailable": "failed",
    "Internal error; unable to process": "failed",
}
_OUTCOME_BY_CODE: dict[int | None, Outcome] = {
    -1001: "failed",
    -1006: "unknown",
    -1007: "unknown",
    -1008: "failed",
    -1016: "failed",
}


# More digits than these are no time and no weight, and take long to convert.
_is_non_negative = re.compile("[0-9]{1,18}").fullmatch


def _non_negative(value: str | None) -> int | None:
    return int(value) if value is not None and _is_non_negative(value) else None


def used_weight(headers: Mapping[str, str]) -> int | None:
    """Give the weight that the caller's IP address has used of this minute, as an answer's headers tell it."""
    return _non_negative(headers.get("X-MBX-USED-WEIGHT-1M"))


def weight_used_up(weight: int, retry_after: int) -> RateLimitError:
    """Give the error of a call that is not sent, for it would go beyond the weight of this minute."""
    status_code = next(status for status, kind in _EXCEPTION_BY_STATUS.items() if kind is RateLimitError)
    error = RateLimitError(status_code=status_code, code=None, msg=None, headers={})
    return error.not_sent(f"the weight of this minute, {weight}, is used up", retry_after)


def _code_and_msg(content: bytes) -> tuple[int | None, str | None]:
    told: Any
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = None
    code, msg = (told.get("code"), told.get("msg")) if isinstance(told, dict) else (None, None)
    return (
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        msg if isinstance(msg, str) else None,
    )


def from_answer(response: Answer) -> ApiError | ResponseError:
    """Give the exception that an answer is which is not the one that was asked for."""
    status_code = response.status_code
    if 300 <= status_code <= 399:
        error = ResponseError("expected an answer, got a redirect, which is not followed")
        error.status_code, error.headers = status_code, httpx.Headers(response.headers)
        if "location" in error.headers:
            # A redirect may repeat the query, which holds the signature.
            error.headers["location"] = error.headers["location"].partition("?")[0]
        return error
    code, msg = _code_and_msg(response.content)
    kind = (
        _EXCEPTION_BY_STATUS.get(status_code)
        or _EXCEPTION_BY_CODE.get(code)
        or _EXCEPTION_BY_STATUS_ELSE.get(status_code)
        or _EXCEPTION_BY_CLASS_ELSE.get(status_code // 100, ApiError)
    )
    refusal = kind(status_code=status_code, code=code, msg=msg, headers=httpx.Headers(response.headers))
    if isinstance(refusal, TimestampError):
        # Whoever sent the request tells it there, if it was measured.
        refusal.clock_offset_ms = response.extensions.get("clock_offset_ms")
    return refusal


def from_failure(failure: httpx.HTTPError | httpx.StreamError | httpx.InvalidURL) -> NetworkError | ResponseError:
    """Give the exception that a failure of the engine is.

    It names the failure and does not chain it, for the failure holds the request, and that the signature.
    """
    # What httpx refuses to send it quotes, and that may be a header with a key.
    words = "" if isinstance(failure, httpx.LocalProtocolError) else str(failure)
    cause = f"{type(failure).__name__}: {words}" if words else type(failure).__name__
    if isinstance(failure, httpx.DecodingError | httpx.TooManyRedirects | httpx.InvalidURL):
        return ResponseError(f"the answer cannot be read, {cause}")
    outcome: Outcome = "failed" if isinstance(failure, _BEFORE_SENDING) else "unknown"
    if isinstance(failure, httpx.TimeoutException):
        return TimeoutError(f"the call's time ran out, {cause}", outcome)
    return NetworkError(f"no answer, or not all of it, {cause}", outcome)


__all__ = [
    "ApiError",
    "ApiKeyError",
    "BinanceError",
    "ConfigurationError",
    "ExchangeError",
    "FirewallError",
    "IpBannedError",
    "NetworkError",
    "RateLimitError",
    "ResponseError",
    "RestrictedLocationError",
    "SignatureError",
    "TimeoutError",
    "TimestampError",
]
