"""Call an exchange that fails in all known ways, for minutes, and check for wrong results and leaks.

    PYTHONPATH=tests python tools/soak.py [--scenario faults|lost-calls] [--minutes 10] [--seed 1]

Scenario "faults": one client serves 20 tasks and 5 threads. Each call has to return the account's rows or to raise a
`BinanceError`; memory and open files have to stay flat. Scenario "lost-calls" is in `soak_lost_calls.py`. The exchange
runs in a separate process, so that the figures are only those of the client. The exit code is 1 if a check fails.
"""

import argparse
import asyncio
import multiprocessing
import random
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Fault, Sandbox, gzip_bomb
from soak_figures import WARM_UP_SECONDS, Figures, Sample, in_use, sample
from soak_lost_calls import lost_calls

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 20
THREADS = 5
TIMEOUT = 2.0
# The maximum random pause between two calls of one caller, in seconds.
PAUSE = 0.4
# The share of requests that meet a fault.
FAULTS = 0.3
MAX_RESPONSE_BYTES = 1 << 20

# Each caller has at most one connection, and the event loop has a few files of its own.
MAX_FILES = TASKS + THREADS + 10


def random_fault(sandbox: Sandbox, chance: random.Random, bomb: bytes) -> None:
    """Inject a random fault into the next request or the next few."""
    zipped = {"Content-Encoding": "gzip"}
    soon = {"Retry-After": "1"}
    faults: list[Callable[[], object]] = [
        lambda: sandbox.inject_fault(Fault.disconnect(), times=chance.randint(1, 5)),
        lambda: sandbox.inject_fault(Fault.disconnect(reset=True), times=chance.randint(1, 5)),
        lambda: sandbox.inject_fault(Fault.cut_headers()),
        lambda: sandbox.inject_fault(Fault.cut_body()),
        lambda: sandbox.inject_fault(Fault.drip_headers()),
        lambda: sandbox.inject_fault(Fault.drip_body()),
        lambda: sandbox.inject_fault(Fault.silence()),
        lambda: sandbox.inject_fault(Fault.delay(chance.random() * 2 * TIMEOUT)),
        lambda: sandbox.inject_fault(Fault.garbage()),
        lambda: sandbox.inject_fault(Fault.huge_body(8 * MAX_RESPONSE_BYTES)),
        lambda: sandbox.inject_fault(Fault.broken_chunks()),
        lambda: sandbox.respond_next(200, body=bomb, headers=zipped),
        lambda: sandbox.respond_next(200, body=b"not gzip", headers=zipped),
        lambda: sandbox.respond_next(200, body=b""),
        lambda: sandbox.respond_next(200, body="<html>", content_type="text/html"),
        lambda: sandbox.respond_next(200, body=[{"asset": None}]),
        lambda: sandbox.respond_next(200, body={"code": -1000, "msg": "no"}),
        lambda: sandbox.respond_next(302, headers={"Location": "/elsewhere"}),
        lambda: sandbox.respond_next(chance.choice([400, 401, 403, 404, 408, 451, 500, 502, 504, 599])),
        lambda: sandbox.respond_next(503, times=chance.randint(1, 5)),
        lambda: sandbox.respond_next(429, headers=soon),
        # A ban stops all callers, so it is rare.
        lambda: sandbox.respond_next(chance.choice([418, *[500] * 29]), body={}, headers=soon),
        lambda: setattr(sandbox, "clock_offset_ms", chance.choice([0, 10_000, -3_600_000, 365 * 86_400_000])),
    ]
    chance.choice(faults)()


def exchange(connection: Connection, seed: int) -> None:
    """Serve as the exchange, in a separate process, until the other end sends something."""
    chance = random.Random(seed)  # noqa: S311, faults are not secret
    bomb = gzip_bomb(64 * MAX_RESPONSE_BYTES)
    with Sandbox(weight_limit=1 << 40) as sandbox:
        connection.send((sandbox.url, sandbox.account.api_key, sandbox.account.secret, sandbox.balances))
        received = 0
        # Faults are injected per request: if they were injected per second, all would be used up before a pause ends.
        while not connection.poll(0.05):
            requests = sandbox.pop_requests()
            for _ in requests:
                if chance.random() < FAULTS:
                    random_fault(sandbox, chance, bomb)
            received += len(requests)
        connection.send(received)


