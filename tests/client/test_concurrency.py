"""One client in threads, tasks, event loops and forks: each caller gets its own response, and nothing is left open."""

import asyncio
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from operator import attrgetter
from threading import Barrier, Event
from urllib.parse import parse_qs

import anyio
import pytest
from binance_coinm import Client, RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ClientClosedError, IpBannedError, TimeoutError  # noqa: A004, it is the one of the tree
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance
from support.concurrency import (
    ConcurrentRunner,
    Outcome,
    ResponseGate,
    Rows,
    aliases,
    gathered,
    in_each_way,
    in_each_way_and_number,
    in_tasks,
    outcome_of,
    outcome_of_async,
)
from support.recording_proxy import RecordingProxy

TIME, BALANCE = "/dapi/v1/time", "/dapi/v1/balance"
HOUR = 3_600_000
MINUTE = 60_000
# The default of max_connections; further calls wait for a permit.
POOL = 100

# Python 3.12 and later warn of forks in multi-threaded processes, and the sandbox runs in a thread.
needs_fork = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning"),
]


in_each_loop = pytest.mark.parametrize("backend", ["asyncio", "trio"])
in_each_side = pytest.mark.parametrize("side", ["sync", "asyncio", "trio"])


def call_of(side: str) -> Callable[[Client], Outcome]:
    """Return a call by the sync function, or by the async one in an event loop of its own."""
    if side == "sync":
        return lambda client: outcome_of((client, 60_000))
    return lambda client: anyio.run(outcome_of_async, (client, 60_000), backend=side)


def in_fork(work: Callable[[], object]) -> int:
    """Run a function in a fork of this process, and return its exit code."""
    child = os.fork()
    if not child:
        code = 1
        # A fork that waits for a lock would do so forever.
        signal.alarm(5)
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001, the fork must not go on with the tests
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def paths(sandbox: Sandbox) -> Counter[str]:
    """Count the requests by path."""
    return Counter(request.path for request in sandbox.received_requests)


@in_each_way_and_number
def test_each_caller_gets_its_own_response(sandbox: Sandbox, at_once: ConcurrentRunner, count: int) -> None:
    """Many concurrent calls of one client each get the response to their own request."""
    [row, *_] = sandbox.balances
    for index in range(count):
        sandbox.respond_next(200, body=[row | {"accountAlias": str(index)}])
    client = connect(sandbox.credentials, server=sandbox.url, timeout=30)
    windows = range(1, count + 1)

    outcomes = at_once([(client, window) for window in windows])

    sent = [int(parse_qs(request.query.decode())["recvWindow"][0]) for request in sandbox.received_requests]
    alias_of = {window: str(index) for index, window in enumerate(sent)}
    assert [alias_of[window] for window in windows] == aliases(outcomes)


@in_each_way
def test_ban_while_calls_wait_for_a_permit(sandbox: Sandbox, at_once: ConcurrentRunner) -> None:
    """Calls that wait for a permit while another one meets a ban are not sent."""
    sandbox.respond_next(418, headers={"Retry-After": "600"})
    client = connect(sandbox.credentials, server=sandbox.url, max_connections=1)

    outcomes = at_once([(client, 60_000)] * 20)

    assert {IpBannedError} == {type(outcome) for outcome in outcomes}
    assert 1 == len(sandbox.received_requests)


@in_each_way
def test_ban_while_calls_wait_for_the_clock(sandbox: Sandbox, at_once: ConcurrentRunner) -> None:
    """Calls that wait for another one's request for the time, which meets a ban, send none of their own."""
    sandbox.respond_next(418, headers={"Retry-After": "600"}, path=TIME)
    client = connect(sandbox.credentials, server=sandbox.url, sync_clock=True)

    outcomes = at_once([(client, 60_000)] * 20)

    assert {IpBannedError} == {type(outcome) for outcome in outcomes}
    assert 1 == len(sandbox.received_requests)


