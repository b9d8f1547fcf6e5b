"""Read JSON values as what the document says they are: each reader gives the value or raises `ResponseError`.

A reader takes the value and where it stands (a field's name or a row's index), so that an error can tell the place.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from itertools import chain
from typing import Any, ClassVar, NoReturn, Protocol, Self, TypeVar

import httpx

from .engines import Answer, is_success
from .errors import ResponseError
from .refusals import Refusals
from .types import UNSET, Unset

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
Where = str | int
Reader = Callable[[object, Where], T]

# No amount has more digits before or behind its point. Longer text is refused before it is made a number, which may
# take very long.
_MAX_DIGITS = 64
_is_decimal = re.compile(r"-?+(?:0|[1-9][0-9]{0,63}+)(?:\.[0-9]{1,64}+)?+").fullmatch
_TOP = ""
_INT64 = range(-(2**63), 2**63)
_JSON_NAMES: dict[type, str] = {
    Unset: "nothing",
    bool: "a boolean",
    dict: "an object",
    int: "a number",
    Decimal: "a number",
    list: "an array",
    str: "a string",
    type(None): "null",
}


def _refuse(expected: str, value: object, where: Where) -> NoReturn:
    got = _JSON_NAMES.get(type(value), type(value).__name__)
    raise ResponseError(f"expected {expected}, got {got}", path=(where,))


def anything(value: object, where: Where) -> Any:
    """Read a value of any type."""
    if value is UNSET:
        _refuse("a value", value, where)
    return value


def null(value: object, where: Where) -> None:
    """Read null."""
    if value is not None:
        _refuse("null", value, where)


def text(value: object, where: Where) -> str:
    """Read a string."""
    if not isinstance(value, str):
        _refuse("a string", value, where)
    return value


def boolean(value: object, where: Where) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        _refuse("a boolean", value, where)
    return value


def integer(value: object, where: Where) -> int:
    """Read an integer of 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in _INT64:
        _refuse("an integer of 64 bits", value, where)
    return value


def decimal(value: object, where: Where) -> Decimal:
    """Read a decimal with all its digits, from a string or, as exactly, from a number."""
    if isinstance(value, str) and _is_decimal(value):
        return Decimal(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and _is_decimal(f"{number:f}" if abs(number.adjusted()) <= _MAX_DIGITS else ""):
            return number
    return _refuse(f"a decimal string of at most {_MAX_DIGITS} digits", value, where)


def members(value: object) -> dict[str, Any]:
    """Read an object's members into a dictionary that is the caller's own."""
    if not isinstance(value, (dict, Mapping)):
        raise ResponseError(f"expected an object, got {_JSON_NAMES.get(type(value), type(value).__name__)}")
    return dict(value)


def model(from_dict: Callable[[Any], T]) -> Reader[T]:
    """Read an object as a model."""

    def read(value: object, where: Where) -> T:
        try:
            return from_dict(value)
        except ResponseError as error:
            error.path = (where, *error.path)
            raise

    return read


def array(read_item: Reader[T]) -> Reader[list[T]]:
    """Read an array, item by item."""

    def read(value: object, where: Where) -> list[T]:
        if not isinstance(value, list):
            _refuse("an array", value, where)
        try:
            return [read_item(item, index) for index, item in enumerate(value)]
        except ResponseError as error:
            error.path = (where, *error.path)
            raise

    return read


def tuple_of(*readers: Reader[Any], is_closed: bool) -> Reader[Any]:
    """Read an array, each of whose items has a type of its own, as a tuple; more items may follow if not closed."""

    def read(value: object, where: Where) -> tuple[Any, ...]:
        if not isinstance(value, list):
            _refuse("an array", value, where)
        if len(value) < len(readers) or (is_closed and len(value) > len(readers)):
            raise ResponseError(f"expected an array of {len(readers)} items, got {len(value)}", path=(where,))
        try:
            return tuple(reader(item, index) for index, (reader, item) in enumerate(zip(readers, value)))
        except ResponseError as error:
            error.path = (where, *error.path)
            raise

    return read


def constant(expected: object) -> Reader[Any]:
    """Read the only value that there may be."""

    def read(value: object, where: Where) -> object:
        if type(value) is not type(expected) or value != expected:
            _refuse(f"{expected!r}", value, where)
        return expected

    return read


def nothing(value: object, where: Where) -> None:
    """Read the answer that has no content."""
    if value is not UNSET:
        _refuse("no content", value, where)


def member(enum: type[E]) -> Reader[E]:
    """Read a member of an enumeration."""

    def read(value: object, where: Where) -> E:
        for known in enum:
            if type(value) is type(known.value) and value == known.value:
                return known
        return _refuse(f"a {enum.__name__}", value, where)

    return read


def one_of(*readers: Reader[Any]) -> Reader[Any]:
    """Read a value that is of one of several types, the first that fits."""

    def read(value: object, where: Where) -> Any:
        reasons: list[str] = []
        for reader in readers:
            try:
                return reader(value, where)
            except ResponseError as error:
                # The place of the value itself is told once, before them all.
                steps = [f"item {step}" if isinstance(step, int) else f"field {step}" for step in error.path[1:]]
                reasons.append(": ".join([", ".join(steps)] * bool(steps) + [error.reason]))
        raise ResponseError("; or ".join(reasons), path=(where,))

    return read


def optional(reader: Reader[T], value: object, where: Where) -> T | Unset:
    """Read a field that need not be there."""
    return value if isinstance(value, Unset) else reader(value, where)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).raw_decode
