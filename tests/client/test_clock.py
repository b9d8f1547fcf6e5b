"""The exchange's clock, as far as this machine knows it."""

import logging
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from attrs import evolve
from binance_client.lifetime import Lifetime
from binance_client.policy import client_state
from binance_client.policy.client_state import ClientState, Settings
from binance_client.policy.clock import Clock, Instant
from binance_client.policy.rate_limit import RateLimit
from binance_coinm import errors
from binance_coinm.spec import SPEC
from binance_signing.signer import system_clock

# What the exchange's clock shows.
SERVER_TIME = 1_600_000_000_000


class Machine:
    """A machine whose two clocks stand still until they are set."""

    def __init__(self) -> None:
        """Set both clocks."""
        self.system_ms = 1_700_000_000_000
        self.monotonic = 50.0
        self.clock = Clock(lambda: self.system_ms, lambda: self.monotonic)


def test_system_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's time is in whole milliseconds, rounded down."""
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_123_999_999)

    assert 1_700_000_000_123 == system_clock()
    assert 1_700_000_000_123 == Clock()()


def test_before_synchronization() -> None:
    """A clock that was never synchronized shows this machine's time."""
    machine = Machine()

    assert 1_700_000_000_000 == machine.clock()
    machine.system_ms += 5
    machine.monotonic += 1
    assert 1_700_000_000_005 == machine.clock()
    assert 0 == machine.clock.sync_count
    assert machine.clock.offset_ms is None


@pytest.mark.parametrize(
    ("sent", "received", "milliseconds"), [(50.0, 50.0, 0), (49.0, 50.0, 500), (48.0, 50.0, 1000), (44.0, 48.0, 4000)]
)
def test_response_is_halfway(sent: float, received: float, milliseconds: int) -> None:
    """The exchange's answer is its time halfway between sending and receiving."""
    machine = Machine()

    machine.clock.synchronize(SERVER_TIME, sent, received)

    assert SERVER_TIME + milliseconds == machine.clock()


@pytest.mark.parametrize(
    ("later", "expected"), [(0.0, 1000), (0.00049, 1000), (0.00051, 1001), (0.0014, 1001), (0.0016, 1002)]
)
def test_half_a_millisecond_is_added(later: float, expected: int) -> None:
    """The exchange truncates its milliseconds, and so its time is half a millisecond later on average."""
    machine = Machine()
    machine.monotonic = 0.0

    machine.clock.synchronize(1000, 0.0, 0.0)
    machine.monotonic = later

    assert expected == machine.clock()


def test_follows_the_monotonic_clock() -> None:
    """A synchronized clock follows the monotonic clock alone, so that a step of this machine's has no effect."""
    machine = Machine()
    machine.clock.synchronize(SERVER_TIME, machine.monotonic, machine.monotonic)

    machine.system_ms -= 3_600_000
    machine.monotonic += 2.5

    assert SERVER_TIME + 2500 == machine.clock()


@pytest.mark.parametrize("offset", [-31_536_000_000, -1, 0, 1, 10_000])
def test_offset(offset: int) -> None:
    """The offset is how far the exchange's clock is ahead of this machine's, also after a step of that."""
    machine = Machine()
    machine.clock.synchronize(machine.system_ms + offset, machine.monotonic, machine.monotonic)

    assert offset == machine.clock.offset_ms
    machine.system_ms += 7
    assert offset - 7 == machine.clock.offset_ms


def test_last_synchronization_holds() -> None:
    """Each synchronization replaces the one before, and all are counted."""
    machine = Machine()

    machine.clock.synchronize(SERVER_TIME, 50.0, 50.0)
    assert 1 == machine.clock.sync_count
    machine.clock.synchronize(1_500_000_000_000, 50.0, 50.0)

    assert 2 == machine.clock.sync_count
    assert 1_500_000_000_000 == machine.clock()


# Responses to the request for the time.


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> ClientState:
    """Return the state of a client on a machine."""
    machine = Machine()
    monkeypatch.setattr(client_state, "time", SimpleNamespace(monotonic=lambda: machine.monotonic))
    settings = Settings(
        sync_clock=False,
        max_weight_per_minute=None,
        max_response_bytes=1,
        max_connections=1,
        keepalive_expiry=0,
        write_keepalive_expiry=0,
        trust_env=True,
        on_retry=None,
    )
    return ClientState(SPEC, settings, machine.clock, RateLimit(SPEC.error_map), Lifetime())


def server_time(value: Any) -> httpx.Response:
    """Return the response to a request for the time."""
    return httpx.Response(200, json={"serverTime": value})


def test_update_clock(client: ClientState, caplog: pytest.LogCaptureFixture) -> None:
    """A response with the exchange's time synchronizes the clock, which is logged."""
    caplog.set_level(logging.INFO)

    assert client.update_clock(server_time(SERVER_TIME), sent=Instant(SERVER_TIME, 40.0))

    assert SERVER_TIME + 5000 == client.clock()
    assert [
        ("binance_client", logging.INFO, "clock synchronized: offset -99999995000 ms, round trip 10000 ms")
    ] == caplog.record_tuples


@pytest.mark.parametrize(
    "result",
    [
        httpx.ReadError("r"),
        errors.ClientClosedError("c", "unknown"),
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        server_time("now"),
    ],
    ids=str,
)
def test_update_clock_without_a_time(
    client: ClientState, caplog: pytest.LogCaptureFixture, result: httpx.Response | httpx.HTTPError
) -> None:
    """Any other result leaves the clock as it is, and is not logged as a synchronization."""
    caplog.set_level(logging.INFO)

    assert not client.update_clock(result, sent=Instant(SERVER_TIME, 49.5))

    assert 0 == client.clock.sync_count
    assert [] == caplog.record_tuples


def test_ban_of_the_request_for_the_time(client: ClientState) -> None:
    """A ban that the request for the time has met holds for all calls."""
    assert not client.update_clock(httpx.Response(418, headers={"Retry-After": "30"}), sent=Instant(SERVER_TIME, 49.5))

    assert client.rate_limit.ban_error(79.5) is not None
    assert client.rate_limit.ban_error(80) is None


@pytest.mark.parametrize(("seconds", "wait"), [(0, 40), (20, 40), (21, 0)])
def test_rate_limit_error_of_the_request_for_the_time(client: ClientState, seconds: float, wait: float) -> None:
    """A rate limit error uses up the minute in which the request for the time was sent."""
    client = client._replace(settings=evolve(client.settings, max_weight_per_minute=10))
    now = client.now()
    sent = Instant(now.exchange_ms - round(1000 * seconds), now.monotonic - seconds)

    assert not client.update_clock(httpx.Response(429), sent=sent)

    assert wait == client.rate_limit.reserve(10, 10, now.exchange_ms)


def test_document_without_server_time(client: ClientState) -> None:
    """A document without an operation for the time has neither a request for it nor a response."""
    client = client._replace(spec=SPEC._replace(server_time=None))

    assert not client.update_clock(server_time(SERVER_TIME), sent=Instant(SERVER_TIME, 49.5))
    with pytest.raises(errors.ConfigurationError, match="^the document has no operation that returns the exchange's"):
        client.server_time_request()
