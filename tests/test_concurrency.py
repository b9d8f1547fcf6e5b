"""One client among threads, tasks, event loops and forks: each caller gets its own answer, and nothing is left open."""

import asyncio
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from itertools import chain
from operator import attrgetter
from threading import Barrier, Event, Semaphore
from typing import Protocol
from urllib.parse import parse_qs

import anyio
import pytest
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError, ClientClosedError, TimeoutError  # noqa: A004, it is the tree's own
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Answer, Fault, Sandbox, Wire
from binance_signing import SigningClient, connect
from calls import Balance
from relay import Relay

TIME, BALANCE = "/dapi/v1/time", "/dapi/v1/balance"
HOUR = 3_600_000
MINUTE = 60_000
# A client has so many connections; further calls wait for one.
POOL = 100

# Python from 3.12 on warns of forks beside threads, and the sandbox is one.
needs_fork = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning"),
]

Rows = list[FuturesAccountBalance]
Outcome = Rows | BinanceError
# A client, and the recv_window by which a request is told from another.
Call = tuple[SigningClient, int]


class Held:
    """Answers that the sandbox holds back until they are let go, or until so many have gathered."""

    def __init__(self, gathering: int | None = None) -> None:
        """Hold back until `let_go`, or until the `gathering`th answer."""
        self._gathering = gathering
        self._arrivals = 0
        self._arrived = Semaphore(0)
        self._is_let_go = Event()

    def fault(self) -> Fault:
        """Give what to tell the sandbox."""
        return Fault("held", self._transmit)

    def wait_for(self, requests: int) -> None:
        """Wait until so many further requests have come in."""
        for _ in range(requests):
            assert self._arrived.acquire(timeout=10)

    def let_go(self) -> None:
        """Let all answers go, also those to come."""
        self._is_let_go.set()

    async def _transmit(self, answer: Answer, wire: Wire) -> None:
        self._arrivals += 1
        if self._arrivals == self._gathering:
            self.let_go()
        self._arrived.release()
        while not self._is_let_go.is_set():
            if await wire.is_lost(0.02):
                return
        await wire.send(answer)


def outcome_of(call: Call) -> Outcome:
    """Call by the sync function."""
    client, recv_window = call
    try:
        return futures_account_balance.sync(client=client, recv_window=recv_window)
    except BinanceError as error:
        return error


async def outcome_of_async(call: Call) -> Outcome:
    """Call by the async function."""
    client, recv_window = call
    try:
        return await futures_account_balance.asyncio(client=client, recv_window=recv_window)
    except BinanceError as error:
        return error


class AtOnce(Protocol):
    """Many calls at once, each in a thread or task of its own, and the end of their clients."""

    def __call__(self, calls: Sequence[Call], ended: Callable[[], object] = ...) -> list[Outcome]:
        """Make the calls, and call `ended` after each."""
        ...


def in_threads(calls: Sequence[Call], ended: Callable[[], object] = lambda: None) -> list[Outcome]:
    """Make calls at once, each in a thread of its own, and close their clients."""
    start = Barrier(len(calls))

    def one(call: Call) -> Outcome:
        start.wait()
        outcome = outcome_of(call)
        ended()
        return outcome

    with ExitStack() as stack, ThreadPoolExecutor(len(calls)) as threads:
        for client, _ in calls:
            stack.enter_context(client)
        return list(threads.map(one, calls))


async def gathered(calls: Sequence[Call], ended: Callable[[], object] = lambda: None) -> list[Outcome]:
    """Make calls at once, each in a task of its own."""
    outcomes: dict[int, Outcome] = {}

    async def one(place: int) -> None:
        outcomes[place] = await outcome_of_async(calls[place])
        ended()

    async with anyio.create_task_group() as tasks:
        for place in range(len(calls)):
            tasks.start_soon(one, place)
    return [outcomes[place] for place in range(len(calls))]


def in_tasks(backend: str, calls: Sequence[Call], ended: Callable[[], object] = lambda: None) -> list[Outcome]:
    """Make calls at once, each in a task of its own, and close their clients."""

    async def main() -> list[Outcome]:
        async with AsyncExitStack() as stack:
            for client, _ in calls:
                await stack.enter_async_context(client)
            return await gathered(calls, ended)

    return anyio.run(main, backend=backend)


