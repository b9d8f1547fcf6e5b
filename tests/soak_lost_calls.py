"""Lane "lost-calls" of `make soak`: calls that end before their time, and a server that says too much or too late.

Two clients, one of a plain server and one by TLS, with the accounts derived from them, are called by threads, by tasks
of asyncio and of trio, by event loops that end without a word, and by the main thread, which signals interrupt. Each
answer has to be that of the very call, no call may be late or end in anything else than an exception of the tree, and
no write may go out twice. Afterwards all calls have to be answered, and nothing may be left open.

HTTP/1.1 cannot tell an answer to the next request from what a server adds to the last one too late. Whatever is added
here therefore arrives with the answer itself. Only to two callers, each with a client of its own, it comes later: they
call again when the server has told that all is sent.
"""

import asyncio
import gc
import json
import logging
import multiprocessing
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.parse import parse_qsl, urlsplit

import trio
from attrs import define, field
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ApiError, BinanceError, NetworkError
from binance_coinm.security import Security
from binance_signing import Credentials, HmacKey, Recovery, SigningClient, connect
from binance_signing._event_loops import asyncio_loop
from samples import SECRET
from scripted_server import Reply, Request, ScriptedServer, chunked, response, rows_of
from soak_figures import WARM_UP_SECONDS, Figures, Sample, in_use, sample
from test_connections import FORMS
from test_lost_calls import by_group, by_task, by_timeout, by_turns

if TYPE_CHECKING:
    from binance_coinm.engines import Answer
    from binance_coinm.models import FuturesAccountBalance

ACCOUNTS = 5
THREADS = 6
TASKS = 12
TRIO_TASKS = 8
# Of each event loop that ends without a word.
LEFT_TASKS = 5
MAX_CONNECTIONS = 5
# Seconds.
TIMEOUTS = (0.5, 2.0)
GRACE = 0.5
KEEPALIVE_EXPIRY = 0.6
WRITE_KEEPALIVE_EXPIRY = 0.3
# Seconds between two calls of one caller, by chance from 0 to this; now and then nobody calls for a while.
PAUSE = 0.2
LULL_EVERY, LULL = 10.0, 1.5
# How long the machine has to stand still for that to count, in seconds.
STALL = 0.05

# This share of the requests meets a fault, and this share of the calls are writes.
FAULTS = 0.4
WRITES = 0.3
# Per client and in each way to call.
AFTERWARDS = 20
# Each caller has a connection at most, and as many are idle as may be; event loops have files of their own, and what
# those have that were left behind goes with the garbage.
MAX_FILES = 2 * MAX_CONNECTIONS + THREADS + TASKS + TRIO_TASKS + 4 * LEFT_TASKS + 30

_chance = random.Random  # what happens by chance is no secret


# The server, in a process of its own.


def with_pauses(segments: list[list[bytes]], seconds: float) -> Iterator[list[bytes]]:
    """Give segments, with a pause after each."""
    for segment in segments:
        yield segment
        time.sleep(seconds)


def after(seconds: float, segments: list[list[bytes]]) -> Iterator[list[bytes]]:
    """Give segments after a pause."""
    time.sleep(seconds)
    yield from segments


def in_one_segment(segments: list[list[bytes]]) -> list[list[bytes]]:
    """Return the same records in one segment."""
    return [[record for segment in segments for record in segment]]


def in_pieces(data: bytes, number: int) -> list[list[bytes]]:
    """Return so many segments or one more."""
    size = len(data) // number
    return [[data[start : start + size]] for start in range(0, len(data), size)]


