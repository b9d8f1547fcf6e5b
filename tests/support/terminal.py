"""The command on a pseudo-terminal, which Windows does not have."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from types import TracebackType
from typing import Self

from support.cli_runner import assert_without_secrets, environment_with

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process of the command on a pseudo-terminal of the given width."""

    def __init__(self, *arguments: str, columns: int, **environment: str) -> None:
        """Start the process."""
        self._own, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "binance_coinm_cli", *arguments],
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
            # Ctrl+C goes to the process that controls the terminal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509, nothing else runs in between
            env=environment_with({"TERM": "xterm-256color", "COLORTERM": ""} | environment),
        )
        os.close(its)
        self.raw = ""

    def __enter__(self) -> Self:
        """Return the terminal."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill the process if it is still running."""
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def read(self, until: Callable[[str], bool] = lambda _: False) -> str:
        """Read until the condition holds or the process ends; return all output so far without control sequences."""
        while not until(CONTROL.sub("", self.raw)):
            try:
                data = os.read(self._own, 1 << 16)
            except OSError:  # on Linux, the other end is closed
                data = b""
            if not data:
                break
            self.raw += data.decode().replace("\r", "")
        assert_without_secrets(self.raw)
        return CONTROL.sub("", self.raw)

    def type(self, keys: bytes) -> None:
        """Send keystrokes."""
        os.write(self._own, keys)

    def ended(self) -> tuple[int, str]:
        """Wait for the end, and return exit code and output."""
        out = self.read()
        return self.process.wait(10), out
