"""The sandbox's check of parameters: what JSON Schema says of them, in the exchange's codes."""

from collections.abc import Mapping
from typing import Any

import pytest
from binance_sandbox._parameters import Parameter, RefusedError, read_parameters

INTEGER = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 1000}
DECIMAL = {"type": "string", "format": "decimal"}
SIDE = {"type": "string", "enum": ["BUY", "SELL"]}
SYMBOL = {"type": "string", "pattern": "^[A-Z_]+$"}
ORDERS = {
    "type": "array",
    "maxItems": 2,
    "items": {"$ref": "#/components/schemas/Order"},
    "components": {
        "schemas": {"Order": {"type": "object", "required": ["quantity"], "properties": {"quantity": DECIMAL}}},
    },
}


def refusal(texts: list[str], schema: Mapping[str, Any], *, required: bool = False, **settings: bool) -> str | None:
    """Give the name of what a value is refused with."""
    try:
        Parameter("p", required, schema, **settings).check(texts)
    except RefusedError as refused:
        return refused.example
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
        ({"oneOf": [{"type": "integer"}, SIDE]}, "HOLD", "invalid"),
    ],
)
def test_values(schema: Mapping[str, Any], text: str, expected: str | None) -> None:
    """A value is of its type and form, or has illegal characters; it says what it may say, or is not valid."""
    assert expected == refusal([text], schema)


@pytest.mark.parametrize(
    ("texts", "is_joined", "expected"),
    [
        (["1"], False, None),
        (["1", "2"], False, None),
        (["1", "1001"], False, "invalid"),
        (["1", "x"], False, "illegalCharacters"),
        (["1", "2", "3"], False, "invalid"),
        (["1,2"], True, None),
        (["1,2,3"], True, "invalid"),
        (["1,"], True, "illegalCharacters"),
        (["1", "2"], True, "duplicate"),
    ],
)
def test_arrays(texts: list[str], is_joined: bool, expected: str | None) -> None:  # noqa: FBT001, a parameter
    """An array is a name that is repeated, or one value with commas, as the document says."""
    schema = {"type": "array", "maxItems": 2, "items": INTEGER}

    assert expected == refusal(texts, schema, is_array=True, is_joined=is_joined)


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
    ],
)
def test_json(text: str, expected: str | None) -> None:
    """What is encoded as JSON is held against its schema, with the document's components."""
    assert expected == refusal([text], ORDERS, is_json=True, is_array=True)


def test_value_that_is_there_twice() -> None:
    """A value that is no array is there once."""
    assert "duplicate" == refusal(["1", "1"], INTEGER)


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
    """Parameters stand in either place; a name in both counts from the query."""
    parameters = {name: Parameter(name, required=False, schema={}) for name in "pq"}

    assert expected == read_parameters(parameters, query=query.encode(), form=form.encode())


@pytest.mark.parametrize(("query", "expected"), [("", "missing"), ("p=", "missing"), ("p=1&x=1", "unread")])
def test_what_is_missing_or_unread(query: str, expected: str) -> None:
    """What has to be there is there and not empty, and nothing else is."""
    with pytest.raises(RefusedError, match=expected):
        read_parameters({"p": Parameter("p", required=True, schema={})}, query=query.encode(), form=b"")