class Script:
    """What the server answers: the mark of each request, its API key and number; or a fault."""

    def __init__(self, seed: int, quiet: list[Connection]) -> None:
        """Take where to tell each quiet caller that all is sent."""
        self._chance = _chance(seed)
        self._quiet = quiet
        self._lock = threading.Lock()
        self.is_kind = False
        self.requests = 0
        self.writes: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply | bytes | None:
        """Answer a request."""
        fields = dict(parse_qsl(urlsplit(request.target).query))
        number = int(fields.get("number") or fields["recvWindow"])
        with self._lock:
            self.requests += 1
            if request.method == "POST":
                self.writes[number] += 1
        mark = f"{request.api_key}/{number}"
        if request.api_key.startswith("quiet"):
            return self._later(mark, number, self._quiet[int(request.api_key.removeprefix("quiet"))])
        if self.is_kind or self._chance.random() > FAULTS:
            rows = rows_of(mark)
            return chunked(rows) if self._chance.random() < 0.3 else response(rows)
        fault = self._chance.choice(self.FAULTS)
        with self._lock:
            self.faults[fault.__name__.strip("_")] += 1
        return fault(self, mark)

    def _later(self, mark: str, number: int, told: Connection) -> Reply:
        form = self._chance.choice([*FORMS])
        segments = FORMS[form](rows_of(mark), rows_of("extra"))
        if self._chance.random() < 0.5:
            form, segments = "", [[response(rows_of(mark))], [response(rows_of("extra"))], [b"\n"]]
        pause = self._chance.choice([0, 0.001, 0.01])

        def send() -> Iterator[list[bytes]]:
            try:
                yield from with_pauses(segments, pause)
            finally:
                told.send(number)

        return Reply(send(), closes=form == "until the end")

    def _extra(self, mark: str) -> Reply:
        form = self._chance.choice([*FORMS])
        segments = in_one_segment(FORMS[form](rows_of(mark), rows_of("extra")))
        return Reply(segments, closes=form == "until the end")

    def _late(self, mark: str) -> Reply:
        answers = [[response(rows_of(mark)), *[response(rows_of("extra"))] * self._chance.randrange(2)]]
        return Reply(after(self._chance.uniform(0, 1.5 * max(TIMEOUTS)), answers))

    def _silence(self, _: str) -> None:
        return None

    def _ends(self, mark: str) -> Reply:
        """End the connection before, with or some time after the answer."""
        answers = [[response(rows_of(mark))]] * self._chance.randrange(3)
        idle = self._chance.choice([0, self._chance.uniform(0, 1)])
        resets = self._chance.random() < 0.5
        return Reply(with_pauses(answers[:1], idle), closes=not resets, resets=resets)

    def _cut(self, mark: str) -> Reply:
        answer = response(rows_of(mark))
        return Reply([[answer[: self._chance.randrange(len(answer))]]], closes=True)

    def _drips(self, mark: str) -> Reply:
        answer = response(rows_of(mark)) if self._chance.random() < 0.5 else chunked(rows_of(mark))
        return Reply(with_pauses(in_pieces(answer, self._chance.randint(2, 20)), self._chance.uniform(0, 0.1)))

    def _broken(self, mark: str) -> bytes:
        rows = rows_of(mark)
        return self._chance.choice(
            [
                response(b""),
                response(rows[:-2]),
                response(rows, Content_Encoding="gzip"),
                chunked(rows).replace(b"\r\n0\r\n", b"\r\nzero\r\n"),
                b"HTTP/9 what?\r\n\r\n",
                b"\x00" * 100,
            ]
        )

    def _says_no(self, mark: str) -> bytes:
        status = self._chance.choice(["400 No", "401 No", "404 No", "500 No", "502 No", "504 No"])
        return response(json.dumps({"code": -1102, "msg": mark}).encode(), status)

    def _soon_expires(self, mark: str) -> bytes:
        return response(rows_of(mark), Keep_Alive="timeout=1")

    def _closes(self, mark: str) -> Reply:
        return Reply([[response(rows_of(mark), Connection="close")]], closes=True)

    FAULTS: ClassVar[list[Callable[[Any, str], Reply | bytes | None]]] = [
        *[_extra] * 8,
        *[_late] * 2,
        _silence,
        *[_ends] * 4,
        _cut,
        *[_drips] * 2,
        *[_broken] * 2,
        *[_says_no] * 2,
        _soon_expires,
        _closes,
    ]


