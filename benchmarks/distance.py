"""Measure what a program waits for that polls a distant server every few seconds, and report.

    python benchmarks/distance.py [--contenders sdk requests_by_hand] [--short | --write-docs]

Each contender polls in processes of its own, all of them at the same time, because they wait nearly always. What a
process takes from its start to its first response is measured before, one process after the other. The result goes to
.bench/distance.json. The short form measures less of two contenders, and fails if anything could not be measured.
"""

import argparse
import datetime as dt
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from demands import DEFAULT, DISTANCE_BOUND, DISTANCE_OVER, DISTANCE_READS, at_most
from environments import BENCH, ROOT, build_wheel, environment_for, metadata_of
from marks import put_between_marks

HERE = Path(__file__).parent
RESULT = BENCH / "distance.json"
CA_FILE = BENCH / "authority.pem"
ROUND_TRIP = 0.05
# The processes begin one after the other within this time, in seconds, so that their calls do not coincide.
SPREAD, SHORT_SPREAD = 6, 0.6
STARTS = 5
NOTHING = "–"  # noqa: RUF001, a dash is what stands in an empty cell
BASELINES = {"sync": "requests_by_hand", "async": "aiohttp_by_hand"}
SHORT_CONTENDERS = ["requests_by_hand", "sdk"]

SECTION = """\
## Over a distance

What a program waits for that polls an account every few seconds. Measured over TLS through a relay that delays each \
direction by {delay:g} ms, and each new connection by one round trip more, to a server that keeps idle connections \
for 75 s; each client in a process of its own. `python benchmarks/distance.py`, {about}.

It shows whose connection is still there after a wait: a call takes one round trip over an idle connection, and three \
over a new one.

{demands}

In milliseconds: the median, the 90th percentile in brackets, and the ratio of the median to that of requests by hand \
(sync) or aiohttp by hand (async). *Start* is a new process until its first response, *first call* the call in it.

{sync}

{async}

A write goes over an idle connection only if that is younger than 5 s, because a write that meets the server's closing \
of the connection cannot be repeated safely. A write every 6 s therefore pays for a new connection by design, unless \
that setting is raised: *kept* is with `connect(write_keepalive_expiry=60.0)`.

{errors}"""


class Scenario(NamedTuple):
    """Requests of one client, one every `interval` seconds."""

    name: str
    title: str
    interval: float
    calls: int
    is_write: bool = False
    options: dict[str, float] = {}  # noqa: RUF012, nothing changes it


READ_OFTEN = Scenario("read_0.2", "read, 0.2 s", 0.2, 50)
READ_6 = Scenario("read_6", "read, 6 s", 6, 12)
READ_20 = Scenario("read_20", "read, 20 s", 20, 8)
READ_50 = Scenario("read_50", "read, 50 s", 50, 7)
WRITE_6 = Scenario("write_6", "write, 6 s", 6, 12, is_write=True)
KEPT = Scenario("write_6_kept", "write, 6 s, kept", 6, 12, is_write=True, options={"write_keepalive_expiry": 60.0})
# What each process does, one scenario after the other, so that all of them end at about the same time.
PLANS = ((READ_50,), (READ_OFTEN, READ_6, WRITE_6, READ_20))
# The option is one of this SDK alone.
OWN_PLANS = (*PLANS, (KEPT,))
SHORT_PLANS = ((READ_6._replace(calls=2), READ_OFTEN._replace(calls=5)), (WRITE_6._replace(calls=2),))
COLUMNS = {scenario.name: scenario.title for scenario in (READ_OFTEN, READ_6, READ_20, READ_50, WRITE_6, KEPT)} | {
    "start": "start",
    "first_call": "first call",
}

# Of a contender's half: its figures by scenario, or errors.
Figures = dict[str, dict[str, Any]]


