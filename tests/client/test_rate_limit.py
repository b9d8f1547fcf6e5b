"""The rate limit: bans, and the weight of a minute."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from binance_client.policy.clock import Instant
from binance_client.policy.rate_limit import RateLimit, shared_rate_limit
from binance_coinm import Credentials, HmacKey, connect, errors
from binance_coinm.spec import SPEC
from binance_sandbox import Sandbox
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET
from support.scripted_server import Request, ScriptedServer, client_of, response

# The beginning of a minute, and what the monotonic clock shows then.
MINUTE = 1_700_000_040_000
START = 500.0
NOW = Instant(MINUTE, START)


@pytest.fixture
def rate_limit() -> RateLimit:
    """Return the rate limit of a server of which nothing is known."""
    return RateLimit(SPEC.error_map)


def rejection(
    banned_until: int | None = None, retry_after: int | None = None, *, status: int = 418, code: int = -1003
) -> errors.IpBannedError | errors.RateLimitError:
    """Return the error of a response that tells of a ban, or of the rate limit."""
    msg = "Banned." if banned_until is None else f"Way too much; IP banned until {banned_until}."
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = SPEC.error_map.from_response(httpx.Response(status, json={"code": code, "msg": msg}, headers=headers))
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
    """The error is a copy of the exchange's, and says that nothing was sent, until when in UTC, and what lifts it."""
    original = rejection(MINUTE + 90_999, 7, status=status)
    rate_limit.record_error(original, sent_ms=MINUTE, now=NOW)

    error = rate_limit.ban_error(START)

    assert error is not None
    assert type(original) is type(error)
    assert (status, -1003, original.msg, original.headers) == (error.status_code, error.code, error.msg, error.headers)
    assert (
        "not sent: the ban lasts until 2023-11-14 22:15:30 UTC; if the ban is a mistake, client.clear_ban() lifts it"
    ) == error.hint
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
    assert str(error.hint).startswith(f"not sent: the ban lasts until {until}; ")


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        pytest.param(10, 20, 20, id="longer"),
        pytest.param(20, 10, 20, id="shorter"),
        pytest.param(119, None, 120, id="of unknown end, first is shorter than the shortest"),
        pytest.param(120, None, 120, id="of unknown end, first is the shortest"),
        pytest.param(121, None, 121, id="of unknown end, first is longer than the shortest"),
        pytest.param(3600, None, 3600, id="of unknown end, first is long"),
    ],
)
def test_second_ban(rate_limit: RateLimit, first: int, second: int | None, seconds: int) -> None:
    """The ban that ends last holds, whatever the order of their responses."""
    record_ban(rate_limit, retry_after=first)
    record_ban(rate_limit, retry_after=second)

    assert rate_limit.ban_error(START + seconds - 1) is not None
    assert rate_limit.ban_error(START + seconds) is None


def test_bans_are_logged(rate_limit: RateLimit, caplog: pytest.LogCaptureFixture) -> None:
    """Each ban is logged, except one that ends before another one, or with it."""
    caplog.set_level(logging.INFO)

    record_ban(rate_limit, MINUTE + 90_400)
    record_ban(rate_limit, retry_after=3600)
    record_ban(rate_limit, retry_after=3600)
    record_ban(rate_limit)

    assert [
        ("binance_client", logging.INFO, f"banned for {seconds} s, no request is sent until then")
        for seconds in (90, 3600)
    ] == caplog.record_tuples


def test_bans_of_threads(rate_limit: RateLimit) -> None:
    """Of bans that threads record at once, the one that ends last holds."""
    seconds = [240, *range(1, 200)]
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda retry_after: record_ban(rate_limit, retry_after=retry_after), seconds * 5))

    assert rate_limit.ban_error(START + 239) is not None
    assert rate_limit.ban_error(START + 240) is None


def test_ban_that_is_cleared(rate_limit: RateLimit) -> None:
    """A ban that is cleared has ended, and a later one counts, even if it ends before the first would have."""
    record_ban(rate_limit, retry_after=3600)
    rate_limit.clear_ban()

    assert rate_limit.ban_error(START) is None
    record_ban(rate_limit, retry_after=30)
    assert rate_limit.ban_error(START + 29) is not None
    assert rate_limit.ban_error(START + 30) is None