_CALLERS: dict[str, tuple[AtOnce, int]] = {
    "threads": (in_threads, 50),
    "asyncio": (partial(in_tasks, "asyncio"), 1000),
    "trio": (partial(in_tasks, "trio"), 100),
}
in_each_way = pytest.mark.parametrize(
    "at_once", [pytest.param(at_once, id=name) for name, (at_once, _) in _CALLERS.items()]
)
in_each_way_and_number = pytest.mark.parametrize(
    ("at_once", "count"),
    [pytest.param(at_once, count, id=f"{count} {name}") for name, (at_once, count) in _CALLERS.items()],
)
in_each_loop = pytest.mark.parametrize("backend", ["asyncio", "trio"])
in_each_side = pytest.mark.parametrize("side", ["sync", "asyncio", "trio"])


def call_of(side: str) -> Callable[[SigningClient], Outcome]:
    """Return a call by the sync function, or by the async one in an event loop of its own."""
    if side == "sync":
        return lambda client: outcome_of((client, 60_000))
    return lambda client: anyio.run(outcome_of_async, (client, 60_000), backend=side)


def in_fork(work: Callable[[], object]) -> int:
    """Do some work in a fork of this process, and give its exit code."""
    child = os.fork()
    if not child:
        code = 1
        # A fork that waits for a lock would do so for ever.
        signal.alarm(5)
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001, the fork must not go on with the tests, whatever it is
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def paths(sandbox: Sandbox) -> Counter[str]:
    """Count what was asked for."""
    return Counter(request.path for request in sandbox.requests)


def aliases(outcomes: Sequence[Outcome]) -> list[str | Outcome]:
    """Give each outcome's accountAlias, and the outcomes that are no rows as they are."""
    return [outcome[0].account_alias if isinstance(outcome, list) else outcome for outcome in outcomes]


@in_each_way_and_number
def test_each_caller_gets_the_answer_to_its_own_request(sandbox: Sandbox, at_once: AtOnce, count: int) -> None:
    """One client hands each of many answers, all of them different, to the caller whose request it answers."""
    [row, *_] = sandbox.rows
    for place in range(count):
        sandbox.answer_next(200, body=[row | {"accountAlias": str(place)}])
    client = connect(sandbox.credentials, server=sandbox.url, timeout=30)
    windows = range(1, count + 1)

    outcomes = at_once([(client, window) for window in windows])

    asked = [int(parse_qs(request.query.decode())["recvWindow"][0]) for request in sandbox.requests]
    answered = {window: str(place) for place, window in enumerate(asked)}
    assert [answered[window] for window in windows] == aliases(outcomes)


@in_each_way
def test_two_clients_at_once(sandbox: Sandbox, relay: Relay, at_once: AtOnce) -> None:
    """Two clients of two accounts, interleaved, each get their own account's rows, and leave no connection."""
    [row, *_] = sandbox.rows
    sandbox.rows = [row | {"accountAlias": "first"}]
    other = sandbox.add_account(answers={"futuresAccountBalance": [row | {"accountAlias": "second"}]})
    clients = [
        connect(account.credentials, server=relay.url, timeout=30, recv_window=60_000)
        for account in (sandbox.account, other)
    ]

    outcomes = at_once([(client, 60_000) for _ in range(25) for client in clients])

    assert ["first", "second"] * 25 == aliases(outcomes)
    assert relay.settles_at(0)


@in_each_way
def test_many_refused_calls_make_one_measurement(sandbox: Sandbox, at_once: AtOnce) -> None:
    """When the exchange refuses the time of many calls at once, one asks for its time, and all succeed."""
    sandbox.clock_offset_ms = HOUR
    sandbox.fail_next(Held(gathering=50).fault(), times=50)
    client = connect(sandbox.credentials, server=sandbox.url, timeout=30)

    outcomes = at_once([(client, 60_000)] * 50)

    assert [sandbox.rows[0]["accountAlias"]] * 50 == aliases(outcomes)
    assert {TIME: 1, BALANCE: 100} == paths(sandbox)


