"""The errors that a call can raise: one tree below `BinanceError`, all of it picklable."""

import copy
from collections.abc import Mapping
from typing import Literal, TypeVar

import httpx
from binance_signing.errors import BinanceError, ConfigurationError

# Whether the exchange has carried out the request of a call that failed.
Execution = Literal["not_executed", "unknown"]
# How many characters of what a server sends are in the text of an error.
_MAX_SHOWN = 200
_MAX_MSG = 500


class ApiError(BinanceError):
    """The exchange rejected the request.

    `status_code` is the HTTP status. `code` and `msg` are the exchange's; they are None if the response has none, such
    as an HTML page. `body` is the beginning of the response, without what looks like a key or a signature.
    `retry_after` (seconds) and `used_weight` (of the current minute, per IP address) are None if the response does not
    report them. `hint` is not the exchange's: what to check, or why the request was not sent. `was_sent` is False for a
    request that was not sent because of an earlier response or of `max_weight_per_minute`.
    Source: General Info, "HTTP Return Codes", "LIMITS"; Error Codes.
    """

    retry_after: int | None = None
    used_weight: int | None = None
    hint: str | None = None
    was_sent: bool = True
    body: bytes = b""

    def __init__(self, *, status_code: int, code: int | None, msg: str | None, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.code = code
        self.msg = msg
        self.headers = headers
        super().__init__(status_code, code, msg)

    def __str__(self) -> str:
        """Return status, code and words of the exchange, and the hint; what the server sent is escaped and bounded."""
        code = "no code" if self.code is None else f"code {printable(str(self.code))}"
        words = None if self.msg is None else printable(self.msg, _MAX_MSG)
        if words is None:
            code += f", {printable(self.headers.get('content-type', 'no content type'))}"
            words = printable(" ".join(self.body.decode(errors="replace").split()))
        text = f"HTTP {self.status_code}, {code}" + (f": {words}" if words else "")
        if self.was_sent:
            return f"{text} ({self.hint})" if self.hint else text
        # Without headers there was no response: the client's own limit does not allow the request.
        return f"{self.hint}; the exchange had answered: {text}" if self.headers else f"{self.hint}"


class TimestampError(ApiError):
    """The request's timestamp is outside the window that the exchange accepts: a clock is wrong, or it arrived late.

    `clock_offset_ms` is how many milliseconds the exchange's clock is ahead of this machine's; None if not measured.
    """

    clock_offset_ms: int | None = None

    def __str__(self) -> str:
        """Return the exchange's message, and how far the clock is off."""
        if self.clock_offset_ms is None:
            return f"{super().__str__()}; this machine's clock offset was not measured"
        offset = f"{abs(self.clock_offset_ms)} ms {'behind' if self.clock_offset_ms < 0 else 'ahead of'}"
        return f"{super().__str__()}; the exchange's clock is {offset} this machine's"


class SignatureError(ApiError):
    """The signature does not match the request and the key."""


class ApiKeyError(ApiError):
    """The API key is not accepted: it is wrong, of another server, or not for this IP address or operation."""


class RateLimitError(ApiError):
    """The IP address has used up its weight of the current minute.

    `banned_until` is None, unless the response reports a ban; see `IpBannedError`.
    """

    banned_until: int | None = None


class OrderRateLimitError(RateLimitError):
    """The account has placed too many orders within an interval; the IP address may go on to send other requests.

    Source: Error Codes, -1015.
    """


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
    what was found. `status_code`, `headers` and `body` (the beginning of it, without what looks like a key or a
    signature) are those of the response, if it is one. `execution` is "unknown": with a status of success, the exchange
    has most likely executed the request; `hint` says what to do after a write.
    """

    execution: Execution = "unknown"
    hint: str | None = None
    body: bytes = b""

    def __init__(self, reason: str, *, path: tuple[str | int, ...] = ()) -> None:
        self.reason = reason
        self.path = path
        self.status_code: int | None = None
        self.headers: Mapping[str, str] = {}
        super().__init__(reason)

    def __str__(self) -> str:
        """Return status, path, reason and hint."""
        status = [] if self.status_code is None else [f"HTTP {self.status_code}"]
        path = [_format_path(self.path)] if self.path else []
        return ": ".join([*status, *path, self.reason]) + (f" ({self.hint})" if self.hint else "")


def _format_path(path: tuple[str | int, ...]) -> str:
    """Return a path as text, such as "row 3, field balance"; the first index is a row's, all others are items'."""
    words: list[str] = []
    index = "row"
    for step in path:
        if isinstance(step, int):
            words.append(f"{index} {step}")
            index = "item"
        else:
            words.append(f"field {printable(step)}")
    return ", ".join(words)


class NetworkError(BinanceError, httpx.TransportError):
    """There was no response, or only part of one.

    `execution` is "not_executed" if nothing of the request was sent, else "unknown"; `hint` says what to do after a
    write then.
    """

    execution: Execution
    hint: str | None = None

    def __init__(self, message: str, execution: Execution) -> None:
        self.execution = execution
        super().__init__(message)

    def __str__(self) -> str:
        """Return the message, and the hint, or else that the execution is unknown, if it is."""
        if self.execution == "not_executed":
            return super().__str__()
        return f"{super().__str__()}; {self.hint or 'it is unknown whether the exchange executed the request'}"


class TimeoutError(NetworkError, httpx.TimeoutException):  # noqa: A001, users write errors.TimeoutError
    """The time of the call, the client's `timeout`, ran out."""


class ClientClosedError(NetworkError):
    """The client was closed during the call, or before it.

    `execution` is "not_executed" if nothing of the request was sent.
    """


def printable(text: str, limit: int = _MAX_SHOWN) -> str:
    """Return the beginning of a text from outside; what is invisible, or moves a terminal's cursor, is escaped."""
    shown = text[:limit] + "…" * (len(text) > limit)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


E = TypeVar("E", bound=ApiError)


def suppressed(error: E, reason: str, retry_after: int) -> E:
    """Return a copy of an error for a call that is not sent because of it, for `retry_after` seconds."""
    error = copy.copy(error)
    error.hint = f"not sent: {reason}"
    error.was_sent = False
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
    "OrderRateLimitError",
    "RateLimitError",
    "ResponseError",
    "RestrictedLocationError",
    "SignatureError",
    "TimeoutError",
    "TimestampError",
]


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__]
