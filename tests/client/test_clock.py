"""The exchange's clock, as far as this machine knows it."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from attrs import evolve
from binance_client.lifetime import Lifetime
from binance_client.policy import client_state
from binance_client.policy.client_state import ClientState, Settings
from binance_client.policy.clock import Clock, Instant
from binance_client.policy.rate_limit import RateLimit
from binance_client.policy.retry_quota import RetryQuota
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect, errors
from binance_coinm.spec import SPEC
from binance_sandbox import Sandbox
from binance_signing.signer import system_clock
from support.constants import API_KEY, SECRET

# The beginning of a minute.
MINUTE = 1_700_000_040_000
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


@pytest.mark.parametrize(("later", "expected"), [(0.0, 0), (0.00049, 0), (0.00051, 1), (0.0014, 1), (0.0016, 2)])
def test_half_a_millisecond_is_added(later: float, expected: int) -> None:
    """The exchange truncates its milliseconds, and so its time is half a millisecond later on average."""
    machine = Machine()
    machine.monotonic = 0.0

    machine.clock.synchronize(SERVER_TIME, 0.0, 0.0)
    machine.monotonic = later

    assert SERVER_TIME + expected == machine.clock()


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


@pytest.mark.parametrize(
    ("seconds", "system_ms", "is_stale"),
    [
        pytest.param(0, 0, False, id="at once"),
        pytest.param(60, 60_000, False, id="after a minute"),
        pytest.param(3600, 3_600_000, False, id="after an hour"),
        pytest.param(3600.001, 3_600_001, True, id="after more than an hour"),
        pytest.param(60, 61_000, False, id="machine slept for a second"),
        pytest.param(60, 61_001, True, id="machine slept for longer"),
        pytest.param(60, 8 * 3_600_000, True, id="machine slept for a night"),
        pytest.param(60, 58_999, True, id="clock was set back"),
    ],
)
def test_stale_clock(seconds: float, system_ms: int, *, is_stale: bool) -> None:
    """A synchronized clock is stale after an hour, or if this machine's two clocks show that it has slept."""
    machine = Machine()
    assert not machine.clock.is_stale
    machine.clock.synchronize(SERVER_TIME, machine.monotonic - 0.5, machine.monotonic - 0.5)

    machine.monotonic += seconds - 0.5
    machine.system_ms += system_ms - 500

    assert is_stale is machine.clock.is_stale
    machine.clock.synchronize(SERVER_TIME, machine.monotonic, machine.monotonic)
    assert not machine.clock.is_stale


def test_rejected_clock() -> None:
    """A clock is stale if the exchange rejects its time, but not for a timestamp of before it was synchronized."""
    machine = Machine()
    states: list[bool] = []

    machine.clock.reject(0)
    states.append(machine.clock.is_stale)
    machine.clock.synchronize(SERVER_TIME, 50.0, 50.0)
    machine.clock.reject(0)
    states.append(machine.clock.is_stale)
    machine.clock.reject(1)
    states.append(machine.clock.is_stale)
    machine.clock.synchronize(SERVER_TIME, 50.0, 50.0)
    states.append(machine.clock.is_stale)

    assert [False, False, True, False] == states


@pytest.mark.parametrize("value", [0, 1_700_000_000])
def test_seconds_of_the_exchange(value: int) -> None:
    """A time of the exchange that would be before 2001 is rejected; a clock of the caller may begin at 0, in a test."""
    machine = Machine()

    with pytest.raises(errors.ConfigurationError, match=f"^server_time: expected milliseconds .*, got {value}$"):
        machine.clock.synchronize(value, 50.0, 50.0)

    assert value == Clock(lambda: value)()


