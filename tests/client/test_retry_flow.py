"""The flow of a call: which commands follow one another, whatever the exchange does.

The decision after a single failure is in the table of `test_retry_policy.py`.
"""

import logging
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY, Mock

import httpx
import pytest
from binance_client.lifetime import Lifetime
from binance_client.policy.call import Call
from binance_client.policy.client_state import ClientState, Settings
from binance_client.policy.clock import Clock, Instant
from binance_client.policy.rate_limit import RateLimit
from binance_client.policy.retry_flow import Finish, Flow, SendRequest, Sleep, SyncClock, retry_flow
from binance_client.policy.retry_policy import RetryDetails
from binance_client.policy.retry_quota import RetryQuota
from binance_client.stale_connection import StaleConnectionError, UnsentRequestError
from binance_coinm import Credentials, HmacKey, RetryPolicy, connect, errors
from binance_coinm.spec import SPEC
from support.constants import API_KEY, SECRET

# The beginning of a minute, and what the monotonic clock shows then.
MINUTE = 1_700_000_040_000
START = 1000.0
A_MOMENT = 2**-10

# For how many seconds the connection of a call may have been idle.
MAX_IDLE_AGE = 30.0


def sync_of(sync_count: int) -> SyncClock:
    """Return the command to synchronize the clock, by whatever deadline."""
    return SyncClock(sync_count, ANY)


class RetryHarness:
    """A client whose attempts end as a test says, and whose time passes only when a call waits."""

    def __init__(self, *, second: float = 0, **settings: Any) -> None:
        """Begin at a second of a minute; `settings` are those of the client that matter to a test."""
        self.now = START + second
        self.jitter = 1.0
        self.while_sleeping: Callable[[], object] = lambda: None
        self.commands: list[object] = []
        self.clock = Clock(lambda: MINUTE + round((self.now - START) * 1000), lambda: self.now)
        self.rate_limit = RateLimit(SPEC.error_map)
        defaults: dict[str, Any] = {
            "has_credentials": True,
            "read_only": False,
            "sync_clock": False,
            "max_weight_per_minute": None,
            "max_response_bytes": 1,
            "max_connections": 1,
            "keepalive_expiry": 0,
            "write_keepalive_expiry": 0,
            "trust_env": False,
            "retry_quota": None,
            "on_retry": None,
        }
        given = Settings(**{**defaults, **settings})
        quota = RetryQuota(given.retry_quota)
        self.client = ClientState(SPEC, given, self.clock, self.rate_limit, quota, Lifetime())

    def flow(self, *, seconds: float = 600, **call: Any) -> Flow[None]:
        """Return the flow of a call that may take a number of seconds, by default a signed read."""
        defaults: dict[str, Any] = {
            "method": "GET",
            "path": "/dapi/v1/balance",
            "is_safe": True,
            "is_signed": True,
            "is_replayable": True,
            "weight": 1,
            "deadline": self.now + seconds,
            "max_idle_age": MAX_IDLE_AGE,
            "retry": RetryPolicy(),
        }
        return retry_flow(Call(**{**defaults, **call}), self.client, lambda: self.now, lambda: self.jitter)

    def run(self, *results: object, **call: Any) -> list[object]:
        """Return the commands of a call; each request, and each sync of the clock, ends in the next result.

        A result that is a function is called when it is needed.
        """
        self.commands = []
        pending = iter(results)
        flow = self.flow(**call)
        command = next(flow)
        while not isinstance(command, Finish):
            self.commands.append(command)
            result = None
            if isinstance(command, Sleep):
                self.now += command.seconds
                self.while_sleeping()
            else:
                result = next(pending)
            command = flow.send(result() if callable(result) else result)
        assert [] == [*pending, *flow]
        return [*self.commands, command]

    def later(self, seconds: float, result: object) -> Callable[[], object]:
        """Return a result that takes a number of seconds."""

        def advance() -> None:
            self.now += seconds

        return after(advance, result)

    def sync(self, offset_ms: int = 0) -> None:
        """Synchronize the clock with an exchange whose clock is ahead."""
        self.clock.synchronize(MINUTE + round((self.now - START) * 1000) + offset_ms, self.now, self.now)

    def ban(self) -> None:
        """Let another call meet a ban of 90 seconds."""
        error = SPEC.error_map.from_response(response(418, Retry_After="90"))
        self.rate_limit.record_error(error, sent_ms=self.clock(), now=Instant(self.clock(), self.now))

    def use(self, used_weight: int) -> None:
        """Let the response of another call tell the used weight."""
        self.rate_limit.record_usage(used_weight, weight=1, sent_ms=self.clock(), time_ms=self.clock())

    def reserve(self, weight: int) -> bool:
        """Reserve weight for another call; return False if it is not left of 10."""
        return self.rate_limit.reserve(weight, 10, self.clock()) == 0


def run(*results: object, **call: Any) -> list[object]:
    """Return the commands of a call of a client without settings."""
    return RetryHarness().run(*results, **call)


