"""FairSemaphore: how many permits there are, in which order and until when, and what happens if a holder is gone."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock, Thread

import pytest
from binance_client.sending.semaphore import FairSemaphore, Permit


def at_once() -> float:
    """Return a deadline that has passed."""
    return time.monotonic()


def soon() -> float:
    """Return a deadline in a moment."""
    return time.monotonic() + 0.05


def late() -> float:
    """Return a deadline that no test reaches."""
    return time.monotonic() + 30


def acquired(semaphore: FairSemaphore, deadline: Callable[[], float] = late) -> Permit:
    """Return a permit, which has to be available."""
    permit = semaphore.acquire(deadline())
    assert permit is not None
    return permit


class WaitingThreads:
    """Threads that queue up for a permit, and then hold it until they are told to release it."""

    def __init__(self, semaphore: FairSemaphore) -> None:
        """Begin without a thread."""
        self._semaphore = semaphore
        self._threads: list[Thread] = []
        self._releases: list[Event] = []
        self._changed = Lock()
        self.served: list[int] = []
        self.has_permit: list[Event] = []

    def join(self, deadline: Callable[[], float] = late) -> None:
        """Start a thread, and return when it is in the queue."""
        number = len(self._threads)
        self._releases.append(Event())
        self.has_permit.append(Event())

        def hold() -> None:
            permit = self._semaphore.acquire(deadline())
            if permit is None:
                return
            with self._changed:
                self.served.append(number)
            self.has_permit[number].set()
            self._releases[number].wait(10)
            self._semaphore.release(permit)

        before = queued(self._semaphore)
        self._threads.append(Thread(target=hold, daemon=True))
        self._threads[-1].start()
        while queued(self._semaphore) == before:
            pass

    def release(self, number: int) -> None:
        """Let a thread release its permit."""
        self._releases[number].set()

    def end(self) -> None:
        """Let all threads end."""
        for number, thread in enumerate(self._threads):
            self.release(number)
            thread.join(10)
            assert not thread.is_alive()


def queued(semaphore: FairSemaphore) -> int:
    """Return how many hold a permit or wait for one, which only tests need to know."""
    return len(semaphore._queue)  # noqa: SLF001, there is no public way


@pytest.mark.parametrize("number", [1, 3])
def test_number_of_permits(number: int) -> None:
    """There are as many permits as the semaphore's size, and no more until one is released."""
    semaphore = FairSemaphore(number)
    held = [acquired(semaphore, at_once) for _ in range(number)]

    assert semaphore.acquire(at_once()) is None
    semaphore.release(held.pop())
    held.append(acquired(semaphore, at_once))
    assert semaphore.acquire(at_once()) is None
    for permit in held:
        semaphore.release(permit)
    assert number == len([acquired(semaphore, at_once) for _ in range(number)])


def test_permit_released_twice() -> None:
    """Releasing a permit twice does not add one."""
    semaphore = FairSemaphore(1)
    first = acquired(semaphore)
    semaphore.release(first)
    semaphore.release(first)
    second = acquired(semaphore)
    semaphore.release(first)

    assert semaphore.acquire(at_once()) is None
    semaphore.release(second)


def test_order() -> None:
    """The longest waiter is served first, as soon as a permit is released."""
    semaphore = FairSemaphore(1)
    threads = WaitingThreads(semaphore)
    first = acquired(semaphore)
    for _ in range(5):
        threads.join()
    assert [] == threads.served

    semaphore.release(first)
    for number in range(5):
        assert threads.has_permit[number].wait(10)
        assert [*range(number + 1)] == threads.served
        threads.release(number)
    threads.end()

    assert 0 == queued(semaphore)


def test_no_overtaking() -> None:
    """A new waiter stands behind the others, also at the moment at which a permit is released."""
    semaphore = FairSemaphore(1)
    threads = WaitingThreads(semaphore)
    first = acquired(semaphore)
    threads.join()

    semaphore.release(first)

    assert semaphore.acquire(at_once()) is None
    assert threads.has_permit[0].wait(10)
    threads.end()


