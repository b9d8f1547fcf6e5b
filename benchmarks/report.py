"""Tables of a run's result, for the terminal and for docs/performance.md.

    python benchmarks/report.py [.bench/result.json] [--write-docs]

The result is what run.py wrote; it calls this module too.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from demands import verdicts
from marks import put_between_marks
from plot import draw
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from summary import FLOOR, Figure, Summary

NOTHING = "–"  # noqa: RUF001, a dash is what stands in an empty cell
# Where the output is no terminal.
WIDTH = 160


class Table(NamedTuple):
    """A table's cells as text; the first column is on the left, the others on the right."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class Column(NamedTuple):
    """A column: a figure, or its ratio over the floor's."""

    title: str
    figure: Figure
    show: Callable[[float], str] = "{:,.0f}".format
    over_floor: bool = False


def with_ratio(title: str, figure: Figure) -> list[Column]:
    """Give a figure's column, and that of its ratio over the floor's."""
    return [Column(title, figure), Column("over floor", figure, "{:,.2f}".format, over_floor=True)]


def one_decimal(value: float) -> str:
    """Show a figure of milliseconds or megabytes."""
    return f"{value:,.1f}"


SPEED = [
    *with_ratio("sync median", Figure("sync", "median_us")),
    Column("p99", Figure("sync", "p99_us")),
    Column("CPU", Figure("sync", "cpu_us")),
    *with_ratio("async median", Figure("async", "median_us")),
    Column("p99", Figure("async", "p99_us")),
    Column("CPU", Figure("async", "cpu_us")),
]
ROWS = [
    *with_ratio("20 rows", Figure("sync_20_rows", "median_us")),
    *with_ratio("1,000 rows", Figure("sync_1000_rows", "median_us")),
    Column("CPU", Figure("sync_1000_rows", "cpu_us")),
]
MANY = [
    *with_ratio("50 tasks", Figure("in_flight_50", "calls_per_s", more_is_better=True)),
    Column("CPU µs", Figure("in_flight_50", "cpu_us")),
    Column("server busy", Figure("in_flight_50", "server_busy"), "{:.0%}".format),
    *with_ratio("500 tasks", Figure("in_flight_500", "calls_per_s", more_is_better=True)),
    *with_ratio("50 tasks, 50 ms", Figure("in_flight_50_delayed", "calls_per_s", more_is_better=True)),
    *with_ratio("500 tasks, 50 ms", Figure("in_flight_500_delayed", "calls_per_s", more_is_better=True)),
    *with_ratio("50 threads", Figure("threads_50", "calls_per_s", more_is_better=True)),
]
START = [
    Column("import ms", Figure("import", "import_ms"), one_decimal),
    Column("1st client ms", Figure("fresh", "construct_ms"), one_decimal),
    Column("1st call ms", Figure("fresh", "first_call_ms"), one_decimal),
    Column("peak MB", Figure("fresh", "peak_mb"), one_decimal),
]
CLIENTS = [
    Column("seconds", Figure("fresh", "clients_s"), "{:,.2f}".format),
    Column("made", Figure("fresh", "clients")),
    Column("MB", Figure("fresh", "clients_mb"), one_decimal),
    Column("the last µs", Figure("fresh", "last_construct_us")),
    Column("seconds with a call each", Figure("fresh", "clients_called_s"), "{:,.2f}".format),
    Column("MB with a call each", Figure("fresh", "clients_called_mb"), one_decimal),
]


def tables(result: dict[str, Any]) -> list[Table]:
    """Make all tables of a result."""
    summary = Summary(result)
    start = table(summary, "Start and size", START)
    start.columns.extend(["installed MB", "distributions"])
    names = {contender["title"]: name for name, contender in summary.contenders.items()}
    for row in start.rows:
        size = summary.installed_mb(names[row[0]])
        count = len(summary.contenders[names[row[0]]]["distributions"])
        row.extend([NOTHING, NOTHING] if size is None else [one_decimal(size), str(count)])
    return [
        demands_table(summary),
        table(summary, "One call after the other, one row, µs", SPEED),
        table(summary, "Calls/s of many callers with one client", MANY),
        table(summary, "Sync calls of more rows, µs", ROWS),
        start,
        table(summary, "Up to 1,000 clients of as many accounts", CLIENTS),
        troubles(summary),
    ]


