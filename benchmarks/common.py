"""Shared code of the benchmarks: environments, processes, thresholds and Markdown tables."""

import argparse
import datetime as dt
import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
HERE = ROOT / "benchmarks"
BENCH = ROOT / ".bench"
DOCS = ROOT / "docs" / "performance.md"
CA_FILE = BENCH / "ca.pem"
SDK = "sdk"
NAMES = sorted(path.stem for path in (HERE / "contenders").glob("[!_]*.py"))
# Colors of plots, which can be read on white and on black.
BLUE, ORANGE, GREY = "#3a87c8", "#d9822b", "#808080"
PLOT_STYLE: Any = {"svg.hashsalt": "binance-coinm", "font.size": 9}
PLOT_STYLE |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY)
NOTHING = "–"  # noqa: RUF001, an empty cell has a dash


class Implementation(NamedTuple):
    """A module of contenders/ and its environment, or the reason why the environment could not be created."""

    name: str
    title: str
    import_statement: str
    python: Path
    error: str = ""

    def size(self) -> dict[str, float]:
        """Return the size of what is installed, compiled files included."""
        if self.error:
            raise RuntimeError(self.error)
        site_packages = next(self.python.parent.parent.glob("lib/python*/site-packages"))
        return {
            "mb": sum(path.stat().st_size for path in site_packages.rglob("*") if path.is_file()) / 1e6,
            "distributions": len(list(importlib.metadata.distributions(path=[str(site_packages)]))),
        }

    def import_ms(self) -> float:
        """Return the time of the import statement in a new process."""
        program = f"from time import perf_counter_ns\nstart = perf_counter_ns()\n{self.import_statement}\n"
        # Isolated (-I), so that nothing is imported from the current folder.
        return float(self._run("-I", "-c", program + "print(perf_counter_ns() - start)")) / 1e6

    def has(self, function: str) -> bool:
        """Return True if the module has this function; unsupported ones are missing."""
        return hasattr(importlib.import_module(f"contenders.{self.name}"), function)

    def measure(
        self, function: str, *, seconds: float, environ: dict[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Run a function of a worker module in a new process; raise RuntimeError with the reason if that fails."""
        command = json.dumps(options | {"seconds": seconds, "import_statement": self.import_statement})
        result: dict[str, Any] = self._run(
            HERE / "worker.py", self.name, function, command, timeout=60 + seconds, environ=environ
        )
        return result

    def _run(self, *arguments: Any, timeout: float = 60, environ: dict[str, str] | None = None) -> Any:
        if self.error:
            raise RuntimeError(self.error)
        try:
            done = subprocess.run(
                [self.python, *arguments], capture_output=True, text=True, check=True, timeout=timeout, env=environ
            )
            # The implementation may print something before the result.
            return json.loads(last_line(done.stdout))
        except subprocess.CalledProcessError as error:
            raise RuntimeError(last_line(error.stderr) or str(error)) from None
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise RuntimeError(str(error)) from None


class Threshold(NamedTuple):
    """A limit for a figure of this SDK, and the reason for it."""

    text: str
    measured: float | None
    limit: float
    reason: str
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure was measured and is within the limit."""
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def create_parser(documentation: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=(documentation or "").partition("\n")[0])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--smoke", action="store_true", help="measure briefly; fail if anything cannot be measured")
    form.add_argument("--write-docs", action="store_true", help="write the result into docs/")
    return parser


def last_line(text: str) -> str:
    """Return the last line of a program's output, without this machine's paths."""
    return text.strip().rpartition("\n")[2].replace(f"{ROOT}/", "")


def log(text: str) -> None:
    """Print a progress message."""
    print(text, file=sys.stderr, flush=True)


def build_wheel() -> Path:
    """Build the SDK's wheel from the working tree."""
    log("wheel of this SDK")
    wheels = BENCH / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    run_pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    return next(wheels.glob("*.whl"))


def create_implementation(name: str, wheel: Path) -> Implementation:
    """Return an implementation with its environment; the SDK is installed from the wheel."""
    script = HERE / "contenders" / f"{name}.py"
    bench = read_metadata(script)["tool"]["bench"]
    log(f"environment of {name}")
    try:
        python, error = create_environment(script, wheel), ""
    except RuntimeError as reason:
        python, error = Path(), f"could not be installed: {reason}"
    return Implementation(name, bench["title"], bench["import"], python, error)


def create_environment(script: Path, wheel: Path) -> Path:
    """Install a script's dependencies into an environment, and return its Python; reuse it if nothing has changed."""
    metadata = read_metadata(script)
    required = [str(wheel) if each == "binance-coinm" else each for each in metadata["dependencies"]]
    without_dependencies = metadata.get("tool", {}).get("bench", {}).get("without-dependencies", [])
    folder = BENCH / "environments" / script.stem
    python, stamp = folder / "bin" / "python", folder / "stamp.json"
    content = json.dumps([sys.version, required, without_dependencies])
    # The wheel is rebuilt in each run, and may have changed under the same name.
    if str(wheel) in required or not stamp.exists() or stamp.read_text(encoding="utf-8") != content:
        # Without pip, the environment contains only what the script needs.
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        for requirements, options in ((required, ()), (without_dependencies, ("--no-deps",))):
            if requirements:
                run_pip("--python", str(python), "install", *options, *requirements)
        stamp.write_text(content, encoding="utf-8")
    return python


def read_metadata(script: Path) -> dict[str, Any]:
    """Return the inline metadata at the beginning of a script."""
    block = script.read_text(encoding="utf-8").partition("# /// script\n")[2].partition("# ///\n")[0]
    return tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in block.splitlines()))


