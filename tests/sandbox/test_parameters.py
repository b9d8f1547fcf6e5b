"""Validation of parameters in the sandbox: JSON Schema's verdict in the exchange's error codes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import pytest
from binance_sandbox._validation import Parameter, RequestRejectedError, validate_parameters

INTEGER = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 1000}
DECIMAL = {"type": "string", "format": "decimal"}
SIDE = {"type": "string", "enum": ["BUY", "SELL"]}
SIZE = {"enum": [5, 10, True]}
SYMBOL = {"type": "string", "pattern": "^[A-Z_]+$"}
ORDERS = {
    "type": "array",
    "maxItems": 2,
    "items": {"$ref": "#/components/schemas/Order"},
    "components": {
        "schemas": {"Order": {"type": "object", "required": ["quantity"], "properties": {"quantity": DECIMAL}}},
    },
}


Encoding = Literal["single", "repeated", "comma-separated", "json"]


def rejection(texts: list[str], schema: Mapping[str, Any], encoding: Encoding = "single") -> str | None:
    """Return the name of the error example that an optional parameter is rejected with, None if it is accepted."""
    try:
        Parameter("p", required=False, schema=schema, encoding=encoding).check(texts)
    except RequestRejectedError as error:
        return str(error.reason)
    return None


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        (INTEGER, "1", None),
        (INTEGER, "1000", None),
        (INTEGER, "0", "invalid"),
        (INTEGER, "1001", "invalid"),
        (INTEGER, "1.0", "illegalCharacters"),
        (INTEGER, "1e2", "illegalCharacters"),
        (INTEGER, "true", "illegalCharacters"),
        (INTEGER, "", "empty"),
        ({"type": "integer", "format": "int64"}, "9223372036854775807", None),
        ({"type": "integer", "format": "int64"}, "9223372036854775808", "invalid"),
        ({"type": "integer", "format": "int64"}, "-9223372036854775809", "invalid"),
        (INTEGER, "9" * 5000, "illegalCharacters"),
        (DECIMAL, "0.00000001", None),
        (DECIMAL, "-1", None),
        (DECIMAL, "1e-8", "illegalCharacters"),
        (DECIMAL, "NaN", "illegalCharacters"),
        (DECIMAL, "", "empty"),
        ({"type": "number", "format": "decimal", "minimum": 1}, "0.9", "invalid"),
        (SIDE, "BUY", None),
        (SIDE, "buy", "invalid"),
        (SIDE, "", "empty"),
        (SYMBOL, "BTCUSD_PERP", None),
        (SYMBOL, "btc", "illegalCharacters"),
        ({"type": "string"}, "", None),
        ({"type": "string"}, "12", None),
        ({"type": "string", "maxLength": 1}, "12", "invalid"),
        ({"type": "boolean"}, "true", None),
        ({"type": "boolean"}, "True", "illegalCharacters"),
        ({"oneOf": [{"type": "integer"}, SIDE]}, "SELL", None),
        ({"oneOf": [{"type": "integer"}, SIDE]}, "7", None),
        ({"oneOf": [{"type": "integer"}, SIDE]}, "HOLD", "invalid"),
        ({"type": ["integer", "null"]}, "7", None),
        ({"$ref": "#/components/schemas/a~1b", "components": {"schemas": {"a/b": {"type": "integer"}}}}, "7", None),
        (SIZE, "5", None),
        (SIZE, "true", None),
        (SIZE, "6", "invalid"),
        ({"const": 5}, "5", None),
        ({}, "anything", None),
    ],
)
def test_values(schema: Mapping[str, Any], text: str, expected: str | None) -> None:
    """A value of the wrong type or format has illegal characters; one that breaks another rule is not valid."""
    assert expected == rejection([text], schema)


@pytest.mark.parametrize(
    ("texts", "encoding", "expected"),
    [
        (["1"], "repeated", None),
        (["1", "2"], "repeated", None),
        (["1", "1001"], "repeated", "invalid"),
        (["1", "x"], "repeated", "illegalCharacters"),
        (["1", "2", "3"], "repeated", "invalid"),
        (["1,2"], "comma-separated", None),
        (["1,2,3"], "comma-separated", "invalid"),
        (["1,"], "comma-separated", "illegalCharacters"),
        (["1", "2"], "comma-separated", "duplicate"),
    ],
)
def test_arrays(texts: list[str], encoding: Encoding, expected: str | None) -> None:
    """An array is a repeated name, or one value with commas, as the document specifies."""
    schema = {"type": "array", "maxItems": 2, "items": INTEGER}

    assert expected == rejection(texts, schema, encoding)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"quantity":"1"}]', None),
        ("[]", None),
        ('[{"quantity":"1e3"}]', "illegalCharacters"),
        ('[{"quantity":1}]', "illegalCharacters"),
        ("[{}]", "invalid"),
        ('[{"quantity":"1"},{"quantity":"1"},{"quantity":"1"}]', "invalid"),
        ('{"quantity":"1"}', "illegalCharacters"),
        ("[", "illegalCharacters"),
        ("[" * 100_000, "illegalCharacters"),
        ('[{"quantity":"1","more":1e9999999999999999999}]', "illegalCharacters"),
        ("", "empty"),
    ],
)
def test_json(text: str, expected: str | None) -> None:
    """A JSON value is validated against its schema, which may refer to the document's components."""
    assert expected == rejection([text], ORDERS, "json")