@in_each_way
def test_many_first_calls_make_one_measurement(sandbox: Sandbox, at_once: AtOnce) -> None:
    """With `sync_clock` the clock is measured once before many first calls, none of which is refused."""
    sandbox.clock_offset_ms = HOUR
    client = connect(sandbox.credentials, server=sandbox.url, timeout=30, sync_clock=True)

    outcomes = at_once([(client, 60_000)] * 50)

    assert [sandbox.rows[0]["accountAlias"]] * 50 == aliases(outcomes)
    assert {TIME: 1, BALANCE: 50} == paths(sandbox)


@in_each_way
def test_paced_calls_never_meet_a_429(at_once: AtOnce) -> None:
    """Of 50 calls with a weight of 40 a minute 40 go at once, and the others when the next minute has begun."""
    times = [MINUTE - 100]
    ended: list[None] = []

    def turn_the_minute_after_40() -> None:
        ended.append(None)
        if len(ended) >= 40:
            times.append(MINUTE)

    with Sandbox(clock=lambda: times[-1], weight_limit=40) as sandbox:
        client = connect(
            sandbox.credentials, server=sandbox.url, clock=lambda: times[-1], pacing=40, timeout=30, recovery=None
        )

        outcomes = at_once([(client, 60_000)] * 50, turn_the_minute_after_40)

        assert [sandbox.rows[0]["accountAlias"]] * 50 == aliases(outcomes)
        assert {200: 50} == Counter(request.status for request in sandbox.requests)
        assert 10 == sandbox.used_weight


class TestFork:
    """A client that is there before a fork serves parent and child."""

    pytestmark = needs_fork

    def test_child_has_connections_of_its_own(self, sandbox: Sandbox, relay: Relay) -> None:
        """The child does not touch its parent's connection, which the parent goes on with."""
        with connect(sandbox.credentials, server=relay.url) as client:
            rows = futures_account_balance.sync(client=client)

            def child() -> None:
                assert rows == futures_account_balance.sync(client=client)

            assert 0 == in_fork(child)
            assert rows == futures_account_balance.sync(client=client)
            assert 2 == relay.accepted
            assert relay.settles_at(1)

    def test_child_of_a_running_event_loop(self, sandbox: Sandbox, relay: Relay) -> None:
        """The child may run an event loop of its own, and the parent's goes on."""

        async def main() -> None:
            async with connect(sandbox.credentials, server=relay.url) as client:
                rows = await futures_account_balance.asyncio(client=client)

                async def child() -> None:
                    assert rows == await futures_account_balance.asyncio(client=client)

                assert 0 == in_fork(lambda: asyncio.run(child()))
                assert rows == await futures_account_balance.asyncio(client=client)
                assert 2 == relay.accepted
                assert relay.settles_at(1)

        asyncio.run(main())

    def test_child_closes_nothing_of_its_parent(self, sandbox: Sandbox, relay: Relay) -> None:
        """When the child closes the client, the parent's is still open."""
        with connect(sandbox.credentials, server=relay.url) as client:
            futures_account_balance.sync(client=client)

            assert 0 == in_fork(client.close)
            futures_account_balance.sync(client=client)
            assert (1, 1) == (relay.accepted, relay.open)

    @pytest.mark.parametrize("lock", ["_exchange.rules.rate_limit._lock"])
    def test_lock_of_another_thread(self, sandbox: Sandbox, lock: str) -> None:
        """A lock that is held during the fork, here by hand for it is held too shortly, does not stop the child."""
        is_held, is_let_go = Event(), Event()

        def hold(client: SigningClient) -> None:
            with attrgetter(lock)(client):
                is_held.set()
                assert is_let_go.wait(10)

        def child() -> None:
            futures_account_balance.sync(client=client)
            client.close()

        with connect(sandbox.credentials, server=sandbox.url, pacing=100) as client, ThreadPoolExecutor(1) as threads:
            held = threads.submit(hold, client)
            assert is_held.wait(10)
            assert 0 == in_fork(child)
            is_let_go.set()
            held.result()
            futures_account_balance.sync(client=client)

    @in_each_side
    def test_calls_of_other_threads(self, sandbox: Sandbox, side: str) -> None:
        """The places of `max_connections` that other threads have during the fork are free in the child."""
        held = Held()
        sandbox.fail_next(held.fault(), times=2)
        with (
            connect(sandbox.credentials, server=sandbox.url, max_connections=2) as client,
            ThreadPoolExecutor(2) as threads,
        ):
            calls = [threads.submit(outcome_of, (client, 60_000)) for _ in range(2)]
            held.wait_for(2)

            def child() -> None:
                assert isinstance(call_of(side)(client), list)

            assert 0 == in_fork(child)
            held.let_go()
            assert [sandbox.rows[0]["accountAlias"]] * 2 == aliases([call.result() for call in calls])

    def test_measurement_of_another_thread(self, sandbox: Sandbox) -> None:
        """A measurement that another thread waits for during the fork does not stop the child, which makes its own."""
        sandbox.clock_offset_ms = HOUR
        held = Held()
        sandbox.fail_next(held.fault(), path=TIME)
        with connect(sandbox.credentials, server=sandbox.url) as client, ThreadPoolExecutor(1) as threads:
            call = threads.submit(outcome_of, (client, 60_000))
            held.wait_for(1)

            assert 0 == in_fork(lambda: futures_account_balance.sync(client=client))
            held.let_go()
            assert [sandbox.rows[0]["accountAlias"]] == aliases([call.result()])

    def test_weight_of_another_thread(self) -> None:
        """The weight of a call that is under way during the fork is not reserved in the child, where it never ends."""
        times = [MINUTE - 1]
        held = Held()
        with Sandbox(clock=lambda: MINUTE) as sandbox:
            sandbox.fail_next(held.fault())
            with (
                connect(
                    sandbox.credentials, server=sandbox.url, clock=lambda: times[-1], pacing=1, recovery=None, timeout=5
                ) as client,
                ThreadPoolExecutor(1) as threads,
            ):
                call = threads.submit(outcome_of, (client, 60_000))
                held.wait_for(1)

                def child() -> None:
                    times.append(MINUTE)
                    futures_account_balance.sync(client=client)

                assert 0 == in_fork(child)
                held.let_go()
                assert [sandbox.rows[0]["accountAlias"]] == aliases([call.result()])