@pytest.mark.parametrize("value", [-1, 10**14 + 1, 10**15, 10**18, 10**30, True, 1.6e12, "1600000000000", None])
def test_times_that_are_not_believed(value: Any) -> None:
    """A time that is not in milliseconds since the epoch is rejected, and the clock stays as it is."""
    machine = Machine()

    with pytest.raises(
        errors.ConfigurationError, match="^server_time: expected milliseconds since the epoch as an int"
    ):
        machine.clock.synchronize(value, 50.0, 50.0)
    with pytest.raises(errors.ConfigurationError) as caught:
        Clock(lambda: value)()

    assert f"clock: expected milliseconds since the epoch as an int, got {value!r}" == str(caught.value)
    assert 0 == machine.clock.sync_count
    assert 1_700_000_000_000 == machine.clock()


# Responses to the request for the time.


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> ClientState:
    """Return the state of a client on a machine."""
    machine = Machine()
    monkeypatch.setattr(client_state, "monotonic_time", lambda: machine.monotonic)
    settings = Settings(
        has_credentials=True,
        read_only=False,
        sync_clock=False,
        max_weight_per_minute=None,
        max_response_bytes=1,
        max_connections=1,
        keepalive_expiry=0,
        write_keepalive_expiry=0,
        trust_env=True,
        retry_quota=None,
        on_retry=None,
    )
    return ClientState(SPEC, settings, machine.clock, RateLimit(SPEC.error_map), RetryQuota(None), Lifetime())


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
        *map(server_time, ["now", -1, 10**14 + 1, 10**15, 10**18, 10**30, True, 1.6e12, None]),
    ],
    ids=str,
)
def test_update_clock_without_a_time(
    client: ClientState, caplog: pytest.LogCaptureFixture, result: httpx.Response | httpx.HTTPError
) -> None:
    """Any other result leaves the clock as it is, and is logged if it has no valid time."""
    caplog.set_level(logging.INFO)

    assert not client.update_clock(result, sent=Instant(SERVER_TIME, 49.5))

    assert 0 == client.clock.sync_count
    is_success = isinstance(result, httpx.Response) and result.is_success
    assert is_success is bool(caplog.messages)
    assert all(message.startswith("clock not synchronized: ") for message in caplog.messages)


def test_weight_of_the_request_for_the_time(client: ClientState) -> None:
    """The used weight that the response to a request for the time reports counts in the minute of the exchange."""
    response = httpx.Response(200, json={"serverTime": SERVER_TIME}, headers={"X-MBX-USED-WEIGHT-1M": "7"})

    assert client.update_clock(response, sent=client.now())

    assert 7 == client.rate_limit.used_weight
    assert client.rate_limit.reserve(4, 10, SERVER_TIME) > 0


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
    """A document without an operation for the time has no request for it."""
    client = client._replace(spec=SPEC._replace(server_time=None))

    with pytest.raises(errors.ConfigurationError, match="^the document has no operation that returns the exchange's"):
        client.server_time_request()


# Over sockets.


class SleepyMachine:
    """A machine whose clock shows the time since a moment, and which can sleep."""

    def __init__(self) -> None:
        """Begin right."""
        self.asleep_ms = 0

    def __call__(self) -> int:
        """Return the time by this machine's clock."""
        return system_clock() + self.asleep_ms


in_each_side = pytest.mark.parametrize("side", ["sync", "async"])


def outcome(client: Client, side: str) -> object:
    """Return the rows of a call, or its error."""
    try:
        if side == "sync":
            return client.account.futures_account_balance()
        return asyncio.run(client.aio.account.futures_account_balance())
    except errors.BinanceError as error:
        return error


TIME, BALANCE = "/dapi/v1/time", "/dapi/v1/balance"


def paths(sandbox: Sandbox) -> list[str]:
    """Return the paths of the requests since the last look."""
    return [request.path for request in sandbox.pop_requests()]


