"""What is known of the rate limit: bans, and the weight of a minute."""

import math
import time
from collections.abc import Iterator

import httpx
import pytest
from binance_coinm import errors
from binance_coinm.facts import REFUSALS
from binance_signing._rate_limit import RateLimit, rate_limit_of

# The beginning of a minute, and a monotonic time that has nothing to do with it.
MINUTE = 1_700_000_040_000
NOW = 500.0


def an_error(
    banned_until: int | None = None, retry_after: int | None = None, *, status: int = 418
) -> errors.IpBannedError | errors.RateLimitError:
    """Give the error that tells of a ban."""
    msg = "Banned." if banned_until is None else f"Way too much; IP banned until {banned_until}."
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = REFUSALS.from_answer(httpx.Response(status, json={"code": -1003, "msg": msg}, headers=headers))
    assert isinstance(error, errors.IpBannedError if status == 418 else errors.RateLimitError)
    return error


@pytest.mark.parametrize(
    ("banned_until", "retry_after", "seconds"),
    [
        pytest.param(MINUTE + 90_000, None, 90, id="until"),
        pytest.param(None, 30, 30, id="retry after"),
        pytest.param(MINUTE + 90_000, 30, 90, id="until is later"),
        pytest.param(MINUTE + 30_000, 90, 90, id="retry after is later"),
        pytest.param(None, None, 120, id="nothing told"),
        pytest.param(None, 0, 120, id="retry after nothing"),
        pytest.param(MINUTE, None, 120, id="until now"),
        pytest.param(MINUTE - 1, 0, 120, id="until a moment ago"),
        pytest.param(MINUTE - 1, 1, 1, id="until a moment ago, retry after"),
        pytest.param(MINUTE + 1, None, 0.001, id="until in a moment"),
        pytest.param(None, 259_199, 259_199, id="almost the longest"),
        pytest.param(MINUTE + 259_200_000, None, 259_200, id="the longest"),
        pytest.param(MINUTE + 259_201_000, None, 259_200, id="longer than there is"),
    ],
)
def test_how_long_a_ban_lasts(banned_until: int | None, retry_after: int | None, seconds: float) -> None:
    """A ban lasts until the later of what the exchange tells, or as long as the shortest, and at most the longest."""
    rate_limit = RateLimit(REFUSALS)

    rate_limit.refused(an_error(banned_until, retry_after), None, MINUTE, NOW, MINUTE)

    end = NOW + seconds
    error = rate_limit.refusal(math.nextafter(end, 0))
    assert error is not None
    assert 1 == error.retry_after
    assert rate_limit.refusal(end) is None
    assert rate_limit.refusal(end + 1) is None


def test_no_ban() -> None:
    """Where no ban is known, nothing is refused."""
    assert RateLimit(REFUSALS).refusal(NOW) is None


@pytest.mark.parametrize(("now", "retry_after"), [(NOW, 90), (NOW + 0.5, 90), (NOW + 1, 89), (NOW + 89.75, 1)])
def test_seconds_until_the_end_of_a_ban(now: float, retry_after: int) -> None:
    """A refusal says after how many seconds to come back, and not one too few."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.refused(an_error(MINUTE + 90_000), None, MINUTE, NOW, MINUTE)

    error = rate_limit.refusal(now)

    assert error is not None
    assert retry_after == error.retry_after


@pytest.mark.parametrize("status", [418, 429])
def test_what_a_refusal_tells(status: int) -> None:
    """A refusal is the exchange's error again, and says that nothing was sent and until when, in UTC."""
    rate_limit = RateLimit(REFUSALS)
    told = an_error(MINUTE + 90_999, 7, status=status)
    rate_limit.refused(told, None, MINUTE, NOW, MINUTE)

    error = rate_limit.refusal(NOW)

    assert error is not None
    assert error is not told
    assert type(told) is type(error)
    assert (status, told.code, told.msg, told.headers) == (error.status_code, error.code, error.msg, error.headers)
    assert "not sent: the ban lasts until 2023-11-14 22:15:30 UTC" == error.note
    assert told.note is None
    assert 7 == told.retry_after


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine's local time be nine hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
def test_ban_of_a_retry_after_tells_its_end() -> None:
    """The end of a ban that the exchange told in seconds is shown as a time too, in UTC wherever this machine is."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.refused(an_error(retry_after=3661), None, MINUTE, NOW, MINUTE)

    error = rate_limit.refusal(NOW)

    assert error is not None
    assert "not sent: the ban lasts until 2023-11-14 23:15:01 UTC" == error.note


def test_later_ban_replaces_an_earlier_one() -> None:
    """What the exchange told last holds, if it lasts longer."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.refused(an_error(retry_after=10), None, MINUTE, NOW, MINUTE)
    rate_limit.refused(an_error(retry_after=20), None, MINUTE, NOW, MINUTE)

    assert rate_limit.refusal(NOW + 19) is not None
    assert rate_limit.refusal(NOW + 20) is None


