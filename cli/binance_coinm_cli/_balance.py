"""`binance-coinm balance`: the balances of an account, once or repeatedly."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import NamedTuple, NoReturn

import click
from attrs import asdict, frozen
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import (
    ApiError,
    ApiKeyError,
    BinanceError,
    ConfigurationError,
    RestrictedLocationError,
    SignatureError,
)
from binance_coinm.models import FuturesAccountBalance
from rich.console import Console
from rich.table import Column
from rich.text import Text

from ._output import (
    echo_error,
    escape_control_chars,
    format_timestamp,
    message,
    print_wrapped,
    stdout_console,
)
from ._records import GAP, OutputFormat, field_names, fields, print_table, to_json, write_csv
from ._target import Target, server_label

Rows = Sequence[FuturesAccountBalance]

# The amounts of a table that fits into 80 columns, with their headers; --wide shows all.
_LABELS = {"balance": "balance", "available_balance": "available", "cross_un_pnl": "unrealized PnL"}
# Errors that the same call will always have: --watch ends.
_PERMANENT = (ApiKeyError, SignatureError, RestrictedLocationError, ConfigurationError)


@frozen
class Settings:
    """What to show, and how.

    `interval` is the number of seconds between calls, None for a single call; no `assets` means all.
    """

    output_format: OutputFormat = "table"
    show_zero: bool = False
    interval: float | None = None
    assets: Sequence[str] = ()
    is_wide: bool = False


class Change(NamedTuple):
    """An amount that changed; None where there was, or is, no row of the asset."""

    asset: str
    name: str
    before: Decimal | None
    after: Decimal | None


def balance(target: Target, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show the balances of an account; raises BinanceError, and click.UsageError for an asset that it does not have."""
    wanted = {asset.upper() for asset in settings.assets}

    def select(rows: Rows) -> Rows:
        return [row for row in rows if row.asset.upper() in wanted] if wanted else rows

    with target.client() as client:

        def fetch() -> Rows:
            return futures_account_balance.sync(client=client)

        def render(previous: Rows | None, rows: Rows) -> None:
            if previous is None:
                _require_assets(settings.assets, rows)
            _render(previous and select(previous), select(rows), settings, server_label(client.base_url))
            # Flushed now, because the reader of a pipe waits for it.
            sys.stdout.flush()

        if settings.interval is not None:
            echo_error(f"calls every {settings.interval:g} s, and shows what changed, until Ctrl+C")
            poll(fetch, render, _on_error, sleep, settings.interval)
        render(None, fetch())


def poll(
    fetch: Callable[[], Rows],
    render: Callable[[Rows | None, Rows], None],
    on_error: Callable[[BinanceError, float], None],
    sleep: Callable[[float], None],
    interval: float,
) -> NoReturn:
    """Fetch rows every `interval` seconds until Ctrl+C, and render them together with the previous ones.

    A failed call is reported and repeated after the interval, or after `retry_after` if that is longer. Permanent
    errors, such as that of a rejected API key, are raised.
    """
    previous: Rows | None = None
    while True:
        pause = interval
        try:
            rows = fetch()
        except _PERMANENT:
            raise
        except BinanceError as error:
            if isinstance(error, ApiError):
                pause = max(pause, error.retry_after or 0)
            on_error(error, pause)
        else:
            render(previous, rows)
            previous = rows
        sleep(pause)


def changes(before: Rows, after: Rows) -> list[Change]:
    """Return the amounts that changed, in the order of the rows; assets that no longer have a row come last."""
    old, new = ({row.asset: _amounts(row) for row in rows} for rows in (before, after))
    compared = [
        Change(asset, name, old.get(asset, {}).get(name), new.get(asset, {}).get(name))
        for asset in {**new, **old}
        for name in new.get(asset) or old[asset]
    ]
    return [change for change in compared if change.before != change.after]


def _on_error(error: BinanceError, pause: float) -> None:
    echo_error(f"{_local_time()} {type(error).__name__}: {message(error).rstrip('.')}; trying again in {pause:g} s")


def _require_assets(assets: Sequence[str], rows: Rows) -> None:
    known = [row.asset for row in rows]
    unknown = [asset for asset in assets if asset.upper() not in map(str.upper, known)]
    if unknown:
        raise click.UsageError(f"no asset {', '.join(unknown)}; the account has {', '.join(known) or 'none'}")