@in_each_loop
def test_one_event_loop_after_another(sandbox: Sandbox, relay: Relay, backend: str) -> None:
    """A client serves one event loop after another over one connection, which no loop's end closes."""
    client = connect(sandbox.credentials, server=relay.url)

    async def main() -> Rows:
        return await futures_account_balance.asyncio(client=client)

    for _ in range(3):
        assert sandbox.rows == [row.to_dict() for row in anyio.run(main, backend=backend)]
        assert (1, 1) == (relay.accepted, relay.open)

    client.close()
    assert relay.settles_at(0)


def test_sync_and_async_calls_share_connections(sandbox: Sandbox, relay: Relay) -> None:
    """What one way of calling leaves idle the next one uses, within event loops and outside of them."""
    with connect(sandbox.credentials, server=relay.url) as client:
        for side in ("sync", "asyncio", "trio", "sync", "trio", "asyncio"):
            assert isinstance(call_of(side)(client), list)

        async def main() -> list[Outcome]:
            return [outcome_of((client, 60_000)), await outcome_of_async((client, 60_000))]

        assert [sandbox.rows[0]["accountAlias"]] * 2 == aliases(asyncio.run(main()))
        assert (1, 1) == (relay.accepted, relay.open)
    assert relay.settles_at(0)


def test_event_loops_at_the_same_time(sandbox: Sandbox, relay: Relay) -> None:
    """Three event loops in three threads share a client, and whichever closes it closes all connections."""
    client = connect(sandbox.credentials, server=relay.url)
    barrier = Barrier(3)

    def run(backend: str) -> list[Outcome]:
        async def main() -> list[Outcome]:
            barrier.wait()
            outcomes = await gathered([(client, 60_000)] * 20)
            if barrier.wait() == 0:
                await client.aclose()
            return outcomes

        return anyio.run(main, backend=backend)

    with ThreadPoolExecutor(3) as threads:
        outcomes = [*chain.from_iterable(threads.map(run, ["asyncio", "asyncio", "trio"]))]

    assert [sandbox.rows[0]["accountAlias"]] * 60 == aliases(outcomes)
    assert relay.settles_at(0)


