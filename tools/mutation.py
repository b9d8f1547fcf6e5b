"""Run mutation tests: change the plugin and the runtime in one place at a time, and count the mutants that tests kill.

The changes are those that mutmut makes. mutmut's own runner is not used, because it wraps each function: its wrappers
keep the arguments that ours delete, so that the tests for secrets in tracebacks fail with nothing changed, and it skips
functions with decorators. Here, pytest collects the tests once. Then each mutant gets a child process, which replaces
the code of the changed function and runs the tests that reach the changed lines, the fastest first, until one fails.

What runs at import is not changed: constants, attributes of classes, decorators, and defaults of parameters.
"""

import argparse
import gc
import importlib
import math
import os
import pickle
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from unittest import mock

import libcst
import pytest
from coverage import Coverage
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).parent.parent
PACKAGES = (ROOT / "signing_plugin" / "binance_signing", ROOT / "client" / "binance_client")
REQUIRED = 0.9
# The mutants are tried in a random order, which is the same each time; a sample is the first ones.
SEED = 1
# Tests of these packages that take a few seconds at most, and start neither processes nor many threads.
TESTS = (
    "signing",
    "client/test_clock.py",
    "client/test_connect.py",
    "client/test_connection_sharing.py",
    "client/test_connections.py",
    "client/test_decoding.py",
    "client/test_decompression.py",
    "client/test_encoding.py",
    "client/test_errors.py",
    "client/test_faults.py",
    "client/test_framing.py",
    "client/test_interruptions.py",
    "client/test_lifetime.py",
    "client/test_models.py",
    "client/test_network_errors.py",
    "client/test_options.py",
    "client/test_rate_limit.py",
    "client/test_raw_errors.py",
    "client/test_retry_flow.py",
    "client/test_retry_policy.py",
    "client/test_retry_quota.py",
    "client/test_runners.py",
    "client/test_secret_redaction.py",
    "client/test_semaphore.py",
    "client/test_third_party_mocks.py",
    "client/test_timeouts.py",
    "client/test_tls.py",
    "client/test_wire.py",
    "generated/test_balance.py",
    "generated/test_operations.py",
)
# An RSA key of that size takes seconds to make.
SLOW = "4096"


@dataclass(frozen=True, eq=False)
class Mutant:
    """A change of a function: a node of the syntax tree, what replaces it, and the lines of node and function."""

    path: Path
    tree: libcst.Module
    function: libcst.FunctionDef
    old: libcst.CSTNode
    new: libcst.CSTNode
    lines: range
    function_lines: range

    def __str__(self) -> str:
        """Return place, old code and new code in one line."""
        old, new = (" ".join(self.tree.code_for_node(node).split()) for node in (self.old, self.new))
        return f"{self.path.relative_to(ROOT)}:{self.lines.start}: {old} -> {new}"

    def apply(self, functions: list[FunctionType]) -> None:
        """Replace the code of this file's functions by that of the changed source."""
        function = libcst.ensure_type(self.function.deep_replace(self.old, self.new), libcst.FunctionDef)
        if "super()" in self.tree.code_for_node(self.function):
            # Python only accepts code for the variables that the function has, which are this one or none.
            reference = libcst.parse_statement("if 0: __class__")
            function = function.with_deep_changes(function.body, body=[*function.body.body, reference])
        changed = libcst.ensure_type(self.tree.deep_replace(self.function, function), libcst.Module)
        source = compile(changed.code, self.path, "exec", dont_inherit=True)
        codes = {(code.co_qualname, code.co_firstlineno): code for code in codes_in(source)}
        for existing in functions:
            old = existing.__code__
            new = codes.get((old.co_qualname, old.co_firstlineno))
            if old.co_filename == str(self.path) and new is not None and old.co_freevars == new.co_freevars:
                existing.__code__ = new


def sources() -> list[Path]:
    """Return the files of the packages."""
    return sorted(path for package in PACKAGES for path in package.rglob("*.py"))


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of each function in a file's code."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes_in(constant)


