"""What is known of the exchange, and what all drivers of a call's tries share."""

import math
import time
from collections.abc import Mapping
from typing import Any

import httpx
from attrs import frozen
from binance_coinm import errors

from ._lifetime import Lifetime
from ._options import CallOptions
from ._package import Package
from ._recovery import A_DAY
from ._redaction import redacted
from ._tries import Call, Outcome, Rules, error_of


@frozen
class Exchange:
    """What the drivers of clients that share connections need: what is known of the exchange, and how to call it."""

    package: Package
    rules: Rules
    max_answer_bytes: int
    max_connections: int
    write_keepalive_expiry: float
    lifetime: Lifetime

    def call(self, request: httpx.Request, options: CallOptions, *, is_repeatable: bool) -> Call:
        """Tell what the tries of a request depend on; its time begins now."""
        # Source: RFC 9110, section 9.2.1, safe methods.
        is_read = request.method in ("GET", "HEAD")
        return Call(
            is_read=is_read,
            is_signed=getattr(request.extensions.get("security"), "signed", False),
            is_repeatable=is_repeatable,
            weight=request.extensions.get("weight", 1),
            deadline=time.monotonic() + _seconds(request.extensions.get("timeout", {}), options.timeout),
            max_idle_age=math.inf if is_read else self.write_keepalive_expiry,
            recovery=options.recovery,
            rules=self.rules,
        )

    def question_for_the_time(self) -> dict[str, Any]:
        """Give the request that asks the exchange for its time."""
        request: dict[str, Any] = self.package.server_time().build_request()
        return request

    def measured(self, outcome: Outcome, sent: float) -> bool:
        """Set the clock by an answer to the question for the time, if it is one."""
        received, now = time.monotonic(), self.rules.clock()
        error = error_of(outcome, self.rules.refusals)
        if error is not None:
            self.rules.rate_limit.refused(error, self.rules.pacing, now, received, now)
        if isinstance(outcome, Exception):
            return False
        try:
            told = self.package.server_time().read_response(outcome).parsed.server_time
        except errors.BinanceError:
            # The call that asked for it ends in its own error then, or tries again.
            return False
        self.rules.clock.measured(told, sent, received)
        return True


def _seconds(timeouts: Mapping[str, float | None], default: float) -> float:
    """Return the time of a whole call that a request's timeouts, which are httpx's, leave it."""
    if not timeouts:
        return default
    return min(max(A_DAY if seconds is None else seconds for seconds in timeouts.values()), A_DAY)


def no_place(places: int) -> httpx.PoolTimeout:
    """Give the outcome of a try that was not made, for so many others were until the deadline."""
    return httpx.PoolTimeout(f"{places} other calls (max_connections) were on their way until the call's deadline")


def without_frames(failure: BaseException, request: httpx.Request, outer: BaseException | None) -> BaseException:
    """Return what ends a try without anything that holds the signed request; `request` is the one that is not signed.

    That are its frames and those of its causes, the request that httpx's exceptions carry, and words of a transport.
    `outer` is what the caller was handling when the try began, which is not the try's.
    """
    seen = {id(outer)}
    left: list[BaseException | None] = [failure]
    while left:
        error = left.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            if isinstance(error, httpx.HTTPError):
                error.request = request
                error.args = tuple(redacted(word) if isinstance(word, str) else word for word in error.args)
            if isinstance(error, httpx.HTTPStatusError):
                error.response.request = request
            left += [error.__cause__, error.__context__]
            left += getattr(error, "exceptions", ())
    return failure