def demands_table(summary: Summary) -> Table:
    """Show what was demanded, and what is."""
    rows = [
        [
            verdict.text + (f" ({verdict.over})" if verdict.over else ""),
            "not measured" if verdict.measured is None else f"{verdict.measured:.2f}",
            verdict.bound,
            "pass" if verdict.passed else "FAIL",
        ]
        for verdict in verdicts(summary)
    ]
    return Table("Demands", ["medians of the ratios within the rounds", "measured", "bound", ""], rows)


def table(summary: Summary, title: str, columns: list[Column]) -> Table:
    """Show figures of all contenders that have one of them, the best by the first column at the top."""
    first = columns[0].figure
    order = sorted(
        summary.contenders,
        key=lambda name: (summary.median(name, first) or float("inf")) * (-1 if first.more_is_better else 1),
    )
    if first.more_is_better:
        order.sort(key=lambda name: summary.median(name, first) is None)
    rows = [[summary.contenders[name]["title"], *(cell(summary, name, column) for column in columns)] for name in order]
    return Table(title, ["", *(column.title for column in columns)], [row for row in rows if {*row[1:]} != {NOTHING}])


def cell(summary: Summary, name: str, column: Column) -> str:
    """Show a figure, or why there is none; a star says that there is more to it below."""
    figure = column.figure
    value = summary.ratio(name, FLOOR, figure) if column.over_floor else summary.median(name, figure)
    if value is None:
        return "error" if summary.error(name, figure.measure) and not column.over_floor else NOTHING
    troubled = summary.error(name, figure.measure) or summary.failures(name, figure.measure)
    return column.show(value) + ("*" if troubled else "")


def troubles(summary: Summary) -> Table:
    """Show each error and each failed call."""
    rows: list[list[str]] = []
    for name, contender in summary.contenders.items():
        of_measure: dict[str, list[str]] = {}
        for measure in summary.measures():
            if error := summary.error(name, measure):
                of_measure.setdefault(error, []).append(measure)
            if failures := summary.failures(name, measure):
                of_measure.setdefault(f"calls failed: {failures}", []).append(measure)
        rows += [[contender["title"], ", ".join(measures), error] for error, measures in of_measure.items()]
    return Table("Errors, and calls that failed (*)", ["", "where", "what"], rows)


def about(result: dict[str, Any]) -> str:
    """Say how the result came about."""
    server = result["server"]
    return (
        f"`{result['command']}`, {result['date']}, rounds: {len(result['rounds'])}, {result['python']},"
        f" {result['system']}, {result['cores']} cores; the server by itself: {server['calls_per_s']:,.0f} calls/s,"
        f" busy {server['busy']:.0%} of the time; this SDK's wheel: {result['wheel_bytes'] / 1e3:.0f} kB."
    )


def print_result(result: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    for title, columns, rows in tables(result):
        if rows:
            rich_table = RichTable(title=title, title_justify="left")
            for number, column in enumerate(columns):
                rich_table.add_column(column, justify="right" if number else "left", no_wrap=not number)
            for row in rows:
                # As Text, for in a str rich takes what stands in brackets as markup.
                rich_table.add_row(*map(Text, row))
            console.print(rich_table)
    console.print(about(result), markup=False)


def markdown(result: dict[str, Any]) -> str:
    """Give the tables as Markdown."""
    parts = [about(result)]
    for title, columns, rows in tables(result):
        if rows:
            cells = [[text.replace("|", "\\|") for text in row] for row in rows]
            lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *cells]
            parts.append(f"## {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


def write_docs(result: dict[str, Any], folder: Path) -> None:
    """Put the tables between their marks in performance.md, and the plot beside it."""
    put_between_marks(folder / "performance.md", "table", markdown(result))
    draw(Summary(result), folder / "performance.svg")


def main() -> None:
    """Report on a result that is there already."""
    root = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("result", nargs="?", type=Path, default=root / ".bench" / "result.json")
    parser.add_argument("--write-docs", action="store_true", help="put tables and plot into docs/performance.*")
    arguments = parser.parse_args()
    result = json.loads(arguments.result.read_text(encoding="utf-8"))
    print_result(result)
    if arguments.write_docs:
        write_docs(result, root / "docs")


if __name__ == "__main__":
    main()
