"""The exchange's clock, as this machine estimates it."""

import time
from collections.abc import Callable
from typing import NamedTuple

from binance_signing.signer import system_clock

from binance_client.errors import ConfigurationError


class Instant(NamedTuple):
    """One moment by two clocks: the exchange's, in milliseconds, and the monotonic one, in seconds."""

    exchange_ms: int
    monotonic: float


class _Sample(NamedTuple):
    server_time: float
    monotonic: float


class Clock:
    """Returns the exchange's time in milliseconds since the epoch.

    Until it is synchronized, that is this machine's time. From then on it follows the monotonic clock, so that a step
    of this machine's clock has no effect. It does no I/O: the caller requests the exchange's time, and passes it to
    `synchronize`.
    """

    def __init__(
        self, system: Callable[[], int] = system_clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._system = system
        self._monotonic = monotonic
        # The sample is replaced as a whole, so that no thread sees half of it.
        self._sample: _Sample | None = None
        # The number of synchronizations.
        self.sync_count = 0

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

    def _system_time(self) -> int:
        milliseconds = self._system()
        if type(milliseconds) is not int:
            raise ConfigurationError(f"clock: expected milliseconds as an int, got {milliseconds!r}")
        return milliseconds

    def synchronize(self, server_time: int, sent: float, received: float) -> None:
        """Set the clock to `server_time`, which is taken as the time halfway between sending and receiving.

        `server_time` is in milliseconds, and half a millisecond is added because it is truncated; `sent` and `received`
        are monotonic, in seconds. Half the round trip is the largest possible error.
        """
        self._sample = _Sample(server_time + 0.5, (sent + received) / 2)
        self.sync_count += 1