class MutantFinder(libcst.CSTVisitor):
    """Find the mutants of a file, and count the changes that are left out because they would be made at import."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        wrapper = MetadataWrapper(libcst.parse_module(path.read_text(encoding="utf-8")))
        self._path = path
        self._tree = wrapper.module
        self._positions = wrapper.resolve(PositionProvider)
        self._function: libcst.FunctionDef | None = None
        self.mutants: list[Mutant] = []
        self.left_out = 0
        self._tree.visit(self)

    def on_visit(self, node: libcst.CSTNode) -> bool:
        """Add the mutants of a node; return whether to visit its children."""
        match node:
            case libcst.Annotation() | libcst.Call(func=libcst.Name(value="len" | "isinstance")):
                return False  # mutmut leaves them alone, too
            case libcst.Call(func=libcst.Name(value="cast"), args=[_, value]):
                value.visit(self)
                return False  # only type checkers see the rest
            case libcst.FunctionDef() if self._function is None:
                for part in (node.params, *node.decorators):
                    part.visit(self)
                self._function = node
                node.body.visit(self)
                self._function = None
                return False
        for kind, operator in mutation_operators:
            for new in operator(node) if isinstance(node, kind) else ():
                if self._function is None:
                    self.left_out += 1
                else:
                    lines, function_lines = self._lines_of(node), self._lines_of(self._function.body)
                    self.mutants.append(
                        Mutant(self._path, self._tree, self._function, node, new, lines, function_lines)
                    )
        return True

    def _lines_of(self, node: libcst.CSTNode) -> range:
        return range(self._positions[node].start.line, self._positions[node].end.line + 1)


def find_mutants() -> tuple[list[Mutant], int]:
    """Return all mutants, and the number of changes that are left out."""
    finders = [MutantFinder(path) for path in sources()]
    return [mutant for finder in finders for mutant in finder.mutants], sum(finder.left_out for finder in finders)


@dataclass(frozen=True)
class Baseline:
    """What a run with nothing changed shows: which tests reach a line, how long each test takes, and which fail."""

    tests_by_line: dict[tuple[str, int], set[str]]
    seconds: dict[str, float]
    failed: list[str]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that reach the changed lines, or else the function; the fastest first."""
        for lines in (mutant.lines, mutant.function_lines):
            tests = {test for line in lines for test in self.tests_by_line.get((str(mutant.path), line), ())}
            if tests:
                return sorted(tests, key=lambda test: self.seconds[test])
        return []


KILLED = ("killed", "timed out")
OUTCOMES = {0: "survived", 1: "killed", 2: "not covered", 3: "invalid", -signal.SIGALRM: "timed out"}
EXIT_CODES = {outcome: code for code, outcome in OUTCOMES.items()}


class MutantRunner:
    """A plugin of pytest that runs the collected tests for each mutant, in child processes."""

    def __init__(self, mutants: list[Mutant]) -> None:
        self._mutants = mutants
        self._on_report: Callable[[pytest.TestReport], None] = lambda _: None
        self.failed: list[str] = []
        self.outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Receive pytest's report of a test."""
        self._on_report(report)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests with nothing changed, and then some for each mutant."""
        baseline = self._measure(session.items)
        self.failed = baseline.failed
        if self.failed:
            return True
        for path in sources():
            # Some modules are imported only when they are needed: the folder above the package is not in their name.
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts[1:])
            importlib.import_module(name.removesuffix(".__init__"))
        functions = [function for function in gc.get_objects() if isinstance(function, FunctionType)]
        # What is there by now stays to the end, and need not be searched for garbage in each child.
        gc.freeze()
        items = {item.nodeid: item for item in session.items}
        running: dict[int, Mutant] = {}
        for mutant in self._mutants:
            # Two for each core, because some tests wait for time to pass.
            if len(running) == 2 * (os.cpu_count() or 1):
                self._wait(running)
            # Seconds; enough for a machine that is busy with other things, too.
            limits = {items[test]: 10 + 10 * baseline.seconds[test] for test in baseline.tests_of(mutant)}
            running[fork(partial(self._try, mutant, functions, limits))] = mutant
        while running:
            self._wait(running)
        return True

    def _measure(self, items: list[pytest.Item]) -> Baseline:
        """Run all tests, in a child process, so that mutants inherit nothing that tests leave behind."""
        seconds: dict[str, float] = defaultdict(float)
        failed: list[str] = []

        def record(report: pytest.TestReport) -> None:
            seconds[report.nodeid] += report.duration
            if report.failed:
                failed.append(report.nodeid)

        def measure(file: Path) -> None:
            self._on_report = record
            coverage = Coverage(data_file=None, config_file=False, include=[f"{package}/*" for package in PACKAGES])
            coverage.set_option("run:core", "ctrace")  # the other one sees only the first test that reaches a line
            with coverage.collect():
                for item, following in zip(items, [*items[1:], None], strict=True):
                    coverage.switch_context(item.nodeid)
                    run(item, following)
            data = coverage.get_data()
            tests_by_line = {
                (path, line): set(tests) - {""}
                for path in data.measured_files()
                for line, tests in data.contexts_by_lineno(path).items()
            }
            file.write_bytes(pickle.dumps(Baseline(tests_by_line, seconds, failed)))

        file = Path(tempfile.gettempdir()) / "baseline"
        os.waitpid(fork(partial(measure, file)), 0)
        baseline: Baseline = pickle.loads(file.read_bytes())  # noqa: S301 - the child has written it
        return baseline

    def _try(self, mutant: Mutant, functions: list[FunctionType], limits: dict[pytest.Item, float]) -> None:
        """Run tests with a mutant, in a child process, which ends with the first test that fails."""
        if not limits:
            os._exit(EXIT_CODES["not covered"])
        try:
            mutant.apply(functions)
        except (SyntaxError, ValueError):
            os._exit(EXIT_CODES["invalid"])
        self._on_report = exit_on_failure
        for item, following in zip(limits, [*limits, None][1:], strict=True):
            # The signal ends the process, because nothing handles it.
            signal.setitimer(signal.ITIMER_REAL, limits[item])
            run(item, following)

    def _wait(self, running: dict[int, Mutant]) -> None:
        """Wait for a child process, and record the outcome."""
        pid, status = os.wait()
        outcome = OUTCOMES.get(os.waitstatus_to_exitcode(status), "killed")
        mutant = running.pop(pid)
        self.outcomes[outcome] += 1
        if outcome != "killed":
            print(f"{self.outcomes.total()}/{len(self._mutants)} {outcome}: {mutant}", flush=True)


def run(item: pytest.Item, following: pytest.Item | None) -> None:
    """Run a test as pytest does."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def exit_on_failure(report: pytest.TestReport) -> None:
    """End the process if a test has failed."""
    if report.failed:
        os._exit(EXIT_CODES["killed"])


