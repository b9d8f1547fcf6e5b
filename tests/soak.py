"""Call an exchange that fails in every way it knows, for minutes, and watch what the client leaves behind.

    python tests/soak.py [--minutes 10] [--seed 1]

One client serves 20 tasks and 5 threads. Each call has to end in the account's rows or in an exception of the tree;
memory and open files have to stay flat. The exchange runs in a process of its own, so that the figures are the
client's alone. Exits with 1 if something is wrong.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import random
import statistics
import sys
import threading
import time
import traceback
from collections import Counter
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Fault, Sandbox, gzip_bomb
from binance_signing import Credentials, HmacKey, Recovery, SigningClient, connect

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 20
THREADS = 5
TIMEOUT = 2.0
# Seconds between two calls of one caller, by chance from 0 to this.
PAUSE = 0.4
# This share of the requests meets a fault.
FAULTS = 0.3
MAX_ANSWER_BYTES = 1 << 20

# Until then memory grows to what the largest bodies at once take, and stays there.
WARM_UP_SECONDS = 60
MAX_GROWTH_MB = 8.0
# Each caller has at most one connection; the event loop has a few files of its own.
MAX_FILES = TASKS + THREADS + 10

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def told_at_random(sandbox: Sandbox, chance: random.Random, bomb: bytes) -> None:
    """Tell the sandbox one fault, for its next request or the next few."""
    zipped = {"Content-Encoding": "gzip"}
    soon = {"Retry-After": "1"}
    tell: list[Callable[[], object]] = [
        lambda: sandbox.fail_next(Fault.disconnect(), times=chance.randint(1, 5)),
        lambda: sandbox.fail_next(Fault.disconnect(reset=True), times=chance.randint(1, 5)),
        lambda: sandbox.fail_next(Fault.cut_headers()),
        lambda: sandbox.fail_next(Fault.cut_body()),
        lambda: sandbox.fail_next(Fault.drip_headers()),
        lambda: sandbox.fail_next(Fault.drip_body()),
        lambda: sandbox.fail_next(Fault.silence()),
        lambda: sandbox.fail_next(Fault.delay(chance.random() * 2 * TIMEOUT)),
        lambda: sandbox.fail_next(Fault.garbage()),
        lambda: sandbox.fail_next(Fault.huge_body(8 * MAX_ANSWER_BYTES)),
        lambda: sandbox.fail_next(Fault.broken_chunks()),
        lambda: sandbox.answer_next(200, body=bomb, headers=zipped),
        lambda: sandbox.answer_next(200, body=b"not gzip", headers=zipped),
        lambda: sandbox.answer_next(200, body=b""),
        lambda: sandbox.answer_next(200, body="<html>", content_type="text/html"),
        lambda: sandbox.answer_next(200, body=[{"asset": None}]),
        lambda: sandbox.answer_next(200, body={"code": -1000, "msg": "no"}),
        lambda: sandbox.answer_next(302, headers={"Location": "/elsewhere"}),
        lambda: sandbox.answer_next(chance.choice([400, 401, 403, 404, 408, 451, 500, 502, 504, 599])),
        lambda: sandbox.answer_next(503, times=chance.randint(1, 5)),
        lambda: sandbox.answer_next(429, headers=soon),
        # A ban stops all callers, so it is rare.
        lambda: sandbox.answer_next(chance.choice([418, *[500] * 29]), body={}, headers=soon),
        lambda: setattr(sandbox, "clock_offset_ms", chance.choice([0, 10_000, -3_600_000, 365 * 86_400_000])),
    ]
    chance.choice(tell)()


def exchange(connection: Connection, seed: int) -> None:
    """Be the exchange until the other end says so; in a process of its own."""
    chance = random.Random(seed)  # noqa: S311, faults are no secret
    bomb = gzip_bomb(64 * MAX_ANSWER_BYTES)
    with Sandbox(weight_limit=1 << 40) as sandbox:
        connection.send((sandbox.url, sandbox.account.api_key, sandbox.account.secret, sandbox.rows))
        answered = 0
        # It tells faults by the number of requests, for of those told by the clock none would be left in a pause.
        while not connection.poll(0.05):
            requests = sandbox.take_requests()
            for _ in requests:
                if chance.random() < FAULTS:
                    told_at_random(sandbox, chance, bomb)
            answered += len(requests)
        connection.send(answered)


class Figures:
    """What came of the calls, in a size that does not grow with their number."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """Take the rows that each call has to give, if it gives any."""
        self.results: Counter[str] = Counter()
        self.failures: list[str] = []
        self._rows = rows
        self._lock = threading.Lock()
        self._calls_by_ms = [0] * 10_000

    def rows(self, rows: list[FuturesAccountBalance], started: float) -> None:
        """Take note of a call that ended in rows."""
        if [row.to_dict() for row in rows] != self._rows:
            self.failed(f"these are not the account's rows: {rows}")
        self._ended("rows", started)

    def error(self, error: Exception, started: float) -> None:
        """Take note of a call that ended in an exception."""
        if not isinstance(error, BinanceError):
            self.failed("".join(traceback.format_exception(error)))
        self._ended(type(error).__name__, started)

    def failed(self, reason: str) -> None:
        """Take note of something that fails the run; the first few are enough."""
        if len(self.failures) < 5:
            self.failures.append(reason)

    def latency_ms(self, share: float) -> int:
        """Give the time within which this share of the calls ended."""
        wanted = share * sum(self._calls_by_ms)
        return next(ms for ms, calls in enumerate(accumulate(self._calls_by_ms)) if calls >= wanted)

    def _ended(self, result: str, started: float) -> None:
        ms = int((time.monotonic() - started) * 1000)
        with self._lock:
            self.results[result] += 1
            self._calls_by_ms[min(ms, len(self._calls_by_ms) - 1)] += 1


def call_in_thread(client: SigningClient, figures: Figures, end: float, seed: int) -> None:
    """Call again and again by the sync function."""
    chance = random.Random(seed)  # noqa: S311, pauses are no secret
    while (started := time.monotonic()) < end:
        try:
            figures.rows(futures_account_balance.sync(client=client), started)
        except Exception as error:  # noqa: BLE001, which ones may come is the question
            figures.error(error, started)
        time.sleep(chance.random() * PAUSE)


async def call_in_task(client: SigningClient, figures: Figures, end: float, seed: int) -> None:
    """Call again and again by the async function."""
    chance = random.Random(seed)  # noqa: S311, pauses are no secret
    while (started := time.monotonic()) < end:
        try:
            figures.rows(await futures_account_balance.asyncio(client=client), started)
        except Exception as error:  # noqa: BLE001, which ones may come is the question
            figures.error(error, started)
        await asyncio.sleep(chance.random() * PAUSE)


async def call_in_all(client: SigningClient, figures: Figures, end: float, seed: int) -> list[tuple[float, int]]:
    """Call in all tasks and threads until the end; give samples of memory and open files."""
    samples: list[tuple[float, int]] = []
    async with client, asyncio.TaskGroup() as callers:
        for number in range(THREADS):
            callers.create_task(asyncio.to_thread(call_in_thread, client, figures, end, seed + number))
        for number in range(THREADS, THREADS + TASKS):
            callers.create_task(call_in_task(client, figures, end, seed + number))
        while time.monotonic() < end:
            samples.append((memory_mb(), open_files()))
            await asyncio.sleep(0.5)
    return samples


def memory_mb() -> float:
    """Give the memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB


