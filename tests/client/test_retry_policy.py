"""The retry policy: its settings, its backoff, and the decision after each failed attempt."""

from typing import Any

import attrs
import pytest
from binance_client.policy.retry_decision import Action, Decision, Failure, RetryState, decide
from binance_coinm import RetryPolicy
from binance_coinm.errors import ConfigurationError

# Settings.


def test_defaults() -> None:
    """The default is four attempts at most, and a first backoff of at most 0.2 seconds."""
    assert RetryPolicy(max_attempts=4, initial_backoff=0.2) == RetryPolicy()


@pytest.mark.parametrize(("max_attempts", "initial_backoff"), [(1, 0), (2, 0.0), (1000, 86_400), (3, 1e-9)])
def test_valid_settings(max_attempts: int, initial_backoff: float) -> None:
    """A policy has at least one attempt, and a backoff from 0 to a day."""
    policy = RetryPolicy(max_attempts, initial_backoff)

    assert (max_attempts, initial_backoff) == (policy.max_attempts, policy.initial_backoff)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, 3.0, float("nan"), float("inf"), None, "3"])
def test_invalid_max_attempts(value: Any) -> None:
    """A number of attempts that is not a positive integer is shown in the error."""
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(max_attempts=value)

    assert f"max_attempts: expected a positive integer, got {value!r}" == str(caught.value)


@pytest.mark.parametrize(
    "value", [-1, -0.001, 86_400.001, 86_401, 10**40, True, float("nan"), float("inf"), float("-inf"), None, "3"]
)
def test_invalid_initial_backoff(value: Any) -> None:
    """A backoff that is not a number from 0 to a day is shown in the error."""
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(initial_backoff=value)

    assert f"initial_backoff: expected a number of seconds, at most a day, got {value!r}" == str(caught.value)


