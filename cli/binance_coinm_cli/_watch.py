"""Look again and again."""

from collections.abc import Callable, Sequence
from typing import NoReturn

from binance_coinm.errors import ApiError, BinanceError

from ._rows import Row

Rows = Sequence[Row]


def watch(
    look: Callable[[], Rows],
    show: Callable[[Rows | None, Rows], None],
    tell: Callable[[BinanceError, float], None],
    wait: Callable[[float], None],
    seconds: float,
) -> NoReturn:
    """Show what each look finds, beside what the one before it found, until Ctrl+C.

    A look that fails is told, and the next one is made after so many seconds too, unless the exchange wants to be left
    alone for longer.
    """
    before: Rows | None = None
    while True:
        pause = seconds
        try:
            rows = look()
        except BinanceError as error:
            if isinstance(error, ApiError):
                pause = max(pause, error.retry_after or 0)
            tell(error, pause)
        else:
            show(before, rows)
            before = rows
        wait(pause)
