"""Decoders of JSON values: each returns the value as the document describes it, or raises `ResponseError`.

What contains the value adds its location to the error: a field's name or a row's index. The generated models check
plain strings and integers themselves before they call a decoder, because most of a response is of these and of amounts.
"""

# JSON values have no known types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from functools import cache, lru_cache
from typing import Any, NoReturn, Protocol, Self, TypeVar, cast

import httpx

from binance_client.errors import ResponseError, printable
from binance_client.models import MAX_DIGITS, MAX_INT64, MIN_INT64
from binance_client.redaction import without_secrets
from binance_client.types import UNSET, Unset

from .error_map import ErrorMap, excerpt, parse_code
from .http import HTTPResponse, is_success
from .queries import QUERIED_BY, query_hint, with_query

_logger = logging.getLogger("binance_client")
# Set while a union looks for the type whose values are all known.
_takes_known_values_only: ContextVar[bool] = ContextVar("takes_known_values_only", default=False)
T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E", bound=Enum)
Loc = str | int
Decoder = Callable[[Any], T]

# Longer text is rejected before it becomes a number, because the conversion may take very long.
# An empty alternative is faster than a question mark after the fraction's group. A possessive group would be as fast,
# but in early releases of Python 3.11 it would find `5.` in `5.,1`.
_DECIMAL = r"-?+(?:0|[1-9][0-9]{0,63}+)(?:\.[0-9]{1,64}+|)"
is_decimal = re.compile(_DECIMAL).fullmatch
_MAX_SHOWN = 60
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


def _json_name(value: object) -> str:
    return _JSON_NAMES.get(type(value), type(value).__name__)


def _describe(value: object) -> str:
    """Return the type of a value and, if it is short by nature, its beginning."""
    name = _json_name(value)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return name
    # Python does not write integers of more than some thousand digits.
    text = repr(without_secrets(value)) if isinstance(value, str) else str(Decimal(value))
    return f"{name}, {printable(text, _MAX_SHOWN)}"


def _reject(expected: str, value: object) -> NoReturn:
    raise ResponseError(f"expected {expected}, got {_describe(value)}")


def member(decode: Decoder[T], value: object, loc: Loc) -> T:
    """Return the decoded member of an object or item of an array; an error has its location."""
    try:
        return decode(value)
    except ResponseError as error:
        error.path = (loc, *error.path)
        raise


def any_value(value: object) -> Any:
    """Return a value of any type."""
    if value is UNSET:
        _reject("a value", value)
    return value


def null(value: object) -> None:
    """Return None for null."""
    if value is not None:
        _reject("null", value)


def empty(value: object) -> None:
    """Return None for a response without content."""
    if value is not UNSET:
        _reject("no content", value)


def string(value: object) -> str:
    """Return a string."""
    if not isinstance(value, str):
        _reject("a string", value)
    return value


