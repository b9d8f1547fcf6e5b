"""The exchange's clock, as this machine knows it."""

import pytest
from binance_signing._clock import Clock, system_clock


class Machine:
    """A machine whose two clocks stand still until they are set."""

    def __init__(self) -> None:
        """Set both clocks."""
        self.system_ms = 1_700_000_000_000
        self.monotonic = 50.0
        self.clock = Clock(lambda: self.system_ms, lambda: self.monotonic)


def test_system_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's time is in whole milliseconds, of which none has begun too early."""
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_123_999_999)

    assert 1_700_000_000_123 == system_clock()
    assert 1_700_000_000_123 == Clock()()


def test_before_a_measurement() -> None:
    """A clock that was never measured shows this machine's time, and runs with it."""
    machine = Machine()

    assert 1_700_000_000_000 == machine.clock()
    machine.system_ms += 5
    machine.monotonic += 1
    assert 1_700_000_000_005 == machine.clock()
    assert 0 == machine.clock.measurements
    assert machine.clock.offset_ms is None


@pytest.mark.parametrize(
    ("sent", "received", "expected"),
    [
        (50.0, 50.0, 1_600_000_000_000),
        (49.0, 50.0, 1_600_000_000_500),
        (48.0, 50.0, 1_600_000_001_000),
        (44.0, 48.0, 1_600_000_004_000),
    ],
)
def test_answer_is_of_the_middle(sent: float, received: float, expected: int) -> None:
    """What the exchange says is its time halfway between sending and receiving."""
    machine = Machine()

    machine.clock.measured(1_600_000_000_000, sent, received)

    assert expected == machine.clock()


@pytest.mark.parametrize(
    ("later", "expected"), [(0.0, 1000), (0.00049, 1000), (0.00051, 1001), (0.0014, 1001), (0.0016, 1002)]
)
def test_half_a_millisecond_was_cut_off(later: float, expected: int) -> None:
    """The exchange's milliseconds are cut off, and so on average half a one later."""
    machine = Machine()
    machine.monotonic = 0.0

    machine.clock.measured(1000, 0.0, 0.0)
    machine.monotonic = later

    assert expected == machine.clock()


def test_runs_by_the_monotonic_clock() -> None:
    """A measured clock runs by the monotonic clock alone, and a step of this machine's time does it no harm."""
    machine = Machine()
    machine.clock.measured(1_600_000_000_000, machine.monotonic, machine.monotonic)

    machine.system_ms -= 3_600_000
    machine.monotonic += 2.5

    assert 1_600_000_002_500 == machine.clock()


@pytest.mark.parametrize("offset", [-31_536_000_000, -1, 0, 1, 10_000])
def test_offset(offset: int) -> None:
    """The offset is what the exchange's clock is ahead of this machine's, and follows this machine's steps."""
    machine = Machine()
    machine.clock.measured(machine.system_ms + offset, machine.monotonic, machine.monotonic)

    assert offset == machine.clock.offset_ms
    machine.system_ms += 7
    assert offset - 7 == machine.clock.offset_ms


def test_last_measurement_holds() -> None:
    """Each measurement replaces the one before, and all are counted."""
    machine = Machine()

    machine.clock.measured(1_600_000_000_000, 50.0, 50.0)
    assert 1 == machine.clock.measurements
    machine.clock.measured(1_500_000_000_000, 50.0, 50.0)

    assert 2 == machine.clock.measurements
    assert 1_500_000_000_000 == machine.clock()
