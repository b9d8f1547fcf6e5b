"""Validation against the document: a request's parameters, and the bodies of responses that a test sets."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from decimal import Decimal
from functools import cached_property, reduce
from typing import Any, Final, Literal, cast
from urllib.parse import parse_qsl

import attrs
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from binance_sandbox._arguments import check_integer, check_type

_IS_INTEGER = re.compile(r"-?[0-9]+").fullmatch
_IS_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_BOOLEANS = {"true": True, "false": False}
_INT64 = range(-(2**63), 2**63)
_TYPE_NAMES: dict[type, str] = {bool: "boolean", int: "integer", Decimal: "number"}
_MALFORMED = {"type", "pattern", "decimal"}
"""The rules whose violation is an illegal character; other rules are about the value."""

_FORMATS = FormatChecker(formats=())

Node = Mapping[str, Any]
"""An object of an OpenAPI document."""


@_FORMATS.checks("decimal")
def _is_decimal(value: object) -> bool:
    return not isinstance(value, str) or _IS_NUMBER(value) is not None


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or value in _INT64


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_exact_number(checker: object, value: object) -> bool:
    return _is_integer(checker, value) or isinstance(value, Decimal)


_PARTS = ("allOf", "anyOf", "oneOf")
"""Keywords whose schemas apply to the same value as the schema that has them."""
# Amounts of a response are text or Decimal: a float is no number here, because it lost the digits that were written.
_BodyValidator: Any = validators.extend(  # type: ignore[no-untyped-call]  # the stubs do not annotate it
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_exact_number}),
)


def _report_amount(_validator: object, format_name: str, value: object, _schema: Node) -> Iterator[ValidationError]:
    if format_name == "decimal" and isinstance(value, int | str) and _IS_NUMBER(str(value)):
        yield ValidationError("an amount that is not a Decimal yet")


# Reports amounts in place of invalid values, because a validator knows which part of a schema applies to which value.
_AmountFinder: Any = validators.extend(Draft202012Validator, {"format": _report_amount})  # type: ignore[no-untyped-call]  # the stubs do not annotate it


_HINT: Final = "respond_next(body=...) sends any body without this check"


class RequestRejectedError(Exception):
    """The exchange rejects the request: raised by a function among an account's responses.

    `reason` is an error code of the document, or the name of one of its error examples, as in `respond_next`:

        raise RequestRejectedError(-2013, "Order does not exist.")
        raise RequestRejectedError("unknown", status=503)

    A code has the document's meaning as its message if there is no `msg`, and status 400 if there is no `status`. Of
    several examples with one name, `status` chooses; `values` are the parts of an example's message that depend on the
    request, such as `parameter="quantity"`. Raises ValueError for invalid arguments.
    """

    def __init__(self, reason: int | str, msg: str | None = None, *, status: int | None = None, **values: str) -> None:
        """Create the error."""
        check_type("reason", reason, (int, str), "an error code, or the name of an error example")
        check_type("msg", msg, (str, type(None)), "the exchange's message, or None")
        if status is not None:
            check_integer("status", status, "an integer from 400 to 599", minimum=400, maximum=599)
        for name, value in values.items():
            check_type(name, value, str, "a text")
        super().__init__(reason)
        self.reason = reason
        self.msg = msg
        self.status = status
        self.values = values


@attrs.frozen
class Parameter:
    """A parameter of an operation, in the query string or in the form body."""

    name: str
    required: bool
    schema: Node = attrs.field(repr=False)
    """The schema, with the document's `components` added so that its references resolve."""
    encoding: Literal["single", "repeated", "comma-separated", "json"] = "single"
    """How the value is written: as one text, as one text per item, as items with commas between them, or as JSON."""

    def check(self, texts: list[str]) -> None:
        """Raise `RequestRejectedError` if the texts that were sent are not a valid value."""
        if len(texts) > 1 and self.encoding != "repeated":
            raise RequestRejectedError("duplicate", parameter=self.name)
        violated = self._violated_rules(texts)
        if not violated:
            return
        if not self.required and texts == [""]:
            raise RequestRejectedError("empty", parameter=self.name)
        raise RequestRejectedError("illegalCharacters" if violated & _MALFORMED else "invalid", parameter=self.name)

    def value(self, texts: list[str]) -> Any:
        """Return the value that valid texts stand for; an amount is a Decimal, also where the document says text."""
        values = [self._coerce(texts)]
        for error in list(_leaves(_AmountFinder(self.schema).iter_errors(values[0]))):
            if error.validator == "format":
                _replace(values, [0, *error.absolute_path], Decimal(str(error.instance)))
        return values[0]

    def _violated_rules(self, texts: list[str]) -> set[str]:
        """Return the keywords of the schema that the value violates, for `format` the format's name."""
        try:
            errors = [*self._validator.iter_errors(self._coerce(texts))]
        # It is not JSON, or has more digits or levels than a value of the exchange.
        except (ValueError, ArithmeticError, RecursionError):
            return {"type"}
        return {error.validator_value if error.validator == "format" else error.validator for error in errors}

    def _coerce(self, texts: list[str]) -> object:
        """Return the value that the texts stand for, by the types that the schema declares."""
        if self.encoding == "json":
            return json.loads(texts[0], parse_float=Decimal)
        if self.encoding == "single":
            return _coerce(texts[0], self._types)
        return [_coerce(item, self._types) for item in (texts if self.encoding == "repeated" else texts[0].split(","))]

    @cached_property
    def _types(self) -> set[str]:
        """The types of the value or, of an array, of its items."""
        is_array = self.encoding in {"repeated", "comma-separated"}
        return _declared_types(self.schema.get("items", {}) if is_array else self.schema, self.schema)

    @cached_property
    def _validator(self) -> Any:  # The stubs of jsonschema do not allow Decimal.
        return Draft202012Validator(self.schema, format_checker=_FORMATS)


