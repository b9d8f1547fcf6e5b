"""The tries of a call: what to do next is decided here, and nothing is done.

`tries` gives one step after another. A driver, sync or async, does each of them and sends back what came of it.
"""

import logging
import math
import random
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import httpx
from attrs import define, frozen
from binance_coinm import errors
from binance_coinm.engines import Answer, is_success
from binance_coinm.refusals import Refusals

from ._clock import Clock
from ._network.pool import StaleConnectionError
from ._rate_limit import RateLimit
from ._recovery import Recovery

R = TypeVar("R")

_logger = logging.getLogger(__package__)

# How a try ends. The generated client turns what is no exception of the tree yet into one.
Outcome = Answer | httpx.HTTPError | errors.BinanceError


@define
class Send:
    """Send the request over a connection that was idle for so many seconds at most, and tell how that ends."""

    max_idle_age: float


@define
class MeasureClock:
    """Measure the clock, unless it was measured since this number of times, and tell whether it is measured."""

    measurements: int


@define
class Wait:
    """Wait so many seconds."""

    seconds: float


@define
class End:
    """Return the outcome, or raise it."""

    outcome: Outcome


Step = Send | MeasureClock | Wait | End
# Over a new connection.
_SEND_ANEW = Send(0)
# What comes of a step is sent into the generator.
Steps = Generator[Step, Any, R]


@frozen
class Rules:
    """What the tries of all calls of a client depend on."""

    sync_clock: bool
    pacing: int | None
    can_measure_clock: bool
    clock: Clock
    refusals: Refusals
    rate_limit: RateLimit


@define
class Call:
    """What is to be known of a call to decide on its tries. `deadline` is monotonic, in seconds.

    `max_idle_age` is how many seconds a connection may have been idle that it goes over.
    """

    is_read: bool
    is_signed: bool
    is_repeatable: bool
    weight: int
    deadline: float
    max_idle_age: float
    recovery: Recovery | None
    rules: Rules


def tries(
    call: Call, now: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
) -> Steps[None]:
    """Give the steps of a call, the last of which is its end."""
    rules = call.rules
    failures = 0
    is_measured = was_stale = False
    late: Outcome | None = None
    if rules.sync_clock and call.is_signed and not rules.clock.measurements:
        yield MeasureClock(0)
    while True:
        outcome, error, measurements = yield from _sent(call, Send(call.max_idle_age), late, now)
        if isinstance(outcome, StaleConnectionError) and not was_stale and _may_recover(call, outcome, error):
            # The server closed a connection that was idle, which is no failure. It may also have died of this request,
            # which looks the same, so that the request is sent once more, and no more often.
            was_stale = True
            _logger.debug("stale connection, the request is sent once more over a new one: %s", outcome)
            outcome, error, measurements = yield from _sent(call, _SEND_ANEW, outcome, now)
        if error is None or call.recovery is None or not call.is_repeatable:
            yield End(outcome)
            return
        late = outcome
        may_recover = _may_recover(call, outcome, error)
        may_measure = call.is_signed and rules.can_measure_clock and not is_measured
        if isinstance(error, errors.TimestampError) and may_measure:
            # What the exchange refused for its time was not carried out, so that it may go out again, read or write.
            is_measured = yield MeasureClock(measurements)
            if is_measured:
                continue
            # The question for the time may have met a ban.
            late = outcome = rules.rate_limit.refusal(now()) or outcome
            may_recover = True
        failures += 1
        told = error.retry_after if isinstance(error, errors.ApiError) else None
        wait = told or call.recovery.wait_after(failures, chance())
        is_banned = rules.rate_limit.refusal(now()) is not None
        is_late = now() + wait >= call.deadline
        if not may_recover or is_banned or is_late or failures >= call.recovery.tries:
            yield End(outcome)
            return
        yield Wait(wait)


def _sent(
    call: Call, send: Send, late: Outcome | None, now: Callable[[], float]
) -> Steps[tuple[Outcome, errors.BinanceError | None, int]]:
    """Send the request once; give what comes of it, the error that it is, and how often the clock was measured before.

    If nothing may be sent, the outcome is why, and there is no error to recover from.
    """
    rules = call.rules
    refusal = _refusal(call, late, now())
    if refusal is None and rules.pacing is not None:
        refusal = yield from _wait_for_weight(call, rules.pacing, late, now)
    measurements, sent = rules.clock.measurements, rules.clock()
    if refusal is not None:
        return refusal, None, measurements
    try:
        outcome: Outcome = yield send
        return outcome, _noted(call, outcome, sent, now), measurements
    finally:
        if rules.pacing is not None:
            rules.rate_limit.release(call.weight)


def _refusal(call: Call, late: Outcome | None, time: float) -> Outcome | None:
    """Give what the call ends in if nothing may be sent, which is `late` when its time is up."""
    refusal = call.rules.rate_limit.refusal(time)
    if refusal is not None:
        return refusal
    if time >= call.deadline:
        return late or errors.TimeoutError("the call's time ran out before it was sent", "failed")
    return None


def _wait_for_weight(call: Call, pacing: int, late: Outcome | None, now: Callable[[], float]) -> Steps[Outcome | None]:
    """Wait until there is weight for the call, and reserve it; give what it ends in if there is none in its time."""
    if call.weight > pacing:
        return errors.ConfigurationError(f"pacing: {pacing} is less than what this one call weighs, {call.weight}")
    while wait := call.rules.rate_limit.wait_before(call.weight, pacing, call.rules.clock()):
        if now() + wait >= call.deadline:
            return call.rules.refusals.weight_used_up(pacing, math.ceil(wait))
        yield Wait(wait)
        refusal = _refusal(call, late, now())
        if refusal is not None:
            return refusal
    return None


def _noted(call: Call, outcome: Outcome, sent: int, now: Callable[[], float]) -> errors.BinanceError | None:
    """Take note of what an outcome tells; give the exception that it is, if it is no answer of success."""
    rules = call.rules
    if not isinstance(outcome, Exception):
        used_weight = rules.refusals.used_weight(outcome.headers)
        if used_weight is not None:
            rules.rate_limit.told(used_weight, call.weight, sent, rules.clock())
        if rules.clock.measurements:
            # For the error that the generated client makes of it, if it does.
            outcome.extensions["clock_offset_ms"] = rules.clock.offset_ms
        if is_success(outcome):
            return None
    error = error_of(outcome, rules.refusals)
    if error is not None:
        rules.rate_limit.refused(error, rules.pacing, sent, now(), rules.clock())
    return error


def error_of(outcome: Outcome, refusals: Refusals) -> errors.BinanceError | None:
    """Give the exception that an outcome is, if it is no answer of success."""
    if isinstance(outcome, errors.BinanceError):
        return outcome
    if isinstance(outcome, httpx.HTTPError):
        return errors.from_failure(outcome)
    return None if is_success(outcome) else refusals.from_answer(outcome)


def _may_recover(call: Call, outcome: Outcome, error: errors.BinanceError | None) -> bool:
    if not call.is_repeatable:
        return False
    if isinstance(error, errors.RateLimitError):
        return True
    if isinstance(error, errors.ExchangeError | errors.NetworkError):
        return (call.is_read or error.outcome == "failed") and not isinstance(error, errors.ClientClosedError)
    return call.is_read and isinstance(outcome, httpx.DecodingError)
