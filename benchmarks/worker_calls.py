"""Measurements of sequential calls, concurrent calls and the parsing of their responses."""

import asyncio
import json
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

from account import Account, balance_rows, long_response, payload

WARM_UP_CALLS = 20
# Percentiles require two values, even on a very slow machine.
MIN_CALLS = 2

Options = dict[str, Any]
Figures = dict[str, float]


def verify(implementation: Any, response: Any, count: int) -> None:
    """Raise ValueError if the response does not have the server's balances."""
    balances = getattr(implementation, "balances", lambda rows: [row["balance"] for row in rows])(response)
    if [Decimal(str(balance)) for balance in balances] != [Decimal(row["balance"]) for row in balance_rows(count)]:
        raise ValueError(f"not the account's balances: {str(response)[:200]}")


def summarize(seconds: list[float], cpu_seconds: float) -> Figures:
    """Return the figures of sequential calls."""
    return {
        "median_us": statistics.median(seconds) * 1e6,
        "p99_us": statistics.quantiles(seconds, n=100)[98] * 1e6,
        "cpu_us": cpu_seconds / len(seconds) * 1e6,
    }


def sync_calls(implementation: Any, options: Options) -> Figures:
    """Measure sequential sync calls."""
    call, _, close = implementation.connect(Account(options["url"]))
    verify(implementation, call(), options["rows"])
    for _ in range(WARM_UP_CALLS):
        call()
    times: list[float] = []
    cpu, end = time.process_time(), time.perf_counter() + options["seconds"]
    while (start := time.perf_counter()) < end or len(times) < MIN_CALLS:
        call()
        times.append(time.perf_counter() - start)
    figures = summarize(times, time.process_time() - cpu)
    close()
    return figures


async def _async_calls(implementation: Any, options: Options) -> Figures:
    call, _, close = await implementation.connect_async(Account(options["url"]))
    verify(implementation, await call(), options["rows"])
    for _ in range(WARM_UP_CALLS):
        await call()
    times: list[float] = []
    cpu, end = time.process_time(), time.perf_counter() + options["seconds"]
    while (start := time.perf_counter()) < end or len(times) < MIN_CALLS:
        await call()
        times.append(time.perf_counter() - start)
    figures = summarize(times, time.process_time() - cpu)
    await close()
    return figures


def async_calls(implementation: Any, options: Options) -> Figures:
    """Measure sequential async calls."""
    return asyncio.run(_async_calls(implementation, options))


class ThroughputCounter:
    """Measures concurrent calls, from its creation until the last of them has ended."""

    def __init__(self, seconds: float) -> None:
        """Start the clocks."""
        self._cpu, self._start = time.process_time(), time.perf_counter()
        self.end = self._start + seconds

    def figures(self, calls: int) -> Figures:
        """Return the figures."""
        return {
            "calls_per_s": calls / (time.perf_counter() - self._start),
            "cpu_us": (time.process_time() - self._cpu) / calls * 1e6,
        }


async def _tasks(implementation: Any, options: Options) -> Figures:
    call, _, close = await implementation.connect_async(Account(options["url"]))
    verify(implementation, await call(), options["rows"])
    await asyncio.gather(*(call() for _ in range(options["callers"])))
    counter = ThroughputCounter(options["seconds"])

    async def call_repeatedly() -> int:
        calls = 0
        while time.perf_counter() < counter.end:
            await call()
            calls += 1
        return calls

    figures = counter.figures(sum(await asyncio.gather(*(call_repeatedly() for _ in range(options["callers"])))))
    await close()
    return figures


def tasks(implementation: Any, options: Options) -> Figures:
    """Measure async calls of concurrent tasks with one client."""
    return asyncio.run(_tasks(implementation, options))


def threads(implementation: Any, options: Options) -> Figures:
    """Measure sync calls of concurrent threads with one client."""
    call, _, close = implementation.connect(Account(options["url"]))
    verify(implementation, call(), options["rows"])
    callers = range(options["callers"])
    ready = threading.Barrier(len(callers))

    def connect(_: int) -> None:
        # Makes the pool start all of its threads, and the client open all of its connections.
        ready.wait()
        call()

    with ThreadPoolExecutor(len(callers)) as pool:
        list(pool.map(connect, callers))
        counter = ThroughputCounter(options["seconds"])

        def call_repeatedly(_: int) -> int:
            calls = 0
            while time.perf_counter() < counter.end:
                call()
                calls += 1
            return calls

        figures = counter.figures(sum(pool.map(call_repeatedly, callers)))
    close()
    return figures


def parse(implementation: Any, options: Options) -> Figures:
    """Measure parsing a response of balances into models."""
    content = payload(options["rows"])
    verify(implementation, implementation.parse(content), options["rows"])
    return _figures_of_parsing(implementation.parse, content, options["seconds"])


def parse_long(implementation: Any, options: Options) -> Figures:
    """Measure parsing another long response."""
    kind = options["kind"]
    return _figures_of_parsing(partial(implementation.parse_long, kind), long_response(kind), options["seconds"])


def _figures_of_parsing(parse_models: Callable[[bytes], Any], content: bytes, duration: float) -> Figures:
    """Measure parsing a response body, alternating with json.loads of the same bytes."""
    times: dict[Any, list[float]] = {json.loads: [], parse_models: []}
    end = time.perf_counter() + duration
    while time.perf_counter() < end:
        for parse, seconds in times.items():
            start = time.perf_counter()
            parse(content)
            seconds.append(time.perf_counter() - start)
    json_loads, models = map(statistics.median, times.values())
    return {"us": models * 1e6, "over_json": models / json_loads}