@in_each_way
def test_two_clients_at_once(sandbox: Sandbox, relay: RecordingProxy, at_once: ConcurrentRunner) -> None:
    """Interleaved calls of two clients each get their own account's rows, and leave no connection open."""
    [row, *_] = sandbox.balances
    sandbox.balances = [row | {"accountAlias": "first"}]
    other = sandbox.add_account(responses={"futuresAccountBalance": [row | {"accountAlias": "second"}]})
    clients = [
        connect(account.credentials, server=relay.url, timeout=30, recv_window=60_000)
        for account in (sandbox.account, other)
    ]

    outcomes = at_once([(client, 60_000) for _ in range(25) for client in clients])

    assert ["first", "second"] * 25 == aliases(outcomes)
    assert relay.settles_at(0)


@in_each_way
def test_rejected_calls_share_one_synchronization(sandbox: Sandbox, at_once: ConcurrentRunner) -> None:
    """If the exchange rejects the timestamps of many calls at once, one synchronizes the clock, and all succeed."""
    sandbox.clock_offset_ms = HOUR
    sandbox.inject_fault(ResponseGate(gathering=50).fault(), times=50)
    client = connect(sandbox.credentials, server=sandbox.url, timeout=30)

    outcomes = at_once([(client, 60_000)] * 50)

    assert [sandbox.balances[0]["accountAlias"]] * 50 == aliases(outcomes)
    assert {TIME: 1, BALANCE: 100} == paths(sandbox)


@in_each_way
def test_first_calls_share_one_synchronization(sandbox: Sandbox, at_once: ConcurrentRunner) -> None:
    """With `sync_clock` the clock is synchronized once before many first calls, none of which is rejected."""
    sandbox.clock_offset_ms = HOUR
    client = connect(sandbox.credentials, server=sandbox.url, timeout=30, sync_clock=True)

    outcomes = at_once([(client, 60_000)] * 50)

    assert [sandbox.balances[0]["accountAlias"]] * 50 == aliases(outcomes)
    assert {TIME: 1, BALANCE: 50} == paths(sandbox)


@in_each_way
def test_client_side_limit_avoids_429(at_once: ConcurrentRunner) -> None:
    """Of 50 calls with a weight of 40 per minute 40 are sent at once, and the others in the next minute."""
    started = time.monotonic()

    def clock() -> int:
        # It goes on as fast as the client's waits, and both sides have it; 40 calls need not two seconds.
        return MINUTE - 2000 + int(1000 * (time.monotonic() - started))

    with Sandbox(clock=clock, weight_limit=40) as sandbox:
        client = connect(
            sandbox.credentials, server=sandbox.url, clock=clock, max_weight_per_minute=40, timeout=30, retry=None
        )

        outcomes = at_once([(client, 60_000)] * 50)

        assert [sandbox.balances[0]["accountAlias"]] * 50 == aliases(outcomes)
        assert {200: 50} == Counter(request.status for request in sandbox.received_requests)
        assert 10 == sandbox.used_weight