@pytest.mark.parametrize(("first", "seconds"), [(119, 120), (120, 120), (121, 121), (3600, 3600)])
def test_ban_is_not_shortened(first: int, seconds: int) -> None:
    """An answer of a call that was under way, which tells no end, leaves an end that is known and later."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.refused(an_error(retry_after=first), None, MINUTE, NOW, MINUTE)
    rate_limit.refused(an_error(), None, MINUTE, NOW, MINUTE)

    assert rate_limit.refusal(NOW + seconds - 1) is not None
    assert rate_limit.refusal(NOW + seconds) is None


@pytest.mark.parametrize(("banned_until", "retry_after"), [(10**18 - 1, None), (None, 10**18 - 1), (10**15, None)])
def test_ban_without_an_end_in_sight(banned_until: int | None, retry_after: int | None) -> None:
    """A ban that would end beyond all years lasts as long as the longest one."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.refused(an_error(banned_until, retry_after), None, MINUTE, NOW, MINUTE)

    error = rate_limit.refusal(NOW)

    assert error is not None
    assert "not sent: the ban lasts until 2023-11-17 22:14:00 UTC" == error.note
    assert 259_200 == error.retry_after


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (MINUTE, 60.0),
        (MINUTE + 1, 59.999),
        (MINUTE + 30_000, 30.0),
        (MINUTE + 59_250, 0.75),
        (MINUTE + 59_999, 0.001),
    ],
)
def test_wait_is_until_the_end_of_the_minute(moment: int, seconds: float) -> None:
    """What finds no weight is to ask again when the minute ends."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(10, 1, MINUTE, MINUTE)

    assert seconds == rate_limit.wait_before(1, 10, moment)


def test_used_weight_is_of_one_minute() -> None:
    """With the next minute everything is left again, and not a millisecond earlier."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(10, 1, MINUTE, MINUTE)

    assert rate_limit.wait_before(1, 10, MINUTE + 59_999)
    assert 0 == rate_limit.wait_before(10, 10, MINUTE + 60_000)


@pytest.mark.parametrize(("used", "weight", "is_left"), [(9, 1, True), (10, 1, False), (4, 6, True), (5, 6, False)])
def test_limit_may_be_reached(used: int, weight: int, *, is_left: bool) -> None:
    """Used weight and the call's own may come up to the limit, and not beyond."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(used, 1, MINUTE, MINUTE)

    assert is_left is (rate_limit.wait_before(weight, 10, MINUTE) == 0)


def test_weight_under_way() -> None:
    """What is reserved counts until it is released, and who finds no weight for it alone is to ask again soon."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(2, 1, MINUTE, MINUTE)

    assert 0 == rate_limit.wait_before(5, 10, MINUTE)
    assert 0.01 == rate_limit.wait_before(4, 10, MINUTE)
    assert 0.01 == rate_limit.wait_before(8, 10, MINUTE)
    assert 60 == rate_limit.wait_before(9, 10, MINUTE)
    assert 0 == rate_limit.wait_before(3, 10, MINUTE)
    assert 0.01 == rate_limit.wait_before(1, 10, MINUTE)
    rate_limit.release(5)
    assert 0.01 == rate_limit.wait_before(6, 10, MINUTE)
    assert 0 == rate_limit.wait_before(5, 10, MINUTE)


def test_nothing_is_under_way_in_a_fork() -> None:
    """A fork of the process begins without calls under way, also when its parent's end there."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(2, 1, MINUTE, MINUTE)
    rate_limit.wait_before(5, 10, MINUTE)

    rate_limit.begin()
    rate_limit.release(5)

    assert 60 == rate_limit.wait_before(9, 10, MINUTE)
    assert 0 == rate_limit.wait_before(8, 10, MINUTE)
    assert 0.01 == rate_limit.wait_before(1, 10, MINUTE)


def test_weight_under_way_stays_with_the_next_minute() -> None:
    """A call that is under way when a minute ends may be counted in the next one."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.wait_before(10, 10, MINUTE)

    assert 0.01 == rate_limit.wait_before(1, 10, MINUTE + 60_000)


@pytest.mark.parametrize(("told", "left"), [([3, 7], 3), ([7, 3], 3), ([7, 7], 3), ([0], 10)])
def test_used_weight_only_grows_within_a_minute(told: list[int], left: int) -> None:
    """Answers can overtake each other, so that the most that one of them told of a minute holds."""
    rate_limit = RateLimit(REFUSALS)
    for used in told:
        rate_limit.told(used, 1, MINUTE, MINUTE)

    assert 0 < rate_limit.wait_before(left + 1, 10, MINUTE)
    assert 0 == rate_limit.wait_before(left, 10, MINUTE)


@pytest.mark.parametrize(
    ("sent", "received", "used"),
    [
        pytest.param(MINUTE, MINUTE, 10, id="at the beginning"),
        pytest.param(MINUTE, MINUTE + 59_999, 10, id="of the same minute"),
        pytest.param(MINUTE + 59_999, MINUTE + 59_999, 10, id="at the end"),
        pytest.param(MINUTE - 1, MINUTE, 4, id="over its end"),
        pytest.param(MINUTE - 60_000, MINUTE, 4, id="over a whole minute"),
    ],
)
def test_late_answers_tell_little(sent: int, received: int, used: int) -> None:
    """Of an answer that comes after the end of its minute, the call's own weight counts for the new one."""
    rate_limit = RateLimit(REFUSALS)

    rate_limit.told(10, 4, sent, received)

    assert 1 < rate_limit.wait_before(1, used, received - received % 60_000)
    assert 0 == rate_limit.wait_before(1, used + 1, received)
    assert 10 == rate_limit.used_weight