def boolean(value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        _reject("a boolean", value)
    return value


def integer(value: object) -> int:
    """Return an integer of 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or not MIN_INT64 <= value <= MAX_INT64:
        _reject("an integer of 64 bits", value)
    return value


def decimal(value: object) -> Decimal:
    """Return a decimal with all its digits, from a string or a number."""
    if isinstance(value, str) and is_decimal(value):
        return Decimal(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and abs(number.adjusted()) <= MAX_DIGITS and is_decimal(f"{number:f}"):
            return number
    return _reject(f"a decimal string of at most {MAX_DIGITS} digits", value)


def decimals(values: Any, locs: Sequence[Loc]) -> Iterable[Decimal]:
    """Return several decimals; most are strings, which are faster to check together."""
    try:
        text = ",".join(values)
    except TypeError:
        text = ""  # not all are strings
    # A comma within a string is one too many for the pattern.
    if _are_decimals(len(values))(text):
        return map(Decimal, values)
    return [member(decimal, value, loc) for value, loc in zip(values, locs, strict=True)]


@cache
def _are_decimals(count: int) -> Callable[[str], object]:
    return re.compile(",".join([_DECIMAL] * count)).fullmatch


def mapping(value: object) -> dict[str, Any]:
    """Return the members of an object as a new dictionary."""
    return value.copy() if type(value) is dict else dict(_object(value))


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, (dict, Mapping)):
        raise ResponseError(f"expected an object, got {_json_name(value)}")
    return value


class DecodableModel(Protocol):
    """A generated model."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Return the model of a JSON object."""
        ...


class DecodableTuple(Protocol):
    """A generated named tuple."""

    @classmethod
    def from_list(cls, src_list: object) -> Self:
        """Return the named tuple of a JSON array."""
        ...


M = TypeVar("M", bound=DecodableModel)
N = TypeVar("N", bound=DecodableTuple)


def model(kind: type[M]) -> Decoder[M]:
    """Return a decoder of objects as models."""
    return kind.from_dict


def named_tuple(kind: type[N]) -> Decoder[N]:
    """Return a decoder of arrays as named tuples."""
    return kind.from_list


def tagged(
    field: str, kinds: Mapping[str, type[DecodableModel]], other: type[DecodableModel] | None = None
) -> Decoder[Any]:
    """Return a decoder of objects whose field `field` says which model is theirs; `other` is that of further values."""

    def decode(value: Any) -> Any:
        tag = (value if type(value) is dict else _object(value)).get(field, UNSET)
        kind = kinds.get(tag, other) if isinstance(tag, str) else other
        if kind is None:
            raise ResponseError(f"expected {' or '.join(map(repr, kinds))}, got {_describe(tag)}", path=(field,))
        return kind.from_dict(value)

    return decode


def array(decode_item: Decoder[T]) -> Decoder[list[T]]:
    """Return a decoder of arrays, item by item."""

    def decode(value: object) -> list[T]:
        decoded: list[T] = []
        for index, item in enumerate(_list(value)):
            # Not a call of `member`, which takes more time than most items.
            try:
                decoded.append(decode_item(item))
            except ResponseError as error:
                error.path = (index, *error.path)
                raise
        return decoded

    return decode


def tuple_of(*decoders: Decoder[Any], is_closed: bool) -> Decoder[Any]:
    """Return a decoder of arrays whose items each have their own type; more items may follow if it is not closed."""

    def decode(value: object) -> tuple[Any, ...]:
        found = items(value, len(decoders), is_closed=is_closed)
        return tuple(
            member(decoder, item, index) for index, (decoder, item) in enumerate(zip(decoders, found, strict=True))
        )

    return decode


def items(value: object, count: int, *, is_closed: bool) -> list[Any]:
    """Return the first items of an array, which has no more of them if it is closed."""
    found = value if type(value) is list else _list(value)
    if len(found) == count:
        return found
    if len(found) < count or is_closed:
        raise ResponseError(f"expected an array of {count} items, got {len(found)}")
    return found[:count]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ResponseError(f"expected an array, got {_describe(value)}")
    return value


def const(expected: object) -> Decoder[Any]:
    """Return a decoder of the only value that is allowed."""

    def decode(value: object) -> object:
        if type(value) is not type(expected) or value != expected:
            _reject(f"{expected!r}", value)
        return expected

    return decode


def enum(kind: type[E]) -> Decoder[E]:
    """Return a decoder of the members of an enumeration."""
    known: Mapping[Any, E] = members(kind)

    def decode(value: object) -> E:
        # True equals 1, and a list has no hash.
        found = known.get(value) if type(value) in (str, int) else None
        return _reject(f"a value of {kind.__name__}", value) if found is None else found

    return decode


@cache
def members(kind: type[Enum]) -> Mapping[Any, Any]:
    """Return the members of an enumeration by their values."""
    return {member.value: member for member in kind}


@cache
def open_enum(kind: type[Enum]) -> Decoder[Any]:
    """Return a decoder of the members of an enumeration, and of other values of their type, which are logged once."""
    known = members(kind)
    value_type = type(next(iter(known)))

    def decode(value: object) -> Any:
        found = known.get(value) if type(value) is value_type else None
        if found is not None:
            return found
        if type(value) is not value_type or _takes_known_values_only.get():
            _reject(f"a value of {kind.__name__}", value)
        _log_unknown_value(kind.__name__, _describe(value))
        return integer(value) if value_type is int else value

    return decode


@lru_cache(maxsize=1000)
def _log_unknown_value(enum_name: str, value: str) -> None:
    _logger.warning("response with a value of %s that the document does not have: %s", enum_name, value)


def union(*decoders: Decoder[Any]) -> Decoder[Any]:
    """Return a decoder that tries several types in their order; unknown values of enumerations are the last resort."""

    def decode(value: object) -> Any:
        if not _takes_known_values_only.get():
            token = _takes_known_values_only.set(True)
            try:
                with suppress(ResponseError):
                    return decode_first(value)
            finally:
                _takes_known_values_only.reset(token)
        return decode_first(value)

    def decode_first(value: object) -> Any:
        reasons: list[str] = []
        for decoder in decoders:
            try:
                return decoder(value)
            except ResponseError as error:
                steps = [f"item {step}" if isinstance(step, int) else f"field {step}" for step in error.path]
                reasons.append(": ".join([", ".join(steps)] * bool(steps) + [error.reason]))
        raise ResponseError("; or ".join(reasons))

    return decode


def or_error(decode: Decoder[T], decode_error: Decoder[U]) -> Decoder[T | U]:
    """Return a decoder of either a value or an error of the exchange, which has a negative code."""

    def decode_either(value: object) -> T | U:
        return decode_error(value) if _is_error_body(value) else decode(value)

    return decode_either


def optional(decode: Decoder[T], value: object, loc: Loc) -> T | Unset:
    """Return the decoded value, or `UNSET` if it is missing."""
    return value if isinstance(value, Unset) else member(decode, value, loc)


def _reject_constant(_: str) -> NoReturn:
    raise ValueError


# Exact, whatever the caller's context is.
_parse_float = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact, InvalidOperation]).create_decimal
_raw_decode = json.JSONDecoder(parse_float=_parse_float, parse_constant=_reject_constant).raw_decode
_WHITE_SPACE = " \t\n\r"


