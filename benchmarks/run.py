"""Measure the contenders against each other in one run, and report.

    python benchmarks/run.py [--rounds 7] [--contenders sdk,httpx_by_hand] [--measures sync,import]
                             [--strict] [--write-docs]

All of them are measured in each round, one after the other for each measure and in another order each round; each in a
process and an environment of its own, against one server in a process of its own. The result goes to
.bench/result.json.
"""

import argparse
import datetime as dt
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from demands import verdicts
from environments import BENCH, ROOT, Environment, build_wheel, environment_for, metadata_of
from load import Capacity, capacity, cpu_seconds
from measures import FRESH, IMPORT, MEASURES, Measure
from report import print_result, write_docs
from summary import Summary

HERE = Path(__file__).parent
# A process that does nothing else than start is given up after this time.
MOST_SECONDS = 60
RESULT = BENCH / "result.json"

Answer = dict[str, Any]


class Server:
    """The exchange in a process of its own."""

    def __init__(self, python: Path) -> None:
        """Start it, and wait until it tells its ports."""
        self._process = subprocess.Popen(
            [python, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ports = json.loads(self._process.stdout.readline() if self._process.stdout else "")
        self.urls: dict[str, str] = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def cpu_seconds(self) -> float:
        """Ask it for the processor time that it has used so far."""
        return cpu_seconds(self.urls["1"])

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


class Contender:
    """A contender, with a worker that is started when it is needed."""

    def __init__(self, name: str, server: Server, environment: Environment | None, broken: str = "") -> None:
        """Take its environment, or why there is none."""
        script = HERE / "contenders" / f"{name}.py"
        self.name = name
        self.title: str = metadata_of(script)["tool"]["bench"]["title"]
        self.environment = environment
        self.broken = broken
        self._import: str = metadata_of(script)["tool"]["bench"]["import"]
        self._server = server
        self._log = BENCH / "logs" / f"{name}.log"
        self._worker: subprocess.Popen[str] | None = None

    def measure(self, measure: Measure, calls: int, seconds: float) -> Answer:
        """Measure once; an error is told without the folder of this machine that it may name."""
        answer = self._measure(measure, calls, seconds)
        return answer | ({"error": answer["error"].replace(f"{ROOT}/", "")} if "error" in answer else {})

    def close(self) -> None:
        """Let the worker end."""
        if self._worker:
            self._worker.communicate()
            self._worker = None

    def _measure(self, measure: Measure, calls: int, seconds: float) -> Answer:
        if not self.environment:
            return {"error": self.broken}
        if measure.name == IMPORT:
            return self._measure_import(self.environment)
        if measure.name == FRESH:
            return self._measure_fresh(self.environment, seconds)
        cpu = self._server.cpu_seconds()
        answer = self._ask(self.environment, measure.command(self._server.urls, calls, seconds))
        if measure.kind == "in_flight" and "figures" in answer:
            # What the worker does beside its measurement is not counted, so that this is a bit more than it was.
            answer["figures"]["server_busy"] = (self._server.cpu_seconds() - cpu) / seconds
        return answer

    def _ask(self, environment: Environment, command: dict[str, Any]) -> Answer:
        if not self._worker:
            with self._log.open("w", encoding="utf-8") as log:
                self._worker = subprocess.Popen(
                    [environment.python, HERE / "worker.py", self.name],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        worker = self._worker
        try:
            print(json.dumps(command), file=worker.stdin, flush=True)
            return dict(json.loads(worker.stdout.readline() if worker.stdout else ""))
        except (ValueError, OSError):
            worker.kill()
            self._worker = None
            said = last_line(self._log.read_text(encoding="utf-8"))
            return {"error": f"the worker ended (code {worker.wait()}); the last that it said: {said or 'nothing'}"}

    def _measure_import(self, environment: Environment) -> Answer:
        program = f"from time import perf_counter_ns\nstart = perf_counter_ns()\n{self._import}\n"
        # Isolated, for what lies about in this folder is not to be found by an import.
        answer = in_fresh_process([environment.python, "-I", "-c", program + "print(perf_counter_ns() - start)"])
        return answer if "error" in answer else {"figures": {"import_ms": answer["printed"] / 1e6}}

    def _measure_fresh(self, environment: Environment, seconds: float) -> Answer:
        url = self._server.urls["1"]
        answer = in_fresh_process(
            [environment.python, HERE / "fresh.py", self.name, url, self._import, str(max(seconds, 1.5))]
        )
        return answer if "error" in answer else {"figures": answer["printed"]}


def in_fresh_process(command: list[Any]) -> Answer:
    """Run a program that prints JSON; give it or the error's last line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=MOST_SECONDS)
        return {"printed": json.loads(done.stdout)}
    except subprocess.CalledProcessError as error:
        return {"error": last_line(error.stderr) or str(error)}
    except (subprocess.TimeoutExpired, ValueError) as error:
        return {"error": str(error)}


def last_line(text: str) -> str:
    """Give the last line of what a program said."""
    return text.strip().rpartition("\n")[2]


def rotated(contenders: list[Contender], by: int) -> list[Contender]:
    """Give another one the first turn."""
    by %= len(contenders)
    return contenders[by:] + contenders[:by]


def measure_round(number: int, contenders: list[Contender], arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure all contenders once by each measure."""
    answers: dict[str, dict[str, Answer]] = {}
    for measure in selected(arguments):
        if measure.most_rounds is not None and number >= measure.most_rounds:
            continue
        several: dict[str, list[Answer]] = {contender.name: [] for contender in contenders}
        for repeat in range(measure.repeats):
            for contender in rotated(contenders, number + repeat):
                several[contender.name].append(contender.measure(measure, arguments.calls, arguments.seconds))
        answers[measure.name] = {name: median_of(of_contender) for name, of_contender in several.items()}
    return answers


def median_of(answers: list[Answer]) -> Answer:
    """Make one answer of several to the same question."""
    if len(answers) == 1 or any("figures" not in answer for answer in answers):
        return answers[-1]
    figures = [answer["figures"] for answer in answers]
    return {"figures": {name: statistics.median(each[name] for each in figures) for name in figures[0]}}


def selected(arguments: argparse.Namespace) -> Iterable[Measure]:
    """Give the measures that are asked for."""
    return (measure for measure in MEASURES if measure.name in arguments.measures)


def prepared(name: str, server: Server, wheel: Path) -> Contender:
    """Make a contender's environment; if that fails, each of its measurements says so."""
    tell(f"environment of {name}")
    try:
        environment = environment_for(HERE / "contenders" / f"{name}.py", wheel)
    except RuntimeError as error:
        return Contender(name, server, None, f"could not be installed: {error}")
    return Contender(name, server, environment)


def about(contenders: list[Contender], wheel: Path, server: Capacity) -> dict[str, Any]:
    """Say what was measured, and where."""
    return {
        "command": shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]]),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "wheel_bytes": wheel.stat().st_size,
        "server": server._asdict(),
        "contenders": {
            contender.name: {
                "title": contender.title,
                "error": contender.broken,
                "distributions": contender.environment.distributions if contender.environment else {},
                "installed_bytes": contender.environment.installed_bytes if contender.environment else None,
            }
            for contender in contenders
        },
    }


