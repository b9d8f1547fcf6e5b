"""Scenario "lost-calls" of `make soak`: calls that end early, and a server that sends too much or too late.

Two clients, one of a plain server and one by TLS, and those derived from them for other accounts, are called by
threads, by tasks of asyncio and of trio, by abandoned event loops, and by the main thread, which signals interrupt.
Each response has to be that of its own call, no call may be late or raise anything but a `BinanceError`, and no write
may be sent twice. Afterwards all calls have to succeed, and nothing may be left open.

HTTP/1.1 cannot distinguish the response to the next request from surplus bytes of the last one that arrive late.
Surplus bytes here therefore arrive with the response itself. They arrive later only for two callers with a separate
client each, which call again when the server has sent everything.
"""

import asyncio
import gc
import inspect
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
from binance_client.event_loops import asyncio_loop
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ApiError, BinanceError, NetworkError
from binance_coinm.security import Security
from soak_figures import WARM_UP_SECONDS, Figures, Sample, in_use, sample
from support.cancellation import cancel_after_turns, cancel_by_group, cancel_by_timeout, cancel_task
from support.constants import SECRET
from support.scripted_server import Reply, Request, ScriptedServer, chunked, response, rows_of
from support.surplus_responses import SURPLUS_RESPONSES

if TYPE_CHECKING:
    from binance_client.messages.http import HTTPResponse
    from binance_coinm.models import FuturesAccountBalance

ACCOUNTS = 5
THREADS = 6
TASKS = 12
TRIO_TASKS = 8
# Per event loop that is abandoned.
ABANDONED_TASKS = 5
MAX_CONNECTIONS = 5
# Seconds.
TIMEOUTS = (0.5, 2.0)
GRACE = 0.5
KEEPALIVE_EXPIRY = 0.6
WRITE_KEEPALIVE_EXPIRY = 0.3
# The maximum random pause between two calls of a caller; every LULL_EVERY, all callers pause for LULL. In seconds.
PAUSE = 0.2
LULL_EVERY, LULL = 10.0, 1.5
# The shortest stall of the machine that counts, in seconds.
STALL = 0.05

# The share of requests that meet a fault, and the share of calls that are writes.
FAULTS = 0.4
WRITES = 0.3
# Per client and way of calling.
AFTERWARDS = 20
# Each caller has at most one connection, and each pool its idle ones; event loops have files of their own, and those of
# abandoned loops are closed by garbage collection.
MAX_FILES = 2 * MAX_CONNECTIONS + THREADS + TASKS + TRIO_TASKS + 4 * ABANDONED_TASKS + 30

_chance = random.Random  # random events are not secret


# The server, in a separate process.


def with_pauses(segments: list[list[bytes]], seconds: float) -> Iterator[list[bytes]]:
    """Yield segments, with a pause after each."""
    for segment in segments:
        yield segment
        time.sleep(seconds)


def after(seconds: float, segments: list[list[bytes]]) -> Iterator[list[bytes]]:
    """Yield segments after a pause."""
    time.sleep(seconds)
    yield from segments


def in_one_segment(segments: list[list[bytes]]) -> list[list[bytes]]:
    """Return the same records in one segment."""
    return [[record for segment in segments for record in segment]]


def in_pieces(data: bytes, number: int) -> list[list[bytes]]:
    """Return this number of segments, or one more."""
    size = len(data) // number
    return [[data[start : start + size]] for start in range(0, len(data), size)]