def exchange(connection: Connection, quiet: list[Connection], seed: int) -> None:
    """Be the server until the other end says so; in a process of its own."""
    script = Script(seed, quiet)
    chance = _chance(seed)
    with ScriptedServer(script) as plain, ScriptedServer(script, tls=True) as by_tls:
        connection.send((plain.url, by_tls.url, by_tls.authority))
        while not connection.poll(0.5):
            for server in (plain, by_tls):
                server.requests.clear()
                if chance.random() < 0.1:
                    server.close_connections()
        script.is_kind = True
        connection.send(connection.recv())
        connection.recv()
        connection.send((script.requests, script.writes, script.faults))


# The callers.


class Interruption(Exception):  # noqa: N818, it is no error
    """What the handler of a signal raises, as the timeouts of task queues do."""


class BaseInterruption(BaseException):
    """What the handler of a signal raises, as Ctrl+C does."""


class Stalls(threading.Thread):
    """Counts the seconds for which no thread could run, for these are no fault of a call that is late."""

    def __init__(self) -> None:
        """Begin at 0."""
        super().__init__(daemon=True)
        self.seconds = 0.0
        self.is_over = False

    def run(self) -> None:
        """Count."""
        before = time.monotonic()
        while not self.is_over:
            time.sleep(STALL)
            now = time.monotonic()
            stalled = now - before - STALL
            if stalled > STALL:
                self.seconds += stalled
            before = now


@define
class Call:
    """A call of its own number, a read or a write, which begins when this is made."""

    client: SigningClient
    api_key: str
    number: int
    is_write: bool
    timeout: float
    stalled: float
    started: float = field(factory=time.monotonic)

    def make(self) -> object:
        """Make it in sync code."""
        if self.is_write:
            return self.client.request(self._write())
        return futures_account_balance.sync(client=self.client, recv_window=self.number)

    async def make_async(self) -> object:
        """Make it in async code."""
        if self.is_write:
            return await self.client.request_async(self._write())
        return await futures_account_balance.asyncio(client=self.client, recv_window=self.number)

    def _write(self) -> dict[str, Any]:
        extensions = {"security": Security.TRADE}
        return {
            "method": "POST",
            "url": "/dapi/v1/order",
            "params": {"number": self.number},
            "extensions": extensions,
        }

    @property
    def mark(self) -> str:
        """What its answer has to say."""
        return f"{self.api_key}/{self.number}"