def run_pip(*arguments: str) -> None:
    """Run pip; raise RuntimeError with the last line of its output if it fails."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(last_line(done.stderr))


@contextmanager
def running_server(wheel: Path) -> Iterator[dict[str, str]]:
    """Run the benchmark server, and yield its URLs by purpose."""
    command = [create_environment(HERE / "server.py", wheel), HERE / "server.py", CA_FILE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline() if process.stdout else "")


def provenance() -> str:
    """Return the date, commit and machine of the measurement."""
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True).strip()  # noqa: S607
    return (
        f"{dt.datetime.now(dt.UTC).date()} at commit {commit}, {platform.python_implementation()}"
        f" {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )


def markdown_table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table whose first column is left-aligned, and the others right-aligned."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(value: float | None, style: Callable[[float], str]) -> str:
    """Return a value as a table cell."""
    return NOTHING if value is None else style(value)


def write_markdown_section(name: str, text: str) -> None:
    """Replace the text between the markers of this name in docs/performance.md."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin_found, rest = DOCS.read_text(encoding="utf-8").partition(begin)
    _, end_found, after = rest.partition(end)
    if not begin_found or not end_found:
        raise SystemExit(f"{DOCS} must contain the lines {begin} and {end}; the text between them is replaced")
    DOCS.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


@contextmanager
def plot(path: Path, width: float, height: float) -> Iterator[Any]:
    """Yield a figure of matplotlib, and save it with a transparent background; the same plot gives the same file."""
    # Imported here, because not each benchmark draws.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(PLOT_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def judge(thresholds: list[Threshold]) -> None:
    """Print all thresholds, and exit with an error if one is not met."""
    rows = [
        [
            threshold.text,
            show(threshold.measured, "{:.2f}".format),
            f"{'≥' if threshold.at_least else '≤'} {threshold.limit:g}",
            "met" if threshold.is_met else "NOT MET",
            threshold.reason,
        ]
        for threshold in thresholds
    ]
    print("\n" + markdown_table(["threshold", "measured", "limit", "", "reason"], rows))
    if not all(threshold.is_met for threshold in thresholds):
        sys.exit("not all thresholds are met")
