"""The exchange's clock, as far as this machine knows it."""

import time
from collections.abc import Callable
from typing import NamedTuple


def system_clock() -> int:
    """Give this machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class _Measurement(NamedTuple):
    server_time: float
    at: float


class Clock:
    """Tells the exchange's time in milliseconds since the epoch.

    Until it is measured that is this machine's time. From then on it runs by the monotonic clock, so that a step of
    this machine's clock does no harm. It does no I/O: whoever asks the exchange tells the answer by `measured`.
    """

    def __init__(
        self, system: Callable[[], int] = system_clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._system = system
        self._monotonic = monotonic
        # Replaced as a whole, so that no thread sees half of a measurement.
        self._measurement: _Measurement | None = None
        # How often the clock was measured.
        self.measurements = 0

    def __call__(self) -> int:
        """Give the exchange's time."""
        measurement = self._measurement
        if measurement is None:
            return self._system()
        return int(measurement.server_time + (self._monotonic() - measurement.at) * 1000)

    @property
    def offset_ms(self) -> int | None:
        """By how much the exchange's time is ahead of this machine's, in milliseconds; None if it was not measured."""
        return self() - self._system() if self.measurements else None

    def measured(self, server_time: int, sent: float, received: float) -> None:
        """Take the exchange's answer for the time halfway between sending and receiving, in monotonic seconds.

        Half the round trip is the most by which this is off. Half a millisecond is added, for `server_time` is cut off.
        """
        self._measurement = _Measurement(server_time + 0.5, (sent + received) / 2)
        self.measurements += 1
