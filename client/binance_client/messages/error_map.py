"""The errors of responses, and of failures of httpx."""

# JSON values have no known types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx

from binance_client.errors import (
    ApiError,
    ExchangeError,
    Execution,
    IpBannedError,
    NetworkError,
    RateLimitError,
    ResponseError,
    TimeoutError,  # noqa: A004, this package's error
    TimestampError,
    printable,
    suppressed,
)
from binance_client.redaction import beginning_without_secrets, without_secrets

from .http import MAX_TIME_MS, HTTPResponse

# Failures before there is a connection: the exchange cannot have received any of the request.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# The first digit of the status. Source: RFC 9110, section 15.4.
_REDIRECTION = 3
# Longer digit strings are neither a weight nor a number of orders.
_is_count = re.compile("[0-9]{1,9}").fullmatch
# Longer digit strings take long to convert.
_is_time = re.compile("[0-9]{1,18}").fullmatch
_is_seconds = re.compile(r"[0-9]+(\.[0-9]+)?").fullmatch
_is_code = re.compile("-?[0-9]{1,18}").fullmatch
# The hint of an error that `retry_flow` did not retry: the note of an exception, or an extension of a response.
QUOTA_EXHAUSTED = "not retried, because the client's retry quota is used up"
# The exchange's name of its words, and those of gateways in front of it.
_MSG_NAMES = ("msg", "message", "error")
# How much of a body, in bytes, and of a failure's text, in characters, an error keeps.
_MAX_EXCERPT = 1 << 16
_MAX_CAUSE = 500


class ErrorMap(NamedTuple):
    """What a document says about responses that reject a request.

    `shortest_ban` and `longest_ban` are in seconds; `banned_until` finds the end of a ban in the `msg` of a response.
    `order_count_headers` are the names of headers by their interval, such as 10S.

    The error is that of the status, or of the code if this is a subclass of that; else that of the code, else that of
    the status or its class if no code has one.
    """

    used_weight_header: str
    order_count_headers: Mapping[str, str]
    retry_after_header: str
    banned_until: re.Pattern[str]
    shortest_ban: int
    longest_ban: int
    error_by_status: Mapping[int, type[ApiError]]
    error_by_code: Mapping[int | None, type[ApiError]]
    error_by_status_else: Mapping[int, type[ApiError]]
    error_by_class_else: Mapping[int, type[ApiError]]
    execution_by_msg: Mapping[str, Execution]
    execution_by_code: Mapping[int | None, Execution]
    hints_by_status: Mapping[int, str]
    hints_by_code: Mapping[int | None, str]

    def used_weight(self, headers: Mapping[str, str]) -> int | None:
        """Return the weight that the IP address has used of the minute, None if the headers do not report it."""
        return _largest_count(headers.get(self.used_weight_header, ""))

    def order_counts(self, headers: Mapping[str, str]) -> dict[str, int]:
        """Return how many orders the account has placed, by interval, as far as the headers report it."""
        counts = {
            interval: _largest_count(headers.get(name, "")) for interval, name in self.order_count_headers.items()
        }
        return {interval: count for interval, count in counts.items() if count is not None}

    def retry_after(self, headers: httpx.Headers, received_ms: int | None) -> int | None:
        """Return the seconds that a response asks to wait, rounded up and at most those of the longest ban, or None.

        A date is relative to the response's own, or else to `received_ms`, the exchange's time when it was received.
        Source: RFC 9110, section 10.2.3.
        """
        now = _parse_date(headers.get("date", ""))
        if now is None and received_ms is not None:
            now = received_ms / 1000
        waits = [_parse_wait(value.strip(), now) for value in headers.get_list(self.retry_after_header)]
        longest = max((wait for wait in waits if wait is not None), default=None)
        return None if longest is None else math.ceil(min(max(longest, 0), self.longest_ban))

    def rate_limit_exceeded(self, weight: int, retry_after: int) -> RateLimitError:
        """Return the error of a call that is not sent because it would exceed the weight of the current minute."""
        status_code = next(status for status, kind in self.error_by_status.items() if kind is RateLimitError)
        error = RateLimitError(status_code=status_code, code=None, msg=None, headers={})
        return suppressed(error, f"the weight of this minute, {weight}, is used up", retry_after)

    def from_response(self, response: HTTPResponse) -> ApiError | ResponseError:
        """Return the error of a response that is not a success."""
        status_code = response.status_code
        if status_code // 100 == _REDIRECTION:
            return from_redirect(response)
        code, msg = _parse_code_and_msg(response.content)
        headers = httpx.Headers(response.headers)
        error = self._kind(status_code, code)(status_code=status_code, code=code, msg=msg, headers=headers)
        error.retry_after = self.retry_after(headers, response.extensions.get("received_ms"))
        error.used_weight = self.used_weight(error.headers)
        # `retry_flow` sets the extensions.
        hints = (
            self.hints_by_status.get(status_code) or self.hints_by_code.get(code),
            response.extensions.get("hint"),
        )
        error.hint = "; ".join(filter(None, hints)) or None
        error.body = excerpt(response.content)
        if isinstance(error, TimestampError):
            # Set by `retry_flow`, if the clock was synchronized.
            error.clock_offset_ms = response.extensions.get("clock_offset_ms")
        if isinstance(error, RateLimitError | IpBannedError):
            match = self.banned_until.search(msg or "")
            error.banned_until = min(int(match[1]), MAX_TIME_MS) if match and _is_time(match[1]) else None
        if isinstance(error, ExchangeError):
            error.execution = self._execution(code, msg or "")
        return error

    def _kind(self, status_code: int, code: int | None) -> type[ApiError]:
        by_status, by_code = self.error_by_status.get(status_code), self.error_by_code.get(code)
        if by_status and not (by_code and issubclass(by_code, by_status)):
            return by_status
        return (
            by_code
            or self.error_by_status_else.get(status_code)
            or self.error_by_class_else.get(status_code // 100, ApiError)
        )

    def _execution(self, code: int | None, msg: str) -> Execution:
        for start, execution in self.execution_by_msg.items():
            if msg.startswith(start):
                return execution
        return self.execution_by_code.get(code) or "unknown"


def from_httpx_error(error: httpx.HTTPError | httpx.StreamError | httpx.InvalidURL) -> NetworkError | ResponseError:
    """Return the error for a failure of httpx; a `NetworkError` is returned as it is.

    The error names the failure and does not chain it, because the failure holds the signed request.
    """
    if isinstance(error, NetworkError):
        return error
    # httpx quotes what it rejects, which may be a header with a key.
    text = "" if isinstance(error, httpx.LocalProtocolError) else printable(without_secrets(str(error)), _MAX_CAUSE)
    cause = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if QUOTA_EXHAUSTED in getattr(error, "__notes__", ()):
        cause += f"; {QUOTA_EXHAUSTED}"
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects | httpx.InvalidURL):
        return ResponseError(f"the response cannot be read, {cause}")
    execution: Execution = "not_executed" if isinstance(error, _NOT_SENT) else "unknown"
    if isinstance(error, httpx.TimeoutException):
        return TimeoutError(f"the call timed out, {cause}", execution)
    return NetworkError(f"no response, or only part of one, {cause}", execution)


