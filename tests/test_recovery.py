"""How a call recovers: the settings, and the waits that follow from them."""

import attrs
import pytest
from binance_coinm.errors import ConfigurationError
from binance_signing import Recovery


def test_defaults() -> None:
    """A call that is told nothing has four tries, the second of which comes after a fifth of a second at most."""
    assert Recovery(tries=4, backoff=0.2) == Recovery()


@pytest.mark.parametrize(("tries", "backoff"), [(1, 0), (2, 0.0), (1000, 86_400), (3, 1e-9)])
def test_what_can_be_set(tries: int, backoff: float) -> None:
    """At least one try, and no wait or any finite one."""
    recovery = Recovery(tries, backoff)

    assert (tries, backoff) == (recovery.tries, recovery.backoff)


@pytest.mark.parametrize("tries", [0, -1, True, 1.5, 3.0, float("nan"), float("inf"), None, "3"])
def test_tries_that_are_refused(tries: object) -> None:
    """Tries that are no positive integer are refused, and shown."""
    with pytest.raises(ConfigurationError) as caught:
        Recovery(tries=tries)  # type: ignore[arg-type]  # that it is wrong is what is tested

    assert f"Recovery(tries=): expected a positive number of tries, got {tries!r}" == str(caught.value)


@pytest.mark.parametrize(
    "backoff", [-1, -0.001, 86_401, 10**40, True, float("nan"), float("inf"), float("-inf"), None, "3"]
)
def test_backoff_that_is_refused(backoff: object) -> None:
    """A wait that is no finite number of seconds is refused, and shown."""
    with pytest.raises(ConfigurationError) as caught:
        Recovery(backoff=backoff)  # type: ignore[arg-type]  # that it is wrong is what is tested

    assert f"Recovery(backoff=): expected a number of seconds, at most a day, got {backoff!r}" == str(caught.value)


def test_settings_stay() -> None:
    """What several clients may share cannot be changed."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Recovery().tries = 5  # type: ignore[misc]  # that it is wrong is what is tested


@pytest.mark.parametrize(
    ("failures", "chance", "seconds"),
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
def test_waits(failures: int, chance: float, seconds: float) -> None:
    """The wait doubles with each failure, and chance leaves between half and all of it."""
    assert seconds == Recovery(backoff=0.5).wait_after(failures, chance)


def test_no_wait() -> None:
    """Without backoff there is no wait, whatever failed."""
    assert 0 == Recovery(backoff=0).wait_after(30, 1.0)


@pytest.mark.parametrize(("failures", "doublings"), [(60, 59), (61, 60), (62, 60), (100_000, 60)])
def test_many_failures(failures: int, doublings: int) -> None:
    """However many tries have failed, the wait is a number, which at last does not grow any more."""
    assert 2**doublings == Recovery(tries=200_000, backoff=1).wait_after(failures, 1.0)
