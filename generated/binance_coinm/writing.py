"""Write values as what the document says they are: each writer gives the JSON value or raises `ConfigurationError`.

A writer takes the value and where it stands (an argument's or field's name, an item's place), so that an error can tell
the place. The JSON value of a text, a number or a boolean is what httpx writes into queries and forms, too.
"""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, NoReturn, Protocol

from .errors import ConfigurationError
from .types import Unset

Where = str
Writer = Callable[[object, Where], Any]


def _refuse(expected: str, value: object, where: Where) -> NoReturn:
    raise ConfigurationError(f"{where}: expected {expected}, got {value!r}")


@contextmanager
def _at(where: Where) -> Generator[None]:
    try:
        yield
    except ConfigurationError as error:
        error.args = (f"{where}, {error}",)
        raise


def anything(value: object, where: Where) -> Any:
    """Write a value of any type."""
    return value


def null(value: object, where: Where) -> None:
    """Write null."""
    if value is not None:
        _refuse("None", value, where)


def text(value: object, where: Where) -> str:
    """Write a string."""
    if not isinstance(value, str):
        _refuse("a str", value, where)
    return value


def boolean(value: object, where: Where) -> bool:
    """Write a boolean."""
    if not isinstance(value, bool):
        _refuse("a bool", value, where)
    return value


def integer(value: object, where: Where) -> int:
    """Write an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse("an integer", value, where)
    return value


def decimal(value: object, where: Where) -> str:
    """Write a decimal with all its digits and without an exponent, which `str()` would give for many zeros."""
    if not isinstance(value, Decimal) or not value.is_finite():
        _refuse("a finite decimal.Decimal", value, where)
    return f"{value:f}"


def constant(expected: object) -> Writer:
    """Write the only value that there may be."""

    def write(value: object, where: Where) -> object:
        if type(value) is not type(expected) or value != expected:
            _refuse(repr(expected), value, where)
        return value

    return write


def member(enum: type[Enum]) -> Writer:
    """Write a member of an enumeration, or its value."""

    def write(value: object, where: Where) -> object:
        for known in enum:
            if value is known or (type(value) is type(known.value) and value == known.value):
                return known.value
        return _refuse(f"one of {', '.join(str(known.value) for known in enum)}", value, where)

    return write


@cache
def within(writer: Writer, minimum: int | Decimal | None, maximum: int | Decimal | None) -> Writer:
    """Write an integer or a decimal that is not below the minimum and not above the maximum."""

    def write(value: Any, where: Where) -> Any:
        with suppress(ConfigurationError):
            written = writer(value, where)
            if (minimum is None or value >= minimum) and (maximum is None or value <= maximum):
                return written
        bounds = {"at least": minimum, "at most": maximum}
        told = " and ".join(f"{words} {bound}" for words, bound in bounds.items() if bound is not None)
        return _refuse(f"{'an integer' if writer is integer else 'a finite decimal.Decimal'} of {told}", value, where)

    return write


class Model(Protocol):
    """A model of the document."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as an object of JSON."""
        ...


def model(kind: type[Model]) -> Writer:
    """Write a model as an object."""

    def write(value: object, where: Where) -> dict[str, Any]:
        if not isinstance(value, kind):
            _refuse(f"a {kind.__name__}", value, where)
        with _at(where):
            return value.to_dict()

    return write


def array(write_item: Writer) -> Writer:
    """Write a list, item by item."""

    def write(value: object, where: Where) -> list[Any]:
        if not isinstance(value, list | tuple):
            _refuse("a list", value, where)
        with _at(where):
            return [write_item(item, f"item {index}") for index, item in enumerate(value)]

    return write


def tuple_of(*writers: Writer) -> Writer:
    """Write a tuple, each of whose items has a type of its own, as an array."""

    def write(value: object, where: Where) -> list[Any]:
        if not isinstance(value, list | tuple) or len(value) != len(writers):
            _refuse(f"a tuple of {len(writers)} items", value, where)
        with _at(where):
            return [write(item, f"item {index}") for index, (write, item) in enumerate(zip(writers, value))]

    return write


def one_of(*writers: Writer) -> Writer:
    """Write a value that is of one of several types, the first that fits."""

    def write(value: object, where: Where) -> Any:
        reasons: list[str] = []
        for writer in writers:
            try:
                return writer(value, where)
            except ConfigurationError as error:
                reasons.append(str(error))
        raise ConfigurationError("; or ".join(reasons))

    return write


def as_json(writer: Writer) -> Writer:
    """Write a value as text of JSON."""

    def write(value: object, where: Where) -> str:
        written = writer(value, where)
        with suppress(TypeError, ValueError, RecursionError):
            text = json.dumps(written, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            text.encode()  # A lone surrogate cannot be sent.
            return text
        return _refuse("a value of JSON", value, where)

    return write


def joined(writer: Writer) -> Writer:
    """Write a list as text, with commas between its items."""

    def write(value: object, where: Where) -> str:
        items = [json.dumps(item) if isinstance(item, bool) else str(item) for item in writer(value, where)]
        if not items or any("," in item for item in items):
            _refuse("at least one item, and none with a comma, which stands between them", value, where)
        return ",".join(items)

    return write


def optional(writer: Writer, value: object, where: Where) -> Any:
    """Write a value that need not be there."""
    return value if isinstance(value, Unset) else writer(value, where)


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not there."""
    return {name: value for name, value in values.items() if not isinstance(value, Unset)}


def parameters(values: dict[str, Any]) -> dict[str, Any] | None:
    """Leave out what is not there, and refuse half a character.

    Give None if nothing is left, for httpx takes its time for an empty dictionary too.
    """
    sent: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Unset):
            continue
        with suppress(UnicodeEncodeError):
            "".join(map(str, value if isinstance(value, list) else [value])).encode()
            sent[name] = value
            continue
        _refuse("whole characters", value, name)
    return sent or None