# What headers and messages report is bounded before it is believed.

NOON = "Fri, 27 Nov 2026 12:00:00 GMT"
NOON_MS = 1_795_780_800_000


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["7"], 7),
        (["0"], 0),
        (["1.5"], 2),
        (["0.001"], 1),
        (["1.0"], 1),
        ([" 7 "], 7),
        (["259200"], 259_200),
        (["259201"], 259_200),
        (["9" * 18], 259_200),
        (["9" * 63], 259_200),
        (["Fri, 27 Nov 2026 12:00:30 GMT"], 30),
        (["Friday, 27-Nov-26 12:00:30 GMT"], 30),
        (["Fri Nov 27 12:00:30 2026"], 30),
        ([NOON], 0),
        (["Fri, 27 Nov 2026 11:59:59 GMT"], 0),
        (["Wed, 21 Oct 2015 07:28:00 GMT"], 0),
        (["Fri, 31 Dec 9999 23:59:59 GMT"], 259_200),
        (["5", "30"], 30),
        (["30", "5"], 30),
        (["30", "soon"], 30),
        (["5", "Fri, 27 Nov 2026 12:00:30 GMT"], 30),
        ([], None),
        ([""], None),
        (["-1"], None),
        (["+1"], None),
        (["1e3"], None),
        (["1."], None),
        ([".5"], None),
        (["0x1"], None),
        (["1_0"], None),
        (["nan"], None),
        (["inf"], None),
        (["soon"], None),
        (["7 seconds"], None),
        (["Fri, 31 Feb 2026 12:00:00 GMT"], None),
        (["Fri, 27 Nov 99999 12:00:00 GMT"], None),
        (["Fri, 27 Nov 2026 12:00:30 +99999999999999999999"], None),
    ],
)
@pytest.mark.parametrize("status", [418, 429, 503])
def test_retry_after(status: int, values: list[str], seconds: int | None) -> None:
    """Seconds and dates are rounded up and bounded by the longest ban, the longest counts, and garbage does not."""
    headers = [("Date", NOON), *(("Retry-After", value) for value in values)]

    error = SPEC.error_map.from_response(httpx.Response(status, headers=headers))

    assert isinstance(error, errors.ApiError)
    assert seconds == error.retry_after
    assert type(error.retry_after) in (int, type(None))


@pytest.mark.parametrize(
    ("date", "received_ms", "seconds"),
    [
        pytest.param(NOON, NOON_MS + 20_000, 30, id="by the response's date, whatever the clock says"),
        pytest.param(None, NOON_MS + 20_000, 10, id="without a date by the clock"),
        pytest.param("yesterday", NOON_MS + 20_999, 10, id="without a valid date by the clock"),
        pytest.param(None, None, None, id="neither"),
    ],
)
def test_time_of_a_date(date: str | None, received_ms: int | None, seconds: int | None) -> None:
    """A date is relative to the response's own date, or else to the clock when the response was received."""
    headers = {"Retry-After": "Fri, 27 Nov 2026 12:00:30 GMT"} | ({"Date": date} if date else {})
    extensions = {} if received_ms is None else {"received_ms": received_ms}

    error = SPEC.error_map.from_response(httpx.Response(429, headers=headers, extensions=extensions))

    assert isinstance(error, errors.RateLimitError)
    assert seconds == error.retry_after


@pytest.mark.parametrize(
    ("text", "banned_until"),
    [
        ("1700000130000", 1_700_000_130_000),
        ("1700000130", 1_700_000_130),
        ("0", 0),
        ("9" * 18, 10**14),
        ("9" * 19, None),
        ("9" * 63, None),
        ("-1", None),
        ("٣", None),
        ("soon", None),
    ],
)
def test_banned_until(text: str, banned_until: int | None) -> None:
    """The end of a ban that an error shows is one that a date can hold, and garbage is ignored."""
    body = {"code": -1003, "msg": f"Way too many requests; IP banned until {text}."}

    error = SPEC.error_map.from_response(httpx.Response(418, json=body))

    assert isinstance(error, errors.IpBannedError)
    assert banned_until == error.banned_until