def test_late_answers_add_up() -> None:
    """The weights of calls that may be counted in the new minute add up with what is known of it."""
    rate_limit = RateLimit(REFUSALS)

    rate_limit.told(3, 1, MINUTE, MINUTE)
    rate_limit.told(50, 4, MINUTE - 1, MINUTE)
    rate_limit.told(50, 2, MINUTE - 1, MINUTE)

    assert 60 == rate_limit.wait_before(1, 9, MINUTE)
    assert 0 == rate_limit.wait_before(1, 10, MINUTE)


def test_answer_of_the_next_minute_replaces() -> None:
    """The first answer of a minute makes the one before forgotten, also when it tells less."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(10, 1, MINUTE, MINUTE)
    rate_limit.told(4, 1, MINUTE + 60_000, MINUTE + 60_000)

    assert 0 < rate_limit.wait_before(7, 10, MINUTE + 60_000)
    assert 0 == rate_limit.wait_before(6, 10, MINUTE + 60_000)


def test_used_weight_is_the_last_one() -> None:
    """What is shown is what the last answer told; nothing before the first one."""
    rate_limit = RateLimit(REFUSALS)

    assert rate_limit.used_weight is None
    rate_limit.told(7, 1, MINUTE, MINUTE)
    rate_limit.told(3, 1, MINUTE, MINUTE)
    assert 3 == rate_limit.used_weight


@pytest.mark.parametrize("error", [errors.NetworkError("n", "unknown"), errors.ResponseError("r")])
def test_other_errors_tell_nothing(error: errors.BinanceError) -> None:
    """An error that is none of the rate limit leaves what is known."""
    rate_limit = RateLimit(REFUSALS)

    rate_limit.refused(error, 10, MINUTE, NOW, MINUTE)

    assert rate_limit.refusal(NOW) is None
    assert 0 == rate_limit.wait_before(10, 10, MINUTE)


def test_exhausted_without_pacing() -> None:
    """Who does not pace takes no note of a rate limit that is no ban."""
    rate_limit = RateLimit(REFUSALS)

    rate_limit.refused(an_error(status=429), None, MINUTE, NOW, MINUTE)

    assert rate_limit.refusal(NOW) is None
    assert 0 == rate_limit.wait_before(10, 10, MINUTE)


def test_exhausted() -> None:
    """A minute that the exchange calls used up has nothing left, and the next one has."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(2, 1, MINUTE, MINUTE)

    rate_limit.refused(an_error(status=429), 10, MINUTE + 1000, NOW, MINUTE + 1000)

    assert 58 == rate_limit.wait_before(1, 10, MINUTE + 2000)
    assert 0 == rate_limit.wait_before(10, 10, MINUTE + 60_000)


@pytest.mark.parametrize(("sent", "is_of_this_minute"), [(MINUTE, True), (MINUTE - 1, False)])
def test_exhausted_is_of_the_minute_in_which_it_was_sent(sent: int, *, is_of_this_minute: bool) -> None:
    """A rate limit that is told after the end of its minute uses up nothing of the new one."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(10, 1, MINUTE - 60_000, MINUTE - 60_000)

    rate_limit.refused(an_error(status=429), 10, sent, NOW, MINUTE)

    assert is_of_this_minute is (rate_limit.wait_before(1, 10, MINUTE) > 0)
    assert 10 == rate_limit.used_weight


def test_exhausted_is_not_what_was_used() -> None:
    """What is shown as used stays what the exchange told, and nothing if it told nothing."""
    rate_limit = RateLimit(REFUSALS)

    rate_limit.refused(an_error(status=429), 10, MINUTE, NOW, MINUTE)

    assert rate_limit.used_weight is None


def test_exhausted_beyond_the_limit() -> None:
    """A minute of which more was used than the caller's own limit stays so."""
    rate_limit = RateLimit(REFUSALS)
    rate_limit.told(50, 1, MINUTE, MINUTE)

    rate_limit.refused(an_error(status=429), 10, MINUTE, NOW, MINUTE)

    assert 60 == rate_limit.wait_before(1, 50, MINUTE)


def test_one_rate_limit_for_each_server() -> None:
    """All who ask for a server's rate limit get the same one, and those of other servers another."""
    origin = ("https", "one.rate-limit.example", None)

    assert rate_limit_of(origin, REFUSALS) is rate_limit_of(("https", "one.rate-limit.example", None), REFUSALS)
    for other in [
        ("https", "two.rate-limit.example", None),
        ("https", "one.rate-limit.example", 444),
        ("http", "one.rate-limit.example", None),
    ]:
        assert rate_limit_of(other, REFUSALS) is not rate_limit_of(origin, REFUSALS)
