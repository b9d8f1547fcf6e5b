"""`binance-coinm sandbox -- COMMAND`: a program that calls a new sandbox."""

import os
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from binance_sandbox.environment import environment_of

from ._output import echo_error
from ._target import new_sandbox

# As shells report it.
_NOT_FOUND, _NOT_EXECUTABLE, _SIGNALED = 127, 126, 128


def run_program(program: Sequence[str], port: int) -> int:
    """Run a program whose environment names a new sandbox; return its exit code, for a signal 128 plus its number."""
    with new_sandbox(port) as sandbox:
        # Without other accounts and settings, such as a private key beside the sandbox's secret.
        others = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
        try:
            process = subprocess.Popen(program, env=others | environment_of(sandbox))  # noqa: S603, the user's own command
        except OSError as error:
            echo_error(f"{program[0]}: {error.strerror}")
            return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        with _passing_signals(process):
            code = process.wait()
    return code if code >= 0 else _SIGNALED - code


@contextmanager
def _passing_signals(process: "subprocess.Popen[bytes]") -> Generator[None]:
    """Pass SIGTERM and SIGHUP on; a terminal itself sends the signal of Ctrl+C to both processes."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            process.send_signal(number)

    # Windows has no SIGHUP.
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
