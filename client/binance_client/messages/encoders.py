"""Encoders of Python values: each returns the JSON value that the document describes, or raises `ConfigurationError`.

An encoder takes the value and its location (the name of an argument or field, the index of an item) for the error.
The JSON value of a string, number or boolean is also what httpx writes into queries and forms.
"""

# JSON values have no known types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, NoReturn, Protocol

from binance_signing.errors import bounded_repr

from binance_client.errors import ConfigurationError
from binance_client.models import MAX_DIGITS, MAX_INT64, MIN_INT64, is_plain
from binance_client.types import Unset

Loc = str
Encoder = Callable[[object, Loc], Any]


def _reject(expected: str, value: object, loc: Loc) -> NoReturn:
    raise ConfigurationError(f"{loc}: expected {expected}, got {bounded_repr(value)}")


@contextmanager
def _within(loc: Loc) -> Generator[None]:
    try:
        yield
    except ConfigurationError as error:
        error.args = (f"{loc}, {error}",)
        raise


def any_value(value: object, loc: Loc) -> Any:
    """Return a value of any type; decimals within it become text, because JSON numbers would be floats."""
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() and not is_plain(value) else decimal(value, loc)
    if isinstance(value, dict):
        return {name: any_value(item, f"{loc}, {name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [any_value(item, f"{loc}, item {index}") for index, item in enumerate(value)]
    return value


def undocumented(encode_member: Encoder, value: object) -> dict[str, Any]:
    """Return the members of an object that the document does not name."""
    loc = "additional_properties"
    if not isinstance(value, dict):
        _reject("a dict", value, loc)
    with suppress(RecursionError):
        return {name: encode_member(item, f"{loc}, {name}") for name, item in value.items()}
    return _reject("values that are nested less deeply", value, loc)


def null(value: object, loc: Loc) -> None:
    """Return None for null."""
    if value is not None:
        _reject("None", value, loc)


def string(value: object, loc: Loc) -> str:
    """Return a string."""
    if not isinstance(value, str):
        _reject("a str", value, loc)
    # Of the members of an enumeration, httpx would send the names.
    return str.__str__(value)


def boolean(value: object, loc: Loc) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        _reject("a bool", value, loc)
    return value


def integer(value: object, loc: Loc) -> int:
    """Return an integer of 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool):
        _reject("an integer", value, loc)
    if not MIN_INT64 <= value <= MAX_INT64:
        _reject("an integer of 64 bits", value, loc)
    return int.__index__(value)


def decimal(value: object, loc: Loc) -> str:
    """Return the text of a decimal with all its digits and without an exponent, which `str()` uses for many zeros."""
    if not isinstance(value, Decimal) or not value.is_finite():
        _reject("a finite decimal.Decimal", value, loc)
    if not is_plain(value):
        _reject(f"a decimal.Decimal of at most {MAX_DIGITS} digits before and after its point", value, loc)
    return Decimal.__format__(value, "f")


def const(expected: object) -> Encoder:
    """Return an encoder of the only value that is allowed."""

    def encode(value: object, loc: Loc) -> object:
        if type(value) is not type(expected) or value != expected:
            _reject(repr(expected), value, loc)
        return value

    return encode


def enum(kind: type[Enum]) -> Encoder:
    """Return an encoder of the members of an enumeration, or of their values."""

    def encode(value: object, loc: Loc) -> object:
        for member in kind:
            if value is member or (type(value) is type(member.value) and value == member.value):
                return member.value
        return _reject(f"one of {', '.join(str(member.value) for member in kind)}", value, loc)

    return encode


def open_enum(kind: type[Enum]) -> Encoder:
    """Return an encoder of the members of an enumeration, and of other values of their type."""
    value_type = type(next(iter(kind)).value)

    def encode(value: object, loc: Loc) -> object:
        if type(value) not in (kind, value_type):
            return _reject(f"a {kind.__name__} or {value_type.__name__}", value, loc)
        return value.value if isinstance(value, kind) else value

    return encode


@cache
def bounded(encoder: Encoder, minimum: int | Decimal | None, maximum: int | Decimal | None) -> Encoder:
    """Return an encoder of integers or decimals from a minimum to a maximum."""

    def encode(value: Any, loc: Loc) -> Any:
        with suppress(ConfigurationError):
            encoded = encoder(value, loc)
            if (minimum is None or value >= minimum) and (maximum is None or value <= maximum):
                return encoded
        bounds = {"at least": minimum, "at most": maximum}
        limits = " and ".join(f"{words} {bound}" for words, bound in bounds.items() if bound is not None)
        return _reject(f"{'an integer' if encoder is integer else 'a finite decimal.Decimal'} of {limits}", value, loc)

    return encode


class Model(Protocol):
    """A generated model."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        ...


def model(kind: type[Model]) -> Encoder:
    """Return an encoder of models as objects."""

    def encode(value: object, loc: Loc) -> dict[str, Any]:
        if not isinstance(value, kind):
            _reject(f"a {kind.__name__}", value, loc)
        with _within(loc):
            return value.to_dict()

    return encode


def array(encode_item: Encoder) -> Encoder:
    """Return an encoder of lists, item by item."""

    def encode(value: object, loc: Loc) -> list[Any]:
        if not isinstance(value, list | tuple):
            _reject("a list", value, loc)
        with _within(loc):
            return [encode_item(item, f"item {index}") for index, item in enumerate(value)]

    return encode


def tuple_of(*encoders: Encoder) -> Encoder:
    """Return an encoder of tuples whose items each have their own type."""

    def encode(value: object, loc: Loc) -> list[Any]:
        if not isinstance(value, list | tuple) or len(value) != len(encoders):
            _reject(f"a tuple of {len(encoders)} items", value, loc)
        with _within(loc):
            return [encoder(value[index], f"item {index}") for index, encoder in enumerate(encoders)]

    return encode


def union(*encoders: Encoder) -> Encoder:
    """Return an encoder that tries several types in their order."""

    def encode(value: object, loc: Loc) -> Any:
        reasons: list[str] = []
        for encoder in encoders:
            try:
                return encoder(value, loc)
            except ConfigurationError as error:
                reasons.append(str(error))
        raise ConfigurationError("; or ".join(reasons))

    return encode


def json_text(encoder: Encoder) -> Encoder:
    """Return an encoder of values as JSON text."""

    def encode(value: object, loc: Loc) -> str:
        with suppress(RecursionError):
            encoded = encoder(value, loc)
            with suppress(TypeError, ValueError):
                text = json.dumps(encoded, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                text.encode()  # A lone surrogate cannot be sent.
                return text
        return _reject("a JSON value", value, loc)

    return encode


def comma_separated(encoder: Encoder) -> Encoder:
    """Return an encoder of lists as text, with commas between the items."""

    def encode(value: object, loc: Loc) -> str:
        items = [json.dumps(item) if isinstance(item, bool) else str(item) for item in encoder(value, loc)]
        if not items or any("," in item for item in items):
            _reject("at least one item, and no comma within an item", value, loc)
        return ",".join(items)

    return encode


def optional(encoder: Encoder, value: object, loc: Loc) -> Any:
    """Return the encoded value, or `UNSET` if it is missing."""
    return value if isinstance(value, Unset) else encoder(value, loc)


def drop_unset(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are set."""
    return {name: value for name, value in values.items() if not isinstance(value, Unset)}


def encode_params(values: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters that are set, None without any; raise `ConfigurationError` for a lone surrogate."""
    params: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Unset):
            continue
        with suppress(UnicodeEncodeError):
            "".join(map(str, value if isinstance(value, list) else [value])).encode()
            params[name] = value
            continue
        raise ConfigurationError(f"{name}: {bounded_repr(value)} cannot be encoded as UTF-8 (lone surrogate)")
    # Not an empty dictionary, for which httpx builds the URL again.
    return params or None