def test_several_permits_at_once() -> None:
    """Each of several released permits serves a waiter."""
    semaphore = FairSemaphore(2)
    threads = WaitingThreads(semaphore)
    held = [acquired(semaphore), acquired(semaphore)]
    for _ in range(3):
        threads.join()

    for permit in held:
        semaphore.release(permit)

    assert threads.has_permit[0].wait(10)
    assert threads.has_permit[1].wait(10)
    assert not threads.has_permit[2].is_set()
    threads.release(1)
    assert threads.has_permit[2].wait(10)
    threads.end()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_waiter_is_woken(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Each permit that is released wakes the longest waiter at once, which does not depend on looking again later."""
    monkeypatch.setattr("binance_client.sending.semaphore._POLL_INTERVAL", 60)
    semaphore = FairSemaphore(number)
    threads = WaitingThreads(semaphore)
    held = [acquired(semaphore) for _ in range(number)]
    for _ in range(number + 1):
        threads.join()

    for waiter, permit in enumerate(held):
        semaphore.release(permit)
        assert threads.has_permit[waiter].wait(10)
    threads.release(0)
    assert threads.has_permit[number].wait(10)
    threads.end()


def test_deadline() -> None:
    """A waiter without a permit gives up at its deadline, neither before nor much later."""
    semaphore = FairSemaphore(1)
    held = acquired(semaphore)
    begin = time.monotonic()

    assert semaphore.acquire(begin + 0.25) is None

    assert 0.25 <= time.monotonic() - begin < 5
    assert 1 == queued(semaphore)
    semaphore.release(held)


def test_deadline_of_the_first_waiter() -> None:
    """A waiter that gives up does not keep those behind it from a permit."""
    semaphore = FairSemaphore(1)
    threads = WaitingThreads(semaphore)
    held = acquired(semaphore)
    threads.join(soon)
    threads.join()
    threads._threads[0].join(10)  # noqa: SLF001, until its deadline

    semaphore.release(held)

    assert threads.has_permit[1].wait(10)
    assert [1] == threads.served
    threads.end()


def test_free_permit_after_the_deadline() -> None:
    """A free permit can be acquired even after the deadline."""
    semaphore = FairSemaphore(1)

    semaphore.release(acquired(semaphore, at_once))


def test_lost_permit() -> None:
    """A permit that nobody holds any more is free, without being released."""
    semaphore = FairSemaphore(2)
    held = [acquired(semaphore), acquired(semaphore)]

    del held[0]

    held.append(acquired(semaphore, at_once))
    assert semaphore.acquire(at_once()) is None


def test_lost_permit_while_others_wait() -> None:
    """A permit that nobody holds any more goes to the longest waiter."""
    semaphore = FairSemaphore(1)
    threads = WaitingThreads(semaphore)
    held = [acquired(semaphore)]
    for _ in range(2):
        threads.join()

    held.clear()

    assert threads.has_permit[0].wait(10)
    assert [0] == threads.served
    threads.end()
    assert [0, 1] == threads.served


def test_permit_in_frames_of_an_exception() -> None:
    """A permit held by the frames of an exception is free when they are gone; no line of theirs has to run."""
    semaphore = FairSemaphore(1)

    def hold() -> None:
        permit = acquired(semaphore)
        assert permit
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        hold()
    caught.value.__traceback__ = None
    del caught

    semaphore.release(acquired(semaphore, at_once))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that send signals")
def test_wait_interrupted_by_a_signal() -> None:
    """A waiter that a signal's exception interrupts leaves the queue, even while the exception is kept."""
    semaphore = FairSemaphore(1)
    held = acquired(semaphore)

    def stop(*_: object) -> None:
        raise RuntimeError("stop")

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(RuntimeError, match="stop") as caught:
            semaphore.acquire(late())
    finally:
        signal.signal(signal.SIGALRM, before)
    semaphore.release(held)

    assert caught.value.__traceback__ is not None
    semaphore.release(acquired(semaphore, soon))


def test_many_threads() -> None:
    """However many threads acquire and release, no more than the size hold a permit, and none is lost."""
    semaphore, together, begin = FairSemaphore(3), Lock(), Barrier(8)
    holding: set[int] = set()
    most: list[int] = []

    def acquire_and_release(thread: int) -> None:
        begin.wait(10)
        for turn in range(300):
            permit = acquired(semaphore)
            with together:
                holding.add(thread)
                most.append(len(holding))
            with together:
                holding.discard(thread)
            if turn % 3:
                semaphore.release(permit)
            del permit

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(acquire_and_release, range(8)))

    assert max(most) <= 3
    assert 8 * 300 == len(most)
    assert 3 == len([acquired(semaphore, at_once) for _ in range(3)])
