"""The async driver of a call's tries, on asyncio or trio: httpx's async client, whose `send` does what `tries` says.

Imported when it is first needed, for asyncio takes its time, and sync code has no use for it.
"""

import time
from typing import Any

import anyio
import httpx
from binance_coinm import errors
from binance_coinm.api.market import server_time

from ._exchange import LIMITS, PLACES, Exchange, bound, closed, described, no_place, result, whole, without_frames
from ._tries import MeasureClock, Outcome, Send, Wait, tries

# httpx's own timeouts know what was waited for, so they get the time to go off before the call is cancelled.
_GRACE = 0.05


class TryingAsyncClient(httpx.AsyncClient):
    """httpx's async client, each call of which is as many tries as it needs."""

    def __init__(self, exchange: Exchange, **settings: Any) -> None:
        super().__init__(limits=LIMITS, **settings)
        self._exchange = exchange
        self._measuring = anyio.Lock()
        self._places = anyio.Semaphore(PLACES)

    async def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.AsyncClient.send` does, in tries; a streamed answer is the caller's own."""
        if stream:
            return await super().send(request, stream=True, **settings)
        call = self._exchange.call(request)
        for step in tries(call):
            if isinstance(step, Send):
                step.outcome = await self._try(request, call.deadline, **settings)
            elif isinstance(step, MeasureClock):
                step.is_measured = await self.measure_clock(step.measurements, call.deadline)
            elif isinstance(step, Wait):
                await anyio.sleep(step.seconds)
            else:
                return result(step.outcome)
        raise AssertionError("the last step of a call is its end")

    async def measure_clock(self, measurements: int, deadline: float) -> bool:
        """Measure the clock, unless another call has since it was measured so often; say whether it is measured."""
        with anyio.move_on_after(max(deadline - time.monotonic(), 0)):
            async with self._measuring:
                if self._exchange.clock.measurements != measurements:
                    return True
                request = self.build_request(**server_time.build_request())
                sent = time.monotonic()
                return self._exchange.measured(await self._try(request, deadline), sent)
        return False

    async def _try(self, request: httpx.Request, deadline: float, **settings: Any) -> Outcome:
        has_place = False
        try:
            with anyio.fail_after(max(deadline - time.monotonic(), 0) + _GRACE):
                async with self._places:
                    has_place = True
                    return await self._answer(request, deadline, settings)
        except (httpx.HTTPError, errors.ResponseError) as failure:
            return failure.with_traceback(None)
        except TimeoutError:
            return httpx.ReadTimeout("the call's deadline has passed") if has_place else no_place()
        except Exception:
            if self.is_closed:
                return closed()
            raise
        except BaseException as interruption:  # noqa: BLE001, it is raised again
            raise without_frames(interruption) from None
        finally:
            if self.is_closed:
                # What was closed in the middle of a try gets back a connection that nobody would close.
                await self._transport.aclose()

    async def _answer(self, request: httpx.Request, deadline: float, settings: dict[str, Any]) -> httpx.Response:
        bound(request, deadline)
        response = await super().send(request, stream=True, **settings)
        try:
            with described(response):
                body = self._exchange.body(response)
                if response.is_closed:
                    body.feed(response.content)
                else:
                    async for chunk in response.aiter_raw():
                        body.feed(chunk)
        finally:
            await response.aclose()
        return whole(response, body.whole())
