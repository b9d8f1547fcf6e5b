"""Places: who has one, in which order, for how long, and what becomes of it when its holder is gone."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock, Thread

import pytest
from binance_signing._places import Place, Places


def at_once() -> float:
    """Return a deadline that has passed."""
    return time.monotonic()


def soon() -> float:
    """Return a deadline that is worth waiting for."""
    return time.monotonic() + 0.05


def late() -> float:
    """Return a deadline that no test reaches."""
    return time.monotonic() + 30


def taken(places: Places, deadline: Callable[[], float] = late) -> Place:
    """Return a place, which there is."""
    place = places.acquire(deadline())
    assert place is not None
    return place


class Line:
    """Threads that wait for a place one behind the other, and then hold it until they are told."""

    def __init__(self, places: Places) -> None:
        """Begin without anybody."""
        self._places = places
        self._threads: list[Thread] = []
        self._lets_go: list[Event] = []
        self._changed = Lock()
        self.served: list[int] = []
        self.has_place: list[Event] = []

    def join(self, deadline: Callable[[], float] = late) -> None:
        """Let one more thread stand behind the others, and come back once it stands there."""
        number = len(self._threads)
        self._lets_go.append(Event())
        self.has_place.append(Event())

        def hold() -> None:
            place = self._places.acquire(deadline())
            if place is None:
                return
            with self._changed:
                self.served.append(number)
            self.has_place[number].set()
            self._lets_go[number].wait(10)
            self._places.release(place)

        before = waiting(self._places)
        self._threads.append(Thread(target=hold, daemon=True))
        self._threads[-1].start()
        while waiting(self._places) == before:
            pass

    def let_go(self, number: int) -> None:
        """Let a thread give back its place."""
        self._lets_go[number].set()

    def end(self) -> None:
        """Let all threads end."""
        for number, thread in enumerate(self._threads):
            self.let_go(number)
            thread.join(10)
            assert not thread.is_alive()


def waiting(places: Places) -> int:
    """Return how many hold a place or wait for one; nobody but tests has to know."""
    return len(places._line)  # noqa: SLF001, see above


@pytest.mark.parametrize("number", [1, 3])
def test_there_are_so_many_places(number: int) -> None:
    """So many have a place at the same time, and nobody else until one is given back."""
    places = Places(number)
    held = [taken(places, at_once) for _ in range(number)]

    assert places.acquire(at_once()) is None
    places.release(held.pop())
    held.append(taken(places, at_once))
    assert places.acquire(at_once()) is None
    for place in held:
        places.release(place)
    assert number == len([taken(places, at_once) for _ in range(number)])


def test_place_that_is_given_back_twice() -> None:
    """A place that is given back again is not one more."""
    places = Places(1)
    first = taken(places)
    places.release(first)
    places.release(first)
    second = taken(places)
    places.release(first)

    assert places.acquire(at_once()) is None
    places.release(second)


def test_order() -> None:
    """Who has waited for longer is served first, each as soon as a place is given back."""
    places = Places(1)
    line = Line(places)
    first = taken(places)
    for _ in range(5):
        line.join()
    assert [] == line.served

    places.release(first)
    for number in range(5):
        assert line.has_place[number].wait(10)
        assert [*range(number + 1)] == line.served
        line.let_go(number)
    line.end()

    assert 0 == waiting(places)


def test_nobody_overtakes() -> None:
    """Who comes while others wait stands behind them, also at the moment at which a place is given back."""
    places = Places(1)
    line = Line(places)
    first = taken(places)
    line.join()

    places.release(first)

    assert places.acquire(at_once()) is None
    assert line.has_place[0].wait(10)
    line.end()


def test_several_are_served_at_once() -> None:
    """Each of several places that are given back serves one who waits."""
    places = Places(2)
    line = Line(places)
    held = [taken(places), taken(places)]
    for _ in range(3):
        line.join()

    for place in held:
        places.release(place)

    assert line.has_place[0].wait(10)
    assert line.has_place[1].wait(10)
    assert not line.has_place[2].is_set()
    line.let_go(1)
    assert line.has_place[2].wait(10)
    line.end()


def test_deadline() -> None:
    """Who finds no place until the deadline goes without, neither before nor much later."""
    places = Places(1)
    held = taken(places)
    begin = time.monotonic()

    assert places.acquire(begin + 0.25) is None

    assert 0.25 <= time.monotonic() - begin < 5
    assert 1 == waiting(places)
    places.release(held)


def test_deadline_of_one_who_stands_before_others() -> None:
    """Who goes without a place does not keep those behind from one."""
    places = Places(1)
    line = Line(places)
    held = taken(places)
    line.join(soon)
    line.join()
    line._threads[0].join(10)  # noqa: SLF001, until it has gone

    places.release(held)

    assert line.has_place[1].wait(10)
    assert [1] == line.served
    line.end()


def test_place_that_is_free_needs_no_time() -> None:
    """A free place is had even after the deadline."""
    places = Places(1)

    places.release(taken(places, at_once))


def test_holder_that_is_gone() -> None:
    """A place that nobody holds any more is free, without being given back."""
    places = Places(2)
    held = [taken(places), taken(places)]

    del held[0]

    held.append(taken(places, at_once))
    assert places.acquire(at_once()) is None


def test_holder_that_is_gone_while_others_wait() -> None:
    """A place that nobody holds any more goes to who waits, in the order in which they came."""
    places = Places(1)
    line = Line(places)
    held = [taken(places)]
    for _ in range(2):
        line.join()

    held.clear()

    assert line.has_place[0].wait(10)
    assert [0] == line.served
    line.end()
    assert [0, 1] == line.served


def test_holder_that_ends_by_an_exception() -> None:
    """A place that was held by frames of an exception is free when they are gone, without a line of theirs run."""
    places = Places(1)

    def hold() -> None:
        place = taken(places)
        assert place
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        hold()
    caught.value.__traceback__ = None
    del caught

    places.release(taken(places, at_once))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that send signals")
def test_wait_that_a_signal_ends() -> None:
    """Who stops waiting for the exception of a signal's handler stands in nobody's way, while it is kept neither."""
    places = Places(1)
    held = taken(places)

    def stop(*_: object) -> None:
        raise RuntimeError("stop")

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(RuntimeError, match="stop") as caught:
            places.acquire(late())
    finally:
        signal.signal(signal.SIGALRM, before)
    places.release(held)

    assert caught.value.__traceback__ is not None
    places.release(taken(places, soon))


def test_many_threads() -> None:
    """However many threads take and give back places, no more than so many hold one, and none is lost."""
    places, together, begin = Places(3), Lock(), Barrier(8)
    holding: set[int] = set()
    most: list[int] = []

    def take_and_give_back(thread: int) -> None:
        begin.wait(10)
        for turn in range(300):
            place = taken(places)
            with together:
                holding.add(thread)
                most.append(len(holding))
            with together:
                holding.discard(thread)
            if turn % 3:
                places.release(place)
            del place

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take_and_give_back, range(8)))

    assert max(most) <= 3
    assert 8 * 300 == len(most)
    assert 3 == len([taken(places, at_once) for _ in range(3)])
