"""`binance-coinm balance`: the rows of an account, once or again and again."""

import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from attrs import frozen
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError

from ._advice import what_to_do, words
from ._exit_codes import ExitCode
from ._export import write_csv, write_json
from ._rows import Row, changes, row
from ._table import show_change, show_rows
from ._target import Target, name_of
from ._terminal import console, tell
from ._watch import Rows, watch

Form = Literal["table", "json", "csv"]


@frozen
class Settings:
    """What to show, and how; `watch` is the seconds between two looks."""

    form: Form = "table"
    show_zero: bool = False
    watch: float | None = None


def balance(target: Target, settings: Settings, wait: Callable[[float], None] = time.sleep) -> ExitCode:
    """Show the balances of an account; raise `BinanceError`."""
    with target.client() as client:

        def look() -> list[Row]:
            return list(map(row, futures_account_balance.sync(client=client)))

        def show(before: Rows | None, rows: Rows) -> None:
            _show(before, rows, settings, name_of(client.base_url))
            # A reader of a pipe waits for it.
            sys.stdout.flush()

        if settings.watch is not None:
            watch(look, show, _tell_again, wait, settings.watch)
        show(None, look())
    return ExitCode.WELL


def _show(before: Rows | None, rows: Rows, settings: Settings, server: str) -> None:
    if settings.form == "csv":
        write_csv(rows, sys.stdout)
    elif settings.form == "json":
        if rows != before:
            write_json(rows, sys.stdout)
    elif before is None:
        show_rows(rows, console(), server=server, show_zero=settings.show_zero)
    else:
        for change in changes(before, rows):
            show_change(change, _now(), console())


def one_line(error: BinanceError) -> str:
    """Give what was said and what to do about it, as it stands behind the command's name."""
    advice = what_to_do(error)
    return f"{type(error).__name__}: {words(error)}" + (f"; {advice}" if advice else "")


def _tell_again(error: BinanceError, pause: float) -> None:
    tell(f"{_now()} {one_line(error)}; looking again in {pause:g} s")


def _now() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