def test_ban_in_seconds(rate_limit: RateLimit) -> None:
    """An end in seconds instead of milliseconds is one in the past, and so is the ban the shortest."""
    record_ban(rate_limit, MINUTE // 1000 + 3600)

    assert rate_limit.ban_error(START + 119) is not None
    assert rate_limit.ban_error(START + 120) is None


@pytest.mark.parametrize(
    ("values", "used_weight"),
    [
        (["7"], 7),
        (["0"], 0),
        (["999999999"], 999_999_999),
        (["5", "7"], 7),
        (["7", "5"], 7),
        (["7", "many"], 7),
        (["5, 7"], 7),
        ([], None),
        ([""], None),
        (["-1"], None),
        (["1.5"], None),
        (["many"], None),
        (["9" * 10], None),
        (["9" * 63], None),
    ],
)
def test_used_weight_of_headers(values: list[str], used_weight: int | None) -> None:
    """The largest weight counts if a header is given twice, and what is not a weight is ignored."""
    result = httpx.Response(400, headers=[("X-MBX-USED-WEIGHT-1M", value) for value in values])

    error = SPEC.error_map.from_response(result)

    assert isinstance(error, errors.ApiError)
    assert used_weight == error.used_weight == SPEC.error_map.used_weight(result.headers)


# Over sockets.


@pytest.mark.parametrize("name", ["with_options", "with_credentials", "itself"])
def test_clear_ban(sandbox: Sandbox, balance: Balance, name: str) -> None:
    """A ban ends calls without a request until it is cleared, on this client or one that derives from it."""
    sandbox.respond_next(418, headers={"Retry-After": "3600"})
    client = connect(sandbox.credentials, server=sandbox.url)
    derived = {
        "with_options": client.with_options(timeout=5),
        "with_credentials": client.with_credentials(sandbox.credentials),
        "itself": client,
    }[name]
    with pytest.raises(errors.IpBannedError):
        client.market.check_server_time()
    with pytest.raises(errors.IpBannedError, match=r"client\.clear_ban\(\) lifts it") as caught:
        client.market.check_server_time()

    derived.clear_ban()

    assert balance(client).parsed
    assert 3590 < (caught.value.retry_after or 0) <= 3600
    assert 2 == len(sandbox.received_requests)


def test_bans_handled_out_of_order() -> None:
    """A ban of 120 s that is handled after one of 240 s does not shorten it."""
    is_first_sent, is_second_done = threading.Event(), threading.Event()

    def respond(request: Request) -> bytes:
        if request.number == 0:
            is_first_sent.set()
            is_second_done.wait(10)
        return response(b"", "418 Reason", Retry_After="240" if request.number else "120")

    def call() -> int:
        with pytest.raises(errors.IpBannedError) as caught:
            client.market.check_server_time()
        return caught.value.retry_after or 0

    with ScriptedServer(respond) as server, client_of(server) as client, ThreadPoolExecutor() as threads:
        first = threads.submit(call)
        is_first_sent.wait(10)
        assert 240 == call()
        is_second_done.set()

        assert 120 == first.result()
        assert 230 < call() <= 240
        assert 2 == len(server.requests)


@pytest.mark.parametrize("status", [418, 429, 503])
def test_retry_after_as_a_date(sandbox: Sandbox, balance: Balance, status: int) -> None:
    """A call does not retry before a date that its timeout does not reach."""
    sandbox.respond_next(status, headers={"Date": NOON, "Retry-After": "Fri, 27 Nov 2026 12:01:00 GMT"})

    with pytest.raises(errors.ApiError) as caught:
        balance(connect(sandbox.credentials, server=sandbox.url))

    assert 60 == caught.value.retry_after
    assert 1 == len(sandbox.received_requests)


def respond_with(status: int, **headers: str) -> httpx.MockTransport:
    """Return a transport with the same response to each request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.MockTransport(lambda _: httpx.Response(status, headers=named, json=[]))


@pytest.mark.parametrize(("other", "is_banned"), [("https://shared.example", True), ("https://another.example", False)])
def test_bans_hold_for_all_clients_of_a_server(balance: Balance, other: str, *, is_banned: bool) -> None:
    """During a ban no client of this process sends anything to this server, until one of them clears the ban."""
    credentials = Credentials(API_KEY, HmacKey(SECRET))
    banned = connect(
        credentials, server="https://shared.example", transport=respond_with(418, Retry_After="60"), retry=None
    )
    try:
        with pytest.raises(errors.IpBannedError):
            balance(banned)

        client = connect(credentials, server=other, transport=respond_with(200))
        with pytest.raises(errors.IpBannedError, match="not sent") if is_banned else nullcontext():
            balance(client)
    finally:
        banned.clear_ban()
    assert [] == balance(connect(credentials, server=other, transport=respond_with(200))).parsed


def test_clients_of_a_server_share_one_count(balance: Balance) -> None:
    """The weight that one client has used is not available to another one, whatever the limit of each."""
    credentials, clock = Credentials(API_KEY, HmacKey(SECRET)), lambda: MINUTE
    settings: dict[str, Any] = {"server": "https://counted.example", "clock": clock, "retry": None}
    balance(connect(credentials, transport=respond_with(200, X_MBX_USED_WEIGHT_1M="30"), **settings))

    with pytest.raises(errors.RateLimitError, match="the weight of this minute, 30, is used up"):
        balance(connect(credentials, transport=respond_with(200), max_weight_per_minute=30, **settings))
    assert [] == balance(connect(credentials, transport=respond_with(200), max_weight_per_minute=31, **settings)).parsed


def test_clients_of_this_machine_share_nothing(sandbox: Sandbox, balance: Balance) -> None:
    """Clients of a server on this machine each have their own count and ban: its port may be another server's."""
    sandbox.respond_next(418, headers={"X-MBX-USED-WEIGHT-1M": "1000"})
    with pytest.raises(errors.IpBannedError):
        balance(connect(sandbox.credentials, server=sandbox.url))

    assert balance(connect(sandbox.credentials, server=sandbox.url, max_weight_per_minute=1)).parsed


def test_streamed_requests_during_a_ban(sandbox: Sandbox) -> None:
    """A request whose response is streamed is not sent during a ban either."""
    sandbox.respond_next(418)
    client = connect(sandbox.credentials, server=sandbox.url)

    async def stream() -> None:
        async with client, client.get_async_httpx_client().stream("GET", "/dapi/v1/time"):
            raise AssertionError("the request was sent")

    with pytest.raises(errors.IpBannedError):
        client.market.check_server_time()
    with (
        pytest.raises(errors.IpBannedError, match="not sent"),
        client.get_httpx_client().stream("GET", "/dapi/v1/time"),
    ):
        raise AssertionError("the request was sent")
    with pytest.raises(errors.IpBannedError, match="not sent"):
        asyncio.run(stream())

    assert 1 == len(sandbox.received_requests)


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


def test_time_of_the_minute_before(rate_limit: RateLimit) -> None:
    """A thread that was held up after it read the clock does not start the minute anew."""
    record_usage(rate_limit, 10)

    assert 0.001 == rate_limit.reserve(1, 10, MINUTE - 1)
    assert 60 == rate_limit.reserve(1, 10, MINUTE)


def test_clock_that_goes_back(rate_limit: RateLimit) -> None:
    """A clock that is set back by more than a minute starts a minute anew."""
    record_usage(rate_limit, 10)

    assert 0 == rate_limit.reserve(10, 10, MINUTE - 120_000)


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


@pytest.mark.parametrize("status", [400, 429])
def test_order_rate_limit_error(rate_limit: RateLimit, status: int) -> None:
    """An error about the orders of an account leaves the weight of the minute to all other requests."""
    error = rejection(status=status, code=-1015)

    rate_limit.record_error(error, sent_ms=MINUTE, now=NOW, max_weight=10)

    assert 0 == rate_limit.reserve(10, 10, MINUTE)


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
    assert str(error.hint).startswith("not sent: the ban lasts until 100000000000060000 ms after the epoch; ")
