"""The lifetime of a client, which ends its waits."""

from types import SimpleNamespace

import pytest
from binance_client import lifetime as lifetime_module
from binance_client.lifetime import Lifetime


@pytest.mark.parametrize(
    ("lateness", "steps"),
    [(0.0, [0.1, 0.1, 0.05]), (0.05, [0.1, 0.1]), (0.15, [0.1]), (1.0, [0.1])],
    ids=["none", "some", "until the end", "much"],
)
def test_steps_of_a_sleep(monkeypatch: pytest.MonkeyPatch, lateness: float, steps: list[float]) -> None:
    """A wait ends in time, however late each of its steps ends."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(lifetime_module, "time", SimpleNamespace(monotonic=lambda: clock.now))

    slept = []
    for seconds in Lifetime().sleep_steps(0.25):
        slept.append(seconds)
        clock.now += seconds + lateness

    assert pytest.approx(steps) == slept


def test_sleep_of_a_closed_client() -> None:
    """A wait ends with the step in which the client is closed."""
    lifetime = Lifetime()
    steps = lifetime.sleep_steps(60)

    next(steps)
    lifetime.is_closed = True

    assert [] == list(steps)


def test_sleep_by_a_clock_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that stops the clock does not make a wait endless."""
    monkeypatch.setattr(lifetime_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))

    assert [0.1] * 3 == list(Lifetime().sleep_steps(0.3))
