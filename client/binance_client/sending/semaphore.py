"""The semaphore that limits how many sync calls are in flight."""

import threading
import time
from contextlib import suppress
from weakref import ref

# Seconds after which a waiting thread checks the queue, in case a signal handler's exception prevented its wakeup.
_POLL_INTERVAL = 0.1


class Permit:
    """A permit, or a place in the queue for one; it is released once no reference to it is left."""

    __slots__ = ("__weakref__", "wakeup")

    def __init__(self) -> None:
        self.wakeup: threading.Lock | None = None


class FairSemaphore:
    """A semaphore that serves waiters in their order and cannot lose a permit.

    All callers are in one queue, and the first `size` of them have a permit. The queue has a weak reference to each,
    whose callback is the queue's own `pop`: no Python code has to run to release a permit, which a signal handler's
    exception could prevent. (`threading.Semaphore` is a counter, and wakes waiters in any order.)
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: dict[ref[Permit], None] = {}

    def acquire(self, deadline: float) -> Permit | None:
        """Wait for a permit until a deadline, which is monotonic, in seconds; return None if there is none."""
        permit = Permit()
        own_ref = ref(permit, self._queue.pop)
        self._queue[own_ref] = None
        if len(self._queue) <= self._size:
            return permit
        permit.wakeup = threading.Lock()
        permit.wakeup.acquire()
        try:
            if self._wait(permit, deadline):
                return permit
        except BaseException:
            # The exception's traceback keeps this frame, which must not keep the permit.
            del own_ref, permit
            raise
        # Deleted first, because its callback would raise KeyError for a permit that has left the queue.
        del own_ref
        self.release(permit)
        return None

    def _wait(self, permit: Permit, deadline: float) -> bool:
        wakeup, own_ref = permit.wakeup, ref(permit)
        del permit
        while own_ref not in [*self._queue][: self._size]:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or wakeup is None:
                return False
            wakeup.acquire(timeout=min(remaining, _POLL_INTERVAL))
        return True

    def release(self, permit: Permit) -> None:
        """Leave the queue, and wake the call that gets the permit."""
        self._queue.pop(ref(permit), None)
        if len(self._queue) < self._size:
            return
        last_served = [*self._queue][self._size - 1 : self._size]
        waiting = last_served[0]() if last_served else None
        if waiting is not None and waiting.wakeup is not None:
            # The waiter may have been woken already.
            with suppress(RuntimeError):
                waiting.wakeup.release()