class TestFork:
    """A client that was created before a fork serves parent and child."""

    pytestmark = needs_fork

    def test_child_has_connections_of_its_own(self, sandbox: Sandbox, relay: RecordingProxy) -> None:
        """The child does not touch its parent's connection, which the parent goes on using."""
        with connect(sandbox.credentials, server=relay.url) as client:
            rows = futures_account_balance.sync(client=client)

            def child() -> None:
                assert rows == futures_account_balance.sync(client=client)

            assert 0 == in_fork(child)
            assert rows == futures_account_balance.sync(client=client)
            assert 2 == relay.accepted
            assert relay.settles_at(1)

    def test_child_of_a_running_event_loop(self, sandbox: Sandbox, relay: RecordingProxy) -> None:
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

    def test_child_closes_nothing_of_its_parent(self, sandbox: Sandbox, relay: RecordingProxy) -> None:
        """If the child closes the client, the parent's stays open."""
        with connect(sandbox.credentials, server=relay.url) as client:
            futures_account_balance.sync(client=client)

            assert 0 == in_fork(client.close)
            futures_account_balance.sync(client=client)
            assert (1, 1) == (relay.accepted, relay.open)

    @pytest.mark.parametrize("lock", ["_state.rate_limit._lock"])
    def test_lock_of_another_thread(self, sandbox: Sandbox, lock: str) -> None:
        """A lock that is held during the fork does not block the child; it is held by hand, to be held long enough."""
        is_held, is_released = Event(), Event()

        def hold(client: Client) -> None:
            with attrgetter(lock)(client):
                is_held.set()
                assert is_released.wait(10)

        def child() -> None:
            futures_account_balance.sync(client=client)
            client.close()

        with (
            connect(sandbox.credentials, server=sandbox.url, max_weight_per_minute=100) as client,
            ThreadPoolExecutor(1) as threads,
        ):
            holding = threads.submit(hold, client)
            assert is_held.wait(10)
            assert 0 == in_fork(child)
            is_released.set()
            holding.result()
            futures_account_balance.sync(client=client)

    @in_each_side
    def test_calls_of_other_threads(self, sandbox: Sandbox, side: str) -> None:
        """The permits that other threads hold during the fork are free in the child."""
        gate = ResponseGate()
        sandbox.inject_fault(gate.fault(), times=2)
        with (
            connect(sandbox.credentials, server=sandbox.url, max_connections=2) as client,
            ThreadPoolExecutor(2) as threads,
        ):
            calls = [threads.submit(outcome_of, (client, 60_000)) for _ in range(2)]
            gate.wait_for(2)

            def child() -> None:
                assert isinstance(call_of(side)(client), list)

            assert 0 == in_fork(child)
            gate.open()
            assert [sandbox.balances[0]["accountAlias"]] * 2 == aliases([call.result() for call in calls])

    def test_synchronization_of_another_thread(self, sandbox: Sandbox) -> None:
        """A synchronization in progress during the fork does not block the child, which makes its own."""
        sandbox.clock_offset_ms = HOUR
        gate = ResponseGate()
        sandbox.inject_fault(gate.fault(), path=TIME)
        with connect(sandbox.credentials, server=sandbox.url) as client, ThreadPoolExecutor(1) as threads:
            call = threads.submit(outcome_of, (client, 60_000))
            gate.wait_for(1)

            assert 0 == in_fork(lambda: futures_account_balance.sync(client=client))
            gate.open()
            assert [sandbox.balances[0]["accountAlias"]] == aliases([call.result()])

    def test_weight_of_another_thread(self) -> None:
        """The weight of a call in flight during the fork is not reserved in the child, where the call never ends."""
        times = [MINUTE - 1]
        gate = ResponseGate()
        with Sandbox(clock=lambda: MINUTE) as sandbox:
            sandbox.inject_fault(gate.fault())
            with (
                connect(
                    sandbox.credentials,
                    server=sandbox.url,
                    clock=lambda: times[-1],
                    max_weight_per_minute=1,
                    retry=None,
                    timeout=5,
                ) as client,
                ThreadPoolExecutor(1) as threads,
            ):
                call = threads.submit(outcome_of, (client, 60_000))
                gate.wait_for(1)

                def child() -> None:
                    times.append(MINUTE)
                    futures_account_balance.sync(client=client)

                assert 0 == in_fork(child)
                gate.open()
                assert [sandbox.balances[0]["accountAlias"]] == aliases([call.result()])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has eager tasks since Python 3.12")
def test_eager_tasks(sandbox: Sandbox) -> None:
    """Tasks that begin within `create_task` call, retry, wait for a permit, time out and are cancelled as others."""

    async def main() -> tuple[list[Outcome], Outcome]:
        # Type checkers read this file as Python 3.11.
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        retry = RetryPolicy(initial_backoff=0)
        async with connect(sandbox.credentials, server=sandbox.url, max_connections=2, retry=retry) as client:
            sandbox.respond_next(503)
            outcomes = await asyncio.gather(*(outcome_of_async((client, 60_000)) for _ in range(10)))
            sandbox.inject_fault(Fault.silence(), times=2)
            lost = asyncio.create_task(client.aio.account.futures_account_balance())
            await asyncio.sleep(0)
            lost.cancel()
            with pytest.raises(asyncio.CancelledError):
                await lost
            late = await outcome_of_async((client.with_options(timeout=0.2, retry=None), 60_000))
            return outcomes, late

    outcomes, late = asyncio.run(main())

    assert [sandbox.balances[0]["accountAlias"]] * 10 == aliases(outcomes)
    assert isinstance(late, TimeoutError)