class LostFigures(Figures):
    """What came of the calls, and what must not come of any."""

    def __init__(self, stalls: Stalls) -> None:
        """Begin without a call."""
        super().__init__()
        self.stalls = stalls
        self.never: dict[str, int] = dict.fromkeys(("wrong answers", "raw exceptions", "late calls"), 0)
        # The numbers of the writes that are said not to have been sent.
        self.unsent: list[int] = []

    def never_happens(self, what: str, reason: str) -> None:
        """Take note of what must not happen."""
        with self._lock:
            self.never[what] += 1
        if self.never[what] <= 2:
            self.failed(f"{what}: {reason}")

    def outcome(self, call: Call, outcome: object, within: float, but: tuple[type[BaseException], ...] = ()) -> None:
        """Take note of what a call ended in within so many seconds, which may be an exception of these types."""
        seconds = time.monotonic() - call.started
        if seconds > within + GRACE + self.stalls.seconds - call.stalled:
            self.never_happens("late calls", f"{seconds:.2f} s instead of {within:.2f}: {call.mark}, {outcome!r}")
        if isinstance(outcome, but):
            result = type(outcome).__name__
        elif isinstance(outcome, BinanceError):
            result = self._error(call, outcome)
        elif isinstance(outcome, BaseException):
            result = f"raw {type(outcome).__name__}"
            self.never_happens("raw exceptions", "".join(traceback.format_exception(outcome)))
        else:
            result = self._answer(call, outcome)
        self.ended(result, call.started)

    def _error(self, call: Call, error: BinanceError) -> str:
        if isinstance(error, ApiError):
            self._said(call, error.msg)
        if isinstance(error, NetworkError) and error.outcome == "failed" and call.is_write:
            self.unsent.append(call.number)
        return type(error).__name__

    def _answer(self, call: Call, answer: Any) -> str:
        if not call.is_write:
            rows: list[FuturesAccountBalance] = answer
            self._is_mark(call, [row.account_alias for row in rows])
            return "rows"
        written: Answer = answer
        try:
            body = json.loads(written.content)
        except ValueError:
            return "a write's broken body"
        if isinstance(body, dict):
            self._said(call, body["msg"])
            return "a write's refusal"
        self._is_mark(call, [row["accountAlias"] for row in body])
        return "a write's answer"

    def judge_writes(self, received: Counter[int]) -> None:
        """Take note of what the server got, and print how often that happened which never happens."""
        self.never["writes received twice"] = sum(times > 1 for times in received.values())
        self.never["writes received that were said not to be sent"] = sum(number in received for number in self.unsent)
        for what, times in self.never.items():
            print(f"{times} {what}")
            if times:
                self.failed(f"{times} {what}")

    def _said(self, call: Call, message: str | None) -> None:
        # "no" is that of one of the FORMS.
        if message and "/" in message:
            self._is_mark(call, [message])

    def _is_mark(self, call: Call, marks: list[Any]) -> None:
        if marks != [call.mark]:
            self.never_happens("wrong answers", f"{marks} instead of {call.mark}")


class Lane:
    """All that the callers share."""

    def __init__(self, clients: list[SigningClient], figures: LostFigures, end: float) -> None:
        """Derive the clients of all accounts and timeouts."""
        self._numbers = count(1)
        self.clients = clients
        self.figures = figures
        self.end = end
        self.lull_ends = 0.0
        self._derived = [
            (client.with_credentials(Credentials(key, HmacKey(SECRET))).with_options(timeout=timeout), key, timeout)
            for client in clients
            for key in (f"account{index}" for index in range(ACCOUNTS))
            for timeout in TIMEOUTS
        ]

    def is_on(self) -> bool:
        """Return whether there is still time for a call."""
        return time.monotonic() < self.end

    def call(self, chance: random.Random) -> Call:
        """Begin a call of any account."""
        client, key, timeout = chance.choice(self._derived)
        if chance.random() < 0.05:
            client = client.with_credentials(Credentials(key, HmacKey(SECRET)))
        return self.call_of(client, key, timeout, is_write=chance.random() < WRITES)

    def call_of(self, client: SigningClient, key: str, timeout: float, *, is_write: bool) -> Call:
        """Begin a call of an account."""
        return Call(client, key, next(self._numbers), is_write, timeout, self.figures.stalls.seconds)

    def pause(self, chance: random.Random) -> float:
        """Return the seconds until the next call of a caller."""
        return max(self.lull_ends - time.monotonic(), 0) + chance.random() * PAUSE

    def outcome_of(self, call: Call) -> None:
        """Make a call in sync code."""
        try:
            outcome = call.make()
        except BaseException as error:  # noqa: BLE001, which ones may come is the question
            outcome = error
        self.figures.outcome(call, outcome, call.timeout)

    async def outcome_of_async(
        self, call: Call, within: float | None = None, but: tuple[type[BaseException], ...] = ()
    ) -> None:
        """Make a call in async code, which may be cancelled after so many seconds."""
        within = call.timeout if within is None else within
        loop = asyncio_loop()
        try:
            outcome = await call.make_async()
        except BaseException as error:
            if loop is not None and loop.is_closed():
                # This is garbage, whatever httpcore makes of that.
                self.figures.ended("left behind", call.started)
                raise
            if isinstance(error, asyncio.CancelledError | trio.Cancelled):
                self.figures.outcome(call, error, within, but)
                raise
            outcome = error
        self.figures.outcome(call, outcome, within)