def open_files() -> int:
    """Count the files and sockets that this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def soak(minutes: float, seed: int) -> bool:
    """Run, and print the figures; say whether all is well."""
    context = multiprocessing.get_context("spawn")
    connection, other_end = context.Pipe()
    process = context.Process(target=exchange, args=(other_end, seed), daemon=True)
    process.start()
    url, api_key, secret, rows = connection.recv()

    def client() -> SigningClient:
        return connect(
            Credentials(api_key, HmacKey(secret)),
            server=url,
            timeout=TIMEOUT,
            recovery=Recovery(tries=3, backoff=0.05),
            max_answer_bytes=MAX_ANSWER_BYTES,
        )

    figures = Figures(rows)
    with client() as first:
        # What calls need as long as the process lives is there then.
        futures_account_balance.sync(client=first)
    before = open_files(), threading.active_count()
    samples = asyncio.run(call_in_all(client(), figures, time.monotonic() + WARM_UP_SECONDS + minutes * 60, seed))
    gc.collect()
    after = open_files(), threading.active_count()
    connection.send("end")
    requests = connection.recv()
    process.join()

    calls = sum(figures.results.values())
    print(f"{calls} calls by {TASKS} tasks and {THREADS} threads in {minutes:g} minutes, {requests} requests")
    for result, count in figures.results.most_common():
        print(f"  {result:<24} {count:>8}  {count / calls:6.1%}")
    print("latency, ms    p50 {:>12}   p99 {:>9}   all {:>9}".format(*map(figures.latency_ms, (0.5, 0.99, 1))))
    judge_samples(figures, samples[int(len(samples) * WARM_UP_SECONDS / (WARM_UP_SECONDS + minutes * 60)) :], before[0])
    print(f"open files     before {before[0]:>9}   closed {after[0]:>6}")
    print(f"threads        before {before[1]:>9}   closed {after[1]:>6}")
    if before != after:
        figures.failed("not all files were closed, or not all threads ended")
    if not figures.results["rows"]:
        figures.failed("no call ended in rows")
    for failure in figures.failures:
        print("FAILED:", failure)
    return not figures.failures


def judge_samples(figures: Figures, samples: list[tuple[float, int]], files_before: int) -> None:
    """Print what was in use after the warm-up, and take note of what is not flat."""
    tenth = max(len(samples) // 10, 1)
    parts = samples[:tenth], samples[len(samples) // 2 :][:tenth], samples[-tenth:]
    memory = [statistics.median(mb for mb, _ in part) for part in parts]
    files = [max(count for _, count in part) for part in parts]
    most_files = max(count for _, count in samples)
    print("memory, MB     warmed-up {:6.1f}   middle {:6.1f}   end {:9.1f}".format(*memory))
    print("open files     warmed-up {:>6}   middle {:>6}   end {:>9}   most {:>4}".format(*files, most_files))
    if memory[-1] - memory[0] > MAX_GROWTH_MB:
        figures.failed(f"memory grew by more than {MAX_GROWTH_MB} MB")
    if most_files > files_before + MAX_FILES:
        figures.failed(f"more than {MAX_FILES} files were open beside the {files_before} from before")


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the faults (the time)")
    arguments = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("this system does not tell memory and open files in /proc")
    print(f"soak: --minutes {arguments.minutes:g} --seed {arguments.seed}", flush=True)
    sys.exit(0 if soak(arguments.minutes, arguments.seed) else 1)


if __name__ == "__main__":
    main()