def _render(previous: Rows | None, rows: Rows, settings: Settings, server: str) -> None:
    if settings.output_format == "csv":
        write_csv(field_names(FuturesAccountBalance), [fields(row) for row in rows])
    elif settings.output_format == "json":
        if previous is None or _json(rows) != _json(previous):
            sys.stdout.write(_json(rows) + "\n")
    elif previous is None:
        _print_rows(rows, stdout_console(), settings, server)
    else:
        for change in changes(previous, rows):
            if settings.is_wide or change.name in _LABELS:
                _print_change(change, stdout_console())


def _amounts(row: FuturesAccountBalance) -> dict[str, Decimal]:
    return {name: value for name, value in asdict(row, recurse=False).items() if isinstance(value, Decimal)}


def _json(rows: Rows) -> str:
    return to_json([fields(row) for row in rows])


def _print_rows(rows: Rows, console: Console, settings: Settings, server: str) -> None:
    show_zero = settings.show_zero or settings.assets
    shown = [row for row in rows if show_zero or any(_amounts(row).values())]
    accounts = dict.fromkeys(row.account_alias for row in rows)
    console.print(Text(escape_control_chars(", ".join([server, *(f"account {name}" for name in accounts)]))))
    if shown:
        console.print()
        _print_table_or_blocks(shown, console, is_wide=settings.is_wide)
    if len(shown) < len(rows):
        hidden = f"not shown: {len(rows) - len(shown)} of {len(rows)} assets, with a zero balance (--all shows them)"
        console.print()
        console.print(Text(hidden, "dim"))
    elif not rows:
        console.print(Text("no assets"))


def _print_table_or_blocks(rows: Rows, console: Console, *, is_wide: bool) -> None:
    names = list(_amounts(rows[0]) if is_wide else _LABELS)
    for separator, with_time in ((" ", is_wide), ("\n", is_wide), ("\n", False)):
        if _print_table(rows, names, console, separator, with_time=with_time):
            return
    for index, row in enumerate(rows):
        if index:
            console.print()
        _print_block(row, names, console)
        if is_wide:
            console.print(Text(f"updated {_updated(row)}", "dim"))


def _print_table(rows: Rows, names: Sequence[str], console: Console, word_separator: str, *, with_time: bool) -> bool:
    headers = [_label(name).replace(" ", word_separator) for name in names] + ["updated"] * with_time
    columns = (
        Column("asset", vertical="bottom"),
        *(Column(header, justify="right", vertical="bottom", no_wrap=True) for header in headers),
    )
    cells: list[list[str | Text]] = [
        [
            _asset(row),
            *(Text(f"{amounts[name]:f}", _style(name, amounts[name])) for name in names),
            *[_updated(row)] * with_time,
        ]
        for row, amounts in zip(rows, map(_amounts, rows), strict=True)
    ]
    return print_table(columns, cells, console)


def _print_block(row: FuturesAccountBalance, names: Sequence[str], console: Console) -> None:
    """Print a row on several lines; an amount that does not fit beside its name is wrapped below it."""
    print_wrapped(console, _asset(row))
    amounts = _amounts(row)
    label_width = max(len(_label(name)) for name in names) + GAP
    width = min(max(len(f"{amounts[name]:f}") for name in names), console.width - label_width)
    for name in names:
        text = f"{amounts[name]:f}".rjust(width), _style(name, amounts[name])
        print_wrapped(console, Text.assemble(_label(name).ljust(label_width), text))


def _print_change(change: Change, console: Console) -> None:
    before, after = (f"{amount:f}" if amount is not None else "none" for amount in (change.before, change.after))
    label = f"{escape_control_chars(change.asset)} {_label(change.name)}"
    line = Text(f"{_local_time()} {label} {before} -> {after}")
    if change.before is not None and change.after is not None:
        # The difference is exact with as many digits as both amounts have together.
        with localcontext(prec=len(before) + len(after)):
            difference = change.after - change.before
        line.append(f" ({difference:+f})", "red" if difference < 0 else "green")
    console.print(line, overflow="fold")


def _label(name: str) -> str:
    return _LABELS.get(name) or name.replace("_", " ")


def _asset(row: FuturesAccountBalance) -> Text:
    return Text(escape_control_chars(row.asset), "bold")


def _style(name: str, amount: Decimal) -> str:
    return "dim" if not amount else "red" if amount < 0 else "green" if name.endswith("pnl") else ""


def _updated(row: FuturesAccountBalance) -> str:
    return format_timestamp(row.update_time) if row.update_time else "never"


def _local_time() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
