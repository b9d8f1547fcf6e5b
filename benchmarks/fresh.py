"""Measure what a contender takes at its start, in a process of its own: its first client and call, then 1,000 clients.

    python fresh.py CONTENDER URL IMPORT-STATEMENT SECONDS

It prints one line of JSON. A contender without a sync half is measured by its async one. The 1,000 clients are of 1,000
accounts: they are made within SECONDS, or as many as can be, and called once each, if all could be made.
"""

import importlib
import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from account import API_KEY, Account

CLIENTS = 1_000
# Calls before the memory is read.
CALLS = 100
_STATUS = Path("/proc/self/status")


def memory_mb(name: str) -> float | None:
    """Give this process's memory: VmRSS is what it has now, VmHWM what it had at most.

    Not by getrusage: there a process begins with what its parent had at most.
    """
    if not _STATUS.exists():
        return None
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1_024 for line in lines if line.startswith(f"{name}:"))


def growth(before: float | None) -> float | None:
    """Give by how much the memory has grown."""
    now = memory_mb("VmRSS")
    return None if now is None or before is None else now - before


def halves(contender: Any) -> tuple[Any, Any]:
    """Give what connects and what calls: of the sync half if there is one."""
    if hasattr(contender, "call"):
        return contender.connect, contender.call
    import asyncio  # noqa: PLC0415, it takes memory of which the sync half has no need

    run = asyncio.new_event_loop().run_until_complete
    return lambda account: run(contender.connect_async(account)), lambda client: run(contender.call_async(client))


def first_client(connect: Any, call: Any, url: str) -> dict[str, Any]:
    """Make one client, and call."""
    times = [time.perf_counter_ns()]
    client = connect(Account(url))
    times.append(time.perf_counter_ns())
    answer = call(client)
    times.append(time.perf_counter_ns())
    if len(answer) != 1:
        raise ValueError(f"this is not the account's row: {answer}")
    for _ in range(CALLS):
        call(client)
    made, called = (end - start for start, end in pairwise(times))
    return {"construct_ms": made / 1e6, "first_call_ms": called / 1e6, "peak_mb": memory_mb("VmHWM")}


def many_clients(connect: Any, call: Any, url: str, seconds: float) -> dict[str, Any]:
    """Make many clients, and call with each of them."""
    clients: list[Any] = []
    memory, start = memory_mb("VmRSS"), time.perf_counter()
    before_last = end = start
    while len(clients) < CLIENTS and end < start + seconds:
        before_last = end
        clients.append(connect(Account(url, API_KEY.format(len(clients)))))
        end = time.perf_counter()
    figures = {
        "clients": len(clients),
        "clients_s": end - start,
        "clients_mb": growth(memory),
        "last_construct_us": (end - before_last) * 1e6,
    }
    if len(clients) < CLIENTS:
        return figures
    for client in clients:
        call(client)
    return figures | {"clients_called_s": time.perf_counter() - start, "clients_called_mb": growth(memory)}


def main() -> None:
    """Measure, and end without the time that it takes to take 1,000 clients apart."""
    name, url, import_statement, seconds = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    connect, call = halves(importlib.import_module(f"contenders.{name}"))
    exec(import_statement, {})  # noqa: S102, a contender's own
    figures = first_client(connect, call, url) | many_clients(connect, call, url, float(seconds))
    answers.write(json.dumps(figures) + "\n")
    answers.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
