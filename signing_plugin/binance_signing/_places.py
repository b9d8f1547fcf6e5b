"""Places: how many calls of sync code are on their way at once."""

import threading
import time
from contextlib import suppress
from weakref import ref

# Seconds after which a thread that waits looks by itself: a signal's exception may have come before it was woken.
_LOOK = 0.1


class Place:
    """A place in the line. It is left when nobody holds it any more, whatever has become of the call."""

    __slots__ = ("__weakref__", "turn")

    def __init__(self) -> None:
        self.turn: threading.Lock | None = None


class Places:
    """A semaphore that is fair, and cannot lose a permit.

    All calls stand in one line, and the first `number` of them are those that have a place. Each stands there by a weak
    reference, whose callback is the line's own `pop`: no line of Python has to run for a place to be given back, which
    the exception of a signal's handler could prevent. (`threading.Semaphore` counts, and wakes in no order.)
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._line: dict[ref[Place], None] = {}

    def acquire(self, deadline: float) -> Place | None:
        """Wait for a place until the deadline, which is monotonic, in seconds; return None if there was none."""
        place = Place()
        mine = ref(place, self._line.pop)
        self._line[mine] = None
        if len(self._line) <= self._number:
            return place
        place.turn = threading.Lock()
        place.turn.acquire()
        try:
            if self._is_reached(place, deadline):
                return place
        except BaseException:
            # The frame goes along with the exception, which may be kept, and the place must not.
            del mine, place
            raise
        # First, because its callback would find the place gone.
        del mine
        self.release(place)
        return None

    def _is_reached(self, place: Place, deadline: float) -> bool:
        turn, mine = place.turn, ref(place)
        del place
        while mine not in [*self._line][: self._number]:
            left = deadline - time.monotonic()
            if left <= 0 or turn is None:
                return False
            turn.acquire(timeout=min(left, _LOOK))
        return True

    def release(self, place: Place) -> None:
        """Leave the line, and wake the call that has a place now."""
        self._line.pop(ref(place), None)
        if len(self._line) < self._number:
            return
        now_first = [*self._line][self._number - 1 : self._number]
        waiting = now_first[0]() if now_first else None
        if waiting is not None and waiting.turn is not None:
            # It may have been woken already.
            with suppress(RuntimeError):
                waiting.turn.release()