class Script:
    """What the server sends: the mark of each request, which is its API key and number, or a fault."""

    def __init__(self, seed: int, quiet: list[Connection]) -> None:
        """Store the pipes to the quiet callers, who are notified when everything is sent."""
        self._chance = _chance(seed)
        self._quiet = quiet
        self._lock = threading.Lock()
        self.is_healthy = False
        self.requests = 0
        self.writes: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply | bytes | None:
        """Respond to a request."""
        fields = dict(parse_qsl(urlsplit(request.target).query))
        number = int(fields.get("number") or fields["recvWindow"])
        with self._lock:
            self.requests += 1
            if request.method == "POST":
                self.writes[number] += 1
        mark = f"{request.api_key}/{number}"
        if request.api_key.startswith("quiet"):
            return self._later(mark, number, self._quiet[int(request.api_key.removeprefix("quiet"))])
        if self.is_healthy or self._chance.random() > FAULTS:
            rows = rows_of(mark)
            return chunked(rows) if self._chance.random() < 0.3 else response(rows)
        fault = self._chance.choice(self.FAULTS)
        with self._lock:
            self.faults[fault.__name__.strip("_")] += 1
        return fault(self, mark)

    def _later(self, mark: str, number: int, sent: Connection) -> Reply:
        form = self._chance.choice([*SURPLUS_RESPONSES])
        segments = SURPLUS_RESPONSES[form](rows_of(mark), rows_of("extra"))
        if self._chance.random() < 0.5:
            form, segments = "", [[response(rows_of(mark))], [response(rows_of("extra"))], [b"\n"]]
        pause = self._chance.choice([0, 0.001, 0.01])

        def send() -> Iterator[list[bytes]]:
            try:
                yield from with_pauses(segments, pause)
            finally:
                sent.send(number)

        return Reply(send(), closes=form == "until the connection closes")

    def _extra(self, mark: str) -> Reply:
        form = self._chance.choice([*SURPLUS_RESPONSES])
        segments = in_one_segment(SURPLUS_RESPONSES[form](rows_of(mark), rows_of("extra")))
        return Reply(segments, closes=form == "until the connection closes")

    def _late(self, mark: str) -> Reply:
        segments = [[response(rows_of(mark)), *[response(rows_of("extra"))] * self._chance.randrange(2)]]
        return Reply(after(self._chance.uniform(0, 1.5 * max(TIMEOUTS)), segments))

    def _silence(self, _: str) -> None:
        return None

    def _ends(self, mark: str) -> Reply:
        """End the connection before, with or some time after the response."""
        segments = [[response(rows_of(mark))]] * self._chance.randrange(3)
        idle = self._chance.choice([0, self._chance.uniform(0, 1)])
        resets = self._chance.random() < 0.5
        return Reply(with_pauses(segments[:1], idle), closes=not resets, resets=resets)

    def _cut(self, mark: str) -> Reply:
        data = response(rows_of(mark))
        return Reply([[data[: self._chance.randrange(len(data))]]], closes=True)

    def _drips(self, mark: str) -> Reply:
        data = response(rows_of(mark)) if self._chance.random() < 0.5 else chunked(rows_of(mark))
        return Reply(with_pauses(in_pieces(data, self._chance.randint(2, 20)), self._chance.uniform(0, 0.1)))

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

    def _rejects(self, mark: str) -> bytes:
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
        *[_rejects] * 2,
        _soon_expires,
        _closes,
    ]


def exchange(connection: Connection, quiet: list[Connection], seed: int) -> None:
    """Serve, in a separate process, until the other end sends something."""
    script = Script(seed, quiet)
    chance = _chance(seed)
    with ScriptedServer(script) as plain, ScriptedServer(script, tls=True) as by_tls:
        connection.send((plain.url, by_tls.url, by_tls.authority))
        while not connection.poll(0.5):
            for server in (plain, by_tls):
                server.requests.clear()
                if chance.random() < 0.1:
                    server.close_connections()
        script.is_healthy = True
        connection.send(connection.recv())
        connection.recv()
        connection.send((script.requests, script.writes, script.faults))


# The callers.


class Interruption(Exception):  # noqa: N818, this is not an error
    """The exception of a signal handler, as the timeouts of task queues raise it."""


class BaseInterruption(BaseException):
    """The exception of a signal handler, as Ctrl+C raises it."""