def moment_of(call: Call, chance: random.Random) -> float:
    """Return a moment to end a call at, in seconds from its beginning; most calls end within some thousandths."""
    return chance.uniform(1e-6, chance.choice([0.005, 0.02, call.timeout]))


def call_in_thread(lane: Lane, chance: random.Random) -> None:
    """Call again and again in sync code."""
    while lane.is_on():
        lane.outcome_of(lane.call(chance))
        time.sleep(lane.pause(chance))


async def call_in_task(lane: Lane, chance: random.Random) -> None:
    """Call again and again on asyncio, and cancel every other call."""
    cancelled = (asyncio.CancelledError,)
    while lane.is_on():
        call = lane.call(chance)
        moment = min(moment_of(call, chance), call.timeout)
        way = chance.choice([by_task, by_timeout, by_group, by_turns, None, None, None, None])
        if way is None:
            await lane.outcome_of_async(call)
        elif way is by_turns:
            await by_turns(partial(lane.outcome_of_async, call, None, cancelled), chance.randrange(80))
        else:
            await way(partial(lane.outcome_of_async, call, moment, cancelled), moment)  # type: ignore[arg-type]  # seconds
        await asyncio.sleep(lane.pause(chance))


async def call_in_tasks(lane: Lane, chance: random.Random) -> None:
    """Call in several tasks of asyncio."""
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(call_in_task(lane, _chance(chance.random())))


async def call_on_trio(lane: Lane, chance: random.Random, end: float) -> None:
    """Call again and again on trio, and cancel every other call by a scope."""
    while time.monotonic() < end:
        call = lane.call(chance)
        moment = min(moment_of(call, chance), call.timeout)
        if chance.random() < 0.5:
            await lane.outcome_of_async(call)
        else:
            with trio.move_on_after(moment):
                await lane.outcome_of_async(call, moment, (trio.Cancelled,))
        await trio.sleep(lane.pause(chance))


async def call_in_nursery(lane: Lane, chance: random.Random) -> None:
    """Call for some seconds in several tasks of trio."""
    async with trio.open_nursery() as nursery:
        for _ in range(TRIO_TASKS):
            nursery.start_soon(call_on_trio, lane, _chance(chance.random()), min(time.monotonic() + 5, lane.end))


def call_on_loops(lane: Lane, chance: random.Random) -> None:
    """Call on new event loops, which end without a word, every other one in the middle of its calls."""
    while lane.is_on():
        loop = asyncio.new_event_loop()
        tasks = [
            loop.create_task(lane.outcome_of_async(lane.call(chance))) for _ in range(chance.randint(1, LEFT_TASKS))
        ]
        if chance.random() < 0.5:
            loop.run_until_complete(asyncio.wait(tasks))
        else:
            loop.run_until_complete(asyncio.sleep(chance.uniform(0, chance.choice([0.02, 0.5]))))
        loop.close()
        del loop, tasks
        time.sleep(lane.pause(chance))


def call_quietly(lane: Lane, chance: random.Random, client: SigningClient, key: str, told: Connection) -> None:
    """Call in all ways over a client of one's own, each time when the server has told that it has sent all."""
    while lane.is_on():
        call = lane.call_of(client, key, max(TIMEOUTS), is_write=chance.random() < WRITES)
        way = chance.randrange(3)
        if way == 0:
            lane.outcome_of(call)
        elif way == 1:
            asyncio.run(lane.outcome_of_async(call))
        else:
            trio.run(lane.outcome_of_async, call)
        # A request is told of when it has come in, which it may not have over a connection that ended just then.
        while told.poll(5):
            if told.recv() == call.number:
                break
        time.sleep(chance.random() * PAUSE)


