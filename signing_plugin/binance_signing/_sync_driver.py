"""The sync driver of a call's tries: it does what `tries` says, by whatever sends requests."""

import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

import httpx
from binance_coinm import errors
from binance_coinm.engines import Answer

from ._exchange import Exchange, closed, no_place, without_frames
from ._tries import Call, End, MeasureClock, Outcome, Send, tries

R = TypeVar("R")

# A machine has no more of them for connections to a server.
_PORTS = 1 << 16


class Sender(Protocol[R]):
    """What makes a single try, with requests of a kind of its own."""

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        ...

    def prepare(self, request: dict[str, Any]) -> R:
        """Give the request whose arguments these are."""
        ...

    def attempt(self, request: R, deadline: float, settings: dict[str, Any]) -> Answer:
        """Sign the request, send it and give the answer until the deadline, or raise what the try ends in."""
        ...


class SyncDriver(Generic[R]):
    """Makes the calls of one client, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange, sender: Sender[R]) -> None:
        self._exchange = exchange
        self._sender = sender
        self._measuring = threading.Lock()
        # A queue of places is a semaphore, but the standard library's is written in Python and takes its time.
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(min(exchange.max_connections, _PORTS)):
            self._places.put(None)

    def answer(self, request: R, call: Call, settings: dict[str, Any]) -> Answer:
        """Give the answer that a call ends in, or raise what it ends in instead."""
        steps = tries(call)
        try:
            step = next(steps)
            while not isinstance(step, End):
                if isinstance(step, Send):
                    step = steps.send(self._outcome(request, call.deadline, settings))
                elif isinstance(step, MeasureClock):
                    step = steps.send(self.measure_clock(step.measurements, call.deadline))
                else:
                    time.sleep(step.seconds)
                    step = next(steps)
        finally:
            steps.close()
        if isinstance(step.outcome, Exception):
            raise step.outcome
        return step.outcome

    def measure_clock(self, measurements: int, deadline: float) -> bool:
        """Measure the clock, unless another call has since it was measured so often; say whether it is measured."""
        if not self._measuring.acquire(timeout=max(deadline - time.monotonic(), 0)):
            return False
        try:
            if self._exchange.rules.clock.measurements != measurements:
                return True
            request = self._sender.prepare(self._exchange.question_for_the_time())
            sent = time.monotonic()
            return self._exchange.measured(self._outcome(request, deadline, {}), sent)
        finally:
            self._measuring.release()

    def _outcome(self, request: R, deadline: float, settings: dict[str, Any]) -> Outcome:
        try:
            self._places.get(timeout=max(deadline - time.monotonic(), 0))
        except Empty:
            return no_place(self._exchange.max_connections)
        try:
            return self._sender.attempt(request, deadline, settings)
        except (httpx.HTTPError, errors.ResponseError) as failure:
            return failure.with_traceback(None)
        except Exception:
            if self._sender.is_closed:
                return closed()
            raise
        except BaseException as interruption:  # noqa: BLE001, it is raised again
            raise without_frames(interruption) from None
        finally:
            self._places.put(None)