class Stalls(threading.Thread):
    """Counts the seconds for which no thread could run, which are not the fault of a late call."""

    def __init__(self) -> None:
        """Start at 0."""
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
    """A numbered call, a read or a write, which starts when this object is created."""

    client: Client
    api_key: str
    number: int
    is_write: bool
    timeout: float
    stalled: float
    started: float = field(factory=time.monotonic)

    def make(self) -> object:
        """Call in sync code."""
        if self.is_write:
            return self.client.request(self._write())
        return futures_account_balance.sync(client=self.client, recv_window=self.number)

    async def make_async(self) -> object:
        """Call in async code."""
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
        """The text that its response has to contain."""
        return f"{self.api_key}/{self.number}"


class LostFigures(Figures):
    """The results of calls, and how often happened what must never happen."""

    def __init__(self, stalls: Stalls) -> None:
        """Start without calls."""
        super().__init__()
        self.stalls = stalls
        self.never: dict[str, int] = dict.fromkeys(("wrong responses", "raw exceptions", "late calls"), 0)
        # The numbers of the writes whose errors say that they were not executed.
        self.unsent: list[int] = []

    def never_happens(self, what: str, reason: str) -> None:
        """Record something that must never happen."""
        with self._lock:
            self.never[what] += 1
        if self.never[what] <= 2:
            self.failed(f"{what}: {reason}")

    def outcome(self, call: Call, outcome: object, within: float, but: tuple[type[BaseException], ...] = ()) -> None:
        """Record the outcome of a call that may take this many seconds, and may raise these types of exceptions."""
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
            result = self._response(call, outcome)
        self.ended(result, call.started)

    def _error(self, call: Call, error: BinanceError) -> str:
        if isinstance(error, ApiError):
            self._check_message(call, error.msg)
        if isinstance(error, NetworkError) and error.execution == "not_executed" and call.is_write:
            self.unsent.append(call.number)
        return type(error).__name__

    def _response(self, call: Call, response: Any) -> str:
        if not call.is_write:
            rows: list[FuturesAccountBalance] = response
            self._check_mark(call, [row.account_alias for row in rows])
            return "rows"
        written: HTTPResponse = response
        try:
            body = json.loads(written.content)
        except ValueError:
            return "a write's broken body"
        if isinstance(body, dict):
            self._check_message(call, body["msg"])
            return "a write's error"
        self._check_mark(call, [row["accountAlias"] for row in body])
        return "a write's response"

    def judge_writes(self, received: Counter[int]) -> None:
        """Check what the server received, and print how often each thing happened that must never happen."""
        self.never["writes received twice"] = sum(times > 1 for times in received.values())
        self.never["writes received although reported as not executed"] = sum(
            number in received for number in self.unsent
        )
        for what, times in self.never.items():
            print(f"{times} {what}")
            if times:
                self.failed(f"{times} {what}")

    def _check_message(self, call: Call, message: str | None) -> None:
        # The message "no" is of one of the SURPLUS_RESPONSES.
        if message and "/" in message:
            self._check_mark(call, [message])

    def _check_mark(self, call: Call, marks: list[Any]) -> None:
        if marks != [call.mark]:
            self.never_happens("wrong responses", f"{marks} instead of {call.mark}")


class Scenario:
    """The clients and figures that all callers share."""

    def __init__(self, clients: list[Client], figures: LostFigures, end: float) -> None:
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
        """Return True until the scenario ends."""
        return time.monotonic() < self.end

    def call(self, chance: random.Random) -> Call:
        """Start a call of any account."""
        client, key, timeout = chance.choice(self._derived)
        if chance.random() < 0.05:
            client = client.with_credentials(Credentials(key, HmacKey(SECRET)))
        return self.call_of(client, key, timeout, is_write=chance.random() < WRITES)

    def call_of(self, client: Client, key: str, timeout: float, *, is_write: bool) -> Call:
        """Start a call of an account."""
        return Call(client, key, next(self._numbers), is_write, timeout, self.figures.stalls.seconds)

    def pause(self, chance: random.Random) -> float:
        """Return the seconds until the next call of a caller."""
        return max(self.lull_ends - time.monotonic(), 0) + chance.random() * PAUSE

    def outcome_of(self, call: Call) -> None:
        """Make a call in sync code."""
        try:
            outcome = call.make()
        except BaseException as error:  # noqa: BLE001, each is recorded
            outcome = error
        self.figures.outcome(call, outcome, call.timeout)

    async def outcome_of_async(
        self, call: Call, within: float | None = None, but: tuple[type[BaseException], ...] = ()
    ) -> None:
        """Make a call in async code, which may be cancelled after this many seconds."""
        within = call.timeout if within is None else within
        loop = asyncio_loop()
        try:
            outcome = await call.make_async()
        except BaseException as error:
            if loop is not None and loop.is_closed():
                # The call is being garbage-collected, and httpcore raises something in it.
                self.figures.ended("abandoned", call.started)
                raise
            if isinstance(error, asyncio.CancelledError | trio.Cancelled):
                self.figures.outcome(call, error, within, but)
                raise
            outcome = error
        self.figures.outcome(call, outcome, within)