@pytest.mark.parametrize(
    ("schema", "texts", "encoding", "expected"),
    [
        (INTEGER, ["7"], "single", 7),
        ({"type": "boolean"}, ["true"], "single", True),
        (SIDE, ["BUY"], "single", "BUY"),
        ({"type": "string"}, ["12"], "single", "12"),
        (DECIMAL, ["0.10"], "single", Decimal("0.10")),
        (DECIMAL, ["10"], "single", Decimal(10)),
        ({"type": "number", "format": "decimal"}, ["10"], "single", Decimal(10)),
        ({"anyOf": [DECIMAL, {"const": ""}]}, ["1.5"], "single", Decimal("1.5")),
        ({"anyOf": [DECIMAL, {"const": ""}]}, [""], "single", ""),
        ({"type": "array", "items": INTEGER}, ["1", "2"], "repeated", [1, 2]),
        ({"type": "array", "items": DECIMAL}, ["1,2.50"], "comma-separated", [Decimal(1), Decimal("2.50")]),
        (ORDERS, ['[{"quantity":"1","more":"2"}]'], "json", [{"quantity": Decimal(1), "more": "2"}]),
        ({"type": "object", "additionalProperties": DECIMAL}, ['{"a":"1"}'], "json", {"a": Decimal(1)}),
    ],
)
def test_typed_values(schema: Mapping[str, Any], texts: list[str], encoding: Encoding, expected: object) -> None:
    """A value has the type that the document names, and an amount is a Decimal with the digits that were sent."""
    value = Parameter("p", required=False, schema=schema, encoding=encoding).value(texts)

    # The repr tells 10, Decimal(10) and True apart.
    assert repr(expected) == repr(value)


def test_duplicate_value() -> None:
    """A parameter that is not an array may be sent once only."""
    assert "duplicate" == rejection(["1", "1"], INTEGER)


@pytest.mark.parametrize(
    ("query", "form", "expected"),
    [
        ("p=1", "q=2", {"p": "1", "q": "2"}),
        ("p=1", "p=2", {"p": "1"}),
        ("p=%20%26", "", {"p": " &"}),
        ("p=a+b", "", {"p": "a b"}),
        ("", "p=%EF%BC%91", {"p": "１"}),  # noqa: RUF001, a digit of full width
    ],
)
def test_query_and_form(query: str, form: str, expected: dict[str, str]) -> None:
    """Parameters may be in either place; the query has precedence."""
    parameters = {name: Parameter(name, required=False, schema={}) for name in "pq"}

    assert expected == validate_parameters(parameters, query=query.encode(), form=form.encode())


@pytest.mark.parametrize(("query", "expected"), [("", "missing"), ("p=", "missing"), ("p=1&x=1", "unread")])
def test_missing_or_unknown_parameter(query: str, expected: str) -> None:
    """A required parameter has to be sent and not be empty, and an unknown one must not be sent."""
    with pytest.raises(RequestRejectedError, match=expected):
        validate_parameters({"p": Parameter("p", required=True, schema={})}, query=query.encode(), form=b"")