def response(status: int, code: int | None = None, msg: str = "m", **headers: str) -> httpx.Response:
    """Return a response; an underscore in the name of a header stands for a hyphen."""
    return httpx.Response(
        status,
        json=[] if code is None else {"code": code, "msg": msg},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def after(event: Callable[[], object], result: object) -> Callable[[], object]:
    """Return a result before which something happens."""

    def end() -> object:
        event()
        return result

    return end


def error_of(commands: list[object], kind: type[errors.BinanceError], *, after: list[object]) -> Any:
    """Return the error of a kind that a call ends in after some commands."""
    *others, end = commands
    assert after == others
    assert isinstance(end, Finish)
    assert kind is type(end.result)
    return end.result


def name(result: object) -> str:
    """Return the name of a parameter."""
    return f"{result.status_code} {result.text}" if isinstance(result, httpx.Response) else repr(result)


SEND = SendRequest(MAX_IDLE_AGE)
SEND_ANEW = SendRequest(0)
# The results of requests.
OK = response(200)
UNAVAILABLE = response(503)
WRONG_TIME = response(400, -1021)
BANNED = response(418, -1003, f"Way too much; IP banned until {MINUTE + 90_000}.")
STALE = StaleConnectionError("s")
UNSENT = UnsentRequestError("u")
# The results of syncs of the clock.
SYNCED = True
NOT_SYNCED = False


@pytest.mark.parametrize("is_safe", [True, False])
@pytest.mark.parametrize("retry", [RetryPolicy(), None])
def test_success(*, is_safe: bool, retry: RetryPolicy | None) -> None:
    """A call that succeeds is sent once."""
    assert [SEND, Finish(OK)] == run(OK, is_safe=is_safe, retry=retry)


# The clock is synchronized beforehand.


@pytest.mark.parametrize("is_synced", [True, False])
def test_sync_clock_first(*, is_synced: bool) -> None:
    """With `sync_clock` the first signed call synchronizes the clock first, and is sent even if that fails."""
    assert [sync_of(0), SEND, Finish(OK)] == RetryHarness(sync_clock=True).run(is_synced, OK, retry=None)


def test_sync_clock_is_not_needed() -> None:
    """With `sync_clock` a clock is not synchronized for an unsigned call, and not if it already is."""
    harness = RetryHarness(sync_clock=True)

    assert [SEND, Finish(OK)] == harness.run(OK, is_signed=False)
    harness.sync()
    assert [SEND, Finish(OK)] == harness.run(OK)


@pytest.mark.parametrize("retry", [RetryPolicy(), None], ids=["retries", "no retries"])
@pytest.mark.parametrize("sync_clock", [True, False])
def test_stale_clock(retry: RetryPolicy | None, *, sync_clock: bool) -> None:
    """A clock that was synchronized and is stale is synchronized before a signed call, whatever its retry policy."""
    harness = RetryHarness(sync_clock=sync_clock)
    harness.sync()
    assert [SEND, Finish(OK)] == harness.run(OK, retry=retry)

    harness.now += 3601

    assert [SEND, Finish(OK)] == harness.run(OK, retry=retry, is_signed=False)
    assert [sync_of(1), SEND, Finish(OK)] == harness.run(after(harness.sync, SYNCED), OK, retry=retry)
    assert [SEND, Finish(OK)] == harness.run(OK, retry=retry)


def test_deadlines_of_a_sync() -> None:
    """The sync before a call may take half of its time, that after a rejected timestamp all of the rest."""
    harness = RetryHarness(sync_clock=True)

    [first, *_] = harness.run(NOT_SYNCED, OK, seconds=10)
    [_, second, *_] = run(WRONG_TIME, SYNCED, OK, seconds=10)

    assert SyncClock(0, START + 5) == first
    assert SyncClock(0, START + 10) == second


def test_stale_clock_without_the_time() -> None:
    """A stale clock is used for ten seconds after the exchange's time was requested in vain, and by all calls."""
    harness = RetryHarness()
    harness.sync()
    harness.now += 3601

    assert [sync_of(1), SEND, Finish(OK)] == harness.run(NOT_SYNCED, OK)
    assert [SEND, Finish(OK)] == harness.run(OK)
    harness.now += 10
    assert [sync_of(1), SEND, Finish(OK)] == harness.run(after(harness.sync, SYNCED), OK)


def test_stale_clock_and_a_document_without_the_time() -> None:
    """Without an operation that returns the exchange's time, a stale clock is used as it is."""
    harness = RetryHarness()
    harness.sync()
    harness.now += 3601
    harness.client = harness.client._replace(spec=SPEC._replace(server_time=None))

    assert [SEND, Finish(OK)] == harness.run(OK)


def test_clock_that_fails_after_the_response() -> None:
    """A clock of the caller that fails while a request is under way does not hide its response."""
    harness = RetryHarness()
    harness.clock = Clock(Mock(side_effect=[MINUTE, -1]), lambda: harness.now)
    harness.client = harness.client._replace(clock=harness.clock)

    assert [SEND, Finish(OK)] == harness.run(OK)


def test_rejected_timestamp_makes_the_clock_stale() -> None:
    """After a rejected timestamp that ended a call the clock is synchronized first, if it has not been meanwhile."""
    harness = RetryHarness()
    harness.sync()

    assert [SEND, Finish(WRONG_TIME)] == harness.run(WRONG_TIME, retry=None)
    assert [sync_of(1), SEND, Finish(OK)] == harness.run(after(harness.sync, SYNCED), OK)
    assert [SEND, Finish(WRONG_TIME)] == harness.run(after(harness.sync, WRONG_TIME), retry=None)
    assert [SEND, Finish(OK)] == harness.run(OK)


def test_clock_that_was_never_synchronized_is_not_stale() -> None:
    """Without `sync_clock` and retries, a rejected timestamp never leads to a request for the time."""
    harness = RetryHarness()

    for _ in range(2):
        assert [SEND, Finish(WRONG_TIME)] == harness.run(WRONG_TIME, retry=None)


def test_weight_of_the_request_for_the_time() -> None:
    """A sync of the clock reserves the weight of its request, waits for it, and releases it."""
    harness = RetryHarness(second=59, max_weight_per_minute=10, sync_clock=True)
    harness.use(10)
    is_reserved: list[bool] = []

    def check() -> None:
        is_reserved.append(harness.reserve(9) and not harness.reserve(1))
        harness.rate_limit.release(9)

    assert [Sleep(1), sync_of(0), SEND, Finish(OK)] == harness.run(after(check, NOT_SYNCED), OK)
    assert [True] == is_reserved
    assert harness.reserve(10)


def test_no_weight_for_the_request_for_the_time() -> None:
    """Without weight for the request for the time before the deadline, the call says so, or ends in its failure."""
    harness = RetryHarness(second=50, max_weight_per_minute=10, sync_clock=True)
    harness.use(10)
    error = error_of(harness.run(seconds=5), errors.RateLimitError, after=[])
    assert "not sent: the weight of this minute, 10, is used up" == error.hint

    harness = RetryHarness(second=50, max_weight_per_minute=10)
    rejected = after(lambda: harness.use(10), WRONG_TIME)
    assert [SEND, Finish(WRONG_TIME)] == harness.run(rejected, seconds=5, retry=RetryPolicy(1))


def test_no_sync_during_a_ban() -> None:
    """During a ban the exchange is not asked for its time, neither before a call nor after a rejected timestamp."""
    harness = RetryHarness(sync_clock=True)
    harness.ban()
    [end] = harness.run()
    another = RetryHarness()
    met_elsewhere = after(another.ban, WRONG_TIME)

    assert isinstance(end, Finish)
    assert isinstance(end.result, errors.IpBannedError)
    assert [SEND, Finish(WRONG_TIME)] == another.run(met_elsewhere)


def test_on_retry_that_fails_by_httpx() -> None:
    """An exception of httpx in `on_retry` is not taken for a failure of the call."""

    def fail(_: object) -> None:
        raise httpx.ConnectError("webhook")

    with pytest.raises(RuntimeError, match="^on_retry raised ConnectError$"):
        RetryHarness(on_retry=fail).run(UNAVAILABLE, OK)


# The clock is synchronized after -1021.


@pytest.mark.parametrize("is_safe", [True, False])
def test_sync_after_rejected_timestamp(*, is_safe: bool) -> None:
    """A call whose timestamp is rejected, read or write, is sent again at once with the exchange's time."""
    assert [SEND, sync_of(0), SEND, Finish(OK)] == run(WRONG_TIME, SYNCED, OK, is_safe=is_safe)


def test_rejected_timestamp_after_sync() -> None:
    """A timestamp that is rejected again ends the call, without another sync."""
    last = response(400, -1021)

    assert [SEND, sync_of(0), SEND, Finish(last)] == run(WRONG_TIME, SYNCED, last)


def test_sync_by_another_call() -> None:
    """The command names the syncs before the attempt, because one by another call since then is enough."""
    harness = RetryHarness()
    harness.sync()

    assert [SEND, sync_of(1), SEND, Finish(OK)] == harness.run(after(harness.sync, WRONG_TIME), SYNCED, OK)


@pytest.mark.parametrize("is_safe", [True, False])
def test_failed_sync(*, is_safe: bool) -> None:
    """After a failed sync the call, read or write, backs off, and the next attempt may synchronize the clock."""
    commands = run(WRONG_TIME, NOT_SYNCED, WRONG_TIME, SYNCED, OK, is_safe=is_safe)

    assert [SEND, sync_of(0), Sleep(0.2), SEND, sync_of(0), SEND, Finish(OK)] == commands


def test_failed_sync_in_the_last_attempt() -> None:
    """After a failed sync in the last attempt, the call ends in the rejected timestamp."""
    last = response(400, -1021)

    commands = run(WRONG_TIME, NOT_SYNCED, last, NOT_SYNCED, retry=RetryPolicy(2))

    assert [SEND, sync_of(0), Sleep(0.2), SEND, sync_of(0), Finish(last)] == commands


def test_failed_sync_takes_time() -> None:
    """Whether the backoff after a failed sync fits is decided by the time that is left then."""
    harness = RetryHarness()

    commands = harness.run(WRONG_TIME, harness.later(1.875, NOT_SYNCED), seconds=2)

    assert [SEND, sync_of(0), Finish(WRONG_TIME)] == commands


def test_sync_is_not_a_failed_attempt() -> None:
    """The attempt before a sync counts neither towards `max_attempts` nor for the backoff."""
    commands = run(WRONG_TIME, SYNCED, UNAVAILABLE, OK, retry=RetryPolicy(2))

    assert [SEND, sync_of(0), SEND, Sleep(0.2), SEND, Finish(OK)] == commands


@pytest.mark.parametrize("call", [{"retry": None}, {"is_replayable": False}, {"is_signed": False}], ids=str)
def test_no_sync(call: dict[str, Any]) -> None:
    """Without a policy, a body to send again, or a timestamp, -1021 ends the call."""
    assert [SEND, Finish(WRONG_TIME)] == run(WRONG_TIME, **call)


def test_no_sync_without_server_time() -> None:
    """If the document has no operation for the exchange's time, -1021 ends the call."""
    harness = RetryHarness()
    harness.client = harness.client._replace(spec=SPEC._replace(server_time=None))

    assert [SEND, Finish(WRONG_TIME)] == harness.run(WRONG_TIME)


@pytest.mark.parametrize("status", [200, 400])
def test_clock_offset_of_a_response(status: int) -> None:
    """A response carries the offset of a synchronized clock, for the error that may become of it."""
    harness = RetryHarness()
    before, result = response(status), response(status)

    harness.run(before)
    harness.sync(-1500)
    harness.run(result)

    assert "clock_offset_ms" not in before.extensions
    assert -1500 == result.extensions["clock_offset_ms"]


# Which failures are retried.

NOT_EXECUTED: list[Any] = [
    httpx.ConnectError("c"),
    httpx.ConnectTimeout("c"),
    httpx.PoolTimeout("p"),
    errors.NetworkError("n", "not_executed"),
    response(429),
    response(500, -1003),
    response(500, -1001),
    response(503, -1008),
    response(503, -1000, "Service Unavailable."),
    response(408, -1016),
    response(400, -1001),
    response(400, -1008),
    response(400, -1016),
    *[
        httpx.ProxyError(text)
        for text in ("502 Bad Gateway", "503 ", "Proxy Server could not connect: Host unreachable.")
    ],
    httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"),
]
UNKNOWN: list[Any] = [
    httpx.ReadError("r"),
    httpx.ReadTimeout("r"),
    httpx.WriteError("w"),
    httpx.RemoteProtocolError("r"),
    httpx.DecodingError("d"),
    errors.NetworkError("n", "unknown"),
    response(408),
    response(500),
    response(502),
    response(503),
    response(503, -1000, "Unknown error, please check your request or try again later."),
    response(503, -1007),
    response(400, -1006),
    response(400, -1007),
    response(520),
    response(599),
]
# Another attempt would not change them.
FINAL: list[Any] = [
    errors.ClientClosedError("c", "not_executed"),
    errors.ClientClosedError("c", "unknown"),
    errors.ConfigurationError("c"),
    errors.ResponseError("r"),
    httpx.TooManyRedirects("t"),
    *[httpx.ProxyError(f"{status} reason") for status in (302, 400, 403, 407, 429)],
    httpx.ProxyError("Invalid username/password"),
    httpx.ProxyError("the proxy's SOCKS reply cannot be read: Malformed reply"),
    httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"),
    httpx.UnsupportedProtocol("u"),
    httpx.LocalProtocolError("l"),
    *[response(status) for status in (302, 403, 404, 409, 418, 451, 499)],
    *[response(400, code) for code in (-1022, -1102, -2014)],
    response(401, -2015),
]


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("failure", NOT_EXECUTED + UNKNOWN, ids=name)
def test_reads_are_retried(failure: Any, *, is_signed: bool) -> None:
    """A read is retried after whatever may pass, signed or not."""
    assert [SEND, Sleep(0.2), SEND, Finish(OK)] == run(failure, OK, is_signed=is_signed)


@pytest.mark.parametrize("failure", NOT_EXECUTED, ids=name)
def test_writes_are_retried_if_not_executed(failure: Any) -> None:
    """A write is retried if it is known that it was not executed."""
    assert [SEND, Sleep(0.2), SEND, Finish(OK)] == run(failure, OK, is_safe=False)


@pytest.mark.parametrize("failure", UNKNOWN, ids=name)
def test_writes_of_unknown_execution_are_not_retried(failure: Any) -> None:
    """A write is not retried if it may have been executed."""
    assert [SEND, Finish(failure)] == run(failure, is_safe=False)


@pytest.mark.parametrize("is_safe", [True, False], ids=["read", "write"])
@pytest.mark.parametrize("failure", FINAL, ids=name)
def test_final_failures_are_not_retried(failure: Any, *, is_safe: bool) -> None:
    """A failure that another attempt would not change ends the call."""
    assert [SEND, Finish(failure)] == run(failure, is_safe=is_safe)


@pytest.mark.parametrize("call", [{"retry": None}, {"is_replayable": False}], ids=["no policy", "stream"])
@pytest.mark.parametrize("failure", NOT_EXECUTED + UNKNOWN + FINAL, ids=name)
def test_nothing_is_retried(failure: Any, call: dict[str, Any]) -> None:
    """Without a policy, or if the body is gone after the first attempt, each failure ends the call."""
    assert [SEND, Finish(failure)] == run(failure, **call)


def test_last_attempt() -> None:
    """The backoff grows until the attempts are used up, and the call ends in the result of the last one."""
    last = response(503)

    commands = run(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, last)

    assert [SEND, Sleep(0.2), SEND, Sleep(0.4), SEND, Sleep(0.8), SEND, Finish(last)] == commands


def test_jitter() -> None:
    """Each backoff has its jitter, also the one after a failed sync."""
    harness = RetryHarness()
    harness.jitter = 0.0

    commands = harness.run(WRONG_TIME, NOT_SYNCED, UNAVAILABLE, OK)

    assert [SEND, sync_of(0), Sleep(0.1), SEND, Sleep(0.2), SEND, Finish(OK)] == commands


@pytest.mark.parametrize("status", [408, 429, 503])
def test_retry_after(status: int) -> None:
    """The wait is what the response says, and after the next failure the second backoff."""
    commands = run(response(status, Retry_After="7"), response(status), OK)

    assert [SEND, Sleep(7), SEND, Sleep(0.4), SEND, Finish(OK)] == commands


# Stale connections.


@pytest.mark.parametrize("retry", [RetryPolicy(), None], ids=["policy", "no policy"])
@pytest.mark.parametrize(
    ("stale", "is_safe", "is_replayable", "is_replaced"),
    [
        pytest.param(STALE, True, True, True, id="read"),
        pytest.param(UNSENT, True, True, True, id="read that was not sent"),
        pytest.param(STALE, False, True, False, id="write, may have been executed"),
        pytest.param(UNSENT, False, True, True, id="write that was not sent"),
        pytest.param(STALE, True, False, False, id="streamed read"),
        pytest.param(UNSENT, True, False, False, id="streamed read that was not sent"),
        pytest.param(STALE, False, False, False, id="streamed write"),
        pytest.param(UNSENT, False, False, False, id="streamed write that was not sent"),
    ],
)
def test_stale_connection(
    stale: Any, retry: RetryPolicy | None, *, is_safe: bool, is_replayable: bool, is_replaced: bool
) -> None:
    """What cannot be executed twice is sent again at once over a new connection."""
    call = {"is_safe": is_safe, "is_replayable": is_replayable, "retry": retry}

    if is_replaced:
        assert [SEND, SEND_ANEW, Finish(OK)] == run(stale, OK, **call)
    else:
        assert [SEND, Finish(stale)] == run(stale, **call)


def test_stale_connection_of_an_unsigned_call() -> None:
    """An unsigned call has its stale connection replaced too."""
    assert [SEND, SEND_ANEW, Finish(OK)] == run(STALE, OK, is_signed=False)


def test_stale_connection_is_not_a_failed_attempt() -> None:
    """A stale connection counts neither towards `max_attempts` nor for the backoff; later attempts reuse others."""
    retry = RetryPolicy(2)

    assert [SEND, SEND_ANEW, Sleep(0.2), SEND, Finish(OK)] == run(STALE, UNAVAILABLE, OK, retry=retry)
    assert [SEND, Sleep(0.2), SEND, SEND_ANEW, Finish(OK)] == run(UNAVAILABLE, STALE, OK, retry=retry)
    assert [SEND, SEND_ANEW, sync_of(0), SEND, Finish(OK)] == run(STALE, WRONG_TIME, SYNCED, OK, retry=retry)


def test_second_stale_connection() -> None:
    """Each further stale connection of a call is a failed attempt, which a write that was sent does not survive."""
    last = UnsentRequestError("last")

    assert [SEND, SEND_ANEW, Sleep(0.2), SEND, Finish(OK)] == run(STALE, STALE, OK)
    assert [SEND, SEND_ANEW, Sleep(0.2), SEND, Sleep(0.4), SEND, Finish(OK)] == run(STALE, UNAVAILABLE, STALE, OK)
    assert [SEND, SEND_ANEW, Finish(last)] == run(STALE, last, retry=RetryPolicy(1))
    assert [SEND, SEND_ANEW, Finish(last)] == run(STALE, last, retry=None)
    assert [SEND, SEND_ANEW, Finish(STALE)] == run(UNSENT, STALE, is_safe=False)


def test_weight_after_a_stale_connection() -> None:
    """A request that is sent again reserves its weight again, and releases it."""
    harness = RetryHarness(max_weight_per_minute=10)
    is_reserved: list[bool] = []

    def check() -> None:
        is_reserved.append(not harness.reserve(1))

    assert [SEND, SEND_ANEW, Finish(OK)] == harness.run(after(check, STALE), after(check, OK), weight=10)
    assert [True, True] == is_reserved
    assert harness.reserve(10)


def test_wait_for_weight_after_a_stale_connection() -> None:
    """A request that is sent again waits for weight if others have used the minute up, or says that it may not."""
    harness = RetryHarness(second=59, max_weight_per_minute=10)
    stale = after(lambda: harness.use(10), STALE)

    error = error_of(harness.run(stale, seconds=1), errors.RateLimitError, after=[SEND])
    assert "not sent: the weight of this minute, 10, is used up" == error.hint

    harness = RetryHarness(second=59, max_weight_per_minute=10)
    assert [SEND, Sleep(1), SEND_ANEW, Finish(OK)] == harness.run(stale, OK)


# The deadline.


@pytest.mark.parametrize("retry", [RetryPolicy(), None])
def test_no_time_after_a_stale_connection(retry: RetryPolicy | None) -> None:
    """A request is sent again over a new connection if a moment is left, else the call ends in the stale one."""
    harness = RetryHarness()
    stale = harness.later(2, STALE)

    assert [SEND, Finish(STALE)] == harness.run(stale, seconds=2, retry=retry)
    assert [SEND, SEND_ANEW, Finish(OK)] == harness.run(stale, OK, seconds=2 + A_MOMENT, retry=retry)


def test_attempts_take_time() -> None:
    """Whether a wait fits is decided by the time that is left after the attempt."""
    harness = RetryHarness()
    failure = harness.later(2, UNAVAILABLE)
    retry = RetryPolicy(initial_backoff=0.5)

    assert [SEND, Finish(UNAVAILABLE)] == harness.run(failure, seconds=2.5, retry=retry)
    assert [SEND, Sleep(0.5), SEND, Finish(OK)] == harness.run(failure, OK, seconds=2.5 + A_MOMENT, retry=retry)


def test_no_time() -> None:
    """A call is sent if a moment is left, else it ends in an error that says that it was not sent."""
    error = error_of(run(seconds=0), errors.TimeoutError, after=[])

    assert "not_executed" == error.execution
    assert "the call timed out before it was sent" == str(error)
    assert [SEND, Finish(OK)] == run(OK, seconds=A_MOMENT)


def test_no_time_after_a_sync() -> None:
    """A call whose time was taken by the sync of the clock ends in its rejected timestamp, if it was sent before."""
    harness = RetryHarness(sync_clock=True)

    commands = harness.run(harness.later(2, NOT_SYNCED), seconds=2)
    error_of(commands, errors.TimeoutError, after=[sync_of(0)])

    harness = RetryHarness()
    commands = harness.run(WRONG_TIME, harness.later(2, SYNCED), seconds=2)
    assert [SEND, sync_of(0), Finish(WRONG_TIME)] == commands


def test_no_time_after_a_backoff() -> None:
    """A call that slept too long ends in its last failure."""
    harness = RetryHarness()
    harness.while_sleeping = harness.later(1, None)
    last = response(503)

    commands = harness.run(UNAVAILABLE, last, seconds=2.5)

    assert [SEND, Sleep(0.2), SEND, Sleep(0.4), Finish(last)] == commands


def test_no_time_reserves_no_weight() -> None:
    """A call that is not sent because its time is up asks for no weight, not even for too much."""
    harness = RetryHarness(max_weight_per_minute=10)

    for weight in (10, 11):
        error_of(harness.run(weight=weight, seconds=0), errors.TimeoutError, after=[])

    assert harness.reserve(10)


# Bans.


def test_ban() -> None:
    """After a 418 no call is sent until the end of the ban, and then the next one is."""
    harness = RetryHarness()

    assert [SEND, Finish(BANNED)] == harness.run(BANNED)

    harness.now = START + 89.75
    error = error_of(harness.run(), errors.IpBannedError, after=[])
    assert (418, -1003, 1) == (error.status_code, error.code, error.retry_after)
    assert str(error.hint).startswith("not sent: the ban lasts until 2023-11-14 22:15:30 UTC; ")

    harness.now = START + 90
    assert [SEND, Finish(OK)] == harness.run(OK)


def test_ban_by_the_exchanges_clock() -> None:
    """The end of a ban is by the exchange's clock, whatever this machine's shows."""
    harness = RetryHarness()
    harness.sync(80_000)

    harness.run(BANNED)

    assert 10 == error_of(harness.run(), errors.IpBannedError, after=[]).retry_after


@pytest.mark.parametrize(
    "call", [{"retry": None}, {"is_replayable": False}, {"is_signed": False}, {"seconds": 0}], ids=str
)
def test_ban_holds_for_all_calls(call: dict[str, Any]) -> None:
    """A ban holds for calls that are not retried or not signed too, and precedes their deadline."""
    harness = RetryHarness()

    harness.run(BANNED, **{**call, "seconds": 600})

    assert 90 == error_of(harness.run(**call), errors.IpBannedError, after=[]).retry_after


def test_ban_of_unknown_end() -> None:
    """A 418 that does not tell its end is the shortest ban."""
    harness = RetryHarness()

    harness.run(response(418))

    assert 120 == error_of(harness.run(), errors.IpBannedError, after=[]).retry_after


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("seconds", [2, 90])
def test_rate_limit_error_with_a_ban(status: int, seconds: int) -> None:
    """A rate limit error that tells of a ban ends the call, however soon the ban ends, and holds for all calls."""
    harness = RetryHarness()
    failure = response(status, -1003, f"banned until {MINUTE + 1000 * seconds}", Retry_After="1")

    assert [SEND, Finish(failure)] == harness.run(failure)
    error = error_of(harness.run(), errors.RateLimitError, after=[])
    assert (status, seconds) == (error.status_code, error.retry_after)


def test_rate_limit_error_is_not_a_ban() -> None:
    """After a 429 that does not tell of a ban other calls are sent."""
    harness = RetryHarness()

    harness.run(response(429, -1003, Retry_After="30"), retry=None)

    assert [SEND, Finish(OK)] == harness.run(OK)


def test_ban_of_another_call() -> None:
    """A call that waits, or is about to be sent again, ends in the ban that another call, or its sync, has met."""
    harness = RetryHarness()
    harness.while_sleeping = harness.ban
    error_of(harness.run(UNAVAILABLE), errors.IpBannedError, after=[SEND, Sleep(0.2)])

    harness = RetryHarness()
    sync = after(harness.ban, NOT_SYNCED)
    error_of(harness.run(WRONG_TIME, sync), errors.IpBannedError, after=[SEND, sync_of(0)])

    for retry in (RetryPolicy(), None):
        harness = RetryHarness()
        stale = after(harness.ban, STALE)
        error_of(harness.run(stale, retry=retry), errors.IpBannedError, after=[SEND])


def test_ban_during_an_attempt() -> None:
    """A call that fails after another call has met a ban is not retried, and ends in its own failure."""
    harness = RetryHarness()

    assert [SEND, Finish(UNAVAILABLE)] == harness.run(after(harness.ban, UNAVAILABLE))


def test_ban_during_a_wait_for_weight() -> None:
    """A call that waits for weight is not sent if another call has met a ban, and reserves no weight."""
    harness = RetryHarness(second=59, max_weight_per_minute=10)
    harness.use(10)
    harness.while_sleeping = harness.ban

    error_of(harness.run(), errors.IpBannedError, after=[Sleep(1)])
    assert harness.reserve(10)


# The client's own rate limit.


@pytest.mark.parametrize(
    ("used", "weight", "waits"),
    [
        (9, 1, []),
        (5, 5, []),
        (0, 10, []),
        (10, 1, [Sleep(0.75)]),
        (6, 5, [Sleep(0.75)]),
        (1, 10, [Sleep(0.75)]),
    ],
)
def test_wait_for_weight(used: int, weight: int, waits: list[object]) -> None:
    """A call whose weight is not left of this minute waits for the next one."""
    harness = RetryHarness(second=59.25, max_weight_per_minute=10)
    harness.use(used)

    assert [*waits, SEND, Finish(OK)] == harness.run(OK, weight=weight)


def test_no_limit() -> None:
    """Without a limit a call is sent whatever is used."""
    harness = RetryHarness()
    harness.use(5000)

    assert [SEND, Finish(OK)] == harness.run(OK)


def test_calls_without_a_limit_release_nothing() -> None:
    """The end of a call without a limit leaves what a client with one has reserved of the same server's weight."""
    harness = RetryHarness()
    assert harness.reserve(10)

    harness.run(OK)

    assert not harness.reserve(1)


def test_minute_of_the_exchanges_clock() -> None:
    """The minute ends by the exchange's clock, whatever this machine's shows."""
    harness = RetryHarness(second=10, max_weight_per_minute=10)
    harness.sync(45_000)
    harness.use(10)

    assert [Sleep(5), SEND, Finish(OK)] == harness.run(OK)


def test_next_minute_is_used_up_too() -> None:
    """A call waits again if others have used up the minute that it waited for."""
    harness = RetryHarness(second=59, max_weight_per_minute=10)
    harness.use(10)
    harness.while_sleeping = lambda: harness.use(10 if harness.now == START + 60 else 0)

    assert [Sleep(1), Sleep(60), SEND, Finish(OK)] == harness.run(OK)


def test_no_weight_after_429() -> None:
    """A 429 uses up the weight of the minute: without time for the next one, it is what the call ends in."""
    harness, too_many = RetryHarness(max_weight_per_minute=100), response(429, -1003, Retry_After="1")

    assert [SEND, Sleep(1), Finish(too_many)] == harness.run(too_many, seconds=5)


def test_no_weight_before_the_deadline() -> None:
    """A call whose wait for weight would end at its deadline or later is not sent, and says when to call again."""
    harness = RetryHarness(second=57.5, max_weight_per_minute=10)
    harness.use(10)

    error = error_of(harness.run(seconds=2.5), errors.RateLimitError, after=[])

    assert (429, None, None, 3) == (error.status_code, error.code, error.msg, error.retry_after)
    assert "not sent: the weight of this minute, 10, is used up" == error.hint
    assert [Sleep(2.5), SEND, Finish(OK)] == harness.run(OK, seconds=2.5 + A_MOMENT)


def test_weight_in_flight() -> None:
    """The weight of a call in flight is reserved until its response, and a call that needs it looks repeatedly."""
    harness = RetryHarness(second=50, max_weight_per_minute=10)
    first = harness.flow(weight=6)
    assert SEND == next(first)

    error = error_of(harness.run(weight=5, seconds=0.01), errors.RateLimitError, after=[])
    assert (1, "not sent: the weight of this minute, 10, is used up") == (error.retry_after, error.hint)

    def respond_later() -> None:
        if harness.now > START + 50.015:
            assert Finish(OK) == first.send(OK)

    harness.while_sleeping = respond_later
    assert [Sleep(0.01), Sleep(0.01), SEND, Finish(OK)] == harness.run(OK, weight=5)


def test_cancelled_calls_release_their_weight() -> None:
    """A call that is cancelled during an attempt, the first one or a later one, releases its weight."""
    harness = RetryHarness(max_weight_per_minute=10)
    for results in ([], [STALE]):
        flow = harness.flow(weight=10)
        next(flow)
        for result in results:
            assert SEND_ANEW == flow.send(result)
        assert not harness.reserve(1)
        flow.close()

    assert harness.reserve(10)


def test_each_attempt_reserves_weight() -> None:
    """A failed attempt releases its weight, and the next one reserves it again."""
    harness = RetryHarness(max_weight_per_minute=10)

    commands = harness.run(httpx.ReadError("r"), UNAVAILABLE, OK, weight=10)

    assert [SEND, Sleep(0.2), SEND, Sleep(0.4), SEND, Finish(OK)] == commands
    assert harness.reserve(10)


def test_weight_above_the_limit() -> None:
    """A call whose weight is above the limit ends in an error, and one whose weight is the limit is sent."""
    harness = RetryHarness(second=50, max_weight_per_minute=5)

    error = error_of(harness.run(weight=6), errors.ConfigurationError, after=[])

    assert "max_weight_per_minute: 5 is less than the weight of this call, 6" == str(error)
    assert [SEND, Finish(OK)] == harness.run(OK, weight=5)


def test_closed_client() -> None:
    """A call that waits, for its next attempt or for weight, is not sent if its client is closed meanwhile."""
    for settings, results in (({}, [UNAVAILABLE]), ({"max_weight_per_minute": 10}, [])):
        harness = RetryHarness(second=59, **settings)
        harness.use(10)

        def close(harness: RetryHarness = harness) -> None:
            harness.client.lifetime.is_closed = True

        harness.while_sleeping = close
        *_, end = harness.run(*results)
        assert isinstance(end, Finish)
        assert isinstance(end.result, errors.ClientClosedError)
        assert "not_executed" == end.result.execution


# The retry quota.


def test_quota_of_retries() -> None:
    """A retry after a backoff takes tokens, and a call without tokens ends in its last failure, which says so."""
    harness = RetryHarness(retry_quota=10)
    last = response(503)

    commands = harness.run(UNAVAILABLE, UNAVAILABLE, last)

    assert [SEND, Sleep(0.2), SEND, Sleep(0.4), SEND, Finish(last)] == commands
    error = SPEC.error_map.from_response(last)
    assert isinstance(error, errors.ExchangeError)
    assert "not retried, because the client's retry quota is used up" == error.hint


@pytest.mark.parametrize(
    "results",
    [
        pytest.param([STALE, OK], id="stale connection"),
        pytest.param([WRONG_TIME, SYNCED, OK], id="clock synchronized"),
        pytest.param([STALE, WRONG_TIME, SYNCED, OK], id="both"),
    ],
)
def test_no_quota_is_needed(results: list[object]) -> None:
    """To replace a stale connection and to synchronize the clock costs no tokens."""
    assert Finish(OK) == RetryHarness(retry_quota=1).run(*results)[-1]


def test_quota_of_a_retry_after_a_failed_sync() -> None:
    """A backoff after a failed sync takes tokens, and without them the call keeps the advice of its error."""
    last = response(400, -1021)

    commands = RetryHarness(retry_quota=5).run(WRONG_TIME, NOT_SYNCED, last, NOT_SYNCED)

    assert [SEND, sync_of(0), Sleep(0.2), SEND, sync_of(0), Finish(last)] == commands
    error = SPEC.error_map.from_response(last)
    assert isinstance(error, errors.TimestampError)
    advice, quota = str(error.hint).split("; ")
    assert advice.startswith("check this machine's clock")
    assert "not retried, because the client's retry quota is used up" == quota


@pytest.mark.parametrize("failure", [response(400, -1102), response(429)], ids=name)
def test_only_a_success_gives_a_token_back(failure: object) -> None:
    """An error gives no token back, a success does."""
    harness = RetryHarness(retry_quota=5)
    assert harness.client.retry_quota.take()
    harness.run(failure, retry=None)
    for _ in range(4):
        harness.run(OK)
    assert not harness.client.retry_quota.take()

    harness.run(OK)

    assert harness.client.retry_quota.take()


# What is recorded of the used weight.


@pytest.mark.parametrize("max_weight", [None, 10])
@pytest.mark.parametrize("status", [200, 400, 429, 418, 503])
def test_used_weight(status: int, max_weight: int | None) -> None:
    """The used weight is what a response tells, whatever its status and with or without a limit."""
    harness = RetryHarness(max_weight_per_minute=max_weight)

    harness.run(response(status, X_MBX_USED_WEIGHT_1M="2401"), retry=None)

    assert 2401 == harness.rate_limit.used_weight


@pytest.mark.parametrize("result", [OK, httpx.ReadError("r")], ids=name)
def test_used_weight_that_is_not_told(result: object) -> None:
    """A response that does not tell the used weight, or no response, changes nothing."""
    harness = RetryHarness()
    harness.use(7)

    harness.run(result, retry=None)

    assert 7 == harness.rate_limit.used_weight


@pytest.mark.parametrize(
    ("seconds", "weight", "waits"),
    [
        pytest.param(0.5, 1, [Sleep(0.5)], id="same minute"),
        pytest.param(2, 7, [], id="next minute, weight is left"),
        pytest.param(2, 8, [Sleep(59)], id="next minute, weight is used up"),
    ],
)
def test_late_used_weight(seconds: float, weight: int, waits: list[object]) -> None:
    """After the end of its minute a response counts as the call's own weight, which may be of the next minute."""
    harness = RetryHarness(second=59, max_weight_per_minute=10)

    harness.run(harness.later(seconds, response(200, X_MBX_USED_WEIGHT_1M="10")), weight=3)

    assert [*waits, SEND, Finish(OK)] == harness.run(OK, weight=weight)


@pytest.mark.parametrize(
    ("failure", "seconds", "waits"),
    [
        pytest.param(response(429), 0, [Sleep(1)], id="429"),
        pytest.param(response(500, -1003), 0, [Sleep(1)], id="-1003"),
        pytest.param(response(429), 2, [], id="429 after the end of its minute"),
        pytest.param(response(503), 0, [], id="503"),
        pytest.param(response(403), 0, [], id="403"),
        pytest.param(httpx.ReadError("r"), 0, [], id="no response"),
    ],
)
def test_rate_limit_error_uses_up_its_minute(failure: Any, seconds: float, waits: list[object]) -> None:
    """A rate limit error, and no other failure, leaves no weight of the minute of its request."""
    harness = RetryHarness(second=59, max_weight_per_minute=10)

    harness.run(harness.later(seconds, failure), retry=None)

    assert [*waits, SEND, Finish(OK)] == harness.run(OK, weight=10)


def test_usage_is_recorded_before_weight_is_released() -> None:
    """Between a response and the record of what it used, no other call can reserve the weight."""
    harness = RetryHarness(max_weight_per_minute=10)
    is_reserved: list[bool] = []

    class Watched(RateLimit):
        def record_usage(self, used_weight: int, **usage: Any) -> None:
            is_reserved.append(not harness.reserve(1))
            super().record_usage(used_weight, **usage)

    harness.rate_limit = Watched(SPEC.error_map)
    harness.client = harness.client._replace(rate_limit=harness.rate_limit)
    harness.run(response(200, X_MBX_USED_WEIGHT_1M="10"), weight=10)

    assert [True] == is_reserved


# What a call reports.


def test_attempts_of_a_response() -> None:
    """A response carries the number of its attempts; all requests but those for the time count."""
    first, fourth = response(200), response(200)

    run(first)
    run(STALE, WRONG_TIME, SYNCED, UNAVAILABLE, fourth)

    assert 1 == first.extensions["attempts"]
    assert 4 == fourth.extensions["attempts"]


def test_on_retry() -> None:
    """`on_retry` is called before each retry and its wait, with the number, the wait and the error of the attempt."""
    harness: RetryHarness = RetryHarness(
        second=59,
        max_weight_per_minute=10,
        on_retry=lambda retry: harness.commands.append((retry.attempt, retry.wait, type(retry.error))),
    )

    assert [
        SEND,
        (1, 0, errors.NetworkError),
        SEND_ANEW,
        sync_of(0),
        (2, 0, errors.TimestampError),
        SEND,
        (3, 0.2, errors.RateLimitError),
        Sleep(0.2),
        Sleep(0.8),
        SEND,
        (4, 7, errors.ExchangeError),
        Sleep(7),
        SEND,
        Finish(OK),
    ] == harness.run(STALE, WRONG_TIME, SYNCED, response(429), response(503, Retry_After="7"), OK)


def test_details_of_a_retry() -> None:
    """`on_retry` gets method and path of the call, and the very error of the attempt."""
    details: list[RetryDetails] = []
    failure = errors.NetworkError("n", "not_executed")

    RetryHarness(on_retry=details.append).run(failure, OK, method="POST", path="/dapi/v1/order", is_safe=False)

    assert [RetryDetails("POST", "/dapi/v1/order", attempt=1, wait=0.2, error=failure)] == details


def test_on_retry_without_a_retry() -> None:
    """`on_retry` is not called if the call ends."""
    details: list[RetryDetails] = []
    harness = RetryHarness(on_retry=details.append)

    harness.run(OK)
    harness.run(UNAVAILABLE, retry=None)
    harness.run(UNAVAILABLE, retry=RetryPolicy(1))
    harness.run(WRONG_TIME, NOT_SYNCED, retry=RetryPolicy(1))
    harness.run(seconds=0)

    assert [] == details


def test_on_retry_that_fails() -> None:
    """An exception of `on_retry` ends the call, whose weight is released."""

    def fail(_: RetryDetails) -> None:
        raise ZeroDivisionError

    harness = RetryHarness(max_weight_per_minute=10, on_retry=fail)

    with pytest.raises(ZeroDivisionError):
        harness.run(UNAVAILABLE, weight=10)
    assert harness.reserve(10)


def test_log_of_a_wait_for_weight(caplog: pytest.LogCaptureFixture) -> None:
    """A wait for weight is logged."""
    caplog.set_level(logging.INFO)
    harness = RetryHarness(second=59.25, max_weight_per_minute=10)
    harness.use(10)

    harness.run(OK)

    text = "GET /dapi/v1/balance waits 0.75 s for weight"
    assert [("binance_client", logging.INFO, text)] == caplog.record_tuples


def test_log(caplog: pytest.LogCaptureFixture) -> None:
    """Responses, retries, syncs of the clock and bans are logged, without key, signature or query."""
    caplog.set_level(logging.DEBUG, "binance_client")

    def respond(request: httpx.Request) -> httpx.Response:
        assert "signature=" in str(request.url) or request.url.path == "/dapi/v1/time"
        result = next(results)
        if result is None:
            raise httpx.ReadError(str(request.url))
        return result

    time = httpx.Response(200, json={"serverTime": MINUTE})
    results = iter([response(503, -1008), None, WRONG_TIME, time, response(500), response(418, Retry_After="90")])
    client = connect(
        Credentials(API_KEY, HmacKey(SECRET)),
        server="http://127.0.0.1:1",
        transport=httpx.MockTransport(respond),
        retry=RetryPolicy(initial_backoff=0),
    )
    with client, pytest.raises(errors.IpBannedError):
        client.account.futures_account_balance()

    balance = "GET /dapi/v1/balance"
    texts = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "binance_client"]
    level, text = texts.pop(4)
    assert "INFO" == level
    assert text.startswith("clock synchronized: offset ")
    assert [
        ("DEBUG", f"{balance}: HTTP 503"),
        ("INFO", f"retry 1 of {balance} in 0.000 s: ExchangeError (HTTP 503, code -1008)"),
        ("INFO", f"retry 2 of {balance} in 0.000 s: NetworkError"),
        ("DEBUG", f"{balance}: HTTP 400"),
        ("INFO", f"retry 3 of {balance} in 0.000 s: TimestampError (HTTP 400, code -1021)"),
        ("DEBUG", f"{balance}: HTTP 500"),
        ("INFO", f"retry 4 of {balance} in 0.000 s: ExchangeError (HTTP 500, code None)"),
        ("DEBUG", f"{balance}: HTTP 418"),
        ("INFO", "banned for 90 s, no request is sent until then"),
    ] == texts
    for record in caplog.records:
        shown = f"{record.getMessage()} {vars(record)}"
        assert API_KEY not in shown
        assert "signature" not in shown