@in_each_side
@pytest.mark.parametrize("retry", [RetryPolicy(initial_backoff=0), None], ids=["retries", "no retries"])
def test_machine_that_has_slept(side: str, retry: RetryPolicy | None) -> None:
    """After a sleep, which the monotonic clock does not see, the clock is synchronized before the next signed call."""
    machine = SleepyMachine()
    with Sandbox(clock=machine) as sandbox:
        client = connect(sandbox.credentials, server=sandbox.url, clock=machine, sync_clock=True, retry=retry)
        assert isinstance(outcome(client, side), list)
        assert [TIME, BALANCE] == paths(sandbox)

        machine.asleep_ms += 8 * 3_600_000

        assert isinstance(outcome(client, side), list)
        assert [TIME, BALANCE] == paths(sandbox)
        assert isinstance(outcome(client, side), list)
        assert [BALANCE] == paths(sandbox)
        client.close()


@in_each_side
def test_timestamp_that_is_rejected_without_retries(sandbox: Sandbox, side: str) -> None:
    """A synchronized clock whose time is rejected is synchronized before the next signed call, even without retries."""
    client = connect(sandbox.credentials, server=sandbox.url, sync_clock=True, retry=None)
    assert isinstance(outcome(client, side), list)
    sandbox.clock_offset_ms = 60_000

    assert isinstance(outcome(client, side), errors.TimestampError)
    assert isinstance(outcome(client, side), list)
    assert isinstance(outcome(client, side), list)

    assert [TIME, BALANCE, BALANCE, TIME, BALANCE, BALANCE] == paths(sandbox)
    client.close()


@in_each_side
def test_frozen_time(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    """A rejected timestamp is synchronized while freezegun, say, replaces the functions of `time`."""
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000_000_000_000)
    timestamps: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == TIME:
            return server_time(SERVER_TIME)
        timestamps.append(request.url.params["timestamp"])
        is_right = timestamps[-1] == str(SERVER_TIME)
        return httpx.Response(200, json=[]) if is_right else httpx.Response(400, json={"code": -1021, "msg": "m"})

    client = connect(Credentials(API_KEY, HmacKey(SECRET)), transport=httpx.MockTransport(respond))

    assert [] == outcome(client, side)
    assert ["1000000000000", str(SERVER_TIME)] == timestamps


@in_each_side
@pytest.mark.parametrize("limit", [1, 2])
def test_request_for_the_time_uses_weight(side: str, limit: int) -> None:
    """The request for the time counts toward `max_weight_per_minute`, before the first call and after a rejection."""
    with Sandbox(clock=lambda: MINUTE) as sandbox:
        settings: dict[str, Any] = {"server": sandbox.url, "clock": lambda: MINUTE, "max_weight_per_minute": limit}
        client = connect(sandbox.credentials, sync_clock=True, **settings)
        assert isinstance(outcome(client, side), list if limit == 2 else errors.RateLimitError)
        assert [TIME, BALANCE][:limit] == paths(sandbox)
        assert limit == client.used_weight == sandbox.used_weight
        client.close()

    with Sandbox(clock=lambda: MINUTE, clock_offset_ms=3_630_000) as sandbox:
        settings["server"] = sandbox.url
        client = connect(sandbox.credentials, **settings)
        assert isinstance(outcome(client, side), errors.RateLimitError)
        assert [BALANCE, TIME][:limit] == paths(sandbox)
        assert limit == client.used_weight == sandbox.used_weight
        client.close()


@in_each_side
@pytest.mark.parametrize("value", [10**15, -1, True, 1.5e12], ids=str)
def test_ban_after_a_time_that_is_not_believed(sandbox: Sandbox, side: str, value: object) -> None:
    """A time that is not one leaves the clock as it is, so that a later ban is told with its end."""
    client = connect(sandbox.credentials, server=sandbox.url, retry=RetryPolicy(2, 0))
    sandbox.clock_offset_ms = 60_000
    sandbox.respond_next(200, body={"serverTime": value}, path=TIME, times=2)
    assert isinstance(outcome(client, side), errors.TimestampError)
    sandbox.respond_next(418, headers={"Retry-After": "60"})
    assert isinstance(outcome(client, side), errors.IpBannedError)

    error = outcome(client, side)

    assert isinstance(error, errors.IpBannedError)
    assert str(error.hint).startswith("not sent: the ban lasts until 2")
    assert client.clock.offset_ms is None
    client.close()