def fork(work: Callable[[], None]) -> int:
    """Do some work in a child process, without output; return the id of the process."""
    pid = os.fork()
    if pid:
        return pid
    exit_code = EXIT_CODES["killed"]
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        work()
        exit_code = 0
    finally:
        os._exit(exit_code)


def fewest(count: int) -> int:
    """Return how many mutants of a sample have to be killed: if 90% of all are, 1 of 100 samples has fewer."""
    probability = 0.0
    for killed in range(count + 1):
        probability += math.comb(count, killed) * REQUIRED**killed * (1 - REQUIRED) ** (count - killed)
        if probability > 0.01:
            return killed
    return count


def main() -> int:
    """Try the mutants, print those that are not killed and the score; return 1 if the score is too low."""
    parser = argparse.ArgumentParser(description="Count the mutants that the tests kill.")
    parser.add_argument("--sample", type=int, default=0, help="try this number of mutants")
    parser.add_argument("--only", default="", help="try the mutants of files whose path contains this text")
    arguments = parser.parse_args()
    started = time.monotonic()
    mutants, left_out = find_mutants()
    print(f"{len(mutants)} mutants of functions; {left_out} changes of what runs at import are left out")
    mutants = [mutant for mutant in mutants if arguments.only in str(mutant.path.relative_to(ROOT))]
    random.Random(SEED).shuffle(mutants)  # noqa: S311 - no secret depends on it
    if arguments.sample:
        mutants = mutants[: arguments.sample]
    runner = MutantRunner(mutants)
    sys.path.insert(0, str(ROOT / "tests"))
    specs = importlib.import_module("support.specs")
    with tempfile.TemporaryDirectory() as folder, specs.kinds_in(Path(folder)) as kinds:
        # Children leave their files behind; and they share the package that is generated for tests.
        tempfile.tempdir = folder
        with mock.patch.object(specs, "kinds_in", return_value=nullcontext(kinds)):
            options = ["-qqs", f"--rootdir={ROOT}", "-pno:cacheprovider", f"-knot {SLOW}"]
            pytest.main([*options, *(f"{ROOT}/tests/{name}" for name in TESTS)], plugins=[runner])
    if runner.failed or not runner.outcomes:
        print("tests fail with nothing changed:", *runner.failed)
        return 1
    count = len(mutants) - runner.outcomes["invalid"]
    killed = sum(runner.outcomes[outcome] for outcome in KILLED)
    required = fewest(count) if arguments.sample else math.ceil(REQUIRED * count)
    print(", ".join(f"{number} {outcome}" for outcome, number in runner.outcomes.most_common()))
    print(f"{killed} of {count} mutants killed ({killed / count:.1%}), {required} required,", end=" ")
    print(f"in {time.monotonic() - started:.0f} seconds")
    return 0 if killed >= required else 1


if __name__ == "__main__":
    sys.exit(main())
