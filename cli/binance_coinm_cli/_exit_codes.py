"""What the command tells the shell."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a run ended; shells count an end by a signal as 128 and its number."""

    WELL = 0
    WRONG = 1
    USAGE = 2
    INTERRUPTED = 130
    NO_READER = 141


# As it stands in --help.
TEXT = """\b
Exit codes:
    0  all is well
    1  something is wrong: a call failed, or a step of doctor
    2  wrong usage or configuration
  130  ended by Ctrl+C, which is how --watch ends
  141  whoever read the output went away, such as head"""