def call_interrupted(lane: Lane, chance: random.Random) -> None:
    """Call again and again in sync code of the main thread, interrupted by a signal at any moment."""

    def interrupt(*_: object) -> NoReturn:
        raise chance.choice([Interruption, BaseInterruption])

    signal.signal(signal.SIGALRM, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    while lane.is_on():
        call = lane.call(chance)
        outcome: object
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, moment_of(call, chance))
                outcome = call.make()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001, which ones may come is the question
            outcome = error
        lane.figures.outcome(call, outcome, call.timeout, (Interruption, BaseInterruption))
        # What is left of the call goes with the frames of its exception.
        del outcome
        time.sleep(lane.pause(chance))


def watch(lane: Lane, samples: list[Sample]) -> None:
    """Take samples until the end, and let nobody call now and then."""
    next_lull = time.monotonic() + LULL_EVERY
    while lane.is_on():
        gc.collect()
        samples.append(sample())
        if time.monotonic() > next_lull:
            lane.lull_ends = time.monotonic() + LULL
            next_lull = time.monotonic() + LULL_EVERY
        time.sleep(0.5)


def answered_afterwards(lane: Lane) -> tuple[int, int]:
    """Call in all ways, as often at once as there are places, and twice that; return how many were answered of all."""
    before = lane.figures.results["rows"]
    derived = [(client.with_options(timeout=10), "first") for client in lane.clients]
    calls = [
        partial(lane.call_of, client, key, 10, is_write=False) for client, key in derived for _ in range(AFTERWARDS)
    ]

    async def on_asyncio() -> None:
        await asyncio.gather(*(lane.outcome_of_async(call()) for call in calls))

    async def on_trio() -> None:
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(lane.outcome_of_async, call())

    with ThreadPoolExecutor(len(calls)) as threads:
        list(threads.map(lambda call: lane.outcome_of(call()), calls))
    asyncio.run(on_asyncio())
    trio.run(on_trio)
    return lane.figures.results["rows"] - before, 3 * len(calls)


def hear_of_lost_exceptions(figures: LostFigures) -> None:
    """Take note of exceptions that reach nobody, but for those that are known to be no fault of the client.

    A signal's exception that comes in a finalizer is lost. When a call is collected whose event loop has ended,
    httpcore looks for that, or waits for another one.
    """

    def unraisable(lost: Any) -> None:
        is_interruption = isinstance(lost.exc_value, Interruption | BaseInterruption)
        is_garbage = isinstance(lost.object, Coroutine)
        if not is_interruption and not is_garbage:
            figures.never_happens("raw exceptions", f"{lost.err_msg} {lost.object!r}: {lost.exc_value!r}")

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if not message.startswith("Task was destroyed but it is pending"):
                figures.never_happens("raw exceptions", f"asyncio: {message}")

    sys.unraisablehook = unraisable
    threading.excepthook = lambda lost: figures.never_happens(
        "raw exceptions", "".join(traceback.format_exception(lost.exc_value))
    )
    logging.getLogger("asyncio").handlers = [Handler()]
    logging.getLogger("asyncio").propagate = False


def in_turn(
    lane: Lane, call: Callable[[Lane, random.Random], Coroutine[Any, Any, None]], chance: random.Random
) -> None:
    """Call in one event loop of trio after another."""
    while lane.is_on():
        trio.run(call, lane, chance)


def targets_of(
    lane: Lane, samples: list[Sample], quiet: list[tuple[SigningClient, Connection]]
) -> list[Callable[[random.Random], object]]:
    """Return what each thread does but for the main one, which signals interrupt."""
    return [
        *[partial(call_in_thread, lane)] * THREADS,
        lambda chance: asyncio.run(call_in_tasks(lane, chance)),
        partial(in_turn, lane, call_in_nursery),
        partial(call_on_loops, lane),
        *(
            partial(call_quietly, lane, client=client, key=f"quiet{index}", told=told)
            for index, (client, told) in enumerate(quiet)
        ),
        lambda _: watch(lane, samples),
    ]