def test_trio_recovers(sandbox: Sandbox) -> None:
    """Under trio too a failed call is tried again."""
    sandbox.answer_next(503)
    sandbox.fail_next(Fault.disconnect())

    [outcome] = in_tasks("trio", [(connect(sandbox.credentials, server=sandbox.url), 60_000)])

    assert isinstance(outcome, list)
    assert {BALANCE: 3} == paths(sandbox)


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.drip_headers(), Fault.drip_body()], ids=lambda it: it.name)
def test_trio_ends_in_time(sandbox: Sandbox, fault: Fault) -> None:
    """Under trio too a call ends in time, whatever the exchange does."""
    sandbox.fail_next(fault)

    [outcome] = in_tasks("trio", [(connect(sandbox.credentials, server=sandbox.url, timeout=0.2), 60_000)])

    assert isinstance(outcome, TimeoutError)


@in_each_loop
def test_cancelled_calls_leave_nothing_behind(backend: str) -> None:
    """Cancelled calls, some still waiting for a connection, give back connections and weight; later ones succeed."""
    held = Held()
    with Sandbox(clock=lambda: MINUTE) as sandbox, Relay(sandbox.url) as relay:
        sandbox.fail_next(held.fault(), times=POOL)

        async def main() -> None:
            client = connect(sandbox.credentials, server=relay.url, clock=lambda: MINUTE, pacing=POOL + 50, timeout=10)
            async with client:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(gathered, [(client, 60_000)] * (POOL + 50))
                    await anyio.to_thread.run_sync(held.wait_for, POOL)
                    tasks.cancel_scope.cancel()
                assert await anyio.to_thread.run_sync(relay.settles_at, 0)
                # One after another, so that each knows of the weight of all before; the last one takes the last of it.
                for _ in range(50):
                    assert isinstance(await outcome_of_async((client, 60_000)), list)
            assert await anyio.to_thread.run_sync(relay.settles_at, 0)

        anyio.run(main, backend=backend)

        assert {BALANCE: POOL + 50} == paths(sandbox)


def test_cancelled_task(sandbox: Sandbox, relay: Relay) -> None:
    """A task of asyncio that is cancelled ends as such, and its connection is closed."""
    held = Held()
    sandbox.fail_next(held.fault())

    async def main() -> None:
        async with connect(sandbox.credentials, server=relay.url, timeout=10) as client:
            task = asyncio.create_task(outcome_of_async((client, 60_000)))
            await asyncio.to_thread(held.wait_for, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(relay.settles_at, 0)
            assert isinstance(await outcome_of_async((client, 60_000)), list)

    asyncio.run(main())


@in_each_loop
def test_cancelled_measurement(sandbox: Sandbox, backend: str) -> None:
    """When the call that measures the clock is cancelled, one of those that wait for it does so."""
    held = Held()
    sandbox.clock_offset_ms = HOUR
    sandbox.fail_next(held.fault(), path=TIME)

    async def main() -> None:
        async with connect(sandbox.credentials, server=sandbox.url) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outcome_of_async, (client, 60_000))
                await anyio.to_thread.run_sync(held.wait_for, 1)
                tasks.cancel_scope.cancel()
            outcomes = await gathered([(client, 60_000)] * 10)
            assert [sandbox.rows[0]["accountAlias"]] * 10 == aliases(outcomes)

    anyio.run(main, backend=backend)

    assert 2 == paths(sandbox)[TIME]


def ends(outcomes: Iterable[Outcome]) -> Counter[tuple[str, str, str]]:
    """Count the errors that calls ended in: class, `outcome` and text of each."""
    return Counter((type(error).__name__, getattr(error, "outcome", ""), str(error)) for error in outcomes)


CLOSED = ("ClientClosedError", "failed", "the client is closed; create a new one")
INTERRUPTED = (
    "ClientClosedError",
    "unknown",
    "the client was closed before the call had its answer; close it later",
)


