"""The rate limit: what the exchange told of the weight that this IP address has used, and of bans.

Source: General Info, "LIMITS": the weight is counted per IP address and minute, whoever uses it.
"""

import math
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple

from binance_coinm import errors
from binance_coinm.refusals import Refusals

from . import _forks
from ._origin import Origin

_MINUTE = 60_000
# Seconds after which a call that waits for others' answers looks again.
_MOMENT = 0.01


class _Ban(NamedTuple):
    error: errors.IpBannedError | errors.RateLimitError
    # By the monotonic clock in seconds, which no step of the system clock moves, and by the exchange's.
    end: float
    until: int


class RateLimit:
    """What is known of one server's rate limit. Unless said otherwise, times are the exchange's, in milliseconds."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._minute = 0
        self._used = 0
        self._ban: _Ban | None = None
        self.used_weight: int | None = None
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a call under way, at first and after a fork."""
        self._lock = Lock()
        self._under_way = 0

    def refusal(self, now: float) -> errors.ApiError | None:
        """Give the error that a call ends in while a ban lasts; `now` is monotonic, in seconds."""
        ban = self._ban
        if ban is None or now >= ban.end:
            return None
        until = datetime.fromtimestamp(ban.until / 1000, UTC)
        return ban.error.not_sent(f"the ban lasts until {until:%Y-%m-%d %H:%M:%S} UTC", math.ceil(ban.end - now))

    def refused(self, error: errors.BinanceError, pacing: int | None, sent: int, now: float, time: int) -> None:
        """Take note of an error if it tells of a ban, or that the exchange counts more than was known.

        The request went out at `sent`, and it is `time` now; `now` is the same by the monotonic clock, in seconds.
        """
        if isinstance(error, errors.IpBannedError) or (
            isinstance(error, errors.RateLimitError) and error.banned_until is not None
        ):
            self._banned(error, now, time)
        elif isinstance(error, errors.RateLimitError) and pacing is not None:
            with self._lock:
                self._turn_to(time // _MINUTE)
                if sent // _MINUTE == self._minute:
                    self._used = max(self._used, pacing)

    def _banned(self, error: errors.IpBannedError | errors.RateLimitError, now: float, time: int) -> None:
        until = max(error.banned_until or 0, time + 1000 * (error.retry_after or 0))
        if until <= time:
            # It tells no end: at least the shortest ban, and no less than another answer told.
            until = time + 1000 * self._refusals.shortest_ban
            if self._ban is not None and self._ban.end > now + self._refusals.shortest_ban:
                return
        # A longer ban is a mistake of the exchange, or of this machine's clock.
        until = min(until, time + 1000 * self._refusals.longest_ban)
        self._ban = _Ban(error, now + (until - time) / 1000, until)

    def wait_before(self, weight: int, limit: int, time: int) -> float:
        """Reserve weight within a limit of the caller's own, or give the seconds after which to ask again."""
        with self._lock:
            self._turn_to(time // _MINUTE)
            if self._used + weight > limit:
                return (_MINUTE - time % _MINUTE) / 1000
            if self._used + self._under_way + weight > limit:
                # What is under way may be counted in this minute or not; its answers will tell.
                return _MOMENT
            self._under_way += weight
            return 0

    def release(self, weight: int) -> None:
        """Give back what was reserved: the request is answered, or given up."""
        with self._lock:
            # In a fork there is nothing under way, though calls of its parent may end there.
            self._under_way = max(0, self._under_way - weight)

    def told(self, used_weight: int, weight: int, sent: int, time: int) -> None:
        """Take note of what an answer says; it counts for all processes of this IP address."""
        with self._lock:
            self.used_weight = used_weight
            self._turn_to(time // _MINUTE)
            if sent // _MINUTE == self._minute:
                self._used = max(self._used, used_weight)
            else:
                # The answer may tell of the old minute, and the request may count in the new one.
                self._used += weight

    def _turn_to(self, minute: int) -> None:
        if minute != self._minute:
            self._minute = minute
            self._used = 0


_shared: dict[Origin, RateLimit] = {}


def rate_limit_of(origin: Origin, refusals: Refusals) -> RateLimit:
    """Give a server's rate limit, the same one to all clients of this process."""
    return _shared.setdefault(origin, RateLimit(refusals))