class AccountFigures(Figures):
    """The figures of calls of one account, whose rows are known."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """Store the rows that each successful call has to return."""
        super().__init__()
        self._rows = rows

    def rows(self, rows: list[FuturesAccountBalance], started: float) -> None:
        """Record a call that returned rows."""
        if [row.to_dict() for row in rows] != self._rows:
            self.failed(f"these are not the account's rows: {rows}")
        self.ended("rows", started)

    def error(self, error: Exception, started: float) -> None:
        """Record a call that raised an exception."""
        if not isinstance(error, BinanceError):
            self.failed("".join(traceback.format_exception(error)))
        self.ended(type(error).__name__, started)


def call_in_thread(client: Client, figures: AccountFigures, end: float, seed: int) -> None:
    """Call the sync function repeatedly."""
    chance = random.Random(seed)  # noqa: S311, pauses are not secret
    while (started := time.monotonic()) < end:
        try:
            figures.rows(futures_account_balance.sync(client=client), started)
        except Exception as error:  # noqa: BLE001, all are recorded
            figures.error(error, started)
        time.sleep(chance.random() * PAUSE)


async def call_in_task(client: Client, figures: AccountFigures, end: float, seed: int) -> None:
    """Call the async function repeatedly."""
    chance = random.Random(seed)  # noqa: S311, pauses are not secret
    while (started := time.monotonic()) < end:
        try:
            figures.rows(await futures_account_balance.asyncio(client=client), started)
        except Exception as error:  # noqa: BLE001, all are recorded
            figures.error(error, started)
        await asyncio.sleep(chance.random() * PAUSE)


async def call_in_all(client: Client, figures: AccountFigures, end: float, seed: int) -> list[Sample]:
    """Call in all tasks and threads until the end; return samples of memory and open files."""
    samples: list[Sample] = []
    async with client, asyncio.TaskGroup() as callers:
        for number in range(THREADS):
            callers.create_task(asyncio.to_thread(call_in_thread, client, figures, end, seed + number))
        for number in range(THREADS, THREADS + TASKS):
            callers.create_task(call_in_task(client, figures, end, seed + number))
        while time.monotonic() < end:
            samples.append(sample())
            await asyncio.sleep(0.5)
    return samples


def faults(minutes: float, seed: int) -> bool:
    """Run, and print the figures; return True if all checks pass."""
    context = multiprocessing.get_context("spawn")
    connection, other_end = context.Pipe()
    process = context.Process(target=exchange, args=(other_end, seed), daemon=True)
    process.start()
    url, api_key, secret, rows = connection.recv()

    def client() -> Client:
        return connect(
            Credentials(api_key, HmacKey(secret)),
            server=url,
            timeout=TIMEOUT,
            retry=RetryPolicy(max_attempts=3, initial_backoff=0.05),
            max_response_bytes=MAX_RESPONSE_BYTES,
        )

    figures = AccountFigures(rows)
    with client() as first:
        # Opens what stays open for the lifetime of the process.
        futures_account_balance.sync(client=first)
    before = in_use()
    samples = asyncio.run(call_in_all(client(), figures, time.monotonic() + WARM_UP_SECONDS + minutes * 60, seed))
    connection.send("end")
    requests = connection.recv()
    process.join()

    figures.print_calls(f"{TASKS} tasks and {THREADS} threads", minutes, requests)
    return figures.judge(samples, minutes, before, MAX_FILES)


SCENARIOS = {"faults": faults, "lost-calls": lost_calls}


def main() -> None:
    """Parse the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenario", choices=SCENARIOS, default="faults", help="what happens to the calls (faults)")
    parser.add_argument("--minutes", type=float, default=10, help="duration (10)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="seed of the random faults (the time)")
    arguments = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("memory and open files are read from /proc, which this system does not have")
    print(f"soak: --scenario {arguments.scenario} --minutes {arguments.minutes:g} --seed {arguments.seed}", flush=True)
    sys.exit(0 if SCENARIOS[arguments.scenario](arguments.minutes, arguments.seed) else 1)


if __name__ == "__main__":
    main()
