"""Where output goes: to a terminal, fitted to its width and in colour, or to a pipe, as it is."""

import io
import os
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO, NoReturn, TextIO

from rich.console import Console

from ._text import printable

# As wide as anything that is written to a pipe.
UNBOUNDED = 100_000


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Raise what any other way to write raises."""
        raise BrokenPipeError


def console(stream: TextIO | None = None) -> Console:
    """Give what writes for people to a stream, by default to stdout; rich sees to FORCE_COLOR.

    Nothing is taken for markup, for it may be a server's words.
    """
    stream = stream or sys.stdout
    is_colourless = bool(os.environ.get("NO_COLOR"))
    return _Console(
        file=stream,
        # What is given alone counts for nothing on what TERM calls dumb.
        width=None if is_terminal(stream) else UNBOUNDED,
        height=None if is_terminal(stream) else 1,
        color_system=None if is_colourless else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )


def is_terminal(stream: IO[str] | None) -> bool:
    """Say whether people look at it, whatever FORCE_COLOR says."""
    return stream is not None and stream.isatty()


def busy(screen: Console, doing: str) -> AbstractContextManager[object]:
    """Show on a terminal what is being done, until it is."""
    return screen.status(doing, spinner="line") if is_terminal(screen.file) else nullcontext()


def prepare_streams() -> None:
    """Escape what the encoding of a terminal or a pipe does not have, and do without a stdout that is closed."""
    sys.stdout = sys.stdout or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def tell(text: str) -> None:
    """Write one line to stderr."""
    if sys.stderr is not None:
        sys.stderr.write(f"binance-coinm: {printable(text)}\n")
        sys.stderr.flush()


def give_up_output() -> None:
    """Let what cannot be written vanish, so that the end of the process does not try it again."""
    # Without a stdout it was stderr that nobody reads, and what is left for that one vanishes by itself.
    with suppress(io.UnsupportedOperation), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
