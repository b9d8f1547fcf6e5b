"""The command `binance-coinm`: balances on a terminal, and a check of each step of a call."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of the command; for a signal, 128 plus its number, as shells report it."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141
