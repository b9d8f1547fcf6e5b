"""The rate limit: bans, and the weight of a minute."""

import logging
import math
import time
from collections.abc import Iterator

import httpx
import pytest
from binance_client.policy.clock import Instant
from binance_client.policy.rate_limit import RateLimit, shared_rate_limit
from binance_coinm import errors
from binance_coinm.spec import SPEC

# The beginning of a minute, and what the monotonic clock shows then.
MINUTE = 1_700_000_040_000
START = 500.0
NOW = Instant(MINUTE, START)


@pytest.fixture
def rate_limit() -> RateLimit:
    """Return the rate limit of a server of which nothing is known."""
    return RateLimit(SPEC.error_map)


def rejection(
    banned_until: int | None = None, retry_after: int | None = None, *, status: int = 418
) -> errors.IpBannedError | errors.RateLimitError:
    """Return the error of a response that tells of a ban, or of the rate limit."""
    msg = "Banned." if banned_until is None else f"Way too much; IP banned until {banned_until}."
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = SPEC.error_map.from_response(httpx.Response(status, json={"code": -1003, "msg": msg}, headers=headers))
    assert isinstance(error, errors.IpBannedError if status == 418 else errors.RateLimitError)
    return error


def record_ban(rate_limit: RateLimit, banned_until: int | None = None, retry_after: int | None = None) -> None:
    """Record a ban that a call has met at the beginning of the minute."""
    rate_limit.record_error(rejection(banned_until, retry_after), sent_ms=MINUTE, now=NOW)


def record_usage(
    rate_limit: RateLimit, used_weight: int, *, weight: int = 1, sent_ms: int = MINUTE, time_ms: int = MINUTE
) -> None:
    """Record a used weight, by default at the beginning of the minute."""
    rate_limit.record_usage(used_weight, weight=weight, sent_ms=sent_ms, time_ms=time_ms)


# Bans.


@pytest.mark.parametrize(
    ("banned_until", "retry_after", "seconds"),
    [
        pytest.param(MINUTE + 90_000, None, 90, id="until"),
        pytest.param(None, 30, 30, id="Retry-After"),
        pytest.param(MINUTE + 90_000, 30, 90, id="until is later"),
        pytest.param(MINUTE + 30_000, 90, 90, id="Retry-After is later"),
        pytest.param(None, None, 120, id="neither"),
        pytest.param(None, 0, 120, id="Retry-After of 0"),
        pytest.param(MINUTE, None, 120, id="until now"),
        pytest.param(MINUTE - 1, 0, 120, id="until a moment ago"),
        pytest.param(MINUTE - 1, 1, 1, id="until a moment ago, Retry-After"),
        pytest.param(MINUTE + 1, None, 0.001, id="for a moment"),
        pytest.param(None, 259_199, 259_199, id="almost the longest"),
        pytest.param(MINUTE + 259_200_000, None, 259_200, id="the longest"),
        pytest.param(MINUTE + 259_201_000, None, 259_200, id="longer than the longest"),
        pytest.param(10**15, None, 259_200, id="beyond all dates"),
        pytest.param(10**18 - 1, None, 259_200, id="as long as a number can be"),
        pytest.param(None, 10**18 - 1, 259_200, id="Retry-After as long as a number can be"),
    ],
)
def test_length_of_a_ban(
    rate_limit: RateLimit, banned_until: int | None, retry_after: int | None, seconds: float
) -> None:
    """A ban lasts until the later end that a response tells, else as long as the shortest, and at most the longest."""
    record_ban(rate_limit, banned_until, retry_after)

    end = START + seconds
    error = rate_limit.ban_error(math.nextafter(end, 0))
    assert error is not None
    assert 1 == error.retry_after
    assert rate_limit.ban_error(end) is None
    assert rate_limit.ban_error(end + 1) is None


def test_no_ban(rate_limit: RateLimit) -> None:
    """Before a ban there is no error."""
    assert rate_limit.ban_error(START) is None


@pytest.mark.parametrize(("later", "retry_after"), [(0, 90), (0.5, 90), (1, 89), (89.75, 1)])
def test_seconds_until_the_end_of_a_ban(rate_limit: RateLimit, later: float, retry_after: int) -> None:
    """The error says after how many seconds to call again, rounded up."""
    record_ban(rate_limit, MINUTE + 90_000)

    error = rate_limit.ban_error(START + later)

    assert error is not None
    assert retry_after == error.retry_after


