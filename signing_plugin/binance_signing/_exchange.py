"""What is known of the exchange, and what all drivers of a call's tries share."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
from attrs import frozen
from binance_coinm import errors

from ._options import CallOptions
from ._package import Package
from ._tries import Call, Outcome, Rules, error_of


@frozen
class Exchange:
    """What the drivers of one client share: what is known of the exchange, and how to call it."""

    package: Package
    options: CallOptions
    rules: Rules
    max_answer_bytes: int
    max_connections: int

    def call(self, method: str, extensions: Mapping[str, Any], *, is_repeatable: bool) -> Call:
        """Tell what the tries of a request depend on; its time begins now."""
        options: CallOptions = extensions.get("options", self.options)
        return Call(
            # Source: RFC 9110, section 9.2.1, safe methods.
            is_read=method in ("GET", "HEAD"),
            is_signed=getattr(extensions.get("security"), "signed", False),
            is_repeatable=is_repeatable,
            weight=extensions.get("weight", 1),
            deadline=time.monotonic() + options.timeout,
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


def no_place(places: int) -> httpx.PoolTimeout:
    """Give the outcome of a try that was not made, for so many others were until the deadline."""
    return httpx.PoolTimeout(f"{places} other calls (max_connections) were on their way until the call's deadline")


def closed() -> errors.ConfigurationError:
    """Give the outcome of a try whose client was closed meanwhile."""
    return errors.ConfigurationError("this client was closed before the call had its answer; close it later")


def without_frames(interruption: BaseException) -> BaseException:
    """Give what interrupts a call without the engine's frames, which hold what was written, and that the signature."""
    interruption.__context__ = None
    return interruption.with_traceback(None)
