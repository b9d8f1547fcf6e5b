"""Measure what polling a distant server costs, with this SDK and with other implementations.

    python benchmarks/distance.py [--implementations sdk requests_by_hand] [--write-docs | --smoke]

The server is benchmarks/server.py, over TLS and through its relay. First, new processes make their first call, one
process after the other; then all implementations poll at the same time, because they are nearly always waiting. The
result is written to .bench/distance.json. With --smoke, two implementations are measured briefly, and the exit code is
1 if anything cannot be measured; otherwise, it is 1 if a threshold is not met.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import common
from account import DISTANT_ROWS, ROUND_TRIP_SECONDS
from common import SDK, Implementation, Threshold

SMOKE = [SDK, "requests_by_hand"]
# Processes begin to poll within this time, in seconds, so that their calls do not coincide.
SPREAD_SECONDS = 6
# Each mode, and the function that an implementation needs for it.
MODES = {"sync": "connect", "async": "connect_async"}
# All clients trust the server's certificate authority, and none uses a proxy.
ENVIRON = {
    name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "SSL_CERT_DIR"
} | {"SSL_CERT_FILE": str(common.CA_FILE), "REQUESTS_CA_BUNDLE": str(common.CA_FILE)}


class Scenario(NamedTuple):
    """Requests of one client, one every `interval` seconds."""

    name: str
    interval: float
    calls: int
    is_write: bool = False
    settings: dict[str, float] = {}  # noqa: RUF012, it is never changed


READ_OFTEN = Scenario("read, 0.2 s", 0.2, 50)
READ_6 = Scenario("read, 6 s", 6, 12)
READ_20 = Scenario("read, 20 s", 20, 8)
READ_50 = Scenario("read, 50 s", 50, 7)
WRITE_6 = Scenario("write, 6 s", 6, 12, is_write=True)
WRITE_6_KEPT = Scenario("write, 6 s, kept", 6, 12, is_write=True, settings={"write_keepalive_expiry": 60.0})
# The scenarios of each process, chosen so that all processes end at about the same time.
PLANS = [[READ_50], [READ_OFTEN, READ_6, WRITE_6, READ_20]]
# Only this SDK has this setting.
SDK_PLANS = [*PLANS, [WRITE_6_KEPT]]
SMOKE_PLANS = [[READ_6._replace(interval=2, calls=2), READ_OFTEN._replace(calls=5)], [WRITE_6._replace(calls=2)]]
SCENARIOS = [scenario.name for scenario in (READ_OFTEN, READ_6, READ_20, READ_50, WRITE_6, WRITE_6_KEPT)]
COLUMNS = [*SCENARIOS, "start", "first call"]

# By title and column, in milliseconds.
Latencies = dict[str, dict[str, list[float]]]


def measure_startup(implementation: Implementation, mode: str, url: str, count: int) -> dict[str, list[float]]:
    """Measure the first call of new processes, which are started one after the other."""
    figures = [
        implementation.measure(
            "worker_processes.startup",
            mode=mode,
            url=url,
            rows=DISTANT_ROWS,
            clients=0,
            seconds=0,
            started_at=time.time(),
            environ=ENVIRON,
        )
        for _ in range(count)
    ]
    return {"start": [each["start_ms"] for each in figures], "first call": [each["first_call_ms"] for each in figures]}


def poll(
    implementation: Implementation, mode: str, url: str, plan: list[Scenario], start_at: float
) -> dict[str, list[float]]:
    """Poll in a new process, which waits until `start_at`, when all processes have finished their imports."""
    return implementation.measure(
        "worker_processes.polling",
        mode=mode,
        url=url,
        start_at=start_at,
        scenarios=[scenario._asdict() for scenario in plan],
        seconds=start_at - time.time() + sum(scenario.interval * scenario.calls for scenario in plan),
        environ=ENVIRON,
    )


def measure(implementations: list[Implementation], url: str, *, smoke: bool) -> tuple[dict[str, Latencies], list[str]]:
    """Measure all supported modes of all implementations; return the errors too."""
    latencies: dict[str, Latencies] = {mode: {} for mode in MODES}
    errors: list[str] = []

    def collect(implementation: Implementation, mode: str, get: Callable[[], dict[str, list[float]]]) -> None:
        try:
            latencies[mode].setdefault(implementation.title, {}).update(get())
        except RuntimeError as error:
            errors.append(f"* {implementation.title}, {mode}: {error}")

    pairs = [(each, mode) for each in implementations for mode, needed in MODES.items() if each.has(needed)]
    common.log("new processes")
    for pair in pairs:
        collect(*pair, partial(measure_startup, *pair, url, 1 if smoke else 5))
    common.log("polling")
    jobs = [
        (pair, plan)
        for pair in pairs
        for plan in (SMOKE_PLANS if smoke else SDK_PLANS if pair[0].name == SDK else PLANS)
    ]
    # On two cores, a second is enough for any two of the imports.
    start_at, spread = time.time() + len(jobs), (0.1 if smoke else 1) * SPREAD_SECONDS
    with ThreadPoolExecutor(len(jobs)) as pool:
        futures = [
            (pair, pool.submit(poll, *pair, url, plan, start_at + spread * number / len(jobs)))
            for number, (pair, plan) in enumerate(jobs)
        ]
        for pair, future in futures:
            collect(*pair, future.result)
    return latencies, errors


def table(mode: str, latencies: Latencies) -> str:
    """Return a table of medians and 90th percentiles, sorted by the median of reads every 6 s."""
    columns = [column for column in COLUMNS if any(column in measured for measured in latencies.values())]
    order = sorted(latencies.items(), key=lambda item: statistics.median(item[1].get(READ_6.name, [float("inf")])))
    rows = [[title, *(cell(measured.get(column)) for column in columns)] for title, measured in order]
    return common.markdown_table([mode, *columns], rows)


def cell(times: list[float] | None) -> str:
    """Return the median, and the 90th percentile in brackets."""
    if not times:
        return common.NOTHING
    p90 = statistics.quantiles(times, n=10, method="inclusive")[8] if len(times) > 1 else times[0]
    return f"{statistics.median(times):,.0f} ({p90:,.0f})"


def thresholds(latencies: dict[str, Latencies], title: str) -> list[Threshold]:
    """Return the thresholds for this SDK."""
    return [
        Threshold(
            f"{mode} {scenario.name}, over the round trip",
            statistics.median(times) / ROUND_TRIP_SECONDS / 1e3 if times else None,
            1.25,
            "an idle connection is still there, and takes one round trip; a new one takes three",
        )
        for mode in MODES
        for scenario in (READ_6, READ_20, READ_50)
        for times in [latencies[mode].get(title, {}).get(scenario.name)]
    ]


def main() -> None:
    """Measure, save the result, and report."""
    names = [name for name in common.NAMES if name != "raw_socket"]
    parser = common.create_parser(__doc__)
    parser.add_argument("--implementations", nargs="+", choices=names, help="names (all, or two for --smoke)")
    arguments = parser.parse_args()
    wheel = common.build_wheel()
    chosen = arguments.implementations or (SMOKE if arguments.smoke else names)
    implementations = {name: common.create_implementation(name, wheel) for name in chosen}
    with common.running_server(wheel) as urls:
        latencies, errors = measure(list(implementations.values()), urls["distant"], smoke=arguments.smoke)
    (common.BENCH / "distance.json").write_text(json.dumps(latencies, indent=1), encoding="utf-8")
    tables = [table(mode, of_mode) for mode, of_mode in latencies.items()]
    text = "\n\n".join([f"Measured {common.provenance()}.", *tables, *(["\n".join(errors)] if errors else [])])
    print(text)
    if arguments.write_docs:
        common.write_markdown_section("distance", text)
    if arguments.smoke:
        sys.exit("not everything could be measured" if errors else 0)
    common.judge(thresholds(latencies, implementations[SDK].title if SDK in implementations else SDK))


if __name__ == "__main__":
    main()
