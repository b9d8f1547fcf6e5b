"""The async driver of a call's tries, on asyncio or trio: it does what `tries` says, by whatever sends requests.

Imported when it is first needed, for asyncio takes its time, and sync code has no use for it.
"""

import time
from typing import Any, Generic, Protocol, TypeVar

import anyio
import httpx
from binance_coinm import errors
from binance_coinm.engines import Answer

from ._exchange import Exchange, closed, no_place, without_frames
from ._tries import Call, End, MeasureClock, Outcome, Send, tries

R = TypeVar("R")


class AsyncSender(Protocol[R]):
    """What makes a single try, with requests of a kind of its own."""

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        ...

    def prepare(self, request: dict[str, Any]) -> R:
        """Give the request whose arguments these are."""
        ...

    async def attempt(self, request: R, deadline: float, settings: dict[str, Any]) -> Answer:
        """Sign the request, send it and give the answer until the deadline, or raise what the try ends in."""
        ...


class AsyncDriver(Generic[R]):
    """Makes the calls of one client in one event loop, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange, sender: AsyncSender[R]) -> None:
        self._exchange = exchange
        self._sender = sender
        self._measuring = anyio.Lock()
        self._places = anyio.Semaphore(exchange.max_connections)

    async def answer(self, request: R, call: Call, settings: dict[str, Any]) -> Answer:
        """Give the answer that a call ends in, or raise what it ends in instead."""
        steps = tries(call)
        try:
            step = next(steps)
            while not isinstance(step, End):
                if isinstance(step, Send):
                    step = steps.send(await self._outcome(request, call.deadline, settings))
                elif isinstance(step, MeasureClock):
                    step = steps.send(await self.measure_clock(step.measurements, call.deadline))
                else:
                    await anyio.sleep(step.seconds)
                    step = next(steps)
        finally:
            steps.close()
        if isinstance(step.outcome, Exception):
            raise step.outcome
        return step.outcome

    async def measure_clock(self, measurements: int, deadline: float) -> bool:
        """Measure the clock, unless another call has since it was measured so often; say whether it is measured."""
        with anyio.move_on_after(max(deadline - time.monotonic(), 0)):
            async with self._measuring:
                if self._exchange.rules.clock.measurements != measurements:
                    return True
                request = self._sender.prepare(self._exchange.question_for_the_time())
                sent = time.monotonic()
                return self._exchange.measured(await self._outcome(request, deadline, {}), sent)
        return False

    async def _outcome(self, request: R, deadline: float, settings: dict[str, Any]) -> Outcome:
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            if not await self._waited_for_a_place(deadline):
                return no_place(self._exchange.max_connections)
        try:
            return await self._sender.attempt(request, deadline, settings)
        except (httpx.HTTPError, errors.ResponseError) as failure:
            return failure.with_traceback(None)
        except Exception:
            if self._sender.is_closed:
                return closed()
            raise
        except BaseException as interruption:  # noqa: BLE001, it is raised again
            raise without_frames(interruption) from None
        finally:
            self._places.release()

    async def _waited_for_a_place(self, deadline: float) -> bool:
        with anyio.move_on_after(max(deadline - time.monotonic(), 0)):
            await self._places.acquire()
            return True
        return False
