"""The rate limit: weight within a minute, 429 above it, a ban for those who go on."""

from enum import Enum, auto

_MINUTE_MS = 60_000
# The exchange does not say how often one may go on after 429; a client that waits never finds out.
_WARNINGS = 5


class Verdict(Enum):
    """Whether a request may pass."""

    PASS = auto()
    TOO_MANY = auto()
    BANNED = auto()


class RateLimit:
    """The rate limit of one IP address: all callers of the sandbox are on one machine.

    Each request counts, refused ones too. The minute is that of the exchange's clock. Each request during a ban makes
    it longer. Source: COIN-M Futures, General Info, "IP Limits".
    """

    def __init__(self, limit: int, *, shortest_ban_ms: int, longest_ban_ms: int) -> None:
        """Take the weight that may be used within a minute, and how long a ban lasts at least and at most."""
        self.limit = limit
        self._shortest_ban_ms = shortest_ban_ms
        self._longest_ban_ms = longest_ban_ms
        self.banned_until_ms = 0
        self._minute = 0
        self._used = 0
        self._warnings = 0

    def used(self, now_ms: int) -> int:
        """Return the weight used within the current minute."""
        return self._used if now_ms // _MINUTE_MS == self._minute else 0

    def count(self, weight: int, now_ms: int) -> Verdict:
        """Count a request."""
        if now_ms // _MINUTE_MS != self._minute:
            self._minute, self._used, self._warnings = now_ms // _MINUTE_MS, 0, 0
        self._used += weight
        if now_ms < self.banned_until_ms:
            self.banned_until_ms = min(self.banned_until_ms + self._shortest_ban_ms, now_ms + self._longest_ban_ms)
            return Verdict.BANNED
        if self._used <= self.limit:
            return Verdict.PASS
        self._warnings += 1
        if self._warnings <= _WARNINGS:
            return Verdict.TOO_MANY
        self.banned_until_ms = now_ms + self._shortest_ban_ms
        return Verdict.BANNED

    def retry_after(self, now_ms: int) -> int:
        """Return after how many seconds, rounded up, a request passes again."""
        minute_ends_ms = (self._minute + 1) * _MINUTE_MS
        return -((now_ms - max(minute_ends_ms, self.banned_until_ms)) // 1000)
