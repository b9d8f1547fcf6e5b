"""Measurements of whole processes: startup and polling. It imports little, because imports are measured too."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from account import API_KEY, Account, Client

STATUS = Path("/proc/self/status")

Options = dict[str, Any]


def blocking(implementation: Any, mode: str) -> tuple[Callable[..., Client], Callable[[float], None]]:
    """Return blocking functions to connect and to sleep in mode `sync` or `async`; async ones share an event loop."""
    if mode == "sync":
        return implementation.connect, time.sleep
    import asyncio  # noqa: PLC0415, not needed by sync code

    run = asyncio.new_event_loop().run_until_complete

    def connect(account: Account, **settings: Any) -> Client:
        call, write, close = run(implementation.connect_async(account, **settings))
        return Client(lambda: run(call()), lambda: run(write()), lambda: run(close()))

    return connect, lambda seconds: run(asyncio.sleep(seconds))


def memory_mb(name: str) -> float:
    """Return the memory of this process, VmRSS for the current or VmHWM for the peak; NaN unless on Linux."""
    if not STATUS.exists():
        return float("nan")
    fields = dict(line.split(":", 1) for line in STATUS.read_text(encoding="ascii").splitlines())
    return int(fields[name].split()[0]) / 1_024


def startup(implementation: Any, options: Options) -> dict[str, float]:
    """Measure a new process until its first response, then further clients, each of another account."""
    exec(options["import_statement"], {})  # noqa: S102, the statement is part of the benchmark
    connect, _ = blocking(implementation, options["mode"])
    start = time.perf_counter()
    client = connect(Account(options["url"]))
    connected = time.perf_counter()
    response = client.call()
    responded, wall_time = time.perf_counter(), time.time()
    if len(response) != options["rows"]:
        raise ValueError(f"not the account's balances: {str(response)[:200]}")
    figures = {
        "start_ms": (wall_time - options["started_at"]) * 1e3,
        "first_client_ms": (connected - start) * 1e3,
        "first_call_ms": (responded - connected) * 1e3,
        "peak_mb": memory_mb("VmHWM"),
    }
    memory, clients, start = memory_mb("VmRSS"), [client], time.perf_counter()
    while len(clients) <= options["clients"] and time.perf_counter() < start + options["seconds"]:
        clients.append(connect(Account(options["url"], API_KEY.format(len(clients)))))
    return figures | {
        "clients": len(clients) - 1,
        "clients_s": time.perf_counter() - start,
        "clients_mb": memory_mb("VmRSS") - memory,
    }


def polling(implementation: Any, options: Options) -> dict[str, list[float]]:
    """Return the latencies, in milliseconds, of single requests with a wait before each, by scenario.

    The first request of a scenario opens the connection and does not count.
    """
    exec(options["import_statement"], {})  # noqa: S102, the statement is part of the benchmark
    connect, sleep = blocking(implementation, options["mode"])
    time.sleep(max(0, options["start_at"] - time.time()))
    latencies: dict[str, list[float]] = {}
    for scenario in options["scenarios"]:
        call, write, _ = connect(Account(options["url"]), **scenario["settings"])
        send: Any = write if scenario["is_write"] else call
        send()
        due, times = time.monotonic(), []
        for _ in range(scenario["calls"]):
            due += scenario["interval"]
            sleep(max(0, due - time.monotonic()))
            start = time.perf_counter()
            send()
            times.append((time.perf_counter() - start) * 1e3)
        latencies[scenario["name"]] = times
    return latencies