@attrs.frozen
class BodySchema:
    """The schema of a response's body, for bodies that a test sets."""

    _schema: Node = attrs.field(repr=False)
    _root: Node = attrs.field(repr=False)

    def conform(self, body: Any, location: str) -> Any:
        """Return a body as the document describes it, an amount that was given as Decimal in its documented type.

        Raises ValueError for a body that the document does not describe; members that it does not name are not allowed.
        """
        body = deepcopy(body)
        for error in _leaves(self._validator.iter_errors(body)):
            if (
                error.validator == "type"
                and error.absolute_path
                and isinstance(error.instance, Decimal)
                and "string" in str(error.validator_value)
            ):
                _replace(body, error.absolute_path, f"{error.instance:f}")
        # A member whose value is invalid counts as unknown too, which is not what is wrong with it.
        errors = sorted(self._validator.iter_errors(body), key=lambda error: error.validator == "unevaluatedProperties")
        if errors:
            found = [_describe(error) for error in errors if error.absolute_path == errors[0].absolute_path]
            raise ValueError(f"{location}{errors[0].json_path[1:]}: {'; '.join(found)} ({_HINT})")
        return body

    @cached_property
    def _validator(self) -> Any:
        schemas = self._root.get("components", {}).get("schemas", {})
        closed = {name: _close(schema, self._root, is_part=True) for name, schema in schemas.items()}
        schema = {**_close(self._schema, self._root), "components": {"schemas": closed}}
        return _BodyValidator(schema, format_checker=_FORMATS)


def resolve(node: Node, root: Node) -> Node:
    """Return the node of `root` that a reference leads to, with what stands beside the reference."""
    while "$ref" in node:
        if not node["$ref"].startswith("#"):
            raise ValueError(
                f"a reference to another file, {node['$ref']}; use the openapi.json of a package generated from it"
            )
        keys = (key.replace("~1", "/").replace("~0", "~") for key in node["$ref"].removeprefix("#/").split("/"))
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        node = {**reduce(lambda parent, key: parent[key], keys, root), **siblings}
    return node