_WHITE_SPACE = " \t\n\r"
# A plain amount is what JSON calls a number, so that JSON's decoder is the fastest to check and to make many of them.
_decode_amounts = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal).decode
_OF_AMOUNTS = b"0123456789.-,"
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS = b"0" * (_MAX_DIGITS + 1)


def _texts(values: list[Any]) -> list[Any]:
    "".join(values)
    return values


def _integers(values: list[Any]) -> list[Any]:
    if set(map(type, values)) != {int} or min(values) not in _INT64 or max(values) not in _INT64:
        raise ValueError
    return values


def _amounts(values: list[Any]) -> list[Any]:
    text = ",".join(values)
    characters = text.encode()
    if characters.translate(None, _OF_AMOUNTS) or _TOO_MANY_DIGITS in characters.translate(_DIGITS_AS_ZEROS):
        raise ValueError
    amounts: list[Any] = _decode_amounts(f"[{text}]")
    if len(amounts) != len(values):
        raise ValueError
    return amounts


# What reads many values of a kind at once. It raises whatever error for values that are unusual, if only by their type.
_AT_ONCE: dict[Reader[Any], Callable[[list[Any]], list[Any]]] = {text: _texts, integer: _integers, decimal: _amounts}


class Row(Protocol):
    """A model all whose fields are required, and of kinds that can be read many at once."""

    columns: ClassVar[Mapping[str, Reader[Any]]]
    additional_properties: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the fields, in their order or by name."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read one row."""
        ...


R = TypeVar("R", bound=Row)

# So many rows are read faster one by one.
_A_FEW = 3


def rows(kind: type[R]) -> Reader[list[R]]:
    """Read an array of such models column by column, in half the time that they take one by one.

    When there is anything unusual in them, they are read one by one, which takes it or tells where it is.
    """
    one_by_one = array(model(kind.from_dict))
    readers = list(kind.columns.values())
    places = {reader: [place for place, other in enumerate(readers) if other is reader] for reader in readers}

    def at_once(objects: list[Any]) -> list[R]:
        count = len(objects)
        columns: list[Any] = [[one[name] for one in objects] for name in kind.columns]
        for reader, of_this_kind in places.items():
            values = _AT_ONCE[reader](list(chain.from_iterable(columns[place] for place in of_this_kind)))
            for index, place in enumerate(of_this_kind):
                columns[place] = values[index * count : (index + 1) * count]
        models = list(map(kind, *columns))
        if set(map(len, objects)) != {len(readers)}:
            for one, members in zip(models, objects, strict=True):
                one.additional_properties = {name: members[name] for name in members if name not in kind.columns}
        return models

    def read(value: object, where: Where) -> list[R]:
        if isinstance(value, list):
            try:  # noqa: SIM105, a context takes as long as a row
                return at_once(value) if len(value) > _A_FEW else list(map(kind.from_dict, value))
            except (KeyError, TypeError, ValueError, ResponseError):
                pass
        return one_by_one(value, where)

    return read


def json_value(content: bytes) -> Any:
    """Decode JSON, its numbers exactly; raise `ResponseError` for whatever else the bytes are."""
    # The error is raised outside of the handlers: the decoder's own, chained to it, would carry the whole answer.
    try:
        text = content.decode().strip(_WHITE_SPACE)
        value, end = _decode(text)
        if end == len(text):
            return value
        got = "something else"
    except UnicodeDecodeError:
        got = "bytes that are no UTF-8"
    except (ValueError, ArithmeticError, RecursionError):
        got = "something else" if content.strip() else "nothing"
    raise ResponseError(f"expected JSON, got {got}")


def _is_refusal(value: dict[str, Any]) -> bool:
    code = value.get("code") if "msg" in value else None
    return isinstance(code, int) and code < 0


def answer(response: Answer, refusals: Refusals, documented: range, read: Reader[T]) -> T:
    """Read an answer of a documented status.

    Raises `ApiError` when the exchange said no, with whatever status, and `ResponseError` when the answer is not what
    the document describes.
    """
    if not is_success(response):
        raise refusals.from_answer(response)
    try:
        if response.status_code not in documented:
            raise ResponseError("the document describes no answer of this status")
        value = json_value(response.content) if response.content or read is not nothing else UNSET
        if isinstance(value, dict) and _is_refusal(value):
            raise refusals.from_answer(response)
        return read(value, _TOP)
    except ResponseError as error:
        error.path = error.path[1:]
        error.status_code, error.headers = response.status_code, httpx.Headers(response.headers)
        raise