class Half(NamedTuple):
    """A contender's sync or async half, and how a process of it is started."""

    contender: str
    name: str
    command: list[Any]
    environment: dict[str, str]

    def begin(self) -> "subprocess.Popen[str]":
        """Start a process."""
        with self._log("a") as log:
            return subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment
            )

    def answer_of(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        """Return the next answer of a process, or an error with the last line of its log if it has ended."""
        if line := process.stdout.readline() if process.stdout else "":
            return dict(json.loads(line.replace(f"{ROOT}/", "")))
        with self._log("r") as log:
            return {"error": f"the process ended: {log.read().strip().rpartition(chr(10))[2]}"}

    def _log(self, mode: str) -> IO[str]:
        path: Path = BENCH / "logs" / f"distance_{self.contender}_{self.name}.log"
        return path.open(mode, encoding="utf-8")


def halves_of(pythons: dict[str, Path], url: str) -> list[Half]:
    """Return both halves of the contenders, as far as they have them."""
    variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    variables |= {"SSL_CERT_FILE": str(CA_FILE), "REQUESTS_CA_BUNDLE": str(CA_FILE)}
    variables.pop("SSL_CERT_DIR", None)
    halves: list[Half] = []
    for name, python in pythons.items():
        contender = importlib.import_module(f"contenders.{name}")
        statement = metadata_of(script_of(name))["tool"]["bench"]["import"]
        halves += [
            Half(name, half, [python, HERE / "poller.py", name, half, url, statement], variables)
            for half, function in (("sync", "write"), ("async", "write_async"))
            if hasattr(contender, function)
        ]
    return halves


def script_of(name: str) -> Path:
    """Return a contender's module."""
    return HERE / "contenders" / f"{name}.py"


def title_of(name: str) -> str:
    """Return a contender's title in the tables."""
    return str(metadata_of(script_of(name))["tool"]["bench"]["title"])


def of_latencies(latencies: list[float]) -> dict[str, Any]:
    """Return the median and the 90th percentile."""
    p90 = statistics.quantiles(latencies, n=10, method="inclusive")[8] if len(latencies) > 1 else latencies[0]
    return {"calls": len(latencies), "median_ms": statistics.median(latencies), "p90_ms": p90}


def measure_starts(half: Half, count: int) -> Figures:
    """Start processes one after the other, each for its first call."""
    starts, first_calls = [], []
    for _ in range(count):
        begin = time.perf_counter()
        process = half.begin()
        answer = half.answer_of(process)
        starts.append((time.perf_counter() - begin) * 1e3)
        process.communicate()
        if "error" in answer:
            return {"start": answer, "first_call": answer}
        first_calls.append(answer["first_call_ms"])
    return {"start": of_latencies(starts), "first_call": of_latencies(first_calls)}


def poll(halves: list[Half], *, short: bool) -> Iterator[tuple[Half, Figures]]:
    """Let all processes poll at the same time, and return what each of them measured."""
    jobs = [
        (half, plan, half.begin())
        for half in halves
        for plan in (SHORT_PLANS if short else OWN_PLANS if half.contender == DEFAULT else PLANS)
    ]
    for half, _, process in jobs:
        # None begins before all have imported what they need, and made their first call.
        half.answer_of(process)
    for _, plan, process in jobs:
        # A process that has ended has no answers below.
        with suppress(BrokenPipeError):
            print(*(json.dumps(scenario._asdict()) for scenario in plan), sep="\n", file=process.stdin, flush=True)
        time.sleep((SHORT_SPREAD if short else SPREAD) / len(jobs))
    for half, plan, process in jobs:
        answers = {scenario.name: half.answer_of(process) for scenario in plan}
        process.communicate()
        yield (
            half,
            {
                name: answer if "error" in answer else of_latencies(answer["latencies_ms"])
                for name, answer in answers.items()
            },
        )


def measure(names: list[str], *, short: bool) -> dict[str, Any]:
    """Measure the contenders of these names, and return the result."""
    tell("wheel and environments")
    wheel = build_wheel()
    pythons: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            pythons[name] = environment_for(script_of(name), wheel).python
        except RuntimeError as error:
            left_out[name] = f"could not be installed: {error}"
    remote = subprocess.Popen(
        [environment_for(HERE / "remote.py", wheel).python, HERE / "remote.py", CA_FILE, str(ROUND_TRIP)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        halves = halves_of(pythons, json.loads(remote.stdout.readline() if remote.stdout else ""))
        tell("starts")
        measured = [(half, measure_starts(half, 1 if short else STARTS)) for half in halves]
        tell("reads and writes")
        measured += poll(halves, short=short)
    finally:
        remote.communicate()
    figures: dict[str, dict[str, Figures]] = {"sync": {}, "async": {}}
    for half, of_half in measured:
        figures[half.name].setdefault(half.contender, {}).update(of_half)
    system = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"
    date = dt.datetime.now(dt.UTC).date().isoformat()
    return {"about": f"{date}, {system}, {os.cpu_count()} cores", "figures": figures, "left_out": left_out}


def ratio(result: dict[str, Any], *places: tuple[str, str, str]) -> float | None:
    """Return the ratio of two medians, each of a half, a contender and a scenario, if both could be measured."""
    value, other = (
        result["figures"][half].get(name, {}).get(scenario, {}).get("median_ms") for half, name, scenario in places
    )
    return value / other if value is not None and other is not None else None


def demands_table(result: dict[str, Any]) -> str:
    """Return the table of thresholds, and what was measured."""
    rows: list[list[str]] = []
    for half, other, half_of_other in DISTANCE_OVER:
        for read in DISTANCE_READS:
            measured = ratio(result, (half, DEFAULT, read), (half_of_other, other, read))
            _, _, bound, passed, _ = at_most("", measured, DISTANCE_BOUND)
            text = f"this SDK, {half} {COLUMNS[read]}, over {title_of(other)}"
            value = "not measured" if measured is None else f"{measured:.2f}"
            rows.append([text, value, bound, "pass" if passed else "FAIL"])
    return markdown_table(["ratios of medians", "measured", "bound", ""], rows)


def figures_table(result: dict[str, Any], half: str) -> str:
    """Return the table of all sync or async halves, in the order of reads every 6 s."""
    of_half = result["figures"][half]
    columns = [name for name in COLUMNS if any(name in figures for figures in of_half.values())]
    order = sorted(of_half, key=lambda name: of_half[name][READ_6.name].get("median_ms", float("inf")))
    rows = [[title_of(name), *(cell(result, half, name, column) for column in columns)] for name in order]
    return markdown_table([half, *(COLUMNS[column] for column in columns)], rows)


def cell(result: dict[str, Any], half: str, contender: str, scenario: str) -> str:
    """Return median, 90th percentile, and the ratio of the median to that of the baseline."""
    figures = result["figures"][half][contender].get(scenario, {})
    if "median_ms" not in figures:
        return "error" if figures else NOTHING
    over = ratio(result, (half, contender, scenario), (half, BASELINES[half], scenario.removesuffix("_kept")))
    return f"{figures['median_ms']:,.0f} ({figures['p90_ms']:,.0f})" + ("" if over is None else f" {over:.2f}")


def markdown_table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a table whose first column is aligned left, and the others right."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def errors_of(result: dict[str, Any]) -> list[str]:
    """Return what could not be measured, and why."""
    left_out = [f"* {title_of(name)}: {error}" for name, error in result["left_out"].items()]
    return left_out + [
        f"* {title_of(name)}, {half}, {COLUMNS[scenario]}: {figures['error']}"
        for half, contenders in result["figures"].items()
        for name, scenarios in contenders.items()
        for scenario, figures in scenarios.items()
        if "error" in figures
    ]


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    tables = {half: figures_table(result, half) for half in result["figures"]}
    errors = "\n".join(errors_of(result))
    return SECTION.format(
        about=result["about"], delay=ROUND_TRIP * 500, demands=demands_table(result), errors=errors, **tables
    ).strip()


def tell(text: str) -> None:
    """Print what is being done."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, keep the result, and report."""
    names = sorted(path.stem for path in (HERE / "contenders").glob("[!_]*.py") if path.stem != "raw_socket")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--contenders", nargs="+", choices=names, help="which (all, or two if it is short)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="measure little, and fail if that cannot be measured")
    form.add_argument("--write-docs", action="store_true", help="write the section of docs/performance.md")
    arguments = parser.parse_args()
    (BENCH / "logs").mkdir(parents=True, exist_ok=True)
    for log in (BENCH / "logs").glob("distance_*"):
        log.unlink()
    result = measure(arguments.contenders or (SHORT_CONTENDERS if arguments.short else names), short=arguments.short)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    if arguments.short:
        print(*(figures_table(result, half) for half in result["figures"]), *errors_of(result), sep="\n")
    else:
        print(markdown(result))
    if arguments.write_docs:
        put_between_marks(ROOT / "docs" / "performance.md", "distance", markdown(result))
    if arguments.short and errors_of(result):
        sys.exit("not everything could be measured")


if __name__ == "__main__":
    main()
