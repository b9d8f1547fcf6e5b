"""The tries of a call: which steps follow one another, whatever the exchange does."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from binance_coinm import errors
from binance_coinm.facts import REFUSALS
from binance_signing import Recovery
from binance_signing._clock import Clock
from binance_signing._network.pool import StaleConnectionError, UnsentRequestError
from binance_signing._rate_limit import RateLimit
from binance_signing._tries import Call, End, MeasureClock, Outcome, Rules, Send, Wait, tries

# The beginning of a minute, and what the monotonic clock shows then.
MINUTE = 1_700_000_040_000
START = 1000.0
# Seconds for which the connection of a call may have been idle.
IDLE = 30.0


def nothing() -> None:
    """Happen not at all."""


class World:
    """What is around calls: an exchange that is told what to do, and a time that passes by waiting alone."""

    def __init__(self, second: float = 0) -> None:
        """Begin in a minute that is so many seconds old."""
        self.now = START + second
        self.clock = Clock(self.system, lambda: self.now)
        self.rate_limit = RateLimit(REFUSALS)

    def system(self) -> int:
        """Give this machine's time."""
        return MINUTE + round((self.now - START) * 1000)

    def measure(self, offset_ms: int) -> None:
        """Find the exchange's clock ahead by so much."""
        self.clock.measured(self.system() + offset_ms, self.now, self.now)

    def call(self, *, seconds: float = 600, **settings: Any) -> Call:
        """Give a signed read that may take so many seconds, but for what is said otherwise."""
        rules = Rules(
            sync_clock=settings.pop("sync_clock", False),
            pacing=settings.pop("pacing", None),
            can_measure_clock=settings.pop("can_measure_clock", True),
            clock=self.clock,
            refusals=REFUSALS,
            rate_limit=self.rate_limit,
        )
        usual = {
            "is_read": True,
            "is_signed": True,
            "is_repeatable": True,
            "weight": 1,
            "deadline": self.now + seconds,
            "max_idle_age": IDLE,
            "recovery": Recovery(),
            "rules": rules,
        }
        return Call(**{**usual, **settings})

    def steps(
        self,
        call: Call,
        *outcomes: Outcome | Callable[[], Outcome],
        measured: Sequence[bool | Callable[[], bool]] = (),
        measuring_takes: float = 0,
        chance: float = 1,
        meanwhile: Callable[[], None] = nothing,
    ) -> list[object]:
        """Do a call's steps and give them all; each try ends in the next outcome, and `meanwhile` is in waits.

        `Send` by itself stands for a try over a connection that was idle for as long as the call allows.
        """
        steps: list[object] = []
        coming = iter(outcomes)
        measuring = iter(measured)
        generator = tries(call, lambda: self.now, lambda: chance)
        step = next(generator)
        while not isinstance(step, End):
            steps.append(Send if step == Send(call.max_idle_age) else step)
            if isinstance(step, Send):
                outcome = next(coming)
                step = generator.send(outcome() if callable(outcome) else outcome)
            elif isinstance(step, MeasureClock):
                told = next(measuring)
                is_measured = told() if callable(told) else told
                self.now += measuring_takes
                if is_measured:
                    self.measure(60_000)
                step = generator.send(is_measured)
            else:
                self.now += step.seconds
                meanwhile()
                step = next(generator)
        assert [] == [*coming, *measuring, *generator]
        return [*steps, step]


