"""The attempts of a call, as a generator of commands, which decides what to do and does no I/O.

A runner, sync or async, executes each command and sends its result back.
"""

from __future__ import annotations

import logging
import math
import random
import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import httpx
from attrs import frozen

from binance_client import errors
from binance_client.lifetime import closed_before_call
from binance_client.messages.error_map import QUOTA_EXHAUSTED
from binance_client.stale_connection import StaleConnectionError

from .clock import Instant, monotonic_time
from .retry_decision import Action, Decision, Failure, RetryState, decide
from .retry_policy import RetryDetails

if TYPE_CHECKING:
    from .call import Call
    from .client_state import AttemptResult, ClientState

T = TypeVar("T")

# A proxy's 5XX, or a SOCKS proxy that does not reach the server. Other answers of a proxy, such as 407, stay the same.
_is_transient_proxy_error = re.compile("5[0-9]{2} |Proxy Server could not connect").match

_logger = logging.getLogger("binance_client")


@frozen
class SendRequest:
    """Send the request over a connection that was idle for less than `max_idle_age` seconds.

    The result is an `AttemptResult`.
    """

    max_idle_age: float


@frozen
class SyncClock:
    """Synchronize the clock, unless another call did since `sync_count`; the result is whether it is synchronized.

    `deadline` is monotonic, in seconds.
    """

    sync_count: int
    deadline: float


@frozen
class Sleep:
    """Wait."""

    seconds: float


@frozen
class Finish:
    """Return the response, or raise the exception."""

    result: AttemptResult


Command = SendRequest | SyncClock | Sleep | Finish
# The result of each command is sent into the generator.
Flow = Generator[Command, Any, T]


class _Attempt(NamedTuple):
    """A request that was sent: its result, the error of that, and the clock's `sync_count` when it was sent."""

    result: AttemptResult
    error: errors.BinanceError | None
    sync_count: int


def retry_flow(
    call: Call,
    client: ClientState,
    now: Callable[[], float] = monotonic_time,
    jitter: Callable[[], float] = random.random,
) -> Flow[None]:
    """Yield the commands of a call, the last of which is `Finish`."""
    return _RetryFlow(call, client, now, jitter).run()


