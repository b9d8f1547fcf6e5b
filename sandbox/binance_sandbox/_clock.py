"""The exchange's clock."""

from collections.abc import Callable


class Clock:
    """A clock that is ahead of its source, or behind it, by an offset that may grow."""

    def __init__(self, source: Callable[[], float], offset_ms: float) -> None:
        """Create a clock on a source that returns milliseconds since the epoch."""
        self._source = source
        self._drift = 0.0
        self._set_at = source()
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        """Return the time in milliseconds since the epoch."""
        now = self._source()
        return int(now + self._offset_at(now))

    @property
    def offset_ms(self) -> float:
        """The number of milliseconds that the clock is ahead of its source now."""
        return self._offset_at(self._source())

    @offset_ms.setter
    def offset_ms(self, offset_ms: float) -> None:
        self._offset_ms, self._set_at = offset_ms, self._source()

    @property
    def drift(self) -> float:
        """The number of milliseconds by which the offset grows in a second."""
        return self._drift

    @drift.setter
    def drift(self, drift: float) -> None:
        self.offset_ms = self.offset_ms  # Keep the drift accumulated so far.
        self._drift = drift

    def _offset_at(self, now: float) -> float:
        return self._offset_ms + self._drift * (now - self._set_at) / 1000