@pytest.mark.parametrize("status", [418, 429])
def test_error_of_a_ban(rate_limit: RateLimit, status: int) -> None:
    """The error is a copy of the exchange's, and says that nothing was sent and until when, in UTC."""
    original = rejection(MINUTE + 90_999, 7, status=status)
    rate_limit.record_error(original, sent_ms=MINUTE, now=NOW)

    error = rate_limit.ban_error(START)

    assert error is not None
    assert type(original) is type(error)
    assert (status, -1003, original.msg, original.headers) == (error.status_code, error.code, error.msg, error.headers)
    assert "not sent: the ban lasts until 2023-11-14 22:15:30 UTC" == error.hint
    assert (None, 7) == (original.hint, original.retry_after)


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set this machine's local time nine hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize(
    ("retry_after", "until"), [(3661, "2023-11-14 23:15:01 UTC"), (10**18 - 1, "2023-11-17 22:14:00 UTC")]
)
def test_end_of_a_ban_in_utc(rate_limit: RateLimit, retry_after: int, until: str) -> None:
    """The end of a ban that a response tells in seconds is shown as a time, in UTC wherever this machine is."""
    record_ban(rate_limit, retry_after=retry_after)

    error = rate_limit.ban_error(START)

    assert error is not None
    assert f"not sent: the ban lasts until {until}" == error.hint


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        pytest.param(10, 20, 20, id="longer"),
        pytest.param(20, 10, 10, id="shorter"),
        pytest.param(119, None, 120, id="of unknown end, first is shorter than the shortest"),
        pytest.param(120, None, 120, id="of unknown end, first is the shortest"),
        pytest.param(121, None, 121, id="of unknown end, first is longer than the shortest"),
        pytest.param(3600, None, 3600, id="of unknown end, first is long"),
    ],
)
def test_second_ban(rate_limit: RateLimit, first: int, second: int | None, seconds: int) -> None:
    """The last ban holds, unless its end is unknown and the first one lasts longer."""
    record_ban(rate_limit, retry_after=first)
    record_ban(rate_limit, retry_after=second)

    assert rate_limit.ban_error(START + seconds - 1) is not None
    assert rate_limit.ban_error(START + seconds) is None


def test_bans_are_logged(rate_limit: RateLimit, caplog: pytest.LogCaptureFixture) -> None:
    """Each ban is logged, except one that changes nothing."""
    caplog.set_level(logging.INFO)

    record_ban(rate_limit, MINUTE + 90_400)
    record_ban(rate_limit, retry_after=3600)
    record_ban(rate_limit)

    assert [
        ("binance_client", logging.INFO, f"banned for {seconds} s, no request is sent until then")
        for seconds in (90, 3600)
    ] == caplog.record_tuples


# The weight of a minute.


@pytest.mark.parametrize(
    ("time_ms", "seconds"),
    [
        (MINUTE, 60.0),
        (MINUTE + 1, 59.999),
        (MINUTE + 30_000, 30.0),
        (MINUTE + 59_250, 0.75),
        (MINUTE + 59_999, 0.001),
    ],
)
def test_wait_until_the_next_minute(rate_limit: RateLimit, time_ms: int, seconds: float) -> None:
    """A call whose weight is not left waits until the minute ends."""
    record_usage(rate_limit, 10)

    assert seconds == rate_limit.reserve(1, 10, time_ms)


def test_next_minute(rate_limit: RateLimit) -> None:
    """Everything is left of the next minute, and not a millisecond earlier."""
    record_usage(rate_limit, 10)

    assert rate_limit.reserve(1, 10, MINUTE + 59_999)
    assert 0 == rate_limit.reserve(10, 10, MINUTE + 60_000)


@pytest.mark.parametrize(("used", "weight", "is_left"), [(9, 1, True), (10, 1, False), (4, 6, True), (5, 6, False)])
def test_limit_may_be_reached(rate_limit: RateLimit, used: int, weight: int, *, is_left: bool) -> None:
    """Used weight and the call's own may add up to the limit, and not to more."""
    record_usage(rate_limit, used)

    assert is_left is (rate_limit.reserve(weight, 10, MINUTE) == 0)


