"""The exchange's clock, as this machine estimates it."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from binance_signing.errors import bounded_repr
from binance_signing.signer import system_clock

from binance_client.errors import ConfigurationError
from binance_client.messages.http import MAX_TIME_MS, MIN_TIME_MS

# Seconds after which a synchronized clock may have drifted.
_MAX_AGE = 3600
# Milliseconds by which the two clocks of this machine diverge if one stands still or is set: it has slept, for example.
_MAX_DIVERGENCE_MS = 1000
# Seconds for which a stale clock is used after the exchange's time could not be had.
_SYNC_INTERVAL = 10


class Instant(NamedTuple):
    """One moment by two clocks: the exchange's, in milliseconds, and the monotonic one, in seconds."""

    exchange_ms: int
    monotonic: float

    def later(self, monotonic: float) -> "Instant":
        """Return a later moment, without reading the exchange's clock again."""
        return Instant(self.exchange_ms + round(1000 * (monotonic - self.monotonic)), monotonic)


class _Sample(NamedTuple):
    server_time: float
    monotonic: float
    system_ms: int


def monotonic_time() -> float:
    """Return `time.monotonic()`, looked up in each call, because freezegun replaces it."""
    return time.monotonic()


class Clock:
    """Returns the exchange's time in milliseconds since the epoch.

    Until it is synchronized, that is this machine's time. From then on it follows the monotonic clock, so that a step
    of this machine's clock has no effect. It does no I/O: the caller requests the exchange's time, and passes it to
    `synchronize`.
    """

    def __init__(
        self, system: Callable[[], int] = system_clock, monotonic: Callable[[], float] = monotonic_time
    ) -> None:
        self._system = system
        self._monotonic = monotonic
        # The sample is replaced as a whole, so that no thread sees half of it.
        self._sample: _Sample | None = None
        # The number of synchronizations, and of the last one whose time was rejected.
        self.sync_count = self._rejected_count = 0
        self._postponed_until = -math.inf

    def __call__(self) -> int:
        """Return the exchange's time."""
        sample = self._sample
        if sample is None:
            return self._system_time()
        return int(sample.server_time + (self._monotonic() - sample.monotonic) * 1000)

    @property
    def offset_ms(self) -> int | None:
        """How many milliseconds the exchange's clock is ahead of this machine's; None if not synchronized."""
        return self() - self._system_time() if self.sync_count else None

    @property
    def is_stale(self) -> bool:
        """Whether it was synchronized, and has to be again before it can be trusted.

        The exchange has rejected its time, an hour has passed, or this machine has slept or its clock was set; and the
        exchange's time was not requested in vain within the last ten seconds.
        """
        sample, now = self._sample, self._monotonic()
        if sample is None or now < self._postponed_until:
            return False
        age = now - sample.monotonic
        divergence_ms = self._system_time() - sample.system_ms - 1000 * age
        is_rejected = self._rejected_count == self.sync_count
        return is_rejected or age > _MAX_AGE or abs(divergence_ms) > _MAX_DIVERGENCE_MS

    def reject(self, sync_count: int) -> None:
        """Record that the exchange has rejected a timestamp of the synchronization with this number."""
        self._rejected_count = max(self._rejected_count, sync_count)

    def postpone_sync(self) -> None:
        """Record that the exchange's time could not be had."""
        self._postponed_until = self._monotonic() + _SYNC_INTERVAL

    def _system_time(self) -> int:
        # Tests may have a clock that begins at 0.
        return _require_milliseconds("clock", self._system(), 0)

    def synchronize(self, server_time: int, sent: float, received: float) -> None:
        """Set the clock to `server_time`, which is taken as the time halfway between sending and receiving.

        `server_time` is in milliseconds, and half a millisecond is added because it is truncated; `sent` and `received`
        are monotonic, in seconds. Half the round trip is the largest possible error. Raises `ConfigurationError` for a
        time before the year 2001 or after 5138.
        """
        _require_milliseconds("server_time", server_time, MIN_TIME_MS)
        halfway = (sent + received) / 2
        system_ms = self._system_time() - round(1000 * (self._monotonic() - halfway))
        self._sample = _Sample(server_time + 0.5, halfway, system_ms)
        self.sync_count += 1


def _require_milliseconds(name: str, value: int, minimum: int) -> int:
    if type(value) is not int or not minimum <= value <= MAX_TIME_MS:
        raise ConfigurationError(f"{name}: expected milliseconds since the epoch as an int, got {bounded_repr(value)}")
    return value
