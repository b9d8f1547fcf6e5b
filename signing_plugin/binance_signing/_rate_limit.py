"""The rate limit: what the exchange told of the weight that this IP address has used, and of bans.

Source: General Info, "LIMITS": the weight is counted per IP address and minute, whoever uses it.
"""

import math
from datetime import UTC, datetime
from threading import Lock

from attrs import frozen
from binance_coinm import errors

from ._origin import Origin

_MINUTE = 60_000


@frozen
class _Ban:
    error: errors.IpBannedError | errors.RateLimitError
    # By the monotonic clock in seconds, which no step of the system clock moves, and by the exchange's.
    end: float
    until: int


class RateLimit:
    """What is known of one server's rate limit. Unless said otherwise, times are the exchange's, in milliseconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = 0
        self._used = 0
        self._under_way = 0
        self._ban: _Ban | None = None
        self.used_weight: int | None = None

    def refusal(self, now: float) -> errors.ApiError | None:
        """Give the error that a call ends in while a ban lasts; `now` is monotonic, in seconds."""
        ban = self._ban
        if ban is None or now >= ban.end:
            return None
        until = datetime.fromtimestamp(ban.until / 1000, UTC)
        return ban.error.not_sent(f"the ban lasts until {until:%Y-%m-%d %H:%M:%S} UTC", math.ceil(ban.end - now))

    def banned(self, error: errors.IpBannedError | errors.RateLimitError, now: float, time: int) -> None:
        """Take note of a ban: until when, or for how long, or for the shortest that there is."""
        until = max(error.banned_until or 0, time + 1000 * (error.retry_after or 0))
        if until <= time:
            until = time + 1000 * errors.SHORTEST_BAN
        self._ban = _Ban(error, now + (until - time) / 1000, until)

    def wait_before(self, weight: int, limit: int, time: int) -> float:
        """Reserve weight within a limit of the caller's own, or give the seconds after which to ask again."""
        with self._lock:
            self._turn_to(time // _MINUTE)
            if self._used + self._under_way + weight > limit:
                return (_MINUTE - time % _MINUTE) / 1000
            self._under_way += weight
            return 0

    def release(self, weight: int) -> None:
        """Give back what was reserved: the request is answered, or given up."""
        with self._lock:
            self._under_way -= weight

    def told(self, used_weight: int, sent: int, time: int) -> None:
        """Take note of what an answer says; it counts for all processes of this IP address."""
        with self._lock:
            self.used_weight = used_weight
            self._turn_to(time // _MINUTE)
            # An answer that comes after the end of its minute tells nothing of the new one.
            if sent // _MINUTE == self._minute:
                self._used = max(self._used, used_weight)

    def exhausted(self, limit: int, time: int) -> None:
        """Take note that the exchange counts more than was known: nothing of this minute is left."""
        self.told(limit, time, time)

    def _turn_to(self, minute: int) -> None:
        if minute != self._minute:
            self._minute = minute
            self._used = 0


_shared: dict[Origin, RateLimit] = {}


def rate_limit_of(origin: Origin) -> RateLimit:
    """Give a server's rate limit, the same one to all clients of this process."""
    return _shared.setdefault(origin, RateLimit())
