"""Call a server as a program does that polls it: one call, a wait of seconds, the next call.

    python poller.py CONTENDER sync|async URL IMPORT-STATEMENT

It makes one call at once, and prints a line of JSON: how long that took. Then each line of standard input is a scenario
in JSON, answered by a line with the latencies of its calls, or why there are none.
"""

import faulthandler
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from account import Account
from balances import FEW

# A process that waits for longer than it has to is ended.
MOST_SECONDS = 60


class Half(NamedTuple):
    """One half of a contender, for sync code."""

    connect: Callable[..., Any]
    call: Callable[[Any], Any]
    write: Callable[[Any], Any]
    close: Callable[[Any], Any]
    sleep: Callable[[float], Any] = time.sleep


def half_of(contender: Any, name: str) -> Half:
    """Return a contender's sync half, or its async half on an event loop that also runs between the calls."""
    if name == "sync":
        return Half(contender.connect, contender.call, contender.write, contender.close)
    import asyncio  # noqa: PLC0415, the start of the sync half goes without it

    run = asyncio.new_event_loop().run_until_complete
    return Half(
        lambda account, **options: run(contender.connect_async(account, **options)),
        lambda client: run(contender.call_async(client)),
        lambda client: run(contender.write_async(client)),
        lambda client: run(contender.close_async(client)),
        lambda seconds: run(asyncio.sleep(seconds)),
    )


def timed(send: Callable[[Any], Any], client: Any) -> tuple[float, Any]:
    """Send a request, and return how many milliseconds that took, and the response."""
    start = time.perf_counter_ns()
    response = send(client)
    return (time.perf_counter_ns() - start) / 1e6, response


def start(half: Half, url: str) -> dict[str, Any]:
    """Make the process's first call, and return how long it took."""
    faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
    client = half.connect(Account(url))
    first, rows = timed(half.call, client)
    if len(rows) != FEW:
        raise ValueError(f"these are not the account's rows: {str(rows)[:200]}")
    half.close(client)
    return {"first_call_ms": first}


def poll(half: Half, url: str, scenario: dict[str, Any]) -> dict[str, Any]:
    """Send one request every so many seconds with one client, and return the latencies in milliseconds.

    The client's first request opens the connection and does not count.
    """
    faulthandler.dump_traceback_later(MOST_SECONDS + scenario["calls"] * scenario["interval"], exit=True)
    send = half.write if scenario["is_write"] else half.call
    client = half.connect(Account(url), **scenario["options"])
    send(client)
    due, latencies = time.monotonic(), []
    for _ in range(scenario["calls"]):
        due += scenario["interval"]
        half.sleep(max(0, due - time.monotonic()))
        latencies.append(timed(send, client)[0])
    half.close(client)
    return {"latencies_ms": latencies}


def attempt(measure: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Measure, and return the figures or the error."""
    try:
        return measure(*arguments)
    except Exception as error:  # noqa: BLE001, whatever it is goes into the report
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        faulthandler.cancel_dump_traceback_later()


def main() -> None:
    """Make the first call, and poll as standard input says."""
    name, half_name, url, import_statement = sys.argv[1:]
    # Whatever else a contender prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    exec(import_statement, {})  # noqa: S102, a contender's own
    half = half_of(importlib.import_module(f"contenders.{name}"), half_name)
    print(json.dumps(attempt(start, half, url)), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(attempt(poll, half, url, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
