"""Responses as text: JSON, CSV, and tables for a terminal."""

# JSON values have no known types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import csv
import json
import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, cast

from binance_client.models import Model
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ._output import UNBOUNDED_WIDTH, encode_stdout_as_utf8, escape_control_chars, print_wrapped

OutputFormat = Literal["table", "json", "csv"]
GAP = 2
is_number = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch


def field_names(kind: object) -> tuple[str, ...]:
    """Return the names of the fields of a model or a named tuple, as the document has them; none for other types."""
    if isinstance(kind, type) and issubclass(kind, Model):
        return tuple(kind.json_names.values())
    # The document's names of array items, such as openTime, are not in the generated package.
    names: tuple[str, ...] = getattr(kind, "_fields", ())
    return tuple(re.sub("_(.)", lambda match: match[1].upper(), name.rstrip("_")) for name in names)


def fields(row: Any) -> dict[str, Any]:
    """Return the fields of a row by the document's names, those that the document does not describe last."""
    names = field_names(type(row))
    if isinstance(row, tuple):
        return dict(zip(names, row, strict=True))
    if not isinstance(row, Model):
        return {"value": row}
    values: dict[str, Any] = cast("Any", row).to_dict()
    return {name: values[name] for name in (*names, *values) if name in values}


def to_json(value: object) -> str:
    """Return one line of JSON as the exchange has it, with amounts as strings."""
    return json.dumps(value, default=_json_value)


def write_csv(names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
    """Write the records in UTF-8; their columns are these names, and then those that only some records have."""
    encode_stdout_as_utf8()
    # A dict keeps each name once, in order.
    names = list(dict.fromkeys([*names, *(name for record in records for name in record)]))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(_csv_cell, names))
    for record in records:
        writer.writerow(_csv_cell(record.get(name, "")) for name in names)


def print_records(records: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print records as a table, or one below the other if the table does not fit."""
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [[_text(record.get(name, "")) for name in names] for record in records]
    columns = [
        Column(name, justify="right" if all(is_number(cell) or not cell for cell in cells) else "left", no_wrap=True)
        for name, cells in zip(map(escape_control_chars, names), zip(*rows, strict=True), strict=True)
    ]
    if print_table(columns, rows, console):
        return
    for index, record in enumerate(records):
        if index:
            console.print()
        print_record(record, console)


def print_record(record: Mapping[str, Any], console: Console) -> None:
    """Print one record in two columns, names and values."""
    width = max(map(len, record), default=0) + GAP
    for name, value in record.items():
        print_wrapped(console, Text(_text(value)), Text(escape_control_chars(name).ljust(width), "bold"))


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], console: Console) -> bool:
    """Print a table if it fits into the console, because rich would cut the cells; return whether it was printed."""
    table = Table(*columns, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for row in rows:
        table.add_row(*row)
    unbounded = console.options.update(width=UNBOUNDED_WIDTH)
    fits: bool = console.measure(table, options=unbounded).maximum <= console.width
    if fits:
        console.print(table)
    return fits


def _json_value(value: Any) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else fields(value)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return escape_control_chars(value if isinstance(value, str) else to_json(value))


def _csv_cell(value: object) -> str:
    text = _text(value)
    # For a spreadsheet, a text that begins like this is a formula, which can send data away.
    is_formula = isinstance(value, str) and text.startswith(("=", "+", "-", "@")) and not is_number(text)
    return f"'{text}" if is_formula else text
