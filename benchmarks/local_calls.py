"""Measure the cost of calls, imports and new processes on one machine, for this SDK and other implementations.

    python benchmarks/local_calls.py [--rounds 7] [--implementations sdk httpx_by_hand] [--write-docs | --smoke]

In each round, all implementations take turns at each measurement, in an order that differs from round to round; each
measurement is a new process. The result is written to .bench/local_calls.json. With --smoke, three implementations are
measured briefly, and the exit code is 1 if anything cannot be measured; otherwise, it is 1 if a threshold is not met.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import common
from account import LONG_RESPONSES
from common import SDK, Implementation, Threshold

HTTPX = "httpx_by_hand"
MAINTAINED = ("official", "python_binance", "ccxt_coinm", "unicorn")
# Their sync clients use requests.
REQUESTS = ("binance_futures_connector", *MAINTAINED)
SMOKE = [SDK, HTTPX, "raw_socket"]
CLIENTS = 1_000

Figures = dict[str, Any]
Measure = Callable[[Implementation, dict[str, str], float], Figures]


def in_worker(function: str, needs: str, rows: int = 1, **options: Any) -> Measure:
    """Return a measurement by a worker's function; it is empty for an implementation without the function `needs`."""

    def measure(implementation: Implementation, urls: dict[str, str], seconds: float) -> Figures:
        if not implementation.has(needs):
            return {}
        return implementation.measure(
            f"worker_calls.{function}", seconds=seconds, rows=rows, url=urls[str(rows)], **options
        )

    return measure


def startup(implementation: Implementation, urls: dict[str, str], seconds: float) -> Figures:
    """Measure a new process with sync calls, or with async calls if sync ones are not supported."""
    return implementation.measure(
        "worker_processes.startup",
        seconds=seconds,
        mode="sync" if implementation.has("connect") else "async",
        rows=1,
        url=urls["1"],
        clients=CLIENTS,
        started_at=time.time(),
    )


def import_time(implementation: Implementation, _urls: dict[str, str], _seconds: float) -> Figures:
    """Measure the import statement."""
    return {"ms": statistics.median(implementation.import_ms() for _ in range(3))}


MEASURES: dict[str, Measure] = {
    "sync": in_worker("sync_calls", "connect"),
    "async": in_worker("async_calls", "connect_async"),
    "rows": in_worker("sync_calls", "connect", rows=1_000),
    "parse": in_worker("parse", "parse", rows=1_000),
    **{kind: in_worker("parse_long", "parse_long", kind=kind) for kind in LONG_RESPONSES},
    "tasks": in_worker("tasks", "connect_async", callers=50),
    "threads": in_worker("threads", "connect", callers=50),
    "import": import_time,
    "startup": startup,
    "installed": lambda implementation, _urls, _seconds: implementation.size(),
}


class Column(NamedTuple):
    """A column of a table; the figure is `measurement.name`."""

    title: str
    figure: str
    style: Callable[[float], str] = "{:,.0f}".format


ONE_DECIMAL = "{:,.1f}".format
TWO_DECIMALS = "{:,.2f}".format
# The rows of each table are sorted by its first column.
TABLES = {
    "One call after the other, one row, µs": [
        Column("sync median", "sync.median_us"),
        Column("p99", "sync.p99_us"),
        Column("CPU", "sync.cpu_us"),
        Column("async median", "async.median_us"),
        Column("p99", "async.p99_us"),
        Column("CPU", "async.cpu_us"),
    ],
    "50 calls at a time with one client, calls/s": [
        Column("50 tasks", "tasks.calls_per_s"),
        Column("CPU µs per call", "tasks.cpu_us"),
        Column("50 threads", "threads.calls_per_s"),
    ],
    "Sync calls of 1,000 rows, µs": [Column("median", "rows.median_us"), Column("CPU", "rows.cpu_us")],
    "Parsing of long responses into models, over json.loads of the same bytes": [
        Column("1,000 orders", "orders.over_json", TWO_DECIMALS),
        Column("300 contracts", "contracts.over_json", TWO_DECIMALS),
        Column("1,500 candles", "candles.over_json", TWO_DECIMALS),
    ],
    "A new process, and what is installed": [
        Column("import ms", "import.ms", ONE_DECIMAL),
        Column("first client ms", "startup.first_client_ms", ONE_DECIMAL),
        Column("first call ms", "startup.first_call_ms", ONE_DECIMAL),
        Column("peak MB", "startup.peak_mb", ONE_DECIMAL),
        Column("installed MB", "installed.mb", ONE_DECIMAL),
        Column("distributions", "installed.distributions"),
    ],
    f"Up to {CLIENTS:,} clients of as many accounts": [
        Column("seconds", "startup.clients_s", TWO_DECIMALS),
        Column("created", "startup.clients"),
        Column("MB", "startup.clients_mb", ONE_DECIMAL),
    ],
}