def test_weight_in_flight(rate_limit: RateLimit) -> None:
    """Reserved weight counts until it is released, and a call that only needs its release asks again soon."""
    record_usage(rate_limit, 2)

    assert 0 == rate_limit.reserve(5, 10, MINUTE)
    assert 0.01 == rate_limit.reserve(4, 10, MINUTE)
    assert 0.01 == rate_limit.reserve(8, 10, MINUTE)
    assert 60 == rate_limit.reserve(9, 10, MINUTE)
    assert 0 == rate_limit.reserve(3, 10, MINUTE)
    assert 0.01 == rate_limit.reserve(1, 10, MINUTE)
    rate_limit.release(5)
    assert 0.01 == rate_limit.reserve(6, 10, MINUTE)
    assert 0 == rate_limit.reserve(5, 10, MINUTE)


def test_weight_in_flight_in_a_fork(rate_limit: RateLimit) -> None:
    """A fork begins without calls in flight, also if its parent's end there."""
    record_usage(rate_limit, 2)
    rate_limit.reserve(5, 10, MINUTE)

    rate_limit.reset_after_fork()
    rate_limit.release(5)

    assert 60 == rate_limit.reserve(9, 10, MINUTE)
    assert 0 == rate_limit.reserve(8, 10, MINUTE)
    assert 0.01 == rate_limit.reserve(1, 10, MINUTE)


def test_weight_in_flight_in_the_next_minute(rate_limit: RateLimit) -> None:
    """A call in flight when a minute ends may count in the next one."""
    rate_limit.reserve(10, 10, MINUTE)

    assert 0.01 == rate_limit.reserve(1, 10, MINUTE + 60_000)


@pytest.mark.parametrize(("told", "left"), [([3, 7], 3), ([7, 3], 3), ([7, 7], 3), ([0], 10)])
def test_used_weight_only_grows_within_a_minute(rate_limit: RateLimit, told: list[int], left: int) -> None:
    """Responses can overtake each other, so that the largest used weight of a minute counts."""
    for used in told:
        record_usage(rate_limit, used)

    assert 0 < rate_limit.reserve(left + 1, 10, MINUTE)
    assert 0 == rate_limit.reserve(left, 10, MINUTE)


@pytest.mark.parametrize(
    ("sent_ms", "received_ms", "used"),
    [
        pytest.param(MINUTE, MINUTE, 10, id="at the beginning"),
        pytest.param(MINUTE, MINUTE + 59_999, 10, id="within the minute"),
        pytest.param(MINUTE + 59_999, MINUTE + 59_999, 10, id="at the end"),
        pytest.param(MINUTE - 1, MINUTE, 4, id="beyond the end"),
        pytest.param(MINUTE - 60_000, MINUTE, 4, id="after a whole minute"),
    ],
)
def test_late_responses(rate_limit: RateLimit, sent_ms: int, received_ms: int, used: int) -> None:
    """After a response that comes after the end of its minute, the call's own weight counts in the next one."""
    record_usage(rate_limit, 10, weight=4, sent_ms=sent_ms, time_ms=received_ms)

    assert 1 < rate_limit.reserve(1, used, received_ms - received_ms % 60_000)
    assert 0 == rate_limit.reserve(1, used + 1, received_ms)
    assert 10 == rate_limit.used_weight


def test_late_responses_add_up(rate_limit: RateLimit) -> None:
    """The weights of calls that may count in the next minute are added to its used weight."""
    record_usage(rate_limit, 3)
    record_usage(rate_limit, 50, weight=4, sent_ms=MINUTE - 1)
    record_usage(rate_limit, 50, weight=2, sent_ms=MINUTE - 1)

    assert 60 == rate_limit.reserve(1, 9, MINUTE)
    assert 0 == rate_limit.reserve(1, 10, MINUTE)


def test_first_response_of_the_next_minute(rate_limit: RateLimit) -> None:
    """The first response of a minute replaces the used weight of the one before, also by less."""
    record_usage(rate_limit, 10)
    record_usage(rate_limit, 4, sent_ms=MINUTE + 60_000, time_ms=MINUTE + 60_000)

    assert 0 < rate_limit.reserve(7, 10, MINUTE + 60_000)
    assert 0 == rate_limit.reserve(6, 10, MINUTE + 60_000)


