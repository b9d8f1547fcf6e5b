"""The sync driver of a call's tries: it does what `tries` says, by whatever sends requests."""

import time
from collections.abc import Callable

import httpx
from binance_coinm import errors
from binance_coinm.engines import Answer

from . import _forks
from ._exchange import Exchange, no_place
from ._lifetime import closed_error
from ._places import Places
from ._tries import Call, End, MeasureClock, Outcome, Send, tries

# Sends a request once, which is signed then, over a connection that was idle for so many seconds at most.
Attempt = Callable[[float], Answer]


class SyncDriver:
    """Makes the sync calls of all clients that share connections, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a call under way, at first and after a fork."""
        self._places = Places(self._exchange.max_connections)
        self._measuring = Places(1)

    def answer(self, call: Call, attempt: Attempt, ask_for_time: Callable[[float], Answer]) -> Answer:
        """Give the answer that a call ends in, or raise what it ends in instead."""
        steps = tries(call)
        try:
            step = next(steps)
            while not isinstance(step, End):
                if isinstance(step, Send):
                    step = steps.send(self._outcome(attempt, step.max_idle_age, call.deadline))
                elif isinstance(step, MeasureClock):
                    step = steps.send(self.measure_clock(step.measurements, call.deadline, ask_for_time))
                else:
                    time.sleep(step.seconds)
                    step = next(steps)
        finally:
            steps.close()
        if isinstance(step.outcome, Exception):
            raise step.outcome
        return step.outcome

    def measure_clock(self, measurements: int, deadline: float, ask: Callable[[float], Answer]) -> bool:
        """Measure the clock, unless another call has since it was measured so often; say whether it is measured."""
        turn = self._measuring.acquire(deadline)
        if turn is None:
            return False
        try:
            if self._exchange.rules.clock.measurements != measurements:
                return True
            sent = time.monotonic()
            return self._exchange.measured(self._outcome(ask, self._exchange.write_keepalive_expiry, deadline), sent)
        finally:
            self._measuring.release(turn)

    def _outcome(self, attempt: Attempt, max_idle_age: float, deadline: float) -> Outcome:
        place = self._places.acquire(deadline)
        if place is None:
            return no_place(self._exchange.max_connections)
        try:
            self._exchange.lifetime.require_open()
            return attempt(max_idle_age)
        except (httpx.HTTPError, errors.BinanceError) as failure:
            return failure
        except Exception:
            if self._exchange.lifetime.is_closed:
                return closed_error("unknown")
            raise
        finally:
            self._places.release(place)