def tell(text: str) -> None:
    """Say what is being done."""
    print(text, file=sys.stderr, flush=True)


def arguments_of_command() -> argparse.Namespace:
    """Read the command line."""
    names = sorted(path.stem for path in (HERE / "contenders").glob("[!_]*.py"))
    measures = [measure.name for measure in MEASURES]

    def some_of(known: list[str]) -> Any:
        def chosen(text: str) -> list[str]:
            if unknown := set(text.split(",")) - set(known):
                raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(known)}")
            return text.split(",")

        return chosen

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how many rounds (7)")
    parser.add_argument("--contenders", type=some_of(names), default=names, help="which, with commas between (all)")
    parser.add_argument("--measures", type=some_of(measures), default=measures, help="which, with commas between (all)")
    parser.add_argument("--calls", type=int, default=300, help="calls one after the other, at most (300)")
    parser.add_argument("--seconds", type=float, default=1, help="for each measurement, at most (1)")
    parser.add_argument("--strict", action="store_true", help="fail if anything could not be measured")
    parser.add_argument("--write-docs", action="store_true", help="put tables and plot into docs/performance.*")
    return parser.parse_args()


def main() -> None:
    """Measure, keep the result, and report."""
    arguments = arguments_of_command()
    (BENCH / "logs").mkdir(parents=True, exist_ok=True)
    tell("wheel of this SDK")
    wheel = build_wheel()
    server = Server(environment_for(HERE / "server.py", wheel).python)
    try:
        contenders = [prepared(name, server, wheel) for name in arguments.contenders]
        figure = capacity(server.urls["1"])
        tell(f"server: {figure.calls_per_s:,.0f} calls/s, busy {figure.busy:.0%} of the time")
        rounds: list[dict[str, Any]] = []
        for number in range(arguments.rounds):
            tell(f"round {number + 1} of {arguments.rounds}")
            rounds.append(measure_round(number, contenders, arguments))
        for contender in contenders:
            contender.close()
    finally:
        server.close()
    result = about(contenders, wheel, figure) | {"rounds": rounds}
    summary = Summary(result)
    result |= {"demands": [verdict._asdict() for verdict in verdicts(summary)], "medians": summary.medians()}
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    print_result(result)
    if arguments.write_docs:
        write_docs(result, ROOT / "docs")
    if arguments.strict and any(
        summary.error(contender, measure) for contender in summary.contenders for measure in summary.measures()
    ):
        sys.exit("not everything could be measured")


if __name__ == "__main__":
    main()