def from_redirect(response: HTTPResponse) -> ResponseError:
    """Return the error of a redirect, without the query of its location, which may repeat the signature."""
    error = ResponseError("expected a response, got a redirect, which is not followed")
    error.status_code, error.headers = response.status_code, httpx.Headers(response.headers)
    if "location" in error.headers:
        error.headers["location"] = error.headers["location"].partition("?")[0].partition("#")[0]
    return error


def _largest_count(text: str) -> int | None:
    """Return the largest number in the value of a header, which is joined by commas if it is given several times."""
    values = [value.strip() for value in text.split(",")]
    return max((int(value) for value in values if _is_count(value)), default=None)


def _parse_wait(value: str, now: float | None) -> float | None:
    """Return the seconds that a Retry-After asks to wait, None if it is invalid; `now` is since the epoch."""
    if _is_seconds(value):
        return float(value)
    date = _parse_date(value)
    return None if date is None or now is None else date - now


def _parse_date(value: str) -> float | None:
    """Return the seconds since the epoch of an HTTP date, None if it is invalid."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def excerpt(content: bytes) -> bytes:
    """Return the beginning of a body for an error, without what looks like a key, a signature or a signed query."""
    text = content[: _MAX_EXCERPT + 1].decode("latin-1")
    return beginning_without_secrets(text, _MAX_EXCERPT).encode("latin-1")


def parse_code(value: object) -> int | None:
    """Return an error code, which some servers send as text; None for anything else."""
    if isinstance(value, str) and _is_code(value):
        return int(value)
    return value if type(value) is int else None


def _parse_code_and_msg(content: bytes) -> tuple[int | None, str | None]:
    body: Any
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return None, None
    msg = next((body[name] for name in _MSG_NAMES if isinstance(body.get(name), str)), None)
    return parse_code(body.get("code")), None if msg is None else without_secrets(msg)
