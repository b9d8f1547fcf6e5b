"""The rate limit: what the exchange has reported of the weight that this IP address has used, and of bans.

Source: General Info, "LIMITS": the weight is counted per IP address and minute, for all its clients together.
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from binance_client import errors, fork

from .clock import Instant

if TYPE_CHECKING:
    from binance_signing.origin import Origin

    from binance_client.messages.error_map import ErrorMap

_MINUTE_MS = 60_000
# Seconds after which a call that waits for the responses of others checks again.
_POLL_INTERVAL = 0.01

_logger = logging.getLogger("binance_client")


class _Ban(NamedTuple):
    error: errors.IpBannedError | errors.RateLimitError
    end: Instant


class RateLimit:
    """What is known about one server's rate limit. Times in milliseconds are the exchange's."""

    def __init__(self, error_map: ErrorMap) -> None:
        self._error_map = error_map
        self._minute = 0
        self._used = 0
        self._ban: _Ban | None = None
        self.used_weight: int | None = None
        fork.register(self)

    def reset_after_fork(self) -> None:
        """Start without a call in flight."""
        self._lock = Lock()
        self._in_flight = 0

    def ban_error(self, monotonic: float) -> errors.ApiError | None:
        """Return the error of a call during a ban, None outside of one."""
        ban = self._ban
        if ban is None or monotonic >= ban.end.monotonic:
            return None
        end = _format_time(ban.end.exchange_ms)
        reason = f"the ban lasts until {end}; if the ban is a mistake, client.clear_ban() lifts it"
        return errors.suppressed(ban.error, reason, math.ceil(ban.end.monotonic - monotonic))

    def clear_ban(self) -> None:
        """Forget a ban."""
        # Without the lock, which a signal handler that calls this may have interrupted.
        self._ban = None

    def record_error(
        self, error: errors.BinanceError, *, sent_ms: int, now: Instant, max_weight: int | None = None
    ) -> None:
        """Record a ban or, of a client that limits its weight, that this minute's weight is used up."""
        if isinstance(error, errors.IpBannedError) or (
            isinstance(error, errors.RateLimitError) and error.banned_until is not None
        ):
            self._record_ban(error, now)
        elif (
            isinstance(error, errors.RateLimitError)
            and not isinstance(error, errors.OrderRateLimitError)
            and max_weight is not None
        ):
            with self._lock:
                self._roll_window(now.exchange_ms)
                if sent_ms // _MINUTE_MS == self._minute:
                    self._used = max(self._used, max_weight)

    def _record_ban(self, error: errors.IpBannedError | errors.RateLimitError, now: Instant) -> None:
        shortest, longest = self._error_map.shortest_ban, self._error_map.longest_ban
        until = max(error.banned_until or 0, now.exchange_ms + 1000 * (error.retry_after or 0))
        if until <= now.exchange_ms:
            # The end is unknown.
            until = now.exchange_ms + 1000 * shortest
        # A ban beyond the longest one is an error of the exchange, or of this machine's clock.
        until = min(until, now.exchange_ms + 1000 * longest)
        seconds = (until - now.exchange_ms) / 1000
        end = Instant(until, now.monotonic + seconds)
        with self._lock:
            # Responses can overtake each other, so the ban that ends last counts.
            if self._ban is not None and self._ban.end.monotonic >= end.monotonic:
                return
            self._ban = _Ban(error, end)
        _logger.info("banned for %.0f s, no request is sent until then", seconds)

    def reserve(self, weight: int, max_weight: int, time_ms: int) -> float:
        """Reserve weight within a client's own limit; return 0, or the seconds after which to try again."""
        with self._lock:
            self._roll_window(time_ms)
            if self._used + weight > max_weight:
                return (_MINUTE_MS - time_ms % _MINUTE_MS) / 1000
            if self._used + self._in_flight + weight > max_weight:
                # Calls in flight may count in this minute or not; their responses will show which.
                return _POLL_INTERVAL
            self._in_flight += weight
            return 0

    def release(self, weight: int) -> None:
        """Release reserved weight after the response, or after the attempt has failed."""
        with self._lock:
            # A fork has reset the count, and calls of its parent that end in it must not drive it below 0.
            self._in_flight = max(0, self._in_flight - weight)

    def record_usage(self, used_weight: int, *, weight: int, sent_ms: int, time_ms: int) -> None:
        """Record the used weight that a response reports, which includes that of other processes of the IP address."""
        with self._lock:
            self.used_weight = used_weight
            self._roll_window(time_ms)
            if sent_ms // _MINUTE_MS == self._minute:
                self._used = max(self._used, used_weight)
            else:
                # The response may be about the previous minute, and the request may count in the current one.
                self._used += weight

    def _roll_window(self, time_ms: int) -> None:
        minute = time_ms // _MINUTE_MS
        # A thread that was held up after it read the clock must not go back to the minute before, and start that anew.
        if minute not in (self._minute, self._minute - 1):
            self._minute = minute
            self._used = 0


def _format_time(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OSError, OverflowError, ValueError):
        # A clock that is wrong by thousands of years.
        return f"{milliseconds} ms after the epoch"


_shared: dict[Origin, RateLimit] = {}


def shared_rate_limit(origin: Origin, error_map: ErrorMap) -> RateLimit:
    """Return the rate limit of a server, which all clients of this process share."""
    return _shared.setdefault(origin, RateLimit(error_map))
