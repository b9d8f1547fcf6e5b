"""The parameters of a request: read from query string and form body, and held against the document."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import attrs
from jsonschema import Draft202012Validator, FormatChecker

_IS_INTEGER = re.compile(r"-?[0-9]+").fullmatch
_IS_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_BOOLEANS = {"true": True, "false": False}
_INT64 = range(-(2**63), 2**63)

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("decimal")
def _is_decimal(value: object) -> bool:
    return not isinstance(value, str) or _IS_NUMBER(value) is not None


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or value in _INT64


class RefusedError(Exception):
    """The request is refused with the example of this name; `values` are what varies in it."""

    def __init__(self, example: str, **values: str) -> None:
        super().__init__(example)
        self.example = example
        self.values = values


@attrs.frozen
class Parameter:
    """A parameter of an operation, in the query or in the form."""

    name: str
    required: bool
    schema: Mapping[str, Any] = attrs.field(repr=False)
    """With the document's components beside it, to which it may refer."""
    is_json: bool = False
    is_array: bool = False
    is_joined: bool = False
    """Whether the items of an array stand in one value, with commas between them."""

    @cached_property
    def _validator(self) -> Any:  # its type's stubs know no Decimal
        return Draft202012Validator(self.schema, format_checker=_FORMATS)

    def check(self, texts: list[str]) -> None:
        """Raise `RefusedError` if what was sent is not what the document says."""
        if len(texts) > 1 and (self.is_joined or self.is_json or not self.is_array):
            raise RefusedError("duplicate", parameter=self.name)
        if self._accepts(texts):
            return
        if not self.required and texts == [""]:
            raise RefusedError("empty", parameter=self.name)
        is_of_the_form = any(self._is_of_the_form(value) for value in self._values(texts))
        raise RefusedError("invalid" if is_of_the_form else "illegalCharacters", parameter=self.name)

    def _accepts(self, texts: list[str]) -> bool:
        return any(self._validator.is_valid(value) for value in self._values(texts))

    def _is_of_the_form(self, value: object) -> bool:
        rules = {
            error.validator_value if error.validator == "format" else error.validator
            for error in self._validator.iter_errors(value)
        }
        return not rules & {"type", "pattern", "decimal"}

    def _values(self, texts: list[str]) -> Iterator[object]:
        """Give what the texts can mean."""
        if self.is_json:
            try:
                yield json.loads(texts[0], parse_float=Decimal)
            except ValueError:
                return
        elif self.is_array:
            items = texts[0].split(",") if self.is_joined else texts
            meant = ([meaning(item) for item in items] for meaning in _MEANINGS)
            yield from (values for values in meant if None not in values)
        else:
            yield from (value for meaning in _MEANINGS if (value := meaning(texts[0])) is not None)


def _integer(text: str) -> int | None:
    # An int of its own takes no text of thousands of digits.
    return int(Decimal(text)) if _IS_INTEGER(text) else None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _IS_NUMBER(text) else None


# What a text in a query or a form can mean, None if it cannot mean that.
_MEANINGS = (_integer, _number, _BOOLEANS.get, str)


def read_parameters(parameters: Mapping[str, Parameter], *, query: bytes, form: bytes) -> dict[str, str]:
    """Return the values by their names, the first of each; a name in both counts from the query string.

    Raises `RefusedError`. Source: COIN-M Futures, General Info, "General Information on Endpoints".
    """
    sent = _texts(form) | _texts(query)
    for name, parameter in parameters.items():
        if parameter.required and not any(sent.get(name, ())):
            raise RefusedError("missing", parameter=name)
    if not sent.keys() <= parameters.keys():
        raise RefusedError("unread")
    for name, texts in sent.items():
        parameters[name].check(texts)
    return {name: texts[0] for name, texts in sent.items()}


def _texts(encoded: bytes) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, text in parse_qsl(encoded.decode("latin-1"), keep_blank_values=True):
        texts.setdefault(name, []).append(text)
    return texts