@in_each_loop
def test_one_event_loop_after_another(sandbox: Sandbox, relay: RecordingProxy, backend: str) -> None:
    """A client serves one event loop after another over one connection, which outlives the loops."""
    client = connect(sandbox.credentials, server=relay.url)

    async def main() -> Rows:
        return await futures_account_balance.asyncio(client=client)

    for _ in range(3):
        assert sandbox.balances == [row.to_dict() for row in anyio.run(main, backend=backend)]
        assert (1, 1) == (relay.accepted, relay.open)

    client.close()
    assert relay.settles_at(0)


def test_sync_and_async_calls_share_connections(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """Idle connections are shared by sync and async calls, within event loops and outside of them."""
    with connect(sandbox.credentials, server=relay.url) as client:
        for side in ("sync", "asyncio", "trio", "sync", "trio", "asyncio"):
            assert isinstance(call_of(side)(client), list)

        async def main() -> list[Outcome]:
            return [outcome_of((client, 60_000)), await outcome_of_async((client, 60_000))]

        assert [sandbox.balances[0]["accountAlias"]] * 2 == aliases(asyncio.run(main()))
        assert (1, 1) == (relay.accepted, relay.open)
    assert relay.settles_at(0)


def test_event_loops_at_the_same_time(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """Three event loops in three threads share a client, and any of them closes all connections."""
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

    assert [sandbox.balances[0]["accountAlias"]] * 60 == aliases(outcomes)
    assert relay.settles_at(0)


def test_retries_on_trio(sandbox: Sandbox) -> None:
    """A failed call is retried under trio, too."""
    sandbox.respond_next(503)
    sandbox.inject_fault(Fault.disconnect())

    [outcome] = in_tasks("trio", [(connect(sandbox.credentials, server=sandbox.url), 60_000)])

    assert isinstance(outcome, list)
    assert {BALANCE: 3} == paths(sandbox)


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.drip_headers(), Fault.drip_body()], ids=lambda it: it.name)
def test_timeout_on_trio(sandbox: Sandbox, fault: Fault) -> None:
    """A call ends in time under trio, too, whatever the exchange does."""
    sandbox.inject_fault(fault)

    [outcome] = in_tasks("trio", [(connect(sandbox.credentials, server=sandbox.url, timeout=0.2), 60_000)])

    assert isinstance(outcome, TimeoutError)


@in_each_loop
def test_cancelled_calls_leave_nothing_behind(backend: str) -> None:
    """Cancelled calls, also waiting ones, release connections and weight; later calls succeed."""
    gate = ResponseGate()
    with Sandbox(clock=lambda: MINUTE) as sandbox, RecordingProxy(sandbox.url) as relay:
        sandbox.inject_fault(gate.fault(), times=POOL)

        async def main() -> None:
            client = connect(
                sandbox.credentials, server=relay.url, clock=lambda: MINUTE, max_weight_per_minute=POOL + 50, timeout=10
            )
            async with client:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(gathered, [(client, 60_000)] * (POOL + 50))
                    await anyio.to_thread.run_sync(gate.wait_for, POOL)
                    tasks.cancel_scope.cancel()
                assert await anyio.to_thread.run_sync(relay.settles_at, 0)
                # One after another, so that each knows the weight of all earlier ones; the last one uses the rest.
                for _ in range(50):
                    assert isinstance(await outcome_of_async((client, 60_000)), list)
            assert await anyio.to_thread.run_sync(relay.settles_at, 0)

        anyio.run(main, backend=backend)

        assert {BALANCE: POOL + 50} == paths(sandbox)


