"""Measure one contender, in an environment of its own: only the standard library and the contender are imported.

    python worker.py CONTENDER

Each line of standard input is a command in JSON, answered by one line: the figures, why there are none, or that the
contender does not offer what was to be measured.
"""

import asyncio
import contextlib
import faulthandler
import importlib
import json
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from account import Account
from balances import body, rows

WARM_UP_CALLS = 20
# A measurement that hangs ends the process, which the runner takes note of.
MOST_SECONDS = 60

Command = dict[str, Any]
Figures = dict[str, Any]


def verify(contender: Any, answer: Any, command: Command) -> None:
    """Raise if the answer is not what the server has."""
    read = getattr(contender, "balances", lambda answer: [row["balance"] for row in answer])
    expected = [Decimal(row["balance"]) for row in rows(command["rows"])]
    if [Decimal(str(balance)) for balance in read(answer)] != expected:
        raise ValueError(f"these are not the account's balances: {str(answer)[:200]}")


def of_calls(nanoseconds: list[int], cpu_nanoseconds: int) -> Figures:
    """Give the figures of calls that were made one after the other."""
    return {
        "calls": len(nanoseconds),
        "median_us": statistics.median(nanoseconds) / 1e3,
        "p99_us": statistics.quantiles(nanoseconds, n=100)[98] / 1e3,
        "cpu_us": cpu_nanoseconds / len(nanoseconds) / 1e3,
    }


def sync(contender: Any, account: Account, command: Command) -> Figures:
    """Measure sync calls one after the other."""
    client, call = contender.connect(account), contender.call
    verify(contender, call(client), command)
    for _ in range(WARM_UP_CALLS):
        call(client)
    times: list[int] = []
    cpu, end = time.process_time_ns(), time.perf_counter_ns() + int(command["seconds"] * 1e9)
    while (start := time.perf_counter_ns()) < end and len(times) < command["calls"]:
        call(client)
        times.append(time.perf_counter_ns() - start)
    cpu = time.process_time_ns() - cpu
    contender.close(client)
    return of_calls(times, cpu)


async def async_(contender: Any, account: Account, command: Command) -> Figures:
    """Measure async calls one after the other."""
    client, call = await contender.connect_async(account), contender.call_async
    verify(contender, await call(client), command)
    for _ in range(WARM_UP_CALLS):
        await call(client)
    times: list[int] = []
    cpu, end = time.process_time_ns(), time.perf_counter_ns() + int(command["seconds"] * 1e9)
    while (start := time.perf_counter_ns()) < end and len(times) < command["calls"]:
        await call(client)
        times.append(time.perf_counter_ns() - start)
    cpu = time.process_time_ns() - cpu
    await contender.close_async(client)
    return of_calls(times, cpu)


class Tally:
    """The calls of many callers that ended within the time; what is under way at its end is late."""

    def __init__(self, seconds: float) -> None:
        """Start the clock."""
        self._seconds = seconds
        self._calls = 0
        self._late = 0
        self._failures: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._cpu = time.process_time()
        self._start = self._last = time.perf_counter()
        self._end = self._start + seconds

    def goes_on(self) -> bool:
        """Say whether there is time left."""
        return time.perf_counter() < self._end

    def add(self, error: Exception | None = None) -> None:
        """Take note of a call."""
        with self._lock:
            now = time.perf_counter()
            if error:
                self._failures[type(error).__name__] += 1
            elif now < self._end:
                self._calls += 1
                self._last = now
            else:
                self._late += 1

    def figures(self) -> Figures:
        """Give the figures, when all callers are done."""
        if not self._calls:
            raise RuntimeError(f"no call ended well within {self._seconds:g} s: {dict(self._failures)}")
        cpu = time.process_time() - self._cpu
        figures = {
            # Answers may come in waves: what is after the last one that counts is not time that these calls took.
            "calls_per_s": self._calls / (self._last - self._start),
            "cpu_us": cpu / (self._calls + self._late) * 1e6,
        }
        return figures | ({"failures": dict(self._failures)} if self._failures else {})


async def in_flight(contender: Any, account: Account, command: Command) -> Figures:
    """Measure async calls of so many tasks at once, each of which calls again and again."""
    client, call = await contender.connect_async(account), contender.call_async
    verify(contender, await call(client), command)
    # The connections are opened before; a failure shows again in what is measured.
    await asyncio.gather(*(call(client) for _ in range(command["callers"])), return_exceptions=True)
    tally = Tally(command["seconds"])

    async def call_again_and_again() -> None:
        while tally.goes_on():
            try:
                await call(client)
            except Exception as error:  # noqa: BLE001, whatever it is goes into the report
                tally.add(error)
            else:
                tally.add()

    async with asyncio.TaskGroup() as callers:
        for _ in range(command["callers"]):
            callers.create_task(call_again_and_again())
    figures = tally.figures()
    await contender.close_async(client)
    return figures


def threads(contender: Any, account: Account, command: Command) -> Figures:
    """Measure sync calls of so many threads at once, which share one client."""
    client, call = contender.connect(account), contender.call
    verify(contender, call(client), command)
    tallies: list[Tally] = []
    ready = threading.Barrier(command["callers"], lambda: tallies.append(Tally(command["seconds"])))

    def call_again_and_again() -> None:
        # The connections are opened before; a failure shows again in what is measured.
        with contextlib.suppress(Exception):
            call(client)
        ready.wait()
        tally = tallies[0]
        while tally.goes_on():
            try:
                call(client)
            except Exception as error:  # noqa: BLE001, whatever it is goes into the report
                tally.add(error)
            else:
                tally.add()

    callers = [threading.Thread(target=call_again_and_again) for _ in range(command["callers"])]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    figures = tallies[0].figures()
    contender.close(client)
    return figures


def parse(contender: Any, _account: Account, command: Command) -> Figures:
    """Measure what models of many rows take, and beside it json.loads of the same bytes."""
    content = body(command["rows"])
    verify(contender, contender.parse(content), command)
    times: dict[Callable[[bytes], Any], list[int]] = {json.loads: [], contender.parse: []}
    end = time.perf_counter() + command["seconds"]
    while time.perf_counter() < end:
        for parser, of_parser in times.items():
            start = time.perf_counter_ns()
            parser(content)
            of_parser.append(time.perf_counter_ns() - start)
    json_us, models_us = (statistics.median(of_parser) / 1e3 for of_parser in times.values())
    return {"json_us": json_us, "models_us": models_us, "over_json": models_us / json_us}


# Each with the function of the contender that it needs.
MEASURES: dict[str, tuple[str, Callable[[Any, Account, Command], Any]]] = {
    "sync": ("call", sync),
    "async": ("call_async", lambda *arguments: asyncio.run(async_(*arguments))),
    "in_flight": ("call_async", lambda *arguments: asyncio.run(in_flight(*arguments))),
    "threads": ("call", threads),
    "parse": ("parse", parse),
}


def obey(contender: Any, command: Command) -> Command:
    """Measure, and give what is to be answered."""
    needed, measure = MEASURES[command["kind"]]
    if not hasattr(contender, needed):
        return {"absent": True}
    faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
    try:
        return {"figures": measure(contender, Account(command["url"]), command)}
    except Exception as error:  # noqa: BLE001, whatever it is goes into the report
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        faulthandler.cancel_dump_traceback_later()


def main() -> None:
    """Obey until there are no more commands."""
    # What a contender prints is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    contender = importlib.import_module(f"contenders.{sys.argv[1]}")
    for line in sys.stdin:
        answers.write(json.dumps(obey(contender, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