def test_used_weight_of_the_last_response(rate_limit: RateLimit) -> None:
    """The used weight that users see is that of the last response, and None before the first one."""
    assert rate_limit.used_weight is None
    record_usage(rate_limit, 7)
    record_usage(rate_limit, 3)
    assert 3 == rate_limit.used_weight


# Rate limit errors.


@pytest.mark.parametrize(
    ("error", "max_weight"),
    [
        pytest.param(errors.NetworkError("n", "unknown"), 10, id="no response"),
        pytest.param(errors.ResponseError("r"), 10, id="unreadable response"),
        pytest.param(rejection(status=429), None, id="429, no limit"),
    ],
)
def test_errors_that_change_nothing(rate_limit: RateLimit, error: errors.BinanceError, max_weight: int | None) -> None:
    """Any other error, and a rate limit error of a client without a limit, leave the whole weight."""
    rate_limit.record_error(error, sent_ms=MINUTE, now=NOW, max_weight=max_weight)

    assert rate_limit.ban_error(START) is None
    assert 0 == rate_limit.reserve(10, 10, MINUTE)


def test_rate_limit_error(rate_limit: RateLimit) -> None:
    """A rate limit error uses up the limit of its minute, and leaves the used weight that users see."""
    record_usage(rate_limit, 2)

    later = Instant(MINUTE + 1000, START + 1)
    rate_limit.record_error(rejection(status=429), sent_ms=MINUTE + 1000, now=later, max_weight=10)

    assert 58 == rate_limit.reserve(1, 10, MINUTE + 2000)
    assert 0 == rate_limit.reserve(10, 10, MINUTE + 60_000)
    assert 2 == rate_limit.used_weight
    assert rate_limit.ban_error(START) is None


@pytest.mark.parametrize(("sent_ms", "is_used_up"), [(MINUTE, True), (MINUTE - 1, False)])
def test_late_rate_limit_error(rate_limit: RateLimit, sent_ms: int, *, is_used_up: bool) -> None:
    """A rate limit error after the end of its minute leaves the whole weight of the next one."""
    record_usage(rate_limit, 10, sent_ms=MINUTE - 60_000, time_ms=MINUTE - 60_000)

    rate_limit.record_error(rejection(status=429), sent_ms=sent_ms, now=NOW, max_weight=10)

    assert is_used_up is (rate_limit.reserve(1, 10, MINUTE) > 0)


def test_rate_limit_error_beyond_the_limit(rate_limit: RateLimit) -> None:
    """If more than the client's own limit is known to be used, a rate limit error leaves that."""
    record_usage(rate_limit, 50)

    rate_limit.record_error(rejection(status=429), sent_ms=MINUTE, now=NOW, max_weight=10)

    assert 60 == rate_limit.reserve(1, 50, MINUTE)


# Which clients share a rate limit.


@pytest.mark.parametrize(
    "other",
    [
        ("https", "two.rate-limit.example", None),
        ("https", "one.rate-limit.example", 444),
        ("http", "one.rate-limit.example", None),
    ],
)
def test_rate_limits_by_origin(other: tuple[str, str, int | None]) -> None:
    """There is one rate limit for each server, which has the shortest ban of its document."""
    shared = shared_rate_limit(("https", "one.rate-limit.example", None), SPEC.error_map)

    assert isinstance(shared, RateLimit)
    record_ban(shared)
    assert shared.ban_error(START + 119) is not None
    assert shared is shared_rate_limit(("https", "one.rate-limit.example", None), SPEC.error_map)
    assert shared is not shared_rate_limit(other, SPEC.error_map)


def test_ban_by_a_clock_of_another_age(rate_limit: RateLimit) -> None:
    """A clock that is wrong by thousands of years does not keep the error of a ban from being raised."""
    rate_limit.record_error(rejection(retry_after=60), sent_ms=10**17, now=Instant(10**17, START))

    error = rate_limit.ban_error(START)

    assert isinstance(error, errors.IpBannedError)
    assert "not sent: the ban lasts until 100000000000060000 ms after the epoch" == error.hint
