"""Shared code of the scenarios of `make soak`: figures of calls, memory and open files, and checks of these."""

import gc
import os
import statistics
import threading
import time
from collections import Counter
from itertools import accumulate
from pathlib import Path

# During this time memory grows to what concurrent large bodies need, and stays there.
WARM_UP_SECONDS = 60
MAX_GROWTH_MB = 8.0

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)

# Memory in MB, and open files.
Sample = tuple[float, int]


class Figures:
    """The results and latencies of calls, in constant memory."""

    def __init__(self) -> None:
        """Start without calls."""
        self.results: Counter[str] = Counter()
        self.failures: list[str] = []
        # Reentrant, because a call that is collected as garbage may end while another one is recorded.
        self._lock = threading.RLock()
        self._calls_by_ms = [0] * 10_000

    def ended(self, result: str, started: float) -> None:
        """Record a call that has just ended."""
        ms = int((time.monotonic() - started) * 1000)
        with self._lock:
            self.results[result] += 1
            self._calls_by_ms[min(ms, len(self._calls_by_ms) - 1)] += 1

    def failed(self, reason: str) -> None:
        """Record a failed check; the first few are kept."""
        if len(self.failures) < 10:
            self.failures.append(reason)

    def latency_ms(self, share: float) -> int:
        """Return the time within which this share of the calls ended."""
        wanted = share * sum(self._calls_by_ms)
        return next(ms for ms, calls in enumerate(accumulate(self._calls_by_ms)) if calls >= wanted)

    def print_calls(self, callers: str, minutes: float, requests: int) -> None:
        """Print the results and latencies of the calls."""
        calls = sum(self.results.values())
        print(f"{calls} calls by {callers} in {minutes:g} minutes, {requests} requests")
        for result, count in self.results.most_common():
            print(f"  {result:<24} {count:>8}  {count / calls:6.1%}")
        print("latency, ms    p50 {:>12}   p99 {:>9}   all {:>9}".format(*map(self.latency_ms, (0.5, 0.99, 1))))

    def judge(self, samples: list[Sample], minutes: float, before: tuple[int, int], max_files: int) -> bool:
        """Print memory, open files and threads, and return True if all checks passed.

        `before` is the number of open files and threads before the calls; during the calls, up to `max_files` more
        files may be open.
        """
        after = in_use()
        warm_up = int(len(samples) * WARM_UP_SECONDS / (WARM_UP_SECONDS + minutes * 60))
        self._judge_samples(samples[warm_up:], before[0], max_files)
        print(f"open files     before {before[0]:>9}   closed {after[0]:>6}")
        print(f"threads        before {before[1]:>9}   closed {after[1]:>6}")
        if before != after:
            self.failed("not all files were closed, or not all threads ended")
        if not self.results["rows"]:
            self.failed("no call returned rows")
        for failure in self.failures:
            print("FAILED:", failure)
        return not self.failures

    def _judge_samples(self, samples: list[Sample], files_before: int, max_files: int) -> None:
        tenth = max(len(samples) // 10, 1)
        parts = samples[:tenth], samples[len(samples) // 2 :][:tenth], samples[-tenth:]
        memory = [statistics.median(mb for mb, _ in part) for part in parts]
        files = [max(count for _, count in part) for part in parts]
        most_files = max(count for _, count in samples)
        print("memory, MB     warmed-up {:6.1f}   middle {:6.1f}   end {:9.1f}".format(*memory))
        print("open files     warmed-up {:>6}   middle {:>6}   end {:>9}   most {:>4}".format(*files, most_files))
        if memory[-1] - memory[0] > MAX_GROWTH_MB:
            self.failed(f"memory grew by more than {MAX_GROWTH_MB} MB")
        if most_files > files_before + max_files:
            self.failed(f"more than {max_files} files were open in addition to the {files_before} before the calls")


def sample() -> Sample:
    """Return the current memory and open files of this process."""
    return memory_mb(), open_files()


def in_use() -> tuple[int, int]:
    """Return the number of open files and of threads, after garbage collection."""
    gc.collect()
    return open_files(), threading.active_count()


def memory_mb() -> float:
    """Return the memory that this process uses."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB


def open_files() -> int:
    """Count the files and sockets that this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