def answer(status: int, code: int | None = None, msg: str = "m", **headers: str) -> httpx.Response:
    """Give an answer; an underscore in the name of a header stands for a hyphen."""
    return httpx.Response(
        status,
        json=[] if code is None else {"code": code, "msg": msg},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def an_answer_with(used_weight: int) -> httpx.Response:
    """Give a good answer that tells how much weight is used."""
    return answer(200, X_MBX_USED_WEIGHT_1M=str(used_weight))


def refusal(steps: list[object]) -> errors.ApiError:
    """Give the error that a call ends in that was not sent again."""
    end = steps[-1]
    assert isinstance(end, End)
    assert isinstance(end.outcome, errors.ApiError)
    return end.outcome


OUT_OF_TIME = answer(400, -1021)
OK = answer(200)


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("recovery", [Recovery(), None])
def test_success_is_the_end(*, is_read: bool, recovery: Recovery | None) -> None:
    """A call that succeeds is sent once."""
    world = World()

    assert [Send, End(OK)] == world.steps(world.call(is_read=is_read, recovery=recovery), OK)


# Setting the clock beforehand.


@pytest.mark.parametrize("is_measured", [True, False])
def test_clock_is_measured_beforehand(*, is_measured: bool) -> None:
    """With `sync_clock` the first signed call measures the clock first, and is sent even if that fails."""
    world = World()
    call = world.call(sync_clock=True, recovery=None)

    assert [MeasureClock(0), Send, End(OK)] == world.steps(call, OK, measured=[is_measured])


def test_measured_clock_is_not_measured_beforehand() -> None:
    """With `sync_clock` a clock that is measured already is not measured again."""
    world = World()
    world.measure(0)

    assert [Send, End(OK)] == world.steps(world.call(sync_clock=True), OK)


def test_unsigned_calls_need_no_clock() -> None:
    """With `sync_clock` a call without a timestamp measures nothing."""
    world = World()

    assert [Send, End(OK)] == world.steps(world.call(sync_clock=True, is_signed=False), OK)


# Setting the clock after -1021.


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("most", [1, 4])
def test_wrong_clock_is_measured(most: int, *, is_read: bool) -> None:
    """A call whose timestamp is refused is sent once more after a measurement, at once, read or write."""
    world = World()
    call = world.call(is_read=is_read, recovery=Recovery(most))

    assert [Send, MeasureClock(0), Send, End(OK)] == world.steps(call, OUT_OF_TIME, OK, measured=[True])
    assert world.now == START


def test_wrong_clock_twice() -> None:
    """A timestamp that is refused after a measurement too is the end, without another measurement."""
    world = World()
    last = answer(400, -1021)

    assert [Send, MeasureClock(0), Send, End(last)] == world.steps(world.call(), OUT_OF_TIME, last, measured=[True])


def test_measurements_count_from_before_the_try() -> None:
    """What is asked for is a measurement after the one that the refused timestamp came from."""
    world = World()
    world.measure(0)

    def refused_while_another_call_measures() -> Outcome:
        world.measure(0)
        return OUT_OF_TIME

    steps = world.steps(world.call(), refused_while_another_call_measures, OK, measured=[True])

    assert [Send, MeasureClock(1), Send, End(OK)] == steps


@pytest.mark.parametrize("is_read", [True, False])
def test_clock_that_cannot_be_measured(*, is_read: bool) -> None:
    """A measurement that fails makes the try a failed one, after which both are tried again."""
    world = World()
    call = world.call(is_read=is_read)

    steps = world.steps(call, OUT_OF_TIME, OUT_OF_TIME, OK, measured=[False, True])

    assert [Send, MeasureClock(0), Wait(0.2), Send, MeasureClock(0), Send, End(OK)] == steps


def test_clock_that_can_never_be_measured() -> None:
    """A measurement that fails in the last try is the end."""
    world = World()
    call = world.call(recovery=Recovery(2))

    steps = world.steps(call, OUT_OF_TIME, OUT_OF_TIME, measured=[False, False])

    assert [Send, MeasureClock(0), Wait(0.2), Send, MeasureClock(0), End(OUT_OF_TIME)] == steps


def test_measuring_is_no_failure() -> None:
    """The try before a measurement counts neither among the tries nor for the wait."""
    world = World()
    call = world.call(recovery=Recovery(2))
    down = answer(503)

    steps = world.steps(call, OUT_OF_TIME, down, OK, measured=[True])

    assert [Send, MeasureClock(0), Send, Wait(0.2), Send, End(OK)] == steps


@pytest.mark.parametrize("settings", [{"recovery": None}, {"is_repeatable": False}, {"is_signed": False}])
def test_wrong_clock_without_recovery(settings: dict[str, Any]) -> None:
    """Without recovery, without a body to repeat, or without a timestamp, -1021 is the end, and nothing is measured."""
    world = World()

    assert [Send, End(OUT_OF_TIME)] == world.steps(world.call(**settings), OUT_OF_TIME)


@pytest.mark.parametrize("status", [200, 400])
def test_offset_travels_with_the_answer(status: int) -> None:
    """An answer has the offset of a clock that is measured, for the error that may become of it."""
    world = World()
    world.measure(-1500)
    outcome = answer(status)

    world.steps(world.call(), outcome)

    assert -1500 == outcome.extensions["clock_offset_ms"]


def test_no_offset_without_a_measurement() -> None:
    """An answer has no offset of a clock that is not measured."""
    world = World()
    outcome = answer(200)

    world.steps(world.call(), outcome)

    assert "clock_offset_ms" not in outcome.extensions


# What is tried again.

# The request was not carried out, says the failure or the exchange.
FAILED = [
    httpx.ConnectError("c"),
    httpx.ConnectTimeout("c"),
    httpx.PoolTimeout("p"),
    answer(429),
    answer(500, -1003),
    answer(500, -1001),
    answer(503, -1008),
    answer(503, -1000, "Service Unavailable."),
    answer(408, -1016),
]
# Nobody says so.
UNKNOWN = [
    httpx.ReadError("r"),
    httpx.ReadTimeout("r"),
    httpx.WriteError("w"),
    httpx.RemoteProtocolError("r"),
    httpx.DecodingError("d"),
    answer(408),
    answer(500),
    answer(502),
    answer(503),
    answer(503, -1000, "Unknown error, please check your request or try again later."),
    answer(503, -1007),
    answer(520),
    answer(599),
]
# Nothing would change.
FINAL = [
    errors.ResponseError("r"),
    httpx.TooManyRedirects("t"),
    answer(302),
    answer(400, -1022),
    answer(400, -1102),
    answer(400, -2014),
    answer(401, -2015),
    answer(403),
    answer(404),
    answer(409),
    answer(418),
    answer(451),
    answer(499),
]


def name(outcome: Outcome) -> str:
    """Give a parameter's name."""
    return f"{outcome.status_code} {outcome.text}" if isinstance(outcome, httpx.Response) else type(outcome).__name__


@pytest.mark.parametrize("failure", FAILED + UNKNOWN, ids=name)
def test_reads_are_repeated(failure: Outcome) -> None:
    """A read is tried again after whatever may pass by itself, signed or not."""
    for is_signed in (True, False):
        world = World()

        steps = world.steps(world.call(is_signed=is_signed), failure, OK)

        assert [Send, Wait(0.2), Send, End(OK)] == steps


@pytest.mark.parametrize("failure", FAILED, ids=name)
def test_writes_that_failed_are_repeated(failure: Outcome) -> None:
    """A write is tried again when it is known that it was not carried out."""
    world = World()

    assert [Send, Wait(0.2), Send, End(OK)] == world.steps(world.call(is_read=False), failure, OK)


@pytest.mark.parametrize("failure", UNKNOWN, ids=name)
def test_writes_of_unknown_outcome_are_not_repeated(failure: Outcome) -> None:
    """A write is not tried again when it may have been carried out."""
    world = World()

    assert [Send, End(failure)] == world.steps(world.call(is_read=False), failure)


@pytest.mark.parametrize("failure", FINAL, ids=name)
@pytest.mark.parametrize("is_read", [True, False], ids=["read", "write"])
def test_refusals_are_not_repeated(failure: Outcome, *, is_read: bool) -> None:
    """What would not change by itself is the end."""
    world = World()

    assert [Send, End(failure)] == world.steps(world.call(is_read=is_read), failure)


@pytest.mark.parametrize("failure", FAILED + UNKNOWN + FINAL, ids=name)
@pytest.mark.parametrize("settings", [{"recovery": None}, {"is_repeatable": False}], ids=["off", "stream"])
def test_nothing_is_repeated_without_recovery(failure: Outcome, settings: dict[str, Any]) -> None:
    """With recovery off, or with a body that is gone after the first try, each failure is the end."""
    world = World()

    assert [Send, End(failure)] == world.steps(world.call(**settings), failure)


@pytest.mark.parametrize(("most", "waits"), [(1, []), (2, [0.2]), (3, [0.2, 0.4])])
def test_tries_are_limited(most: int, waits: list[float]) -> None:
    """There are as many tries as were asked for, and the last one's outcome is the call's."""
    world = World()
    failures = [answer(503) for _ in range(most)]
    before = [step for wait in waits for step in (Send, Wait(wait))]

    steps = world.steps(world.call(recovery=Recovery(most)), *failures)

    assert [*before, Send, End(failures[-1])] == steps


# Connections that the server closed while they were idle.

STALE = StaleConnectionError("s")
UNSENT = UnsentRequestError("u")


@pytest.mark.parametrize("stale", [STALE, UNSENT], ids=name)
@pytest.mark.parametrize("recovery", [Recovery(), Recovery(1), None])
def test_stale_connections_cost_nothing(stale: Outcome, recovery: Recovery | None) -> None:
    """A read over a stale connection is sent once more over a new one, at once, also without recovery."""
    for is_signed in (True, False):
        world = World()
        call = world.call(recovery=recovery, is_signed=is_signed)

        assert [Send, Send(0), End(OK)] == world.steps(call, stale, OK)
        assert world.now == START


@pytest.mark.parametrize("recovery", [Recovery(), Recovery(1), None])
def test_writes_that_were_not_sent_are_sent_over_a_new_connection(recovery: Recovery | None) -> None:
    """A write of which not a byte was sent is sent once more over a new connection, at once."""
    world = World()

    assert [Send, Send(0), End(OK)] == world.steps(world.call(is_read=False, recovery=recovery), UNSENT, OK)
    assert world.now == START


@pytest.mark.parametrize("recovery", [Recovery(), None])
def test_writes_that_were_sent_are_not_sent_again(recovery: Recovery | None) -> None:
    """A write that was sent over a stale connection may have been carried out, so that this is the end."""
    world = World()

    assert [Send, End(STALE)] == world.steps(world.call(is_read=False, recovery=recovery), STALE)


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("stale", [STALE, UNSENT], ids=name)
def test_streams_are_not_sent_again_over_a_new_connection(stale: Outcome, *, is_read: bool) -> None:
    """A body that cannot be repeated is not sent over a new connection."""
    world = World()

    assert [Send, End(stale)] == world.steps(world.call(is_read=is_read, is_repeatable=False), stale)


def test_stale_connection_is_no_failure() -> None:
    """A stale connection counts neither among the tries nor for the wait; later tries may use idle connections."""
    world = World()
    call = world.call(recovery=Recovery(2))

    steps = world.steps(call, STALE, answer(503), OK)

    assert [Send, Send(0), Wait(0.2), Send, End(OK)] == steps


def test_second_stale_connection_is_a_failure() -> None:
    """Only one stale connection of a call costs nothing, whenever the second one comes."""
    at_once, later = World(), World()

    assert [Send, Send(0), Wait(0.2), Send, End(OK)] == at_once.steps(at_once.call(), STALE, STALE, OK)
    assert [Send, Send(0), Wait(0.2), Send, Wait(0.4), Send, End(OK)] == later.steps(
        later.call(), STALE, answer(503), STALE, OK
    )


@pytest.mark.parametrize("recovery", [Recovery(1), None])
@pytest.mark.parametrize(("is_read", "stale"), [(True, STALE), (True, UNSENT), (False, UNSENT)])
def test_second_stale_connection_is_the_end(stale: Outcome, recovery: Recovery | None, *, is_read: bool) -> None:
    """If the new connection ends without a response too, a call of one try ends in that."""
    world = World()
    last = UnsentRequestError("last")

    assert [Send, Send(0), End(last)] == world.steps(world.call(is_read=is_read, recovery=recovery), stale, last)


def test_write_that_was_sent_over_the_new_connection() -> None:
    """A write that was not sent at first, and then was, is not sent a third time."""
    world = World()

    assert [Send, Send(0), End(STALE)] == world.steps(world.call(is_read=False), UNSENT, STALE)


def test_stale_connection_after_a_failure() -> None:
    """A stale connection of a later try costs nothing either."""
    world = World()

    steps = world.steps(world.call(recovery=Recovery(2)), answer(503), STALE, OK)

    assert [Send, Wait(0.2), Send, Send(0), End(OK)] == steps


def test_wrong_clock_over_the_new_connection() -> None:
    """A timestamp that is refused over the new connection is recovered from as ever."""
    world = World()

    steps = world.steps(world.call(), STALE, OUT_OF_TIME, OK, measured=[True])

    assert [Send, Send(0), MeasureClock(0), Send, End(OK)] == steps


@pytest.mark.parametrize("recovery", [Recovery(), None])
def test_ban_that_comes_with_a_stale_connection(recovery: Recovery | None) -> None:
    """A call whose connection is stale is not sent again when another call has met a ban meanwhile."""
    world = World()

    def stale_while_another_is_banned() -> Outcome:
        world.rate_limit.refused(ban(), None, MINUTE, world.now, world.clock())
        return STALE

    steps = world.steps(world.call(recovery=recovery), stale_while_another_is_banned)

    assert [Send] == steps[:-1]
    assert errors.IpBannedError is type(refusal(steps))


@pytest.mark.parametrize("recovery", [Recovery(), None])
def test_no_time_after_a_stale_connection(recovery: Recovery | None) -> None:
    """A call that has no time left when its connection proves stale ends in that, and a moment more is enough."""

    def late() -> Outcome:
        world.now += 2
        return STALE

    world = World()
    assert [Send, End(STALE)] == world.steps(world.call(seconds=2, recovery=recovery), late)
    world = World()
    assert [Send, Send(0), End(OK)] == world.steps(world.call(seconds=2 + 1 / 1024, recovery=recovery), late, OK)


def test_stale_connection_takes_weight_again() -> None:
    """The weight of a request that is sent once more is free in between, reserved again, and free afterwards."""
    world = World()
    is_free = []

    def look(outcome: Outcome) -> Callable[[], Outcome]:
        def seen() -> Outcome:
            is_free.append(not world.rate_limit.wait_before(1, 10, world.clock()))
            return outcome

        return seen

    steps = world.steps(world.call(pacing=10, weight=10), look(STALE), look(OK))

    assert [Send, Send(0), End(OK)] == steps
    assert [False, False] == is_free
    assert 0 == world.rate_limit.wait_before(10, 10, world.clock())


def test_stale_connection_waits_for_weight() -> None:
    """A request that is sent once more waits for its weight if others have used up the minute meanwhile."""
    world = World(second=59)

    def stale_while_others_call() -> Outcome:
        world.rate_limit.told(10, 1, MINUTE, world.clock())
        return STALE

    assert [Send, Wait(1), Send(0), End(OK)] == world.steps(world.call(pacing=10), stale_while_others_call, OK)


def test_no_weight_after_a_stale_connection() -> None:
    """A request for which there is no weight in its time when its connection proves stale says so."""
    world = World(second=59)

    def stale_while_others_call() -> Outcome:
        world.rate_limit.told(10, 1, MINUTE, world.clock())
        return STALE

    steps = world.steps(world.call(pacing=10, seconds=1), stale_while_others_call)

    assert [Send] == steps[:-1]
    assert "not sent: the weight of this minute, 10, is used up" == refusal(steps).note


def test_cancelled_after_a_stale_connection() -> None:
    """A call that is cancelled while it is sent once more takes no weight any more."""
    world = World()
    cancelled = tries(world.call(pacing=10, weight=10), lambda: world.now)
    assert Send(IDLE) == next(cancelled)
    assert Send(0) == cancelled.send(STALE)

    cancelled.close()

    assert [Send, End(OK)] == world.steps(world.call(pacing=10, weight=10), OK)


def test_stale_connection_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each request that is sent once more is told to the logger "binance_signing", for who debugs."""
    caplog.set_level(logging.DEBUG)
    world = World()

    world.steps(world.call(), STALE, STALE, OK)
    world.steps(world.call(), answer(503), OK)

    told = "stale connection, the request is sent once more over a new one: s"
    assert [("binance_signing", logging.DEBUG, told)] == caplog.record_tuples


# How long it waits.


@pytest.mark.parametrize(
    ("chance", "waits"), [(0, [0.1, 0.2, 0.4, 0.8]), (0.5, [0.15, 0.3, 0.6, 1.2]), (1, [0.2, 0.4, 0.8, 1.6])]
)
def test_waits_grow(chance: float, waits: list[float]) -> None:
    """Each wait is twice as long as the one before, and chance cuts it to between half and all of it."""
    world = World()

    steps = world.steps(world.call(recovery=Recovery(5)), *[answer(503)] * 4, OK, chance=chance)

    assert waits == pytest.approx([step.seconds for step in steps if isinstance(step, Wait)])


@pytest.mark.parametrize("status", [408, 429, 503])
def test_retry_after_goes_before_backoff(status: int) -> None:
    """The wait is what the exchange says, uncut, and then again what the number of failures says."""
    world = World()

    steps = world.steps(world.call(), answer(status, Retry_After="7"), answer(status), OK, chance=0)

    assert [Send, Wait(7), Send, Wait(0.2), Send, End(OK)] == steps


def test_retry_after_no_time() -> None:
    """A Retry-After of nothing leaves the wait that there is anyway."""
    world = World()

    assert [Send, Wait(0.2), Send, End(OK)] == world.steps(world.call(), answer(503, Retry_After="0"), OK)


@pytest.mark.parametrize(
    ("failure", "wait"), [(answer(503), 0.5), (answer(429, Retry_After="7"), 7.0), (httpx.ReadError("r"), 0.5)]
)
def test_waits_that_do_not_fit_are_not_begun(failure: Outcome, wait: float) -> None:
    """A wait that leaves no time for another try is not begun, and a moment more is enough for one."""
    world = World()
    recovery = Recovery(backoff=0.5)

    assert [Send, End(failure)] == world.steps(world.call(recovery=recovery, seconds=wait), failure)
    assert [Send, Wait(wait), Send, End(OK)] == world.steps(
        world.call(recovery=recovery, seconds=wait + 1 / 1024), failure, OK
    )


def test_a_try_takes_its_time_from_the_waits() -> None:
    """Whether a wait fits is decided after the try, by what is left then."""
    world = World()
    failure = answer(503)

    def late() -> Outcome:
        world.now += 2
        return failure

    assert [Send, End(failure)] == world.steps(world.call(seconds=2.125), late)


# What takes longer than it may.


def test_no_time_at_all() -> None:
    """A call that has no time left is not sent, and a moment is enough to be sent."""
    world = World()

    steps = world.steps(world.call(seconds=0))

    assert 1 == len(steps)
    assert isinstance(steps[0], End)
    assert isinstance(steps[0].outcome, errors.TimeoutError)
    assert "failed" == steps[0].outcome.outcome
    assert "the call's time ran out before it was sent" == str(steps[0].outcome)
    assert [Send, End(OK)] == world.steps(world.call(seconds=1 / 1024), OK)


def test_no_time_after_measuring_beforehand() -> None:
    """A call whose time is used up by measuring the clock beforehand is not sent."""
    world = World()

    steps = world.steps(world.call(sync_clock=True, seconds=2), measured=[False], measuring_takes=2)

    assert MeasureClock(0) == steps[0]
    assert 2 == len(steps)
    assert isinstance(steps[1], End)
    assert isinstance(steps[1].outcome, errors.TimeoutError)


def test_no_time_after_measuring() -> None:
    """A call whose time is used up by measuring the clock ends in what it was measured for."""
    world = World()

    steps = world.steps(world.call(seconds=2), OUT_OF_TIME, measured=[True], measuring_takes=2)

    assert [Send, MeasureClock(0), End(OUT_OF_TIME)] == steps


def test_no_time_after_waiting() -> None:
    """A call that slept longer than it was to ends in what it waited for."""
    world = World()
    failure = answer(503)

    def oversleep() -> None:
        world.now += 2

    assert [Send, Wait(0.2), End(failure)] == world.steps(world.call(seconds=2), failure, meanwhile=oversleep)


def test_no_time_takes_no_weight() -> None:
    """A call that is not sent, for it has no time left, takes no weight and asks for none."""
    world = World()

    (end,) = world.steps(world.call(pacing=10, weight=10, seconds=0))

    assert isinstance(end, End)
    assert isinstance(end.outcome, errors.TimeoutError)

    assert 0 == world.rate_limit.wait_before(10, 10, world.clock())


# Bans.

BANNED = answer(418, -1003, f"Way too much; IP banned until {MINUTE + 90_000}.")


def test_ban_is_kept() -> None:
    """After a 418 no call is sent until the ban's end, at which moment the next one is."""
    world = World()

    assert [Send, End(BANNED)] == world.steps(world.call(), BANNED)

    world.now = START + 89.75
    steps = world.steps(world.call())
    assert 1 == len(steps)
    error = refusal(steps)
    assert errors.IpBannedError is type(error)
    assert (418, -1003, 1) == (error.status_code, error.code, error.retry_after)
    assert "not sent: the ban lasts until 2023-11-14 22:15:30 UTC" == error.note

    world.now = START + 90
    assert [Send, End(OK)] == world.steps(world.call(), OK)


def test_ban_by_the_exchanges_clock() -> None:
    """The end of a ban is of the exchange's clock, however far this machine's is off."""
    world = World()
    world.measure(80_000)

    world.steps(world.call(), BANNED)

    assert 10 == refusal(world.steps(world.call())).retry_after


@pytest.mark.parametrize("settings", [{"recovery": None}, {"is_repeatable": False}, {"is_signed": False}])
def test_ban_is_kept_without_recovery(settings: dict[str, Any]) -> None:
    """A ban holds for all calls, whatever else is off."""
    world = World()

    world.steps(world.call(**settings), BANNED)

    assert 90 == refusal(world.steps(world.call(**settings))).retry_after


def test_ban_without_an_end() -> None:
    """A 418 that tells no end is the shortest ban there is."""
    world = World()

    world.steps(world.call(), answer(418))

    assert 120 == refusal(world.steps(world.call())).retry_after


@pytest.mark.parametrize("status", [429, 500])
def test_rate_limit_that_tells_of_a_ban(status: int) -> None:
    """A refusal for the rate limit that tells of a ban is kept like one, and stays of its own kind."""
    world = World()

    world.steps(world.call(recovery=None), answer(status, -1003, f"banned until {MINUTE + 90_000}"))

    steps = world.steps(world.call())
    assert 1 == len(steps)
    error = refusal(steps)
    assert errors.RateLimitError is type(error)
    assert (status, 90) == (error.status_code, error.retry_after)


def test_rate_limit_is_no_ban() -> None:
    """A 429 that tells of no ban keeps no other call from being sent."""
    world = World()

    world.steps(world.call(recovery=None), answer(429, -1003, Retry_After="30"))

    assert [Send, End(OK)] == world.steps(world.call(), OK)


def test_ban_that_comes_while_a_call_waits() -> None:
    """A call that waits for its next try is not sent when another call has met a ban."""
    world = World()

    steps = world.steps(
        world.call(), answer(503), meanwhile=lambda: world.rate_limit.refused(ban(), None, MINUTE, world.now, MINUTE)
    )

    assert [Send, Wait(0.2)] == steps[:-1]
    assert errors.IpBannedError is type(refusal(steps))


def ban() -> errors.IpBannedError:
    """Give the error that a ban is."""
    error = errors.IpBannedError(status_code=418, code=None, msg=None, headers={})
    error.retry_after = 300
    return error


def test_ban_that_comes_while_a_call_is_paced() -> None:
    """A call that waits for weight is not sent when another call has met a ban, and its weight is free again."""
    world = World(second=59)
    world.rate_limit.told(10, 1, MINUTE, world.clock())
    call = world.call(pacing=10)

    steps = world.steps(call, meanwhile=lambda: world.rate_limit.refused(ban(), None, MINUTE, world.now, world.clock()))

    assert [Wait(1)] == steps[:-1]
    assert errors.IpBannedError is type(refusal(steps))
    assert 0 == world.rate_limit.wait_before(10, 10, world.clock())


@pytest.mark.parametrize("banned", [2000, 90_000])
def test_rate_limit_with_a_ban_is_the_end(banned: int) -> None:
    """A 429 that tells of a ban is the end at once, however soon that ends, for nobody is to call within a ban."""
    world = World()
    failure = answer(429, -1003, f"banned until {MINUTE + banned}", Retry_After="1")

    assert [Send, End(failure)] == world.steps(world.call(), failure)


def test_ban_that_comes_while_a_call_is_under_way() -> None:
    """A call that fails when another one has met a ban meanwhile is not tried again."""
    world = World()
    failure = answer(503)

    def while_another_is_banned() -> Outcome:
        world.rate_limit.refused(ban(), None, MINUTE, world.now, world.clock())
        return failure

    assert [Send, End(failure)] == world.steps(world.call(), while_another_is_banned)


def test_ban_that_comes_while_the_clock_is_measured() -> None:
    """A call whose question for the time meets a ban ends in the ban."""
    world = World()

    def banned() -> bool:
        world.rate_limit.refused(ban(), None, MINUTE, world.now, world.clock())
        return False

    steps = world.steps(world.call(), OUT_OF_TIME, measured=[banned])

    assert [Send, MeasureClock(0)] == steps[:-1]
    assert errors.IpBannedError is type(refusal(steps))


def test_ban_goes_before_the_deadline() -> None:
    """A call that has no time left and meets a ban says that there is a ban."""
    world = World()
    world.steps(world.call(), BANNED)

    assert errors.IpBannedError is type(refusal(world.steps(world.call(seconds=0))))


# Pacing.


@pytest.mark.parametrize(("used", "weight"), [(9, 1), (5, 5), (0, 10)])
def test_weight_that_is_left_is_used(used: int, weight: int) -> None:
    """A call whose weight is left in this minute is sent at once."""
    world = World(second=59)
    world.rate_limit.told(used, 1, MINUTE, world.clock())

    assert [Send, End(OK)] == world.steps(world.call(pacing=10, weight=weight), OK)


@pytest.mark.parametrize(("used", "weight"), [(10, 1), (6, 5), (1, 10)])
def test_weight_that_is_used_up_is_waited_for(used: int, weight: int) -> None:
    """A call whose weight is not left in this minute waits for the next one."""
    world = World(second=59.25)
    world.rate_limit.told(used, 1, MINUTE, world.clock())

    assert [Wait(0.75), Send, End(OK)] == world.steps(world.call(pacing=10, weight=weight), OK)


def test_no_pacing() -> None:
    """Without pacing a call is sent, whatever is used."""
    world = World()
    world.rate_limit.told(5000, 1, MINUTE, MINUTE)

    assert [Send, End(OK)] == world.steps(world.call(), OK)


def test_paced_by_the_exchanges_clock() -> None:
    """The minute ends when the exchange says so, however far this machine's clock is off."""
    world = World(second=10)
    world.measure(45_000)
    world.rate_limit.told(10, 1, world.clock(), world.clock())

    assert [Wait(5), Send, End(OK)] == world.steps(world.call(pacing=10), OK)


def test_next_minute_can_be_used_up_too() -> None:
    """A call waits again when others used up the minute that it waited for."""
    world = World(second=59)
    world.rate_limit.told(10, 1, MINUTE, world.clock())

    def used_up_by_others() -> None:
        if world.now == START + 60:
            world.rate_limit.told(10, 1, world.clock(), world.clock())

    steps = world.steps(world.call(pacing=10), OK, meanwhile=used_up_by_others)

    assert [Wait(1), Wait(60), Send, End(OK)] == steps


def test_pacing_that_does_not_fit() -> None:
    """A call whose minute begins after its deadline, or just then, is refused at once, and says until when."""
    world = World(second=57.5)
    world.rate_limit.told(10, 1, MINUTE, world.clock())

    steps = world.steps(world.call(pacing=10, seconds=2.5))

    assert 1 == len(steps)
    error = refusal(steps)
    assert errors.RateLimitError is type(error)
    assert (429, None, None, 3) == (error.status_code, error.code, error.msg, error.retry_after)
    assert "not sent: the weight of this minute, 10, is used up" == error.note
    assert [Wait(2.5), Send, End(OK)] == world.steps(world.call(pacing=10, seconds=2.5 + 1 / 1024), OK)


def test_calls_under_way_count() -> None:
    """The weight of a call that is under way is taken until it is answered, and who needs it looks again and again."""
    world = World(second=50)
    first = tries(world.call(pacing=10, weight=6), lambda: world.now)
    assert isinstance(next(first), Send)

    def answered_in_a_while() -> None:
        if world.now > START + 50.015:
            assert End(OK) == first.send(OK)

    error = refusal(world.steps(world.call(pacing=10, weight=5, seconds=0.01)))
    assert (1, "not sent: the weight of this minute, 10, is used up") == (error.retry_after, error.note)
    assert [Wait(0.01), Wait(0.01), Send, End(OK)] == world.steps(
        world.call(pacing=10, weight=5), OK, meanwhile=answered_in_a_while
    )


def test_cancelled_calls_give_their_weight_back() -> None:
    """A call that is cancelled in the middle of a try takes no weight any more."""
    world = World()
    cancelled = tries(world.call(pacing=10, weight=10), lambda: world.now)
    assert isinstance(next(cancelled), Send)

    cancelled.close()

    assert [Send, End(OK)] == world.steps(world.call(pacing=10, weight=10), OK)


def test_each_try_takes_weight() -> None:
    """A failed try gives its weight back, and the next one takes it again."""
    world = World()

    steps = world.steps(world.call(pacing=10, weight=10), httpx.ReadError("r"), answer(503), OK)

    assert [Send, Wait(0.2), Send, Wait(0.4), Send, End(OK)] == steps
    assert 0 == world.rate_limit.wait_before(10, 10, world.clock())


@pytest.mark.parametrize("status", [200, 400, 429, 418, 503])
def test_used_weight_is_read_of_each_answer(status: int) -> None:
    """Whatever the exchange answers, the used weight that it tells is known from then on, pacing or not."""
    world = World()

    world.steps(world.call(recovery=None), answer(status, X_MBX_USED_WEIGHT_1M="7"))

    assert 7 == world.rate_limit.used_weight


@pytest.mark.parametrize("outcome", [answer(200), httpx.ReadError("r")])
def test_used_weight_that_is_not_told(outcome: Outcome) -> None:
    """An answer that tells no used weight, and none at all, leave what is known."""
    world = World()
    world.rate_limit.told(7, 1, MINUTE, MINUTE)

    world.steps(world.call(recovery=None), outcome)

    assert 7 == world.rate_limit.used_weight


@pytest.mark.parametrize(
    ("lasts", "weight", "steps"),
    [(0.5, 1, [Wait(0.5), Send, End(OK)]), (2, 7, [Send, End(OK)]), (2, 8, [Wait(59), Send, End(OK)])],
)
def test_used_weight_is_of_the_minute_in_which_it_was_sent(lasts: float, weight: int, steps: list[object]) -> None:
    """A used weight that comes after the end of its minute is not the new one's, but the call's own may be."""
    world = World(second=59)

    def slow() -> Outcome:
        world.now += lasts
        return an_answer_with(10)

    world.steps(world.call(pacing=10, weight=3), slow)

    assert steps == world.steps(world.call(pacing=10, weight=weight), OK)


@pytest.mark.parametrize("failure", [answer(429), answer(500, -1003)])
def test_rate_limit_uses_up_the_minute(failure: Outcome) -> None:
    """With pacing, a call that the exchange refused for the rate limit leaves nothing of the minute."""
    world = World(second=59)

    steps = world.steps(world.call(pacing=10), failure, OK)

    assert [Send, Wait(0.2), Wait(0.8), Send, End(OK)] == steps


@pytest.mark.parametrize("failure", [answer(503), answer(403), httpx.ReadError("r")])
def test_other_failures_do_not_use_up_the_minute(failure: Outcome) -> None:
    """With pacing, a failure that is no rate limit leaves the minute as it is."""
    world = World()

    world.steps(world.call(pacing=10, recovery=None), failure)

    assert [Send, End(OK)] == world.steps(world.call(pacing=10, weight=10), OK)


def test_used_weight_stays_what_the_exchange_told() -> None:
    """With pacing too, the used weight after a 429 is the one that the exchange told."""
    world = World()

    world.steps(world.call(pacing=10, recovery=None), answer(429, X_MBX_USED_WEIGHT_1M="2401"))

    assert 2401 == world.rate_limit.used_weight


def test_late_rate_limit_is_not_of_the_new_minute() -> None:
    """A 429 that comes after the end of its minute uses up nothing of the new one."""
    world = World(second=59)

    def slow() -> Outcome:
        world.now += 2
        return answer(429)

    world.steps(world.call(pacing=10, recovery=None), slow)

    assert [Send, End(OK)] == world.steps(world.call(pacing=10), OK)


def test_weight_is_given_back_after_what_is_used_is_known() -> None:
    """Between the end of a call and the knowledge of what it used, no other call can slip through."""
    world = World()
    free = []

    class Watched(RateLimit):
        def told(self, used_weight: int, weight: int, sent: int, time: int) -> None:
            free.append(not self.wait_before(1, 10, time))
            super().told(used_weight, weight, sent, time)

    world.rate_limit = Watched(REFUSALS)
    world.steps(world.call(pacing=10, weight=10), an_answer_with(10))

    assert [False] == free


def test_call_that_outweighs_the_pacing() -> None:
    """A call that weighs more than may be used in a minute is not waited for."""
    world = World(second=50)

    [end] = world.steps(world.call(pacing=1, weight=5))

    assert isinstance(end, End)
    assert isinstance(end.outcome, errors.ConfigurationError)
    assert "pacing: 1 is less than what this one call weighs, 5" == str(end.outcome)


def test_call_that_weighs_as_much_as_the_pacing() -> None:
    """A call that may use the whole minute is sent."""
    world = World()
    good = answer(200)

    assert [Send, End(good)] == world.steps(world.call(pacing=5, weight=5), good)