class TestClose:
    """A client that is closed says so, and has nothing open."""

    def test_calls_after_it(self, sandbox: Sandbox, balance: Balance) -> None:
        """A closed client may be closed and entered again, but makes no call."""
        client = connect(sandbox.credentials, server=sandbox.url)
        balance(client)

        with pytest.raises(ClientClosedError) as caught:
            balance(client)

        client.close()
        assert {CLOSED: 1} == ends([caught.value])
        assert {BALANCE: 1} == paths(sandbox)

    def test_calls_of_the_other_side_after_it(self, sandbox: Sandbox) -> None:
        """A client that one side has closed makes no call of the other."""
        clients = [connect(sandbox.credentials, server=sandbox.url) for _ in range(2)]
        clients[0].close()
        asyncio.run(clients[1].aclose())

        outcomes = [call_of(side)(client) for client in clients for side in ("sync", "asyncio", "trio")]

        assert {CLOSED: 6} == ends(outcomes)
        assert [] == sandbox.requests

    def test_client_that_was_never_used(self, sandbox: Sandbox) -> None:
        """A client that made no call can be closed, also twice."""

        async def main() -> None:
            async with connect(sandbox.credentials, server=sandbox.url) as client:
                await client.aclose()

        asyncio.run(main())

        assert [] == sandbox.requests

    @pytest.mark.parametrize("is_async", [False, True], ids=["close", "aclose"])
    def test_while_threads_call(self, sandbox: Sandbox, relay: Relay, *, is_async: bool) -> None:
        """Calls on their way end without an answer, those that wait for a place are not sent, and nothing is open."""
        held = Held()
        sandbox.fail_next(held.fault(), times=POOL)
        client = connect(sandbox.credentials, server=relay.url, timeout=30)
        with ThreadPoolExecutor(POOL + 20) as threads:
            outcomes = threads.map(outcome_of, [(client, 60_000)] * (POOL + 20))
            held.wait_for(POOL)

            if is_async:
                asyncio.run(client.aclose())
            else:
                client.close()

            assert {INTERRUPTED: POOL, CLOSED: 20} == ends(outcomes)
        assert relay.settles_at(0)
        assert {BALANCE: POOL} == paths(sandbox)

    @in_each_loop
    @pytest.mark.parametrize("closer", ["this loop", "a thread", "another loop"])
    def test_while_tasks_call(self, sandbox: Sandbox, relay: Relay, backend: str, closer: str) -> None:
        """Calls on their way end without an answer, those that wait for a place are not sent, and nothing is open."""
        held = Held()
        sandbox.fail_next(held.fault(), times=POOL)
        outcomes: list[Outcome] = []

        async def main() -> None:
            client = connect(sandbox.credentials, server=relay.url, timeout=30)

            async def call() -> None:
                outcomes.extend(await gathered([(client, 60_000)] * (POOL + 20)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await anyio.to_thread.run_sync(held.wait_for, POOL)
                if closer == "this loop":
                    await client.aclose()
                elif closer == "a thread":
                    await anyio.to_thread.run_sync(client.close)
                else:
                    await anyio.to_thread.run_sync(anyio.run, client.aclose)
            assert await anyio.to_thread.run_sync(relay.settles_at, 0)

        anyio.run(main, backend=backend)

        assert {INTERRUPTED: POOL, CLOSED: 20} == ends(outcomes)
        assert {BALANCE: POOL} == paths(sandbox)

    @in_each_side
    def test_while_a_call_waits(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, side: str) -> None:
        """A call that waits before its next try, when the client is closed, is not sent again."""
        client = connect(sandbox.credentials, server=sandbox.url)
        sandbox.answer_next(503)

        async def sleep(_: float) -> None:
            client.close()

        # In place of the wait, which nobody could tell from what is before it.
        monkeypatch.setattr(time, "sleep", lambda _: client.close())
        monkeypatch.setattr(anyio, "sleep", sleep)

        assert {CLOSED: 1} == ends([call_of(side)(client)])
        assert {BALANCE: 1} == paths(sandbox)
