"""Calls that are cancelled or interrupted at any moment, and abandoned event loops, leave nothing behind."""

import asyncio
import gc
import random
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from binance_client.event_loops import without_checkpoints
from binance_coinm import Client, errors
from binance_coinm.api.account import futures_account_balance
from support.cancellation import cancel_after_turns, cancel_by_group, cancel_by_timeout, cancel_task
from support.constants import ROOT
from support.scripted_server import Request, ScriptedServer, client_of, owner_of, response, rows_of

CANCELLATIONS = 2500
LOOPS = 1000
INTERRUPTIONS = 500
AFTERWARDS = 20
# Seconds that a call takes at most, so that a moment within them is a moment of the call.
CALL = 0.004

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts descriptors in /proc")


def rows_for(request: Request) -> bytes:
    """Return the rows of the caller."""
    return response(rows_of(request.api_key))


def descriptors() -> int:
    """Count the open descriptors of this process, after garbage collection."""
    gc.collect()
    return len([*Path("/proc/self/fd").iterdir()])


def moments() -> Callable[[], float]:
    """Return a function that returns moments, the same in each run, in seconds from the beginning of a call."""
    return partial(random.Random(7).uniform, 0, CALL)  # noqa: S311, moments are not secret


async def cancelled_on_asyncio(client: Client) -> None:
    """Cancel calls in all ways of asyncio, after seconds and after turns of the event loop."""
    moment = moments()

    async def call() -> None:
        await futures_account_balance.asyncio(client=client)

    for number in range(CANCELLATIONS // 5):
        by_the_clock = [cancel(call, moment()) for cancel in (cancel_task, cancel_by_timeout, cancel_by_group)]
        await asyncio.gather(*by_the_clock, cancel_after_turns(call, number % 60), cancel_after_turns(call, number % 7))
    await asyncio.gather(*(call() for _ in range(AFTERWARDS)))


async def cancelled_on_trio(client: Client) -> None:
    """Cancel calls by scopes of trio."""
    moment = moments()

    async def call(seconds: float = 60) -> None:
        with trio.move_on_after(seconds):
            await futures_account_balance.asyncio(client=client)

    for _ in range(CANCELLATIONS // 5):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(call, moment())
    async with trio.open_nursery() as nursery:
        for _ in range(AFTERWARDS):
            nursery.start_soon(call)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_cancelled_calls(library: str, *, tls: bool) -> None:
    """After thousands of cancelled calls all permits are free, all connections are closed, and calls succeed."""
    with ScriptedServer(rows_for, tls=tls) as server:
        with client_of(server, max_connections=10) as client:
            before = descriptors()
            if library == "asyncio":
                asyncio.run(cancelled_on_asyncio(client))
            else:
                trio.run(cancelled_on_trio, client)
            assert server.settles_at_most(10)
            client.close()
            assert server.settles_at(0)
        assert before >= descriptors()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_event_loops_that_are_abandoned(*, tls: bool) -> None:
    """A new event loop for each call, closed as Celery and rq do, leaves no descriptor, nor a connection."""
    with ScriptedServer(rows_for, tls=tls) as server, client_of(server) as client:
        before = descriptors()
        for _ in range(LOOPS):
            loop = asyncio.new_event_loop()
            assert "first" == owner_of(loop.run_until_complete(futures_account_balance.asyncio(client=client)))
            loop.close()
        assert 1 == server.accepted
        # Both ends of the one connection are in this process.
        assert before + 2 >= descriptors()


@pytest.fixture
def _exceptions_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop what Python can only report: exceptions of collected calls that look for their event loop.

    pytest's own hook keeps them, and with their frames the connections that the tests count.
    """
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)


@pytest.mark.usefixtures("_exceptions_are_not_kept")
def test_event_loops_that_end_during_calls(caplog: pytest.LogCaptureFixture) -> None:
    """A call that is abandoned with its event loop releases its connection when it is garbage-collected."""
    never = threading.Event()

    def respond(request: Request) -> bytes | None:
        return rows_for(request) if request.target.startswith("/dapi/v1/time") or never.is_set() else None

    with ScriptedServer(respond) as server, client_of(server, max_connections=2) as client:
        before = descriptors()
        for _ in range(20):
            loop = asyncio.new_event_loop()
            task = loop.create_task(futures_account_balance.asyncio(client=client))
            loop.run_until_complete(asyncio.sleep(0.005))
            loop.close()
            del task, loop
        gc.collect()
        assert server.settles_at(0)
        assert before >= descriptors()
        never.set()
        assert "first" == owner_of(asyncio.run(futures_account_balance.asyncio(client=client)))
    # asyncio logs that tasks were destroyed.
    assert {"asyncio"} >= {record.name for record in caplog.records}


@pytest.mark.usefixtures("_exceptions_are_not_kept")
@pytest.mark.parametrize(
    "settings", [{"max_connections": 1}, {"sync_clock": True}], ids=["for a permit", "for the time"]
)
def test_event_loops_that_end_while_calls_wait(settings: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Calls that wait for others, and end with their event loop, leave no descriptor behind."""
    with ScriptedServer(lambda _: None) as server, client_of(server, **settings) as client:
        before = descriptors()
        for _ in range(10):
            loop = asyncio.new_event_loop()
            tasks = [loop.create_task(futures_account_balance.asyncio(client=client)) for _ in range(3)]
            loop.run_until_complete(asyncio.sleep(0.005))
            loop.close()
            del tasks, loop
        # The client is used once more, in another loop.
        with pytest.raises(errors.TimeoutError):
            asyncio.run(futures_account_balance.asyncio(client=client.with_options(timeout=0.05)))
        gc.collect()
        assert server.settles_at(0)
        assert before >= descriptors()
    assert {"asyncio"} >= {record.name for record in caplog.records}


@pytest.mark.parametrize("kind", ["Exception", "BaseException", "TimeoutError", "ConnectionError"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_interrupted_calls(kind: str, *, tls: bool) -> None:
    """A signal's exception at any moment ends the call, and leaves the client usable; no write is sent twice.

    This runs in a process of its own, because pytest must not be interrupted between two calls.
    """
    script = [sys.executable, "-m", "support.interrupted", kind, str(INTERRUPTIONS), *["--tls"] * tls]

    child = subprocess.run(script, cwd=ROOT / "tests", capture_output=True, text=True, timeout=120, check=False)

    assert ("", 0) == (child.stderr, child.returncode)
    assert (
        f"{INTERRUPTIONS} interrupted, {AFTERWARDS} answered, 0 raw, 0 writes twice, at most 2 open\n" == child.stdout
    )


def test_calls_are_sent_in_order() -> None:
    """With one connection, calls of 25 threads are sent in the order in which they were made."""
    arrived, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def respond(request: Request) -> bytes:
        arrived.release()
        assert go_on.acquire(timeout=10)
        return rows_for(request)

    with ScriptedServer(respond) as server, client_of(server, max_connections=1) as client:
        threads = []
        semaphore = client._transport._runner._semaphore  # noqa: SLF001, waiting calls are not visible otherwise
        for number in range(25):
            thread = threading.Thread(
                target=futures_account_balance.sync, kwargs={"client": client, "recv_window": number + 1}
            )
            thread.start()
            threads.append(thread)
            if number == 0:
                assert arrived.acquire(timeout=10)
            while len(semaphore._queue) <= number:  # noqa: SLF001, the same
                pass
        for _ in threads:
            go_on.release()
        for thread in threads:
            thread.join(10)
        sent = [int(request.target.partition("recvWindow=")[2].partition("&")[0]) for request in server.requests]
    assert [*range(1, 26)] == sent


def test_closed_by_another_thread() -> None:
    """A call during which the client is closed ends in ClientClosedError, in sync and async code."""
    arrived = threading.Semaphore(0)

    def respond(_: Request) -> None:
        arrived.release()

    def run_async(client: Client) -> Any:
        return asyncio.run(futures_account_balance.asyncio(client=client))

    for run in (lambda client: futures_account_balance.sync(client=client), run_async):
        with ScriptedServer(respond) as server, client_of(server) as client:
            closer = threading.Thread(target=lambda client=client: (arrived.acquire(timeout=10), client.close()))
            closer.start()
            with pytest.raises(errors.ClientClosedError) as caught:
                run(client)
            closer.join()
            assert "unknown" == caught.value.execution
            with pytest.raises(errors.ClientClosedError) as after:
                run(client)
            assert "not_executed" == after.value.execution
            assert 1 == len(server.requests)


class TestCollectedCalls:
    """The garbage collector closes the coroutines of an abandoned call in any order."""

    @pytest.mark.parametrize("first", ["inner", "outer"])
    def test_are_closed_in_any_order(self, first: str) -> None:
        """Outer and inner coroutine are closed without an error, whichever comes first."""
        closed: list[str] = []

        @types.coroutine
        def turn() -> Generator[str]:
            yield "a turn"

        async def wait() -> None:
            try:
                await turn()
            finally:
                closed.append("inner")

        inner = wait()
        # Type checkers disagree on what `types.coroutine` makes of a generator.
        outer: Any = without_checkpoints(inner)
        assert outer.send(None) == "a turn"
        (inner if first == "inner" else outer).close()
        (outer if first == "inner" else inner).close()
        assert closed == ["inner"]