def moment_of(call: Call, chance: random.Random) -> float:
    """Return when to interrupt a call, in seconds from its start; most calls take a few milliseconds."""
    return chance.uniform(1e-6, chance.choice([0.005, 0.02, call.timeout]))


def call_in_thread(scenario: Scenario, chance: random.Random) -> None:
    """Call repeatedly in sync code."""
    while scenario.is_on():
        scenario.outcome_of(scenario.call(chance))
        time.sleep(scenario.pause(chance))


async def call_in_task(scenario: Scenario, chance: random.Random) -> None:
    """Call repeatedly on asyncio, and cancel every second call."""
    cancelled = (asyncio.CancelledError,)
    while scenario.is_on():
        call = scenario.call(chance)
        moment = min(moment_of(call, chance), call.timeout)
        cancel = chance.choice(
            [cancel_task, cancel_by_timeout, cancel_by_group, cancel_after_turns, None, None, None, None]
        )
        if cancel is None:
            await scenario.outcome_of_async(call)
        elif cancel is cancel_after_turns:
            await cancel_after_turns(partial(scenario.outcome_of_async, call, None, cancelled), chance.randrange(80))
        else:
            await cancel(partial(scenario.outcome_of_async, call, moment, cancelled), moment)  # type: ignore[arg-type]  # seconds
        await asyncio.sleep(scenario.pause(chance))


async def call_in_tasks(scenario: Scenario, chance: random.Random) -> None:
    """Call in several tasks of asyncio."""
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(call_in_task(scenario, _chance(chance.random())))


async def call_on_trio(scenario: Scenario, chance: random.Random, end: float) -> None:
    """Call repeatedly on trio, and cancel every second call by a scope."""
    while time.monotonic() < end:
        call = scenario.call(chance)
        moment = min(moment_of(call, chance), call.timeout)
        if chance.random() < 0.5:
            await scenario.outcome_of_async(call)
        else:
            with trio.move_on_after(moment):
                await scenario.outcome_of_async(call, moment, (trio.Cancelled,))
        await trio.sleep(scenario.pause(chance))


async def call_in_nursery(scenario: Scenario, chance: random.Random) -> None:
    """Call for some seconds in several tasks of trio."""
    async with trio.open_nursery() as nursery:
        for _ in range(TRIO_TASKS):
            nursery.start_soon(
                call_on_trio, scenario, _chance(chance.random()), min(time.monotonic() + 5, scenario.end)
            )


def call_on_loops(scenario: Scenario, chance: random.Random) -> None:
    """Call on new event loops, which are abandoned, every second one during its calls."""
    while scenario.is_on():
        loop = asyncio.new_event_loop()
        tasks = [
            loop.create_task(scenario.outcome_of_async(scenario.call(chance)))
            for _ in range(chance.randint(1, ABANDONED_TASKS))
        ]
        if chance.random() < 0.5:
            loop.run_until_complete(asyncio.wait(tasks))
        else:
            loop.run_until_complete(asyncio.sleep(chance.uniform(0, chance.choice([0.02, 0.5]))))
        loop.close()
        del loop, tasks
        time.sleep(scenario.pause(chance))


