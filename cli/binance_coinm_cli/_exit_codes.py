"""What the command tells the shell."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a run ended; shells count an end by a signal as 128 and its number."""

    WELL = 0
    WRONG = 1
    USAGE = 2
    INTERRUPTED = 130
    NO_READER = 141


_MEANINGS = {
    ExitCode.WELL: "all is well",
    ExitCode.WRONG: "something is wrong: a call failed, or a step of doctor",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.INTERRUPTED: "ended by Ctrl+C, which is how --watch ends",
    ExitCode.NO_READER: "whoever read the output went away, such as head",
}
# As it stands in --help; the mark keeps click from wrapping it.
TEXT = "\b\nExit codes:\n" + "\n".join(f"{code:5}  {meaning}" for code, meaning in _MEANINGS.items())