def typed_values(parameters: Mapping[str, Parameter], *, query: bytes, form: bytes) -> dict[str, Any]:
    """Return the values of valid parameters by name, each as the document types it."""
    return {name: parameters[name].value(texts) for name, texts in (_raw_values(form) | _raw_values(query)).items()}


def validate_parameters(parameters: Mapping[str, Parameter], *, query: bytes, form: bytes) -> dict[str, str]:
    """Return the raw values by name, the first one of each; the query string has precedence over the form.

    Raises `RequestRejectedError`. Source: COIN-M Futures, General Info, "General Information on Endpoints".
    """
    sent = _raw_values(form) | _raw_values(query)
    for name, parameter in parameters.items():
        if parameter.required and not any(sent.get(name, ())):
            raise RequestRejectedError("missing", parameter=name)
    if not sent.keys() <= parameters.keys():
        raise RequestRejectedError("unread")
    for name, texts in sent.items():
        parameters[name].check(texts)
    return {name: texts[0] for name, texts in sent.items()}


def first_values(*, query: bytes, form: bytes) -> dict[str, str]:
    """Return the first value of each parameter, which need not be valid; the query string has precedence."""
    return {name: texts[0] for name, texts in (_raw_values(form) | _raw_values(query)).items()}


def _raw_values(encoded: bytes) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, text in parse_qsl(encoded.decode("latin-1"), keep_blank_values=True):
        texts.setdefault(name, []).append(text)
    return texts


def _declared_types(schema: Node, root: Node) -> set[str]:
    """Return the JSON types that a schema allows, as far as it names them or lists values of them."""
    schema = resolve(schema, root)
    declared = schema.get("type", [])
    types = {declared} if isinstance(declared, str) else set(declared)
    values: list[object] = schema.get("enum", [schema.get("const")])
    types |= {_TYPE_NAMES.get(type(value), "string") for value in values}
    return types.union(*(_declared_types(part, root) for key in _PARTS for part in schema.get(key, ())))


def _coerce(text: str, types: set[str]) -> object:
    """Return the value of one of the types that a text stands for; the text itself if it is none."""
    if "integer" in types and _IS_INTEGER(text):
        return int(Decimal(text))  # int(text) has a limit on the number of digits.
    if "number" in types and _IS_NUMBER(text):
        return Decimal(text)
    return _BOOLEANS.get(text, text) if "boolean" in types else text


def _replace(root: Any, path: Iterable[int | str], value: object) -> None:
    """Replace the value at a path within JSON."""
    *parents, last = path
    reduce(lambda node, key: node[key], parents, root)[last] = value


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield the errors, and those of each schema among which a value could choose."""
    for error in errors:
        yield error
        yield from _leaves(error.context)


def _describe(error: ValidationError) -> str:
    if error.validator == "type" and isinstance(error.instance, float):
        return f'expected an exact value, got the float {error.instance}; write an amount as "0.10" or as Decimal'
    return error.message.replace("Unevaluated properties are not allowed", "the document has no such member")


def _close(schema: Any, root: Node, *, is_part: bool = False) -> Any:
    """Return a schema whose objects have no members but those that it names, if it names some.

    `is_part` is True for a schema that others complete, by `allOf` or by a reference: it is closed where they are.
    """
    if not isinstance(schema, Mapping):  # True, False
        return schema
    node = cast("Node", schema)
    closed = {**node}
    for key in {*_PARTS, "prefixItems"} & node.keys():
        closed[key] = [_close(part, root, is_part=key in _PARTS) for part in node[key]]
    for key in {"items", "additionalProperties"} & node.keys():
        closed[key] = _close(node[key], root)
    if "properties" in node:
        closed["properties"] = {name: _close(member, root) for name, member in node["properties"].items()}
    if not is_part and _names_members(node, root):
        closed["unevaluatedProperties"] = False
    return closed


def _names_members(schema: Node, root: Node) -> bool:
    schema = resolve(schema, root)
    return "properties" in schema or any(_names_members(part, root) for key in _PARTS for part in schema.get(key, ()))
