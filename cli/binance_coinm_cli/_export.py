"""Balances for programs, with the exchange's own names and digits."""

import csv
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TextIO

from ._rows import FIELDS, Row


def write_json(rows: Sequence[Row], stream: TextIO) -> None:
    """Write one line, in ASCII: an array of objects whose amounts are strings."""
    stream.write(json.dumps([row.fields for row in rows], default=_digits) + "\n")


def write_csv(rows: Sequence[Row], stream: TextIO) -> None:
    """Write a header and a line for each row; fields that the document does not know come last."""
    # Keys of a dict are unique and keep their order.
    names = list(dict.fromkeys([*FIELDS, *(name for row in rows for name in row.fields)]))
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.fields.items()})


def _digits(value: Decimal) -> str:
    return f"{value:f}"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return _digits(value) if isinstance(value, Decimal) else json.dumps(value, default=_digits)