def test_policy_is_immutable() -> None:
    """Several clients may share a policy, so that it cannot be changed."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RetryPolicy().max_attempts = 5  # type: ignore[misc]  # the error of it is what is tested


# Backoff.


@pytest.mark.parametrize(
    ("failed_attempts", "jitter", "seconds"),
    [
        (1, 0.0, 0.25),
        (1, 0.5, 0.375),
        (1, 1.0, 0.5),
        (2, 0.0, 0.5),
        (2, 1.0, 1.0),
        (3, 1.0, 2.0),
        (4, 0.0, 2.0),
        (10, 1.0, 256.0),
    ],
)
def test_backoff(failed_attempts: int, jitter: float, seconds: float) -> None:
    """The backoff doubles with each failed attempt, and jitter leaves between half and all of it."""
    assert seconds == RetryPolicy(initial_backoff=0.5).backoff(failed_attempts, jitter)


def test_no_backoff() -> None:
    """An initial backoff of 0 stays 0."""
    assert 0 == RetryPolicy(initial_backoff=0).backoff(30, 1.0)


@pytest.mark.parametrize(("failed_attempts", "doublings"), [(60, 59), (61, 60), (62, 60), (100_000, 60)])
def test_backoff_stays_finite(failed_attempts: int, doublings: int) -> None:
    """The backoff stops doubling after 60 times, which a float can hold."""
    assert 2**doublings == RetryPolicy(max_attempts=200_000, initial_backoff=1).backoff(failed_attempts, 1.0)


# Decisions.

GIVE_UP = Decision(Action.GIVE_UP)
REPLACE_CONNECTION = Decision(Action.REPLACE_CONNECTION)
SYNC_CLOCK = Decision(Action.SYNC_CLOCK)
# Backs off 0.5 s after the first failed attempt, and 1 s after the second.
THREE_ATTEMPTS = RetryPolicy(max_attempts=3, initial_backoff=0.5)
ONE_ATTEMPT = RetryPolicy(max_attempts=1, initial_backoff=0.5)
LONG_BACKOFF = RetryPolicy(initial_backoff=30)
NO_BACKOFF = RetryPolicy(initial_backoff=0)
BEGINNING = RetryState()
FAILED_ONCE = RetryState(failed_attempts=1)
FAILED_TWICE = RetryState(failed_attempts=2)
FAILED_THRICE = RetryState(failed_attempts=3)
REPLACED = RetryState(has_replaced_stale=True)
SYNCED = RetryState(has_synced_clock=True)
A_MOMENT = 2**-10


def back_off(seconds: float) -> Decision:
    """Return the decision to send again after a wait."""
    return Decision(Action.BACK_OFF, seconds)


def case(
    name: str,
    decision: Decision,
    state: RetryState = BEGINNING,
    *,
    policy: RetryPolicy | None = THREE_ATTEMPTS,
    jitter: float = 1.0,
    **failure: Any,
) -> pytest.ParameterSet:
    """Return a row of the table; the failure is retryable, with a minute left, unless it says otherwise."""
    failed = Failure(**{"is_retryable": True, "seconds_left": 60.0, **failure})
    return pytest.param(decision, policy, state, failed, jitter, id=name)


@pytest.mark.parametrize(
    ("decision", "policy", "state", "failure", "jitter"),
    [
        # How often.
        case("first of three attempts", back_off(0.5)),
        case("second of three attempts", back_off(1.0), FAILED_ONCE),
        case("last of three attempts", GIVE_UP, FAILED_TWICE),
        case("beyond three attempts", GIVE_UP, FAILED_THRICE),
        case("only attempt", GIVE_UP, policy=ONE_ATTEMPT),
        case("no policy", GIVE_UP, policy=None),
        # After which failures.
        case("not retryable", GIVE_UP, is_retryable=False),
        case("not retryable, with Retry-After", GIVE_UP, is_retryable=False, retry_after=7),
        case("banned", GIVE_UP, is_banned=True),
        case("banned, with Retry-After", GIVE_UP, is_banned=True, retry_after=7),
        # After which wait.
        case("least jitter", back_off(0.25), jitter=0.0),
        case("no backoff", back_off(0), policy=NO_BACKOFF),
        case("Retry-After above the backoff", back_off(7), retry_after=7),
        case("Retry-After below the backoff", back_off(1), policy=LONG_BACKOFF, retry_after=1),
        case("Retry-After without jitter", back_off(7), jitter=0.0, retry_after=7),
        case("Retry-After of 0", back_off(0.5), retry_after=0),
        case("Retry-After in the last attempt", GIVE_UP, FAILED_TWICE, retry_after=7),
        # Within which time.
        case("backoff shorter than the time left", back_off(0.5), seconds_left=0.5 + A_MOMENT),
        case("backoff equal to the time left", GIVE_UP, seconds_left=0.5),
        case("backoff longer than the time left", GIVE_UP, seconds_left=0.5 - A_MOMENT),
        case("Retry-After shorter than the time left", back_off(7), retry_after=7, seconds_left=7 + A_MOMENT),
        case("Retry-After equal to the time left", GIVE_UP, retry_after=7, seconds_left=7),
        case("no backoff, a moment left", back_off(0), policy=NO_BACKOFF, seconds_left=A_MOMENT),
        case("no backoff, no time left", GIVE_UP, policy=NO_BACKOFF, seconds_left=0),
        case("no backoff, deadline passed", GIVE_UP, policy=NO_BACKOFF, seconds_left=-1),
        # A stale connection is no failure of the exchange, and is replaced once per call.
        case("stale", REPLACE_CONNECTION, is_stale=True),
        case("stale, no policy", REPLACE_CONNECTION, policy=None, is_stale=True),
        case("stale, only attempt", REPLACE_CONNECTION, policy=ONE_ATTEMPT, is_stale=True),
        case("stale, last of three attempts", REPLACE_CONNECTION, FAILED_TWICE, is_stale=True),
        case("stale, backoff longer than the time left", REPLACE_CONNECTION, is_stale=True, seconds_left=0.25),
        case("stale, clock synchronized before", REPLACE_CONNECTION, SYNCED, is_stale=True),
        case("stale, not retryable", GIVE_UP, is_stale=True, is_retryable=False),
        case("stale, not retryable, no policy", GIVE_UP, policy=None, is_stale=True, is_retryable=False),
        case("stale again", back_off(0.5), REPLACED, is_stale=True),
        case("stale again, no policy", GIVE_UP, REPLACED, policy=None, is_stale=True),
        case("stale again, only attempt", GIVE_UP, REPLACED, policy=ONE_ATTEMPT, is_stale=True),
        case("failure after a stale connection", back_off(0.5), REPLACED),
        # A rejected timestamp was not executed, and the clock is synchronized once per call.
        case("timestamp", SYNC_CLOCK, can_sync_clock=True, is_retryable=False),
        case("timestamp, no policy", GIVE_UP, policy=None, can_sync_clock=True, is_retryable=False),
        case("timestamp, only attempt", SYNC_CLOCK, policy=ONE_ATTEMPT, can_sync_clock=True, is_retryable=False),
        case("timestamp, last of three attempts", SYNC_CLOCK, FAILED_TWICE, can_sync_clock=True, is_retryable=False),
        case("timestamp, stale connection before", SYNC_CLOCK, REPLACED, can_sync_clock=True, is_retryable=False),
        case("timestamp, banned", GIVE_UP, can_sync_clock=True, is_retryable=False, is_banned=True),
        case("timestamp again", GIVE_UP, SYNCED, can_sync_clock=True, is_retryable=False),
        case("failure after a synchronized clock", back_off(0.5), SYNCED),
    ],
)
def test_decision(
    decision: Decision, policy: RetryPolicy | None, state: RetryState, failure: Failure, jitter: float
) -> None:
    """Each failure leads to one decision, which depends on nothing but policy, state, failure and jitter."""
    assert decision == decide(policy, state, failure, jitter)


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (back_off(0.5), RetryState(failed_attempts=2, has_replaced_stale=False, has_synced_clock=False)),
        (REPLACE_CONNECTION, RetryState(failed_attempts=1, has_replaced_stale=True, has_synced_clock=False)),
        (SYNC_CLOCK, RetryState(failed_attempts=1, has_replaced_stale=False, has_synced_clock=True)),
    ],
    ids=["back off", "replace connection", "sync clock"],
)
def test_state_after_decision(decision: Decision, state: RetryState) -> None:
    """A backoff counts as a failed attempt; a replaced connection and a synchronized clock do not."""
    assert state == FAILED_ONCE.after(decision)


def test_states_add_up() -> None:
    """The next decisions keep what the earlier ones did."""
    state = BEGINNING
    for decision in (REPLACE_CONNECTION, back_off(0.5), SYNC_CLOCK, back_off(1.0)):
        state = state.after(decision)

    assert RetryState(failed_attempts=2, has_replaced_stale=True, has_synced_clock=True) == state