class Limit(NamedTuple):
    """A limit for a figure of this SDK, or for its ratio over the best of other implementations, and the reason."""

    text: str
    figure: str
    over: tuple[str, ...]
    limit: float
    reason: str


LIMITS = [
    Limit("sync call", "sync.median_us", (HTTPX,), 1.15, "the SDK must add little"),
    Limit("sync call", "sync.median_us", REQUESTS, 0.95, "the SDK must not be slower than what it replaces"),
    Limit("async call", "async.median_us", (HTTPX,), 1.15, "the SDK must add little"),
    Limit("calls/s of 50 tasks", "tasks.calls_per_s", (HTTPX,), 2.5, "the SDK has its own connection pool for this"),
    Limit("import", "import.ms", MAINTAINED, 0.55, "short programs pay for the import each time"),
    Limit("import", "import.ms", (HTTPX,), 1.1, "httpx and attrs are needed in any case"),
    Limit("installed MB", "installed.mb", MAINTAINED, 0.25, "container images include it"),
    Limit("1,000 clients, seconds", "startup.clients_s", (), 1, "a TLS context for each would take some 20 s"),
    Limit("1,000 clients, MB", "startup.clients_mb", (), 100, "a TLS context for each would take some 800 MB"),
    Limit("1,000 rows, over json.loads", "parse.over_json", (), 6, "models must not dominate a call of many rows"),
    Limit("1,000 orders, over json.loads", "orders.over_json", (), 3.2, "bots read all their orders"),
    Limit("1,000 orders", "orders.us", ("official",), 1, "it has models, too"),
    Limit("300 contracts, over json.loads", "contracts.over_json", (), 3.2, "programs read them at the start"),
    Limit("300 contracts", "contracts.us", ("official",), 1, "it has models, too"),
    Limit("1,500 candles, over json.loads", "candles.over_json", (), 6, "almost all of it is amounts"),
]


def more_is_better(figure: str) -> bool:
    """Return True for a rate, which is better if it is higher."""
    return figure.endswith("_per_s")


class Results:
    """The figures of all rounds, and the last error of each measurement."""

    def __init__(self, implementations: list[Implementation]) -> None:
        """Start without figures."""
        self.titles = {implementation.name: implementation.title for implementation in implementations}
        self.rounds: list[dict[str, Figures]] = []
        self.errors: dict[tuple[str, str], str] = {}

    def median(self, name: str, figure: str) -> float | None:
        """Return the median of a figure over all rounds that have it."""
        return median_or_none([figures[name][figure] for figures in self.rounds if figure in figures.get(name, {})])

    def best(self, names: tuple[str, ...], figure: str) -> str | None:
        """Return the implementation with the best median of a figure."""
        medians = {name: value for name in names if (value := self.median(name, figure)) is not None}
        return (max if more_is_better(figure) else min)(medians, key=medians.__getitem__, default=None)

    def ratio(self, name: str, over: str, figure: str) -> float | None:
        """Return the median of the ratios within the rounds."""
        pairs = [(figures.get(name, {}).get(figure), figures.get(over, {}).get(figure)) for figures in self.rounds]
        return median_or_none([value / other for value, other in pairs if value is not None and other is not None])


def median_or_none(values: list[float]) -> float | None:
    """Return the median, or None if there are no values."""
    return statistics.median(values) if values else None


def measure_round(
    implementations: list[Implementation], urls: dict[str, str], seconds: float, results: Results
) -> None:
    """Measure everything once, and add it to the results."""
    by = len(results.rounds) % len(implementations)
    figures: dict[str, Figures] = {implementation.name: {} for implementation in implementations}
    for measure, function in MEASURES.items():
        for implementation in implementations[by:] + implementations[:by]:
            try:
                measured = function(implementation, urls, seconds)
            except RuntimeError as error:
                results.errors[implementation.title, measure] = str(error)
            else:
                figures[implementation.name] |= {f"{measure}.{name}": value for name, value in measured.items()}
    results.rounds.append(figures)