def parse_json(content: bytes) -> Any:
    """Return the value of JSON text, its numbers exactly; raise `ResponseError` for anything else."""
    # The error is raised outside of the handlers, because the decoder's own exception holds the whole response.
    try:
        text = content.decode().strip(_WHITE_SPACE)
        value, end = _raw_decode(text)
        if end == len(text):
            return value
        got = "something else"
    except UnicodeDecodeError:
        got = "bytes that are not UTF-8"
    except (ValueError, ArithmeticError, RecursionError):
        got = "something else" if content.strip() else "nothing"
    raise ResponseError(f"expected JSON, got {got}")


def _is_error_body(value: object) -> bool:
    code = parse_code(value.get("code")) if isinstance(value, dict) else None
    return code is not None and code < 0


def parse_response(  # noqa: PLR0913, the last two are keyword-only
    response: HTTPResponse,
    error_map: ErrorMap,
    documented: range,
    decode: Decoder[T],
    *,
    is_write: bool = False,
    result_count: int | None = None,
) -> T:
    """Return the decoded body of a response, whose status has to be among the documented ones.

    If there is a `result_count`, the body has to be an array of this length: callers tell by the index what became of
    which item of the request.

    Raises `ApiError` if the exchange rejected the request, with whatever status, and `ResponseError` if the response is
    not what the document describes.
    """
    if not is_success(response):
        raise with_query(error_map.from_response(response), response.extensions)
    value: Any = None
    try:
        if response.status_code not in documented:
            raise ResponseError("the document describes no response of this status")  # noqa: TRY301, completed below
        value = parse_json(response.content) if response.content or decode is not empty else UNSET
        if not _is_error_body(value):
            decoded = _decode_within_recursion_limit(decode, value)
            if result_count is None or len(cast("list[object]", decoded)) == result_count:
                return decoded
            raise ResponseError(f"expected {result_count} items, as many as in the request, got {len(value)}")  # noqa: TRY301, completed below
        failure: Exception = with_query(error_map.from_response(response), response.extensions)
    except ResponseError as error:
        error.status_code, error.headers = response.status_code, httpx.Headers(response.headers)
        error.body = excerpt(response.content)
        error.hint = query_hint(response.extensions.get(QUERIED_BY)) if is_write else None
        failure = error
    # Raised here, because frames of decoders have variables in which a server may have repeated a key or a signature.
    del value
    raise failure.with_traceback(None)


def _decode_within_recursion_limit(decode: Decoder[T], value: object) -> T:
    try:
        return decode(value)
    except RecursionError:
        # Raised below, because this one holds a thousand frames.
        pass
    raise ResponseError("expected a value that is nested less deeply")
