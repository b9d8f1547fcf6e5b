"""What an answer that says no means."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from .engines import Answer
from .errors import (
    ApiError,
    ExchangeError,
    IpBannedError,
    Outcome,
    RateLimitError,
    ResponseError,
    TimestampError,
)

# More digits than these are no time and no weight, and take long to convert.
_is_non_negative = re.compile("[0-9]{1,18}").fullmatch


def _non_negative(value: str | None) -> int | None:
    return int(value) if value is not None and _is_non_negative(value) else None


class Refusals(NamedTuple):
    """What a document says of the answers of an exchange that says no.

    `shortest_ban` and `longest_ban` are in seconds; `banned_until` finds the end of a ban in an answer's `msg`. An
    exception is that of the status, else that of the code, else that of the status or its class if no code has one.
    """

    used_weight_header: str
    retry_after_header: str
    banned_until: re.Pattern[str]
    shortest_ban: int
    longest_ban: int
    exception_by_status: Mapping[int, type[ApiError]]
    exception_by_code: Mapping[int | None, type[ApiError]]
    exception_by_status_else: Mapping[int, type[ApiError]]
    exception_by_class_else: Mapping[int, type[ApiError]]
    outcome_by_msg: Mapping[str, Outcome]
    outcome_by_code: Mapping[int | None, Outcome]
    advice_by_code: Mapping[int | None, str]

    def used_weight(self, headers: Mapping[str, str]) -> int | None:
        """Give the weight that the caller's IP address has used of this minute, as an answer's headers tell it."""
        return _non_negative(headers.get(self.used_weight_header))

    def weight_used_up(self, weight: int, retry_after: int) -> RateLimitError:
        """Give the error of a call that is not sent, for it would go beyond the weight of this minute."""
        status_code = next(status for status, kind in self.exception_by_status.items() if kind is RateLimitError)
        error = RateLimitError(status_code=status_code, code=None, msg=None, headers={})
        return error.not_sent(f"the weight of this minute, {weight}, is used up", retry_after)

    def from_answer(self, response: Answer) -> ApiError | ResponseError:
        """Give the exception that an answer becomes if it is not what was asked for."""
        status_code = response.status_code
        if 300 <= status_code <= 399:
            return from_redirect(response)
        code, msg = _code_and_msg(response.content)
        kind = (
            self.exception_by_status.get(status_code)
            or self.exception_by_code.get(code)
            or self.exception_by_status_else.get(status_code)
            or self.exception_by_class_else.get(status_code // 100, ApiError)
        )
        error = kind(status_code=status_code, code=code, msg=msg, headers=httpx.Headers(response.headers))
        error.retry_after = _non_negative(error.headers.get(self.retry_after_header))
        error.used_weight = self.used_weight(error.headers)
        error.note = self.advice_by_code.get(code)
        if isinstance(error, TimestampError):
            # Whoever sent the request tells it there, if it was measured.
            error.clock_offset_ms = response.extensions.get("clock_offset_ms")
        if isinstance(error, RateLimitError | IpBannedError):
            told = self.banned_until.search(msg or "")
            error.banned_until = _non_negative(told[1]) if told else None
        if isinstance(error, ExchangeError):
            error.outcome = self._outcome(code, msg or "")
        return error

    def _outcome(self, code: int | None, msg: str) -> Outcome:
        for start, outcome in self.outcome_by_msg.items():
            if msg.startswith(start):
                return outcome
        return self.outcome_by_code.get(code) or "unknown"


def from_redirect(response: Answer) -> ResponseError:
    """Give the exception that a redirect becomes, for none is followed."""
    error = ResponseError("expected an answer, got a redirect, which is not followed")
    error.status_code, error.headers = response.status_code, httpx.Headers(response.headers)
    if "location" in error.headers:
        # A redirect may repeat the query, which holds the signature.
        error.headers["location"] = error.headers["location"].partition("?")[0].partition("#")[0]
    return error


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