def call_in_all(lane: Lane, seed: int, quiet: list[tuple[SigningClient, Connection]]) -> list[Sample]:
    """Call in all ways until the end; return samples of memory and open files."""
    chance = _chance(seed)
    samples: list[Sample] = []
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    threads = [
        threading.Thread(target=target, args=(_chance(chance.random()),), daemon=True)
        for target in targets_of(lane, samples, quiet)
    ]
    for thread in threads:
        thread.start()
    call_interrupted(lane, chance)
    for thread in threads:
        thread.join(20)
        if thread.is_alive():
            lane.figures.failed(f"{thread} hangs")
    return samples


def clients_of(key: str, servers: tuple[str, str, str], recovery: Recovery | None) -> list[SigningClient]:
    """Return a client of each server, which has a connection pool of its own."""
    url, url_by_tls, authority = servers
    both: list[tuple[str, bool | str]] = [(url, True), (url_by_tls, authority)]
    return [
        connect(
            Credentials(key.format(index), HmacKey(SECRET)),
            server=server,
            verify=verify,
            timeout=max(TIMEOUTS),
            recovery=recovery,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_EXPIRY,
            write_keepalive_expiry=WRITE_KEEPALIVE_EXPIRY,
        )
        for index, (server, verify) in enumerate(both)
    ]


def warm_up(servers: tuple[str, str, str], stalls: Stalls) -> None:
    """Call in all ways, so that what calls need as long as the process lives is there."""
    lane = Lane(clients_of("first", servers, None), LostFigures(stalls), 0)
    answered_afterwards(lane)
    for client in lane.clients:
        client.close()


def lost_calls(minutes: float, seed: int) -> bool:
    """Run, and print the figures; return whether all is well."""
    context = multiprocessing.get_context("spawn")
    connection, other_end = context.Pipe()
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    process = context.Process(target=exchange, args=(other_end, [tells for _, tells in pipes], seed), daemon=True)
    process.start()
    servers = connection.recv()

    stalls = Stalls()
    figures = LostFigures(stalls)
    hear_of_lost_exceptions(figures)
    warm_up(servers, stalls)
    before = in_use()
    # What is there by now is never garbage, and to look through it each time would make all callers wait.
    gc.freeze()
    stalls.start()
    end = time.monotonic() + WARM_UP_SECONDS + minutes * 60
    lane = Lane(clients_of("first", servers, Recovery(tries=3, backoff=0.05)), figures, end)
    quiet = [(client, told) for client, (told, _) in zip(clients_of("quiet{}", servers, None), pipes, strict=True)]
    samples = call_in_all(lane, seed, quiet)

    connection.send("be kind")
    connection.recv()
    idle = in_use()[0] - before[0]
    answered, called = answered_afterwards(lane)
    for client in [*lane.clients, *(client for client, _ in quiet)]:
        client.close()
    stalls.is_over = True
    stalls.join()
    connection.send("end")
    requests, writes, faults = connection.recv()
    process.join()

    callers = (
        f"{THREADS} threads, {TASKS} tasks, {TRIO_TASKS} of trio, loops that are left, the main thread, 2 quiet ones"
    )
    figures.print_calls(callers, minutes, requests)
    print("faults         " + ", ".join(f"{times} {fault}" for fault, times in faults.most_common()))
    print(f"writes         {len(writes)} received, {len(figures.unsent)} said not to be sent")
    print(f"stood still    {stalls.seconds:.1f} s")
    print(f"afterwards     {answered} of {called} calls answered; before them {idle} files open")
    figures.judge_writes(writes)
    if answered != called:
        figures.failed("not all calls were answered afterwards")
    # Each pool has its idle connections, and the last garbage may have been a loop.
    if idle > 2 * MAX_CONNECTIONS + len(quiet):
        figures.failed(f"{idle} files were open while nobody called")
    return figures.judge(samples, minutes, before, MAX_FILES)
