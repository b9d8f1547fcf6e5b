"""The errors that a call can raise: one tree below `BinanceError`, all of it picklable."""

import copy
from collections.abc import Mapping
from typing import Literal, TypeVar

import httpx
from binance_signing.errors import BinanceError, ConfigurationError

# Whether the exchange has carried out the request of a call that failed.
Execution = Literal["not_executed", "unknown"]


class ApiError(BinanceError):
    """The exchange rejected the request.

    `status_code` is the HTTP status. `code` and `msg` are the exchange's; they are None if the response has none, such
    as an HTML page. `retry_after` (seconds) and `used_weight` (of the current minute, per IP address) are None if the
    response does not report them. `hint` is not the exchange's: what to check, or why the request was not sent.
    Source: General Info, "HTTP Return Codes", "LIMITS"; Error Codes.
    """

    retry_after: int | None = None
    used_weight: int | None = None
    hint: str | None = None

    def __init__(self, *, status_code: int, code: int | None, msg: str | None, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.code = code
        self.msg = msg
        self.headers = headers
        super().__init__(status_code, code, msg)

    def __str__(self) -> str:
        """Return status, code and message of the exchange, and the hint."""
        content_type = self.headers.get("content-type", "no content type")
        detail = f"code {self.code}: {self.msg}" if self.code is not None else f"no code, {content_type}"
        return f"HTTP {self.status_code}, {detail}" + (f" ({self.hint})" if self.hint else "")


class TimestampError(ApiError):
    """The request's timestamp is outside the window that the exchange accepts: a clock is wrong, or it arrived late.

    `clock_offset_ms` is how many milliseconds the exchange's clock is ahead of this machine's; None if not measured.
    """

    clock_offset_ms: int | None = None

    def __str__(self) -> str:
        """Return the exchange's message, and how far the clock is off."""
        if self.clock_offset_ms is None:
            return f"{super().__str__()}; this machine's clock offset was not measured"
        return f"{super().__str__()}; the exchange's clock is ahead of this machine's by {self.clock_offset_ms} ms"


class SignatureError(ApiError):
    """The signature does not match the request and the key."""


class ApiKeyError(ApiError):
    """The API key is not accepted: it is wrong, of another server, or not for this IP address or operation."""


class RateLimitError(ApiError):
    """The IP address has used up its weight of the current minute.

    `banned_until` is None, unless the response reports a ban; see `IpBannedError`.
    """

    banned_until: int | None = None


class IpBannedError(ApiError):
    """The IP address is banned.

    `banned_until` is the end of the ban in milliseconds since the epoch; None if the response does not
    contain it.
    """

    banned_until: int | None = None


class FirewallError(ApiError):
    """The exchange's web application firewall rejected the request."""


class RestrictedLocationError(ApiError):
    """The exchange does not serve the caller's location."""


class ExchangeError(ApiError):
    """The exchange failed to answer the request.

    `execution` is "not_executed" or "unknown", as the exchange describes what became of the request.
    """

    execution: Execution = "unknown"


class ResponseError(BinanceError, ValueError):
    """A response, or a value passed to `from_dict`, is not what openapi.yaml describes.

    `path` is where the value is: rows by their index from 0, fields by their name. `reason` is what was expected and
    what was found. `status_code` and `headers` are those of the response, if it is one.
    """

    def __init__(self, reason: str, *, path: tuple[str | int, ...] = ()) -> None:
        self.reason = reason
        self.path = path
        self.status_code: int | None = None
        self.headers: Mapping[str, str] = {}
        super().__init__(reason)

    def __str__(self) -> str:
        """Return status, path and reason."""
        status = [] if self.status_code is None else [f"HTTP {self.status_code}"]
        path = [_format_path(self.path)] if self.path else []
        return ": ".join([*status, *path, self.reason])


def _format_path(path: tuple[str | int, ...]) -> str:
    """Return a path as text, such as "row 3, field balance"; the first index is a row's, all others are items'."""
    words: list[str] = []
    index = "row"
    for step in path:
        if isinstance(step, int):
            words.append(f"{index} {step}")
            index = "item"
        else:
            words.append(f"field {step}")
    return ", ".join(words)


class NetworkError(BinanceError, httpx.TransportError):
    """There was no response, or only part of one.

    `execution` is "not_executed" if nothing of the request was sent, else "unknown".
    """

    execution: Execution

    def __init__(self, message: str, execution: Execution) -> None:
        self.execution = execution
        super().__init__(message)

    def __str__(self) -> str:
        """Return the message, and that the execution is unknown if it is."""
        unknown = "; it is unknown whether the exchange executed the request"
        return f"{super().__str__()}{unknown if self.execution == 'unknown' else ''}"


class TimeoutError(NetworkError, httpx.TimeoutException):  # noqa: A001, users write errors.TimeoutError
    """The time of the call, the client's `timeout`, ran out."""


class ClientClosedError(NetworkError):
    """The client was closed during the call, or before it.

    `execution` is "not_executed" if nothing of the request was sent.
    """


E = TypeVar("E", bound=ApiError)


def suppressed(error: E, reason: str, retry_after: int) -> E:
    """Return a copy of an error for a call that is not sent because of it, for `retry_after` seconds."""
    error = copy.copy(error)
    error.hint = f"not sent: {reason}"
    error.retry_after = retry_after
    return error


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
