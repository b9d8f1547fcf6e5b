"""Concurrent calls, in threads or tasks, and responses that are held back until a test releases them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from threading import Barrier, Event, Semaphore
from typing import Protocol

import anyio
import pytest
from binance_coinm import Client
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Connection, Fault, Response

Rows = list[FuturesAccountBalance]
Outcome = Rows | BinanceError
# A client, and a recv_window that identifies the request.
Call = tuple[Client, int]


class ResponseGate:
    """Holds back the sandbox's responses until a test opens the gate, or until `gathering` of them have arrived."""

    def __init__(self, gathering: int | None = None) -> None:
        """Hold back until `open`, or until the `gathering`th response."""
        self._gathering = gathering
        self._arrivals = 0
        self._arrived = Semaphore(0)
        self._is_open = Event()

    def fault(self) -> Fault:
        """Return the fault to inject into the sandbox."""
        return Fault("held", self._transmit)

    def wait_for(self, requests: int) -> None:
        """Wait until `requests` further requests have arrived."""
        for _ in range(requests):
            assert self._arrived.acquire(timeout=10)

    def open(self) -> None:
        """Release all responses, also those to come."""
        self._is_open.set()

    async def _transmit(self, response: Response, connection: Connection) -> None:
        self._arrivals += 1
        if self._arrivals == self._gathering:
            self.open()
        self._arrived.release()
        while not self._is_open.is_set():
            if await connection.wait_closed(0.02):
                return
        await connection.send(response)


def outcome_of(call: Call) -> Outcome:
    """Call by the sync function; return the rows or the error."""
    client, recv_window = call
    try:
        return futures_account_balance.sync(client=client, recv_window=recv_window)
    except BinanceError as error:
        return error


async def outcome_of_async(call: Call) -> Outcome:
    """Call by the async function; return the rows or the error."""
    client, recv_window = call
    try:
        return await futures_account_balance.asyncio(client=client, recv_window=recv_window)
    except BinanceError as error:
        return error


class ConcurrentRunner(Protocol):
    """Makes many calls at once, each in a thread or task of its own, and closes their clients."""

    def __call__(self, calls: Sequence[Call]) -> list[Outcome]:
        """Make the calls."""
        ...


def in_threads(calls: Sequence[Call]) -> list[Outcome]:
    """Make calls at once, each in a thread of its own, and close their clients."""
    start = Barrier(len(calls))

    def one(call: Call) -> Outcome:
        start.wait()
        return outcome_of(call)

    with ExitStack() as stack, ThreadPoolExecutor(len(calls)) as threads:
        for client, _ in calls:
            stack.enter_context(client)
        return list(threads.map(one, calls))


async def gathered(calls: Sequence[Call]) -> list[Outcome]:
    """Make calls at once, each in a task of its own."""
    outcomes: dict[int, Outcome] = {}

    async def one(index: int) -> None:
        outcomes[index] = await outcome_of_async(calls[index])

    async with anyio.create_task_group() as tasks:
        for index in range(len(calls)):
            tasks.start_soon(one, index)
    return [outcomes[index] for index in range(len(calls))]


def in_tasks(backend: str, calls: Sequence[Call]) -> list[Outcome]:
    """Make calls at once, each in a task of its own, and close their clients."""

    async def main() -> list[Outcome]:
        async with AsyncExitStack() as stack:
            for client, _ in calls:
                await stack.enter_async_context(client)
            return await gathered(calls)

    return anyio.run(main, backend=backend)


_CALLERS: dict[str, tuple[ConcurrentRunner, int]] = {
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


def aliases(outcomes: Sequence[Outcome]) -> list[str | Outcome]:
    """Return each outcome's accountAlias, and errors as they are."""
    return [outcome[0].account_alias if isinstance(outcome, list) else outcome for outcome in outcomes]
