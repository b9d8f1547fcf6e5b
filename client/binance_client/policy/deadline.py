"""Deadlines: one bounds a whole call, with all its attempts and waits. They are monotonic, in seconds."""

import time
from collections.abc import Mapping

import httpx
from binance_signing.errors import ConfigurationError, bounded_repr

SECONDS_PER_DAY = 86_400
# Seconds. An operation after its deadline gets this much, so that httpx itself raises the error.
_MIN_TIMEOUT = 0.001


def deadline_of(timeouts: Mapping[str, object], default: float) -> float:
    """Return the deadline of a call that begins now: after the longest of its request's timeouts, or the default.

    Raises `ConfigurationError` for a timeout that is not a number of seconds.
    """
    seconds = default
    if timeouts:
        seconds = min(max(map(_seconds_of, timeouts.values())), SECONDS_PER_DAY)
    return time.monotonic() + seconds


def _seconds_of(timeout: object) -> float:
    if timeout is None:
        return SECONDS_PER_DAY
    if isinstance(timeout, int | float) and timeout >= 0:
        return timeout
    raise ConfigurationError(f"timeout: expected a number of seconds, or None, got {bounded_repr(timeout)}")


def seconds_left(deadline: float) -> float:
    """Return the seconds until a deadline, at least 0."""
    return max(deadline - time.monotonic(), 0)


def httpx_timeouts(deadline: float) -> dict[str, float]:
    """Return httpx's timeouts for a request that has to end by a deadline."""
    return dict.fromkeys(("connect", "read", "write", "pool"), max(seconds_left(deadline), _MIN_TIMEOUT))


def deadline_error(request: httpx.Request | None = None) -> httpx.ReadTimeout:
    """Return the error of an attempt that has not ended by the call's deadline."""
    return httpx.ReadTimeout("the call's deadline has passed", request=request)


def require_in_time(deadline: float) -> None:
    """Raise httpx.ReadTimeout after a deadline, because a custom transport may not check it."""
    if time.monotonic() >= deadline:
        raise deadline_error()
