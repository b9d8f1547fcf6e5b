"""The rate limits: weight per minute, with 429 and bans, and the orders of accounts, which are only counted."""

from enum import Enum, auto

_MINUTE_MS = 60_000
# The exchange does not document how many 429 responses precede a ban; a client that waits never finds out.
_WARNINGS = 5


class Verdict(Enum):
    """Whether a request may pass."""

    PASS = auto()
    TOO_MANY = auto()
    BANNED = auto()


class OrderCount:
    """How many orders an account has placed in the current interval; they are counted, and not limited."""

    def __init__(self, interval_ms: int) -> None:
        """Start without an order; intervals are those of the exchange's clock."""
        self._interval_ms = interval_ms
        self._interval = 0
        self._count = 0

    def add(self, orders: int, now_ms: int) -> int:
        """Count orders and return how many there are in the current interval."""
        if now_ms // self._interval_ms != self._interval:
            self._interval, self._count = now_ms // self._interval_ms, 0
        self._count += orders
        return self._count


class RateLimit:
    """The rate limit of one IP address, because all clients of the sandbox are on one machine.

    Each request counts, rejected ones too. Minutes are those of the exchange's clock. Each request during a ban
    extends it. Source: COIN-M Futures, General Info, "IP Limits".
    """

    def __init__(self, limit: int, *, min_ban_ms: int, max_ban_ms: int) -> None:
        """Create a rate limit from the maximum weight per minute and the shortest and longest duration of a ban."""
        self.limit = limit
        self._min_ban_ms = min_ban_ms
        self._max_ban_ms = max_ban_ms
        self.banned_until_ms = 0
        self._minute = 0
        self._used = 0
        self._warnings = 0

    def used(self, now_ms: int) -> int:
        """Return the weight used within the current minute."""
        return self._used if now_ms // _MINUTE_MS == self._minute else 0

    def count(self, weight: int, now_ms: int) -> Verdict:
        """Count a request and return whether it may pass."""
        if now_ms // _MINUTE_MS != self._minute:
            self._minute, self._used, self._warnings = now_ms // _MINUTE_MS, 0, 0
        self._used += weight
        if now_ms < self.banned_until_ms:
            self.banned_until_ms = min(self.banned_until_ms + self._min_ban_ms, now_ms + self._max_ban_ms)
            return Verdict.BANNED
        if self._used <= self.limit:
            return Verdict.PASS
        self._warnings += 1
        if self._warnings <= _WARNINGS:
            return Verdict.TOO_MANY
        self.banned_until_ms = now_ms + self._min_ban_ms
        return Verdict.BANNED

    def retry_after(self, now_ms: int) -> int:
        """Return the number of seconds, rounded up, after which a request may pass again."""
        minute_ends_ms = (self._minute + 1) * _MINUTE_MS
        return -((now_ms - max(minute_ends_ms, self.banned_until_ms)) // 1000)