def call_quietly(scenario: Scenario, chance: random.Random, client: Client, key: str, sent: Connection) -> None:
    """Call in all ways with a separate client, each time after the server has sent everything."""
    while scenario.is_on():
        call = scenario.call_of(client, key, max(TIMEOUTS), is_write=chance.random() < WRITES)
        library = chance.randrange(3)
        if library == 0:
            scenario.outcome_of(call)
        elif library == 1:
            asyncio.run(scenario.outcome_of_async(call))
        else:
            trio.run(scenario.outcome_of_async, call)
        # If the connection ended, the request may never have arrived, so that the server reports nothing.
        while sent.poll(5):
            if sent.recv() == call.number:
                break
        time.sleep(chance.random() * PAUSE)


def call_interrupted(scenario: Scenario, chance: random.Random) -> None:
    """Call repeatedly in sync code of the main thread, interrupted by a signal at any moment."""

    def interrupt(*_: object) -> NoReturn:
        raise chance.choice([Interruption, BaseInterruption])

    signal.signal(signal.SIGALRM, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    while scenario.is_on():
        call = scenario.call(chance)
        outcome: object
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, moment_of(call, chance))
                outcome = call.make()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001, each is recorded
            outcome = error
        scenario.figures.outcome(call, outcome, call.timeout, (Interruption, BaseInterruption))
        # The frames of the exception hold the remains of the call.
        del outcome
        time.sleep(scenario.pause(chance))


def watch(scenario: Scenario, samples: list[Sample]) -> None:
    """Record samples until the end, and interrupt all calling from time to time."""
    next_lull = time.monotonic() + LULL_EVERY
    while scenario.is_on():
        gc.collect()
        samples.append(sample())
        if time.monotonic() > next_lull:
            scenario.lull_ends = time.monotonic() + LULL
            next_lull = time.monotonic() + LULL_EVERY
        time.sleep(0.5)


def call_afterwards(scenario: Scenario) -> tuple[int, int]:
    """Call in all ways, with many calls at once; return how many succeeded, and how many there were."""
    before = scenario.figures.results["rows"]
    derived = [(client.with_options(timeout=10), "first") for client in scenario.clients]
    calls = [
        partial(scenario.call_of, client, key, 10, is_write=False) for client, key in derived for _ in range(AFTERWARDS)
    ]

    async def on_asyncio() -> None:
        await asyncio.gather(*(scenario.outcome_of_async(call()) for call in calls))

    async def on_trio() -> None:
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(scenario.outcome_of_async, call())

    with ThreadPoolExecutor(len(calls)) as threads:
        list(threads.map(lambda call: scenario.outcome_of(call()), calls))
    asyncio.run(on_asyncio())
    trio.run(on_trio)
    return scenario.figures.results["rows"] - before, 3 * len(calls)


def record_lost_exceptions(figures: LostFigures) -> None:
    """Record exceptions that reach no caller, except for those that are known not to be the client's fault.

    A signal's exception in a finalizer is lost. When a call is collected whose event loop has ended, httpcore looks for
    that loop, or waits for another one.
    """

    def unraisable(lost: Any) -> None:
        is_interruption = isinstance(lost.exc_value, Interruption | BaseInterruption)
        # Also a generator that `types.coroutine` has made awaitable, if it is collected first.
        is_garbage = inspect.isawaitable(lost.object)
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
    scenario: Scenario, call: Callable[[Scenario, random.Random], Coroutine[Any, Any, None]], chance: random.Random
) -> None:
    """Call in one event loop of trio after another."""
    while scenario.is_on():
        trio.run(call, scenario, chance)


def targets_of(
    scenario: Scenario, samples: list[Sample], quiet: list[tuple[Client, Connection]]
) -> list[Callable[[random.Random], object]]:
    """Return what each thread does, except for the main one, which signals interrupt."""
    return [
        *[partial(call_in_thread, scenario)] * THREADS,
        lambda chance: asyncio.run(call_in_tasks(scenario, chance)),
        partial(in_turn, scenario, call_in_nursery),
        partial(call_on_loops, scenario),
        *(
            partial(call_quietly, scenario, client=client, key=f"quiet{index}", sent=sent)
            for index, (client, sent) in enumerate(quiet)
        ),
        lambda _: watch(scenario, samples),
    ]


