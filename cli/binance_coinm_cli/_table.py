"""Balances for people: a table, or blocks where it does not fit."""

import re
from collections.abc import Sequence
from decimal import Decimal, localcontext

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from ._rows import AMOUNTS, Change, Row
from ._terminal import UNBOUNDED
from ._text import moment, printable

_GAP = 2


def show_rows(rows: Sequence[Row], screen: Console, *, server: str, show_zero: bool) -> None:
    """Show rows in the widest form that fits; an amount is never cut."""
    shown = [row for row in rows if show_zero or not row.is_zero]
    accounts = dict.fromkeys(row.account_alias for row in rows)
    screen.print(Text(printable(", ".join([server, *(f"account {name}" for name in accounts)]))))
    if shown:
        screen.print()
        tables = (_table(shown, " ", with_time=True), _table(shown, "\n", with_time=True))
        for table in (*tables, _table(shown, "\n", with_time=False)):
            if _width(table, screen) <= screen.width:
                screen.print(table)
                break
        else:
            _show_blocks(shown, screen)
    if len(shown) < len(rows):
        folded = len(rows) - len(shown)
        screen.print()
        screen.print(
            Text(f"not shown: {folded} of {len(rows)} assets, of which there is nothing (--all shows them)", "dim")
        )
    elif not rows:
        screen.print(Text("no assets"))


def show_change(change: Change, time: str, screen: Console) -> None:
    """Show an amount that changed, and by how much."""
    before, after = (f"{amount:f}" if amount is not None else "none" for amount in (change.before, change.after))
    line = Text(f"{time} {printable(change.asset)} {_words(change.name)} {before} -> {after}")
    if change.before is not None and change.after is not None:
        # With as many digits as both have, the difference is exact.
        with localcontext(prec=len(before) + len(after)):
            by = change.after - change.before
        line.append(f" ({by:+f})", "red" if by < 0 else "green")
    screen.print(line, overflow="fold")


def _table(rows: Sequence[Row], between_words: str, *, with_time: bool) -> Table:
    headers = [_words(name).replace(" ", between_words) for name in AMOUNTS]
    table = Table(
        Column("asset", vertical="bottom"),
        *(Column(header, justify="right", vertical="bottom", no_wrap=True) for header in headers),
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
    )
    if with_time:
        table.add_column("updated", justify="right", vertical="bottom", no_wrap=True)
    for row in rows:
        cells = [Text(printable(row.asset), "bold"), *(_amount(name, amount) for name, amount in row.amounts.items())]
        table.add_row(*cells, *([Text(_updated(row))] if with_time else []))
    return table


def _width(table: Table, screen: Console) -> int:
    return Measurement.get(screen, screen.options.update(width=UNBOUNDED), table).maximum


def _show_blocks(rows: Sequence[Row], screen: Console) -> None:
    for index, row in enumerate(rows):
        if index:
            screen.print()
        screen.print(Text(printable(row.asset), "bold"), overflow="fold")
        block = Table.grid(Column(no_wrap=True), Column(justify="right", no_wrap=True), padding=(0, _GAP, 0, 0))
        for name, amount in row.amounts.items():
            block.add_row(_words(name), _amount(name, amount))
        if _width(block, screen) <= screen.width:
            screen.print(block)
        else:
            for name, amount in row.amounts.items():
                screen.print(Text(f"{_words(name)}:"), _amount(name, amount), sep="\n", overflow="fold")
        screen.print(Text(f"updated {_updated(row)}", "dim"))


def _words(name: str) -> str:
    """Take the exchange's name for a field apart: `availableBalance` is the available balance."""
    return re.sub("(?=[A-Z])", " ", name).lower()


def _amount(name: str, amount: Decimal) -> Text:
    style = "dim" if not amount else "red" if amount < 0 else "green" if name.endswith("Pnl") else ""
    return Text(f"{amount:f}", style)


def _updated(row: Row) -> str:
    return moment(row.update_time) if row.update_time else "never"
