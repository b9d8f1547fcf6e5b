"""What a call can end in, beside its answer: one tree of exceptions under `BinanceError`."""

import copy
from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any, Literal, Self

import httpx

Outcome = Literal["failed", "unknown"]

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
    when the answer did not tell them. `note` is not the exchange's own: what to check, or why nothing was sent at all.
    Source: General Info, "HTTP Return Codes", "LIMITS"; Error Codes.
    """

    retry_after: int | None = None
    used_weight: int | None = None
    note: str | None = None

    def __init__(self, *, status_code: int, code: int | None, msg: str | None, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.code = code
        self.msg = msg
        self.headers = headers
        super().__init__(status_code, code, msg)

    def __str__(self) -> str:
        """Say what the exchange said, and what to do about it."""
        content = self.headers.get("content-type", "nothing")
        said = f"code {self.code}: {self.msg}" if self.code is not None else f"no code, {content}"
        return f"HTTP {self.status_code}, {said}" + (f" ({self.note})" if self.note else "")

    def not_sent(self, why: str, retry_after: int) -> Self:
        """Give this error again, for a call that is not sent because of it for so many seconds."""
        error = copy.copy(self)
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


class RateLimitError(ApiError):
    """The caller's IP address has used up its weight of this minute.

    `banned_until` is None, unless the answer tells of a ban; see `IpBannedError`.
    """

    banned_until: int | None = None


class IpBannedError(ApiError):
    """The caller's IP address is banned.

    `banned_until` is the end of the ban in milliseconds since the epoch, None when the answer did not tell it.
    """

    banned_until: int | None = None


class FirewallError(ApiError):
    """The exchange's web application firewall refused the request."""


class RestrictedLocationError(ApiError):
    """The exchange does not serve the place that the caller is at."""


class ExchangeError(ApiError):
    """The exchange failed; `outcome` says whether the request was carried out: "failed" (it was not) or "unknown"."""

    outcome: Outcome = "unknown"


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
        names = chain(["row"], repeat("item"))
        place = ", ".join(f"{next(names)} {step}" if isinstance(step, int) else f"field {step}" for step in self.path)
        status = f"HTTP {self.status_code}" if self.status_code is not None else ""
        return ": ".join(part for part in (status, place, self.reason) if part)


class NetworkError(BinanceError, httpx.TransportError):
    """There was no answer, or not all of it.

    `outcome` says whether the request was carried out: "failed" (nothing of it was sent) or "unknown".
    """

    outcome: Outcome

    def __init__(self, message: str, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(message)


class TimeoutError(NetworkError, httpx.TimeoutException):  # noqa: A001, it is one of a module that is named in full
    """The call's time ran out: the client's `timeout`, in seconds."""


class ClientClosedError(NetworkError):
    """The client was closed while the call was on its way, or before it began.

    `outcome` is "failed" if nothing of the request was sent.
    """


def from_failure(failure: httpx.HTTPError | httpx.StreamError | httpx.InvalidURL) -> NetworkError | ResponseError:
    """Give the exception that a failure of the engine becomes.

    It names the failure and does not chain it, for the failure holds the request, and that the signature. What is an
    exception of the tree already is given as it is.
    """
    if isinstance(failure, NetworkError):
        return failure
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
    "ClientClosedError",
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