def call_in_all(scenario: Scenario, seed: int, quiet: list[tuple[Client, Connection]]) -> list[Sample]:
    """Call in all ways until the end; return samples of memory and open files."""
    chance = _chance(seed)
    samples: list[Sample] = []
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    threads = [
        threading.Thread(target=target, args=(_chance(chance.random()),), daemon=True)
        for target in targets_of(scenario, samples, quiet)
    ]
    for thread in threads:
        thread.start()
    call_interrupted(scenario, chance)
    for thread in threads:
        thread.join(20)
        if thread.is_alive():
            scenario.figures.failed(f"{thread} hangs")
    return samples


def clients_of(key: str, servers: tuple[str, str, str], retry: RetryPolicy | None) -> list[Client]:
    """Return a client of each server, which has a connection pool of its own."""
    url, url_by_tls, authority = servers
    both: list[tuple[str, bool | str]] = [(url, True), (url_by_tls, authority)]
    return [
        connect(
            Credentials(key.format(index), HmacKey(SECRET)),
            server=server,
            verify=verify,
            timeout=max(TIMEOUTS),
            retry=retry,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_EXPIRY,
            write_keepalive_expiry=WRITE_KEEPALIVE_EXPIRY,
        )
        for index, (server, verify) in enumerate(both)
    ]


def warm_up(servers: tuple[str, str, str], stalls: Stalls) -> None:
    """Call in all ways, which opens what stays open for the lifetime of the process."""
    scenario = Scenario(clients_of("first", servers, None), LostFigures(stalls), 0)
    call_afterwards(scenario)
    for client in scenario.clients:
        client.close()


def lost_calls(minutes: float, seed: int) -> bool:
    """Run, and print the figures; return True if all checks pass."""
    context = multiprocessing.get_context("spawn")
    connection, other_end = context.Pipe()
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    process = context.Process(target=exchange, args=(other_end, [receiver for _, receiver in pipes], seed), daemon=True)
    process.start()
    servers = connection.recv()

    stalls = Stalls()
    figures = LostFigures(stalls)
    record_lost_exceptions(figures)
    warm_up(servers, stalls)
    before = in_use()
    # Existing objects are never garbage, and examining them in each collection would make all callers wait.
    gc.freeze()
    stalls.start()
    end = time.monotonic() + WARM_UP_SECONDS + minutes * 60
    scenario = Scenario(clients_of("first", servers, RetryPolicy(max_attempts=3, initial_backoff=0.05)), figures, end)
    quiet = [(client, sent) for client, (sent, _) in zip(clients_of("quiet{}", servers, None), pipes, strict=True)]
    samples = call_in_all(scenario, seed, quiet)

    connection.send("be healthy")
    connection.recv()
    idle = in_use()[0] - before[0]
    succeeded, called = call_afterwards(scenario)
    for client in [*scenario.clients, *(client for client, _ in quiet)]:
        client.close()
    stalls.is_over = True
    stalls.join()
    connection.send("end")
    requests, writes, faults = connection.recv()
    process.join()

    callers = f"{THREADS} threads, {TASKS} tasks, {TRIO_TASKS} of trio, abandoned loops, the main thread, 2 quiet ones"
    figures.print_calls(callers, minutes, requests)
    print("faults         " + ", ".join(f"{times} {fault}" for fault, times in faults.most_common()))
    print(f"writes         {len(writes)} received, {len(figures.unsent)} reported as not executed")
    print(f"stalled        {stalls.seconds:.1f} s")
    print(f"afterwards     {succeeded} of {called} calls succeeded; before them {idle} files open")
    figures.judge_writes(writes)
    if succeeded != called:
        figures.failed("not all calls succeeded afterwards")
    # Each pool has its idle connections, and an abandoned loop may not be collected yet.
    if idle > 2 * MAX_CONNECTIONS + len(quiet):
        figures.failed(f"{idle} files were open while nobody called")
    return figures.judge(samples, minutes, before, MAX_FILES)