def thresholds(results: Results) -> list[Threshold]:
    """Return the limits with the measured figures."""
    judged: list[Threshold] = []
    for text, figure, over, limit, reason in LIMITS:
        best = results.best(over, figure)
        measured = results.ratio(SDK, best, figure) if best else None if over else results.median(SDK, figure)
        if figure.startswith("startup.clients_") and results.median(SDK, "startup.clients") != CLIENTS:
            measured = None
        title = f"{text}, over {results.titles[best]}" if best else text
        judged.append(Threshold(title, measured, limit, reason, at_least=more_is_better(figure)))
    return judged


def markdown(results: Results, about: str) -> str:
    """Return the tables as Markdown."""
    parts = [about]
    for title, columns in TABLES.items():
        rows: list[tuple[float, list[str]]] = []
        for name, implementation in results.titles.items():
            values = [results.median(name, column.figure) for column in columns]
            cells = [common.show(value, column.style) for value, column in zip(values, columns, strict=True)]
            if set(cells) != {common.NOTHING}:
                sign = -1 if more_is_better(columns[0].figure) else 1
                order = float("inf") if values[0] is None else sign * values[0]
                rows.append((order, [implementation, *cells]))
        headings = ["", *(column.title for column in columns)]
        parts.append(f"### {title}\n\n{common.markdown_table(headings, [row for _, row in sorted(rows)])}")
    if results.errors:
        parts.append("\n".join(f"* {title}, {measure}: {error}" for (title, measure), error in results.errors.items()))
    return "\n\n".join(parts)


def draw(results: Results, path: Path) -> None:
    """Draw the time of a call and the calls per second as horizontal bars on a transparent background."""
    # Each panel's bars: figure, label and color.
    panels = {
        "µs per call, one after the other": [
            ("sync.median_us", "sync", common.BLUE),
            ("async.median_us", "async", common.ORANGE),
        ],
        "calls/s, 50 tasks": [("tasks.calls_per_s", "async", common.ORANGE)],
    }
    times = {
        name: results.median(name, "sync.median_us") or results.median(name, "async.median_us") or 0
        for name in results.titles
    }
    names = sorted(times, key=times.__getitem__, reverse=True)
    with common.plot(path, 10, 1 + 0.42 * len(names)) as canvas:
        for axes, (title, bars) in zip(canvas.subplots(1, 2, sharey=True), panels.items(), strict=True):
            height = 0.76 / len(bars)
            for number, (figure, label, color) in enumerate(bars):
                values = [results.median(name, figure) or 0 for name in names]
                places = [row + height * ((len(bars) - 1) / 2 - number) for row in range(len(names))]
                drawn = axes.barh(places, values, height, color=color, label=label)
                axes.bar_label(drawn, [f"{value:,.0f}" if value else "" for value in values], padding=3, fontsize=8)
            axes.margins(x=0.15)
            axes.set_title(title, loc="left")
            axes.set_yticks(range(len(names)), [results.titles[name] for name in names])


def main() -> None:
    """Measure, save the result, and report."""
    parser = common.create_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="number of rounds (7)")
    parser.add_argument("--implementations", nargs="+", choices=common.NAMES, default=common.NAMES, help="names (all)")
    parser.add_argument("--seconds", type=float, default=1.5, help="duration of each measurement (1.5)")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.rounds, arguments.seconds, arguments.implementations = 1, 0.3, SMOKE
    wheel = common.build_wheel()
    implementations = [common.create_implementation(name, wheel) for name in arguments.implementations]
    results = Results(implementations)
    with common.running_server(wheel) as urls:
        for number in range(arguments.rounds):
            common.log(f"round {number + 1} of {arguments.rounds}")
            measure_round(implementations, urls, arguments.seconds, results)
    (common.BENCH / "local_calls.json").write_text(json.dumps(results.rounds, indent=1), encoding="utf-8")
    about = (
        f"Measured {common.provenance()}: medians of {arguments.rounds} rounds of {arguments.seconds:g} s each."
        f" The wheel of this SDK has {wheel.stat().st_size / 1e3:.0f} kB."
    )
    print(markdown(results, about))
    if arguments.write_docs:
        common.write_markdown_section("local-calls", markdown(results, about))
        draw(results, common.DOCS.with_suffix(".svg"))
    if arguments.smoke:
        sys.exit("not everything could be measured" if results.errors else 0)
    common.judge(thresholds(results))


if __name__ == "__main__":
    main()
