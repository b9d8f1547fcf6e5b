"""The async driver of a call's tries, on asyncio or trio: it does what `tries` says, by whatever sends requests.

Imported when it is first needed, for asyncio takes its time, and sync code has no use for it.
"""

import time
from collections.abc import Awaitable, Callable
from threading import Lock
from weakref import WeakKeyDictionary

import anyio
import httpx
from attrs import define
from binance_coinm import errors
from binance_coinm.engines import Answer

from . import _forks
from ._event_loops import running_loop
from ._exchange import Exchange, no_place
from ._lifetime import closed_error
from ._tries import Call, End, MeasureClock, Outcome, Send, tries

# Sends a request once, which is signed then, over a connection that was idle for so many seconds at most.
AsyncAttempt = Callable[[float], Awaitable[Answer]]


@define(eq=False)
class _LoopState:
    """What the calls of one event loop wait for."""

    places: anyio.Semaphore
    measuring: anyio.Semaphore


class AsyncDriver:
    """Makes the async calls of all clients that share connections, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a call under way, at first and after a fork."""
        # By the loops, weakly, since nothing tells that one has ended.
        self._loops: WeakKeyDictionary[object, _LoopState] = WeakKeyDictionary()
        self._making = Lock()

    async def answer(self, call: Call, attempt: AsyncAttempt, ask_for_time: AsyncAttempt) -> Answer:
        """Give the answer that a call ends in, or raise what it ends in instead."""
        steps = tries(call)
        try:
            step = next(steps)
            while not isinstance(step, End):
                if isinstance(step, Send):
                    step = steps.send(await self._outcome(attempt, step.max_idle_age, call.deadline))
                elif isinstance(step, MeasureClock):
                    step = steps.send(await self.measure_clock(step.measurements, call.deadline, ask_for_time))
                else:
                    await anyio.sleep(step.seconds)
                    step = next(steps)
        finally:
            steps.close()
        if isinstance(step.outcome, Exception):
            raise step.outcome
        return step.outcome

    async def measure_clock(self, measurements: int, deadline: float, ask: AsyncAttempt) -> bool:
        """Measure the clock, unless another call has since it was measured so often; say whether it is measured."""
        turn = self._loop_state().measuring
        if not await _acquired(turn, deadline):
            return False
        try:
            if self._exchange.rules.clock.measurements != measurements:
                return True
            sent = time.monotonic()
            outcome = await self._outcome(ask, self._exchange.write_keepalive_expiry, deadline)
            return self._exchange.measured(outcome, sent)
        finally:
            turn.release()

    async def _outcome(self, attempt: AsyncAttempt, max_idle_age: float, deadline: float) -> Outcome:
        places = self._loop_state().places
        if not await _acquired(places, deadline):
            return no_place(self._exchange.max_connections)
        try:
            self._exchange.lifetime.require_open()
            return await attempt(max_idle_age)
        except (httpx.HTTPError, errors.BinanceError) as failure:
            return failure
        except Exception:
            if self._exchange.lifetime.is_closed:
                return closed_error("unknown")
            raise
        finally:
            places.release()

    def _loop_state(self) -> _LoopState:
        loop = running_loop()
        state = self._loops.get(loop)
        if state is not None:
            return state
        with self._making:
            # What waits in a loop that is closed holds it, and with it its state.
            for other in [*self._loops]:
                if getattr(other, "is_closed", bool)():
                    del self._loops[other]
            state = self._loops[loop] = _LoopState(anyio.Semaphore(self._exchange.max_connections), anyio.Semaphore(1))
        return state


async def _acquired(places: anyio.Semaphore, deadline: float) -> bool:
    if places.value:
        places.acquire_nowait()
        return True
    with anyio.move_on_after(max(deadline - time.monotonic(), 0)):
        await places.acquire()
        return True
    return False
