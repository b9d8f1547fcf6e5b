"""The sync driver of a call's tries: httpx's client, whose `send` does what `tries` says.

Each try goes through httpx's own `send`, above its hooks, so that each is signed anew.
"""

import threading
import time
from typing import Any

import httpx
from binance_coinm import errors
from binance_coinm.api.market import server_time

from . import _deadline
from ._exchange import LIMITS, PLACES, Exchange, bound, closed, described, no_place, result, whole, without_frames
from ._tries import MeasureClock, Outcome, Send, Wait, tries


class TryingClient(httpx.Client):
    """httpx's client, each call of which is as many tries as it needs."""

    def __init__(self, exchange: Exchange, **settings: Any) -> None:
        super().__init__(limits=LIMITS, **settings)
        self._exchange = exchange
        self._measuring = threading.Lock()
        self._places = threading.Semaphore(PLACES)
        _deadline.bound([self._transport, *self._mounts.values()])

    def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.Client.send` does, in tries; a streamed answer is the caller's own, in one try."""
        if stream:
            return super().send(request, stream=True, **settings)
        call = self._exchange.call(request)
        for step in tries(call):
            if isinstance(step, Send):
                step.outcome = self._try(request, call.deadline, **settings)
            elif isinstance(step, MeasureClock):
                step.is_measured = self.measure_clock(step.measurements, call.deadline)
            elif isinstance(step, Wait):
                time.sleep(step.seconds)
            else:
                return result(step.outcome)
        raise AssertionError("the last step of a call is its end")

    def measure_clock(self, measurements: int, deadline: float) -> bool:
        """Measure the clock, unless another call has since it was measured so often; say whether it is measured."""
        if not self._measuring.acquire(timeout=max(deadline - time.monotonic(), 0)):
            return False
        try:
            if self._exchange.clock.measurements != measurements:
                return True
            request = self.build_request(**server_time.build_request())
            sent = time.monotonic()
            return self._exchange.measured(self._try(request, deadline), sent)
        finally:
            self._measuring.release()

    def _try(self, request: httpx.Request, deadline: float, **settings: Any) -> Outcome:
        if not self._places.acquire(timeout=max(deadline - time.monotonic(), 0)):
            return no_place()
        try:
            with _deadline.until(deadline):
                return self._answer(request, deadline, settings)
        except (httpx.HTTPError, errors.ResponseError) as failure:
            return failure.with_traceback(None)
        except Exception:
            if self.is_closed:
                return closed()
            raise
        except BaseException as interruption:  # noqa: BLE001, it is raised again
            raise without_frames(interruption) from None
        finally:
            self._places.release()
            if self.is_closed:
                # What was closed in the middle of a try gets back a connection that nobody would close.
                self._transport.close()

    def _answer(self, request: httpx.Request, deadline: float, settings: dict[str, Any]) -> httpx.Response:
        bound(request, deadline)
        response = super().send(request, stream=True, **settings)
        try:
            with described(response):
                body = self._exchange.body(response)
                for chunk in [response.content] if response.is_closed else response.iter_raw():
                    body.feed(chunk)
        finally:
            response.close()
        return whole(response, body.whole())