class _RetryFlow(NamedTuple):
    call: Call
    client: ClientState
    now: Callable[[], float]
    jitter: Callable[[], float]

    def run(self) -> Flow[None]:
        if self.needs_sync():
            # Half of the time, so that the call can be sent with what is known if the exchange's time cannot be had.
            deadline = (self.now() + self.call.deadline) / 2
            if not (yield from self.sync_clock(self.client.clock.sync_count, deadline)):
                self.client.clock.postpone_sync()
        state = RetryState()
        attempts = 0
        max_idle_age = self.call.max_idle_age
        last_failure: AttemptResult | None = None
        while True:
            unsent_result = yield from self.wait_for_rate_limit(self.call.weight, last_failure)
            if unsent_result is not None:
                yield Finish(unsent_result)
                return
            attempt = yield from self.send(max_idle_age)
            attempts += 1
            if not isinstance(attempt.result, Exception):
                attempt.result.extensions["attempts"] = attempts
            if attempt.error is None:
                self.client.retry_quota.give_back()
                yield Finish(attempt.result)
                return
            decision, last_failure = yield from self.next_step(state, attempt)
            if decision.action is Action.GIVE_UP:
                yield Finish(last_failure)
                return
            if decision.action is Action.BACK_OFF and not self.client.retry_quota.take():
                yield Finish(_without_quota(last_failure))
                return
            self.report_retry(attempts, decision.seconds, attempt.error)
            max_idle_age = 0 if decision.action is Action.REPLACE_CONNECTION else self.call.max_idle_age
            state = state.after(decision)
            if decision.action is Action.BACK_OFF:
                yield Sleep(decision.seconds)

    def needs_sync(self) -> bool:
        """Return True if the clock has to be synchronized before the call, whatever its retry policy."""
        clock = self.client.clock
        if not self.call.is_signed or self.client.spec.server_time is None:
            return False
        return clock.is_stale if clock.sync_count else self.client.settings.sync_clock

    def sync_clock(self, sync_count: int, deadline: float) -> Flow[bool]:
        """Synchronize the clock as soon as the rate limit allows it; return whether it is synchronized."""
        weight = self.client.server_time_weight()
        if (yield from self.wait_for_rate_limit(weight)) is not None:
            return False
        try:
            is_synchronized: bool = yield SyncClock(sync_count, deadline)
            return is_synchronized
        finally:
            self.release(weight)

    def wait_for_rate_limit(self, weight: int, last_failure: AttemptResult | None = None) -> Flow[AttemptResult | None]:
        """Wait until the rate limit allows a request, and reserve its weight; return the result if it is not sent.

        The result is the call's last failure if its deadline has passed, or if that failure has used up the weight.
        """
        max_weight = self.client.settings.max_weight_per_minute
        while True:
            obstacle = self.obstacle(last_failure)
            if obstacle is not None or max_weight is None:
                return obstacle
            if weight > max_weight:
                return errors.ConfigurationError(
                    f"max_weight_per_minute: {max_weight} is less than the weight of this call, {weight}"
                )
            wait = self.client.rate_limit.reserve(weight, max_weight, self.client.clock())
            if not wait:
                return None
            if self.now() + wait >= self.call.deadline:
                if last_failure and isinstance(self.client.to_error(last_failure), errors.RateLimitError):
                    # It is why the weight of the minute counts as used up.
                    return last_failure
                return self.client.spec.error_map.rate_limit_exceeded(max_weight, math.ceil(wait))
            _logger.info("%s %s waits %.2f s for weight", self.call.method, self.call.path, wait)
            yield Sleep(wait)

    def obstacle(self, last_failure: AttemptResult | None) -> AttemptResult | None:
        """Return the result of a call that cannot be sent: its client is closed, a ban lasts, or its time is up."""
        if self.client.lifetime.is_closed:
            return closed_before_call()
        ban = self.client.rate_limit.ban_error(self.now())
        if ban is None and self.now() >= self.call.deadline:
            return last_failure or errors.TimeoutError("the call timed out before it was sent", "not_executed")
        return ban

    def send(self, max_idle_age: float) -> Flow[_Attempt]:
        """Send the request once, and record what the result reports of weight and bans."""
        try:
            # The clock is only read before sending: what it raises must not hide what became of the request.
            clock = self.client.clock
            sync_count, offset_ms, sent = clock.sync_count, clock.offset_ms, Instant(clock(), self.now())
            result: AttemptResult = yield SendRequest(max_idle_age)
            if not isinstance(result, Exception):
                _logger.debug("%s %s: HTTP %d", self.call.method, self.call.path, result.status_code)
                if offset_ms is not None:
                    # Read by `ErrorMap.from_response`, also for the error that the generated function may raise.
                    result.extensions["clock_offset_ms"] = offset_ms
            received = sent.later(self.now())
            error = self.client.record(result, self.call.weight, sent.exchange_ms, received)
            if isinstance(error, errors.TimestampError):
                self.client.clock.reject(sync_count)
            return _Attempt(result, error, sync_count)
        finally:
            self.release(self.call.weight)

    def release(self, weight: int) -> None:
        if self.client.settings.max_weight_per_minute is not None:
            self.client.rate_limit.release(weight)

    def next_step(self, state: RetryState, attempt: _Attempt) -> Flow[tuple[Decision, AttemptResult]]:
        """Return what follows a failed attempt, and the call's result if nothing does."""
        decision = decide(self.call.retry, state, self.failure_of(attempt), self.jitter())
        if decision.action is not Action.SYNC_CLOCK or (
            yield from self.sync_clock(attempt.sync_count, self.call.deadline)
        ):
            return decision, attempt.result
        # Without the exchange's time, the request is sent again after a backoff, unless the time request met a ban.
        ban = self.client.rate_limit.ban_error(self.now())
        failure = self.failure_of(attempt)._replace(is_retryable=True, can_sync_clock=False)
        return decide(self.call.retry, state, failure, self.jitter()), ban or attempt.result

    def failure_of(self, attempt: _Attempt) -> Failure:
        error, now = attempt.error, self.now()
        return Failure(
            is_retryable=_is_retryable(self.call, attempt),
            seconds_left=self.call.deadline - now,
            is_stale=isinstance(attempt.result, StaleConnectionError),
            can_sync_clock=(
                isinstance(error, errors.TimestampError)
                and self.call.is_signed
                and self.call.is_replayable
                and self.client.spec.server_time is not None
            ),
            is_banned=self.client.rate_limit.ban_error(now) is not None,
            retry_after=error.retry_after if isinstance(error, errors.ApiError) else None,
        )

    def report_retry(self, attempt: int, wait: float, error: errors.BinanceError) -> None:
        call = self.call
        reason = type(error).__name__
        if isinstance(error, errors.ApiError):
            reason += f" (HTTP {error.status_code}, code {error.code})"
        _logger.info("retry %d of %s %s in %.3f s: %s", attempt, call.method, call.path, wait, reason)
        if self.client.settings.on_retry is None:
            return
        try:
            self.client.settings.on_retry(RetryDetails(call.method, call.path, attempt, wait, error))
        except httpx.HTTPError as failure:
            # It would be taken for a failure of the call.
            raise RuntimeError(f"on_retry raised {type(failure).__name__}") from failure


def _without_quota(result: AttemptResult) -> AttemptResult:
    """Return a result whose error says that it was not retried for want of quota."""
    if isinstance(result, Exception):
        result.add_note(QUOTA_EXHAUSTED)
    else:
        result.extensions["hint"] = QUOTA_EXHAUSTED
    return result


def _is_permanent(result: AttemptResult) -> bool:
    """Return True for a failure of httpx that another attempt would not change."""
    if isinstance(result, httpx.ProxyError):
        return not _is_transient_proxy_error(str(result))
    if isinstance(result, httpx.ConnectError):
        # Neither httpx nor httpcore has an error of its own for a certificate that is refused.
        return "CERTIFICATE_VERIFY_FAILED" in str(result)
    return isinstance(result, httpx.UnsupportedProtocol | httpx.LocalProtocolError)


def _is_retryable(call: Call, attempt: _Attempt) -> bool:
    """Return True if sending the request again cannot execute a write twice."""
    error = attempt.error
    if not call.is_replayable or isinstance(error, errors.ClientClosedError) or _is_permanent(attempt.result):
        return False
    if isinstance(error, errors.RateLimitError):
        return True
    if isinstance(error, errors.ExchangeError | errors.NetworkError):
        return call.is_safe or error.execution == "not_executed"
    return call.is_safe and isinstance(attempt.result, httpx.DecodingError)
