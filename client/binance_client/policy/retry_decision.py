"""What follows a failed attempt: a pure function, without I/O and without a clock."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .retry_policy import RetryPolicy


class Failure(NamedTuple):
    """A failed attempt, reduced to what the next step depends on."""

    is_retryable: bool
    """Whether the request was not executed, or may be executed twice."""
    seconds_left: float
    """The seconds until the call's deadline."""
    is_stale: bool = False
    """Whether the connection had served calls before, and ended without a response."""
    can_sync_clock: bool = False
    """Whether the exchange rejected the timestamp, and the clock can be synchronized."""
    is_banned: bool = False
    retry_after: float | None = None
    """The seconds that the exchange asks to wait."""


class Action(Enum):
    """What follows a failed attempt."""

    GIVE_UP = auto()
    REPLACE_CONNECTION = auto()
    """Send at once over a new connection."""
    SYNC_CLOCK = auto()
    """Synchronize the clock, and send again if that succeeds."""
    BACK_OFF = auto()
    """Wait, and send again."""


class Decision(NamedTuple):
    """An action, and the seconds to wait for `BACK_OFF`."""

    action: Action
    seconds: float = 0.0


class RetryState(NamedTuple):
    """What has happened in a call so far."""

    failed_attempts: int = 0
    """Without those after which the connection was replaced or the clock synchronized."""
    has_replaced_stale: bool = False
    has_synced_clock: bool = False

    def after(self, decision: Decision) -> RetryState:
        """Return the state after a decision was carried out."""
        match decision.action:
            case Action.REPLACE_CONNECTION:
                return self._replace(has_replaced_stale=True)
            case Action.SYNC_CLOCK:
                return self._replace(has_synced_clock=True)
            case _:
                return self._replace(failed_attempts=self.failed_attempts + 1)


def decide(policy: RetryPolicy | None, state: RetryState, failure: Failure, jitter: float) -> Decision:
    """Return what follows a failed attempt; without a policy only a stale connection is replaced."""
    if failure.is_stale and failure.is_retryable and not state.has_replaced_stale:
        # A server that closes an idle connection has not failed. One that crashes because of this request looks the
        # same, so this is done only once per call.
        return Decision(Action.REPLACE_CONNECTION)
    if policy is None:
        return Decision(Action.GIVE_UP)
    if failure.can_sync_clock and not state.has_synced_clock and not failure.is_banned:
        # A request that is rejected for its timestamp was not executed, so a write may be sent again too.
        return Decision(Action.SYNC_CLOCK)
    failed_attempts = state.failed_attempts + 1
    wait = failure.retry_after or policy.backoff(failed_attempts, jitter)
    if (
        not failure.is_retryable
        or failure.is_banned
        or failed_attempts >= policy.max_attempts
        or wait >= failure.seconds_left
    ):
        return Decision(Action.GIVE_UP)
    return Decision(Action.BACK_OFF, wait)