def test_cancelled_task(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """A cancelled task of asyncio ends as cancelled, and its connection is closed."""
    gate = ResponseGate()
    sandbox.inject_fault(gate.fault())

    async def main() -> None:
        async with connect(sandbox.credentials, server=relay.url, timeout=10) as client:
            task = asyncio.create_task(outcome_of_async((client, 60_000)))
            await asyncio.to_thread(gate.wait_for, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(relay.settles_at, 0)
            assert isinstance(await outcome_of_async((client, 60_000)), list)

    asyncio.run(main())


@in_each_loop
def test_cancelled_synchronization(sandbox: Sandbox, backend: str) -> None:
    """If the call that synchronizes the clock is cancelled, one of those that wait for it does so."""
    gate = ResponseGate()
    sandbox.clock_offset_ms = HOUR
    sandbox.inject_fault(gate.fault(), path=TIME)

    async def main() -> None:
        async with connect(sandbox.credentials, server=sandbox.url) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outcome_of_async, (client, 60_000))
                await anyio.to_thread.run_sync(gate.wait_for, 1)
                tasks.cancel_scope.cancel()
            outcomes = await gathered([(client, 60_000)] * 10)
            assert [sandbox.balances[0]["accountAlias"]] * 10 == aliases(outcomes)

    anyio.run(main, backend=backend)

    assert 2 == paths(sandbox)[TIME]


def ends(outcomes: Iterable[Outcome]) -> Counter[tuple[str, str, str]]:
    """Count the errors that calls ended in: class, `execution` and text of each."""
    return Counter((type(error).__name__, getattr(error, "execution", ""), str(error)) for error in outcomes)


CLOSED = ("ClientClosedError", "not_executed", "the client is closed; create a new one")
INTERRUPTED = (
    "ClientClosedError",
    "unknown",
    (
        "the client was closed before the call got its response; close it after its calls have ended;"
        " it is unknown whether the exchange executed the request"
    ),
)


class TestClose:
    """A closed client says so, and has nothing open."""

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
        """A client closed in sync code makes no async call, and the reverse."""
        clients = [connect(sandbox.credentials, server=sandbox.url) for _ in range(2)]
        clients[0].close()
        asyncio.run(clients[1].aclose())

        outcomes = [call_of(side)(client) for client in clients for side in ("sync", "asyncio", "trio")]

        assert {CLOSED: 6} == ends(outcomes)
        assert [] == sandbox.received_requests

    def test_client_that_was_never_used(self, sandbox: Sandbox) -> None:
        """A client that made no call can be closed, also twice."""

        async def main() -> None:
            async with connect(sandbox.credentials, server=sandbox.url) as client:
                await client.aclose()

        asyncio.run(main())

        assert [] == sandbox.received_requests

    @pytest.mark.parametrize("is_async", [False, True], ids=["close", "aclose"])
    def test_while_threads_call(self, sandbox: Sandbox, relay: RecordingProxy, *, is_async: bool) -> None:
        """Calls in flight end without a response, those that wait for a permit are not sent, and nothing is open."""
        gate = ResponseGate()
        sandbox.inject_fault(gate.fault(), times=POOL)
        client = connect(sandbox.credentials, server=relay.url, timeout=30)
        with ThreadPoolExecutor(POOL + 20) as threads:
            outcomes = threads.map(outcome_of, [(client, 60_000)] * (POOL + 20))
            gate.wait_for(POOL)

            if is_async:
                asyncio.run(client.aclose())
            else:
                client.close()

            assert {INTERRUPTED: POOL, CLOSED: 20} == ends(outcomes)
        assert relay.settles_at(0)
        assert {BALANCE: POOL} == paths(sandbox)

    @in_each_loop
    @pytest.mark.parametrize("closer", ["this loop", "a thread", "another loop"])
    def test_while_tasks_call(self, sandbox: Sandbox, relay: RecordingProxy, backend: str, closer: str) -> None:
        """Calls in flight end without a response, those that wait for a permit are not sent, and nothing is open."""
        gate = ResponseGate()
        sandbox.inject_fault(gate.fault(), times=POOL)
        outcomes: list[Outcome] = []

        async def main() -> None:
            client = connect(sandbox.credentials, server=relay.url, timeout=30)

            async def call() -> None:
                outcomes.extend(await gathered([(client, 60_000)] * (POOL + 20)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await anyio.to_thread.run_sync(gate.wait_for, POOL)
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
        """A call that waits for its next attempt ends when the client is closed, and is not sent again."""
        client = connect(sandbox.credentials, server=sandbox.url)
        sandbox.respond_next(503, headers={"Retry-After": "9"})

        slept: list[float] = []

        def close(seconds: float) -> None:
            slept.append(seconds)
            client.close()

        async def sleep(seconds: float) -> None:
            close(seconds)

        # Instead of waiting, because a test cannot see when the wait begins.
        monkeypatch.setattr(time, "sleep", close)
        monkeypatch.setattr(anyio, "sleep", sleep)

        assert {CLOSED: 1} == ends([call_of(side)(client)])
        assert [0.1] == slept
        assert {BALANCE: 1} == paths(sandbox)
