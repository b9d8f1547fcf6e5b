"""Output: streams and terminals, safe text, and errors with hints."""

import copy
import io
import logging
import os
import sys
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NoReturn

from binance_coinm import RetryPolicy, errors
from rich.console import Console
from rich.text import Text

# Lines that are written to a pipe are never wrapped.
UNBOUNDED_WIDTH = 100_000
# An API key of at least 16 characters is shown by its first and last 4.
_SHOWN_CHARS = 4
_MASKABLE_LENGTH = 16

_HINTS: dict[type[errors.BinanceError], str] = {
    errors.ExchangeError: f"try again later; SDK clients already made up to {RetryPolicy().max_attempts} attempts",
    errors.ApiError: "look up the code in the exchange's documentation",
    errors.ResponseError: "check that the server is the exchange's, and that no proxy answers in its place",
    errors.TimeoutError: "check the network and any proxies, or allow more time with --timeout",
    errors.NetworkError: "check the network, any proxies, and the server's URL",
}

# The errors that can have a hint of their own.
_HINTED = errors.ApiError | errors.ResponseError | errors.NetworkError


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError, as any other write does, instead of ending the process."""
        raise BrokenPipeError


def stdout_console() -> Console:
    """Return a console for stdout: fitted to a terminal, unwrapped in a pipe; rich handles FORCE_COLOR.

    Markup is off because the text may come from a server.
    """
    is_wrapping = is_terminal(sys.stdout)
    return _Console(
        file=sys.stdout,
        # Without a height, rich ignores the width if TERM is "dumb".
        width=None if is_wrapping else UNBOUNDED_WIDTH,
        height=None if is_wrapping else 1,
        # For rich, NO_COLOR leaves other styles on.
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )


def is_terminal(stream: IO[str] | None) -> bool:
    """Return whether the stream is a terminal, regardless of FORCE_COLOR."""
    return stream is not None and stream.isatty()


def spinner(console: Console, activity: str) -> AbstractContextManager[object]:
    """Show an activity on a terminal while the context is open."""
    return console.status(activity, spinner="line") if is_terminal(console.file) else nullcontext()


def print_wrapped(console: Console, text: Text, margin: Text | None = None) -> None:
    """Print text wrapped at words, the first line behind the margin and the others indented by its width."""
    margin = margin or Text()
    width = len(margin)
    for line in text.wrap(console, max(console.width - width, width, 1), overflow="fold"):
        line.rstrip()
        console.print(Text.assemble(margin, line))
        margin = Text(" " * width)


def prepare_streams() -> None:
    """Replace a closed stdout, and escape characters that the encoding of stdout or stderr lacks."""
    sys.stdout = sys.stdout or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def encode_stdout_as_utf8() -> None:
    """Write UTF-8 from now on, whatever the locale is, as programs that read a file expect."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def echo_error(text: str) -> None:
    """Write one line to stderr."""
    if sys.stderr is not None:
        sys.stderr.write(f"binance-coinm: {escape_control_chars(text)}\n")
        sys.stderr.flush()


class _LogHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        echo_error(record.getMessage())


@contextmanager
def logs_on_stderr(level: int) -> Generator[None]:
    """Write what the SDK logs from this level on to stderr, while the context is open."""
    # Only this logger: those of the libraries below it would show headers, which have the API key.
    logger, handler = logging.getLogger("binance_client"), _LogHandler()
    previous = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(previous)


def detach_stdout() -> None:
    """Redirect stdout to the null device, so that its flush at exit does not fail."""
    # stdout is a StringIO, which has no file descriptor, if the process has none: then it was stderr that failed.
    with suppress(io.UnsupportedOperation), Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


def escape_control_chars(text: str) -> str:
    """Escape characters that move the cursor or break the line, because text of a server may be shown on a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def mask(api_key: str) -> str:
    """Return both ends of an API key, if it is long enough, and its length."""
    ends = f"{api_key[:_SHOWN_CHARS]}...{api_key[-_SHOWN_CHARS:]}, " if len(api_key) >= _MASKABLE_LENGTH else ""
    return f"{ends}{len(api_key)} characters"


def format_timestamp(milliseconds: int) -> str:
    """Return milliseconds since the epoch as a UTC time, or as a number if they are out of range."""
    with suppress(OverflowError, ValueError, OSError):
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{milliseconds} ms"


def message(error: errors.BinanceError) -> str:
    """Return the error's text without its hint."""
    if isinstance(error, _HINTED) and getattr(error, "was_sent", True):
        error = copy.copy(error)
        error.hint = None
    if is_without_credentials(error):
        # The rest is for programs.
        return str(error).partition(";")[0]
    return str(error)


def is_without_credentials(error: errors.BinanceError) -> bool:
    """Return whether the environment has no API key, secret or private key."""
    return isinstance(error, errors.ConfigurationError) and str(error).startswith("no credentials: ")


def hint(error: errors.BinanceError) -> str:
    """Return what to do: the document's hint for the status or the code, or the one for the error's class."""
    is_of_account = isinstance(error, errors.OrderRateLimitError)
    if isinstance(error, errors.IpBannedError | errors.RateLimitError) and not is_of_account:
        return (
            f"send no requests {_ban_period(error)}: more of them lead to a ban or prolong it;"
            " connect(max_weight_per_minute=...) stays below the limit"
        )
    if isinstance(error, _HINTED) and error.hint:
        return error.hint
    return next((text for kind, text in _HINTS.items() if isinstance(error, kind)), "")


def describe(error: errors.BinanceError) -> str:
    """Return an error's class, message and hint in one line."""
    text, advice = f"{type(error).__name__}: {message(error)}", hint(error)
    return f"{text.rstrip('.')}; {advice}" if advice else text


def _ban_period(error: errors.IpBannedError | errors.RateLimitError) -> str:
    # An end in the past is ignored, as the client ignores it.
    if error.banned_until is not None and error.banned_until > time.time() * 1000:
        return f"until {format_timestamp(error.banned_until)}"
    return "for a few minutes" if error.retry_after is None else f"for {error.retry_after} s"
