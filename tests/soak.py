"""Call an exchange that fails in every way it knows, for minutes, and watch what the client leaves behind.

    python tests/soak.py [--lane faults|lost-calls] [--minutes 10] [--seed 1]

Lane "faults": one client serves 20 tasks and 5 threads. Each call has to end in the account's rows or in an exception
of the tree; memory and open files have to stay flat. Lane "lost-calls" stands in `soak_lost_calls.py`. The exchange
runs in a process of its own, so that the figures are the client's alone. Exits with 1 if something is wrong.
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

from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Fault, Sandbox, gzip_bomb
from binance_signing import Credentials, HmacKey, Recovery, SigningClient, connect
from soak_figures import WARM_UP_SECONDS, Figures, Sample, in_use, sample
from soak_lost_calls import lost_calls

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

# Each caller has at most one connection; the event loop has a few files of its own.
MAX_FILES = TASKS + THREADS + 10


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


class AccountFigures(Figures):
    """What came of the calls of one account, whose rows are known."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """Take the rows that each call has to give, if it gives any."""
        super().__init__()
        self._rows = rows

    def rows(self, rows: list[FuturesAccountBalance], started: float) -> None:
        """Take note of a call that ended in rows."""
        if [row.to_dict() for row in rows] != self._rows:
            self.failed(f"these are not the account's rows: {rows}")
        self.ended("rows", started)

    def error(self, error: Exception, started: float) -> None:
        """Take note of a call that ended in an exception."""
        if not isinstance(error, BinanceError):
            self.failed("".join(traceback.format_exception(error)))
        self.ended(type(error).__name__, started)


def call_in_thread(client: SigningClient, figures: AccountFigures, end: float, seed: int) -> None:
    """Call again and again by the sync function."""
    chance = random.Random(seed)  # noqa: S311, pauses are no secret
    while (started := time.monotonic()) < end:
        try:
            figures.rows(futures_account_balance.sync(client=client), started)
        except Exception as error:  # noqa: BLE001, which ones may come is the question
            figures.error(error, started)
        time.sleep(chance.random() * PAUSE)


async def call_in_task(client: SigningClient, figures: AccountFigures, end: float, seed: int) -> None:
    """Call again and again by the async function."""
    chance = random.Random(seed)  # noqa: S311, pauses are no secret
    while (started := time.monotonic()) < end:
        try:
            figures.rows(await futures_account_balance.asyncio(client=client), started)
        except Exception as error:  # noqa: BLE001, which ones may come is the question
            figures.error(error, started)
        await asyncio.sleep(chance.random() * PAUSE)


async def call_in_all(client: SigningClient, figures: AccountFigures, end: float, seed: int) -> list[Sample]:
    """Call in all tasks and threads until the end; give samples of memory and open files."""
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

    figures = AccountFigures(rows)
    with client() as first:
        # What calls need as long as the process lives is there then.
        futures_account_balance.sync(client=first)
    before = in_use()
    samples = asyncio.run(call_in_all(client(), figures, time.monotonic() + WARM_UP_SECONDS + minutes * 60, seed))
    connection.send("end")
    requests = connection.recv()
    process.join()

    figures.print_calls(f"{TASKS} tasks and {THREADS} threads", minutes, requests)
    return figures.judge(samples, minutes, before, MAX_FILES)


LANES = {"faults": faults, "lost-calls": lost_calls}


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lane", choices=LANES, default="faults", help="what happens to the calls (faults)")
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the faults (the time)")
    arguments = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("this system does not tell memory and open files in /proc")
    print(f"soak: --lane {arguments.lane} --minutes {arguments.minutes:g} --seed {arguments.seed}", flush=True)
    sys.exit(0 if LANES[arguments.lane](arguments.minutes, arguments.seed) else 1)


if __name__ == "__main__":
    main()
