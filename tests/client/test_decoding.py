"""Decoders and generated models: which values they accept, and that these keep every digit."""

import json
import logging
import pickle
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext
from enum import IntEnum, StrEnum
from typing import Any

import httpx
import pytest
from binance_client.messages import decoders
from binance_coinm import models
from binance_coinm.api.account import futures_account_balance
from binance_coinm.error_map import ERROR_MAP
from binance_coinm.errors import ResponseError
from binance_coinm.models import FuturesAccountBalance, ServerTime
from binance_coinm.types import UNSET
from support.constants import INVALID_AMOUNT_STRINGS, INVALID_AMOUNT_VALUES, ROW

decode_rows = decoders.array(decoders.model(FuturesAccountBalance))


@pytest.mark.parametrize(
    "amount",
    ["0.00250000", "0", "-0.51234568", "123456789012345678901234567890.123456789", "0.00000000", "-0"],
)
def test_amounts_keep_their_digits(amount: str) -> None:
    """An amount keeps every digit, leading and trailing zeros too."""
    row = FuturesAccountBalance.from_dict(ROW | {"balance": amount})

    assert amount == row.to_dict()["balance"]
    assert Decimal(amount) == row.balance


@pytest.mark.parametrize(
    ("number", "amount"),
    [
        ("0.1", "0.1"),
        ("0.10000000", "0.10000000"),
        ("5", "5"),
        ("1e-8", "0.00000001"),
        ("-2.50", "-2.50"),
        ("1e-64", f"0.{1:064}"),
    ],
)
def test_amounts_as_numbers_are_exact(number: str, amount: str) -> None:
    """A JSON number in place of an amount becomes the decimal of its digits, never a float."""
    text = json.dumps([ROW]).replace('"0.00250000"', number, 1)

    [row] = futures_account_balance.parse_response(httpx.Response(200, text=text)).parsed

    assert Decimal(number) == row.balance
    assert amount == row.to_dict()["balance"]


# Further invalid amounts: separators, signs and points in wrong places.
MISPLACED_CHARACTERS: list[Any] = [
    "1,2",
    ",",
    "1,",
    ",1",
    "-",
    "--1",
    "1-2",
    "1.2.3",
    "1\n",
    "\ud800",
    "[1]",
    "1,2,3,4,5",
    "1.-5",
]


@pytest.mark.parametrize("amount", INVALID_AMOUNT_STRINGS)
def test_invalid_amount_strings(amount: str) -> None:
    """A string that is not a plain decimal is an error with the name of its field."""
    with pytest.raises(
        ResponseError, match="^field balance: expected a decimal string of at most 64 digits, got a string, '"
    ):
        FuturesAccountBalance.from_dict(ROW | {"balance": amount})


@pytest.mark.parametrize("value", [*INVALID_AMOUNT_VALUES, UNSET])
def test_invalid_amount_values(value: object) -> None:
    """A value that is not a finite decimal is an error, and so is a float, because it has lost digits."""
    with pytest.raises(ResponseError, match="^field balance: expected a decimal string of at most 64 digits, got "):
        FuturesAccountBalance.from_dict(ROW | {"balance": value})


@pytest.mark.parametrize("field", list(ROW))
def test_missing_fields_are_named(field: str) -> None:
    """A missing field is an error with its name."""
    row = {name: value for name, value in ROW.items() if name != field}

    with pytest.raises(ResponseError, match=f"^field {field}: expected .*, got nothing$"):
        FuturesAccountBalance.from_dict(row)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("asset", 5, "field asset: expected a string, got a number, 5"),
        ("asset", None, "field asset: expected a string, got null"),
        (
            "updateTime",
            "1592468353979",
            "field updateTime: expected an integer of 64 bits, got a string, '1592468353979'",
        ),
        ("updateTime", Decimal("1.0"), "field updateTime: expected an integer of 64 bits, got a number, 1.0"),
        ("updateTime", True, "field updateTime: expected an integer of 64 bits, got a boolean"),
        ("updateTime", 2**63, "field updateTime: expected an integer of 64 bits, got a number, 9223372036854775808"),
    ],
)
def test_wrong_types_are_named(field: str, value: object, reason: str) -> None:
    """A field of another type is an error with the expected and the actual type."""
    with pytest.raises(ResponseError) as caught:
        FuturesAccountBalance.from_dict(ROW | {field: value})

    assert reason == str(caught.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "HTTP 200: expected an array, got an object"),
        (None, "HTTP 200: expected an array, got null"),
        ([ROW, []], "HTTP 200: row 1: expected an object, got an array"),
        ([ROW, ROW, ROW | {"asset": []}], "HTTP 200: row 2, field asset: expected a string, got an array"),
    ],
)
def test_places_in_a_list(value: Any, reason: str) -> None:
    """An error in a list has the index of the row and the name of the field."""
    with pytest.raises(ResponseError) as caught:
        futures_account_balance.parse_response(httpx.Response(200, text=json.dumps(value)))

    assert reason == str(caught.value)


LENGTHS = [1, 3, 4, 40]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("amount", ["0.00250000", "0", "-0", "-0.51234568", "1" * 64, f"0.{'1' * 64}"])
def test_amounts_of_many_rows_keep_their_digits(amount: str, length: int) -> None:
    """Each amount keeps every digit, in lists of any length."""
    value = [ROW | {"balance": amount, "availableBalance": f"{place}.50"} for place in range(length)]

    parsed = decode_rows(value)

    assert value == [row.to_dict() for row in parsed]
    assert {(FuturesAccountBalance, Decimal, int)} == {(type(r), type(r.balance), type(r.update_time)) for r in parsed}


@pytest.mark.parametrize("field", ["balance", "availableBalance"])
@pytest.mark.parametrize(
    "amount", [*INVALID_AMOUNT_STRINGS, *INVALID_AMOUNT_VALUES, *MISPLACED_CHARACTERS], ids=lambda it: f"{it!r:.20}"
)
def test_invalid_amount_among_many_rows(amount: object, field: str) -> None:
    """An invalid amount anywhere in a list is an error with its row and field, without another error as context."""
    for length, place in ((1, 0), (3, 2), (4, 0), (4, 3), (40, 20)):
        value = [ROW | {field: amount} if place == index else ROW for index in range(length)]

        with pytest.raises(ResponseError, match="expected a decimal string of at most 64 digits, got ") as caught:
            decode_rows(value)

        assert (place, field) == caught.value.path
        assert caught.value.__context__ is None


@pytest.mark.parametrize("others", [{"withdrawAvailable": ""}, {"withdrawAvailable": "3,"}, {"crossUnPnl": None}])
def test_amounts_that_would_be_valid_together(others: dict[str, Any]) -> None:
    """An amount that contains several is invalid, whatever the amounts beside it are."""
    with pytest.raises(ResponseError, match="got a string, '1,2'") as caught:
        FuturesAccountBalance.from_dict(ROW | {"balance": "1,2"} | others)

    assert ("balance",) == caught.value.path


@pytest.mark.parametrize("length", LENGTHS)
def test_numbers_among_many_rows(length: int) -> None:
    """A row of a list may have numbers as amounts, which are exact."""
    text = json.dumps([ROW] * length).replace('"0.00241969"', "0.00241969", 1).replace('"0.00250000"', "1e-8", 1)

    first, *others = decode_rows(decoders.parse_json(text.encode()))

    assert (Decimal("1e-8"), Decimal("0.00241969")) == (first.balance, first.cross_wallet_balance)
    assert [FuturesAccountBalance.from_dict(ROW)] * (length - 1) == others


@pytest.mark.parametrize("length", LENGTHS)
def test_unknown_fields_of_many_rows(length: int) -> None:
    """Each row of a list keeps its own fields that the document does not name."""
    value = [ROW | {"later": str(place)} if place % 2 else ROW for place in range(length)]

    parsed = decode_rows(value)

    assert [{"later": str(place)} if place % 2 else {} for place in range(length)] == [
        row.additional_properties for row in parsed
    ]
    assert length == len({id(row.additional_properties) for row in parsed})


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("field", list(ROW))
def test_missing_field_among_many_rows(field: str, length: int) -> None:
    """A field that is missing in the last row of a list is named, even if the row has another one instead."""
    row = {name: value for name, value in ROW.items() if name != field}
    for invalid in (row, row | {"later": "1"}):
        with pytest.raises(ResponseError, match=f"row {length - 1}, field {field}: .*, got nothing$") as caught:
            decode_rows([ROW] * (length - 1) + [invalid])
        assert caught.value.__context__ is None


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("time", [2**63, -(2**63) - 1, True, "5", Decimal("1.0"), None, 1.0])
def test_invalid_time_among_many_rows(time: object, length: int) -> None:
    """A time has to be an integer of 64 bits, the least and the greatest included."""
    for edge in (2**63 - 1, -(2**63)):
        assert edge == decode_rows([ROW] * (length - 1) + [ROW | {"updateTime": edge}])[-1].update_time

    with pytest.raises(ResponseError, match=f"row {length - 1}, field updateTime: expected an integer of 64 bits"):
        decode_rows([ROW] * (length - 1) + [ROW | {"updateTime": time}])


def test_models_are_independent_of_their_dictionaries() -> None:
    """Decoding does not change the dictionary, and changing an encoded one does not change the model."""
    source = ROW | {"later": 1}
    row = FuturesAccountBalance.from_dict(source)
    row.to_dict()["later"] = 2

    assert ROW | {"later": 1} == source
    assert {"later": 1} == row.additional_properties


def test_models_can_be_pickled() -> None:
    """A row is equal to the one that comes out of its pickle."""
    row = FuturesAccountBalance.from_dict(ROW)

    assert row == pickle.loads(pickle.dumps(row))  # noqa: S301, made here


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected JSON, got nothing"),
        (b" \n", "expected JSON, got nothing"),
        (b"<html>", "expected JSON, got something else"),
        (b'[{"a": 1', "expected JSON, got something else"),
        (b"[] []", "expected JSON, got something else"),
        (b"[NaN]", "expected JSON, got something else"),
        (b"[-Infinity]", "expected JSON, got something else"),
        (b"[1e99999999999999999999]", "expected JSON, got something else"),
        (b"[" * 100_000, "expected JSON, got something else"),
        (b"1" * 10_000, "expected JSON, got something else"),
        (b'"\xff"', "expected JSON, got bytes that are not UTF-8"),
        (b'\xff\xfe"\x00', "expected JSON, got bytes that are not UTF-8"),
        (b"\xef\xbb\xbf[]", "expected JSON, got something else"),
        ("\u00a0[]".encode(), "expected JSON, got something else"),
        (b"\x0c[]", "expected JSON, got something else"),
    ],
)
def test_invalid_json(content: bytes, reason: str) -> None:
    """Bytes that are not JSON by its standard are an error, without that of the `json` module as context."""
    with pytest.raises(ResponseError) as caught:
        decoders.parse_json(content)

    assert reason == str(caught.value)
    assert caught.value.__context__ is None


# Returns a decoder, so that what a decoder does when it is created is tested, too.
Make = Callable[[], decoders.Decoder[Any]]


class State(StrEnum):
    """An enumeration of strings."""

    NEW = "NEW"
    DONE = "DONE"


class Level(IntEnum):
    """An enumeration of integers."""

    ONE = 1
    TWO = 2


def pair(*, is_closed: bool = True) -> decoders.Decoder[Any]:
    """Return a decoder of pairs of an integer and an amount."""
    return decoders.tuple_of(decoders.integer, decoders.decimal, is_closed=is_closed)


def test_tuples() -> None:
    """An array whose items have different types becomes a tuple; further items of an open one are dropped."""
    assert (1, Decimal("0.10")) == pair()([1, "0.10"])
    assert (1, Decimal("0.10")) == pair(is_closed=False)([1, "0.10", "more"])


@pytest.mark.parametrize(
    ("make", "value", "message"),
    [
        (pair, [1], "field pair: expected an array of 2 items, got 1"),
        (pair, [1, "2", 3], "field pair: expected an array of 2 items, got 3"),
        (lambda: pair(is_closed=False), [], "field pair: expected an array of 2 items, got 0"),
        (pair, {"0": 1, "1": 2}, "field pair: expected an array, got an object"),
        (pair, [1, None], "field pair, row 1: expected a decimal string of at most 64 digits, got null"),
        (
            lambda: decoders.array(pair()),
            [[1, "2"], ["1", "2"]],
            "field pair, row 1, item 0: expected an integer of 64 bits, got a string, '1'",
        ),
        (lambda: decoders.const("LIMIT"), "MARKET", "field pair: expected 'LIMIT', got a string, 'MARKET'"),
        (lambda: decoders.const(1), True, "field pair: expected 1, got a boolean"),
        (lambda: decoders.empty, {}, "field pair: expected no content, got an object"),
        (lambda: decoders.any_value, UNSET, "field pair: expected a value, got nothing"),
        (lambda: decoders.null, 0, "field pair: expected null, got a number, 0"),
        (lambda: decoders.string, 1.5, "field pair: expected a string, got float"),
        (lambda: decoders.boolean, 1, "field pair: expected a boolean, got a number, 1"),
        (lambda: decoders.array(decoders.null), {}, "field pair: expected an array, got an object"),
        (lambda: decoders.enum(Level), True, "field pair: expected a value of Level, got a boolean"),
        (lambda: decoders.enum(Level), 3, "field pair: expected a value of Level, got a number, 3"),
        (lambda: decoders.enum(State), "LATER", "field pair: expected a value of State, got a string, 'LATER'"),
        (lambda: decoders.enum(State), ["NEW"], "field pair: expected a value of State, got an array"),
        (lambda: decoders.open_enum(State), 1, "field pair: expected a value of State, got a number, 1"),
        (lambda: decoders.open_enum(State), None, "field pair: expected a value of State, got null"),
        (lambda: decoders.open_enum(Level), "1", "field pair: expected a value of Level, got a string, '1'"),
        (lambda: decoders.open_enum(Level), True, "field pair: expected a value of Level, got a boolean"),
        (
            lambda: decoders.open_enum(Level),
            2**63,
            "field pair: expected an integer of 64 bits, got a number, 9223372036854775808",
        ),
    ],
)
def test_invalid_values(make: Make, value: object, message: str) -> None:
    """Too few or too many items, and values of another type, are an error with their place."""
    with pytest.raises(ResponseError) as caught:
        decoders.member(make(), value, "pair")

    assert message == str(caught.value)


KINDS_OF_TIME = {"balance": FuturesAccountBalance, "time": ServerTime}


def test_tagged_objects() -> None:
    """The field of an object says which model is its; without a model for it, it is that of further values."""
    decode = decoders.tagged("kind", KINDS_OF_TIME, ServerTime)
    row = {"kind": "balance", **ROW}

    assert FuturesAccountBalance.from_dict(row) == decode(row)
    assert ServerTime.from_dict({"kind": "later", "serverTime": 1}) == decode({"kind": "later", "serverTime": 1})
    assert ServerTime(1) == decode({"serverTime": 1})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"kind": "later"}, "field object, field kind: expected 'balance' or 'time', got a string, 'later'"),
        ({"kind": ["time"]}, "field object, field kind: expected 'balance' or 'time', got an array"),
        ({}, "field object, field kind: expected 'balance' or 'time', got nothing"),
        ([], "field object: expected an object, got an array"),
        ({"kind": "time"}, "field object, field serverTime: expected an integer of 64 bits, got nothing"),
    ],
)
def test_invalid_tagged_objects(value: object, message: str) -> None:
    """An object of no known model, or that is not what its model says, is an error with its place."""
    with pytest.raises(ResponseError) as caught:
        decoders.member(decoders.tagged("kind", KINDS_OF_TIME), value, "object")

    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 9 + "\u202e\x1b[2J\n", r"'xxxxxxxxx\u202e\x1b[2J\n'"),
        ("ab " * 50, "'" + ("ab " * 50)[:59] + "…"),
        (f"key {'k1' * 32}", "'key [redacted]'"),
        (10**100, "1" + "0" * 59 + "…"),
        (10**5000, "1" + "0" * 59 + "…"),
        (Decimal("1E+999999"), "1E+999999"),
    ],
    ids=["control characters", "long text", "key", "long number", "very long number", "exponent"],
)
def test_invalid_values_are_shown_in_part(value: object, shown: str) -> None:
    """An error shows the beginning of an invalid value, escaped, and nothing that looks like a key."""
    with pytest.raises(ResponseError) as caught:
        decoders.null(value)

    assert f"expected null, got {'a string' if isinstance(value, str) else 'a number'}, {shown}" == str(caught.value)


def test_names_from_outside_are_escaped() -> None:
    """The name of a member, which a server may choose, is escaped and bounded in the text of an error."""
    text = str(ResponseError("expected a string, got null", path=("\x1b[2J" + "n" * 999,)))

    assert text.startswith("field \\x1b[2Jnnn")
    assert len(text) < 250


@pytest.mark.parametrize("depth", [600, 5000, 100_000])
def test_deep_nesting(depth: int) -> None:
    """A response that is nested too deeply for a recursive schema is an error of its own, and no RecursionError."""

    def decode(value: object) -> object:
        return decoders.array(decode)(value)

    response = httpx.Response(200, text="[" * depth + "]" * depth)

    with pytest.raises(ResponseError, match="^HTTP 200: expected ") as caught:
        decoders.parse_response(response, ERROR_MAP, range(200, 201), decode)

    assert caught.value.__context__ is None


def test_repr_of_an_error_has_the_place() -> None:
    """The `repr` of an error, which logs and debuggers show, has the row, the field and the value."""
    with pytest.raises(ResponseError) as caught:
        futures_account_balance.parse_response(httpx.Response(200, json=[ROW | {"asset": 5}]))

    assert (
        """ResponseError('HTTP 200: row 0, field asset: expected a string, got a number, 5')"""
        == repr(caught.value)
        == repr(pickle.loads(pickle.dumps(caught.value)))  # noqa: S301, made here
    )
    assert [ROW | {"asset": 5}] == json.loads(caught.value.body)


def test_constant() -> None:
    """The only allowed value is returned."""
    assert "LIMIT" == decoders.const("LIMIT")("LIMIT")


@pytest.mark.parametrize(
    ("make", "value", "decoded"),
    [
        (lambda: decoders.any_value, None, None),
        (lambda: decoders.any_value, {"a": [1]}, {"a": [1]}),
        (lambda: decoders.null, None, None),
        (lambda: decoders.empty, UNSET, None),
        (lambda: decoders.string, "", ""),
        (lambda: decoders.boolean, False, False),
        (lambda: decoders.integer, -5, -5),
        (lambda: decoders.enum(State), "DONE", State.DONE),
        (lambda: decoders.enum(Level), 2, Level.TWO),
        (lambda: decoders.open_enum(State), "DONE", State.DONE),
        (lambda: decoders.open_enum(Level), 2, Level.TWO),
    ],
)
def test_valid_values(make: Make, value: object, decoded: object, caplog: pytest.LogCaptureFixture) -> None:
    """A value of the type is returned as it is, and a member of an enumeration for its value; nothing is logged."""
    actual = make()(value)

    assert decoded == actual
    assert type(decoded) is type(actual)
    assert [] == caplog.messages


def test_unknown_values_of_open_enumerations(caplog: pytest.LogCaptureFixture) -> None:
    """A value that an open enumeration does not have is returned as it is, and logged once with its enumeration."""

    class Color(StrEnum):
        RED = "RED"

    class Size(IntEnum):
        SMALL = 1

    for _ in range(2):
        assert "LATER" == decoders.open_enum(Color)("LATER")
        assert -(2**63) == decoders.open_enum(Size)(-(2**63))

    assert Color.RED is decoders.open_enum(Color)("RED")
    assert Size.SMALL is decoders.enum(Size)(1)
    text = "response with a value of {} that the document does not have: {}"
    assert [
        ("binance_client", logging.WARNING, text.format("Color", "a string, 'LATER'")),
        ("binance_client", logging.WARNING, text.format("Size", "a number, -9223372036854775808")),
    ] == caplog.record_tuples


class Kind(StrEnum):
    """An enumeration of other strings."""

    CAT = "CAT"


def state_or_kind() -> decoders.Decoder[Any]:
    """Return a decoder of either enumeration."""
    return decoders.union(decoders.open_enum(State), decoders.open_enum(Kind))


@pytest.mark.parametrize(
    ("make", "value", "decoded"),
    [
        (state_or_kind, "CAT", Kind.CAT),
        (state_or_kind, "NEW", State.NEW),
        (state_or_kind, "LATER", "LATER"),
        # Of nested unions, the whole is decoded with known values before any is taken that is not.
        (
            lambda: decoders.union(
                decoders.array(decoders.union(decoders.open_enum(State), decoders.null)),
                decoders.array(state_or_kind()),
            ),
            ["NEW", "CAT"],
            [State.NEW, Kind.CAT],
        ),
        # After a union, unknown values are taken again.
        (
            lambda: decoders.tuple_of(state_or_kind(), decoders.open_enum(State), is_closed=True),
            ["NEW", "CAT"],
            (State.NEW, "CAT"),
        ),
    ],
)
def test_unions_prefer_known_values(make: Make, value: object, decoded: object) -> None:
    """Of several enumerations, a value is that of the one that has it; one that none has is returned as it is."""
    actual = make()(value)

    assert (decoded, repr(decoded)) == (actual, repr(actual))


@pytest.mark.parametrize(
    ("make", "value", "message"),
    [
        (
            lambda: decoders.union(decoders.boolean, decoders.null),
            "x",
            "expected a boolean, got a string, 'x'; or expected null, got a string, 'x'",
        ),
        (
            lambda: decoders.union(pair(), decoders.null),
            [1, None],
            "item 1: expected a decimal string of at most 64 digits, got null; or expected null, got an array",
        ),
        (
            lambda: decoders.union(decoders.null, decoders.array(decoders.model(ServerTime))),
            [{"serverTime": 1}, {}],
            "expected null, got an array; or item 1, field serverTime: expected an integer of 64 bits, got nothing",
        ),
    ],
)
def test_invalid_values_of_unions(make: Make, value: object, message: str) -> None:
    """A value of none of several types is one error with all reasons, and the place within the value of each."""
    with pytest.raises(ResponseError) as caught:
        decoders.member(make(), value, "here")

    assert f"field here: {message}" == str(caught.value)
    assert (("here",), message) == (caught.value.path, caught.value.reason)


MAY_BE_EXECUTED = "the exchange may have executed this request; query its state before you send it again"


@pytest.mark.parametrize(("is_write", "hint"), [(False, None), (True, MAY_BE_EXECUTED)])
@pytest.mark.parametrize(
    ("status", "content", "path", "reason"),
    [
        (200, b'{"serverTime":"1"}', ("serverTime",), "expected an integer of 64 bits, got a string, '1'"),
        (200, b"<html>", (), "expected JSON, got something else"),
        (200, b"", (), "expected JSON, got nothing"),
        (201, b'{"serverTime":1}', (), "the document describes no response of this status"),
    ],
)
def test_errors_have_the_response(
    status: int, content: bytes, path: tuple[str, ...], reason: str, hint: str | None, *, is_write: bool
) -> None:
    """The error of a response has its status, headers and body, the place, and what to do after a write."""
    response = httpx.Response(status, content=content, headers={"X-Served-By": "edge"})

    with pytest.raises(ResponseError) as caught:
        decoders.parse_response(response, ERROR_MAP, range(200, 201), decoders.model(ServerTime), is_write=is_write)

    error = caught.value
    assert (path, reason, hint) == (error.path, error.reason, error.hint)
    assert (status, "edge", content) == (error.status_code, error.headers["x-served-by"], error.body)
    assert error.__context__ is None


def test_hint_is_for_writes_alone() -> None:
    """A call that says nothing else is no write."""
    with pytest.raises(ResponseError) as caught:
        decoders.parse_response(httpx.Response(200), ERROR_MAP, range(200, 201), decoders.null)

    assert caught.value.hint is None


def test_responses_without_content() -> None:
    """A response that the document describes without content is None, and an error if it has some."""
    assert decoders.parse_response(httpx.Response(204), ERROR_MAP, range(200, 300), decoders.empty) is None

    for content, reason in ((b"{}", "expected no content, got an object"), (b" ", "expected JSON, got nothing")):
        with pytest.raises(ResponseError) as caught:
            decoders.parse_response(httpx.Response(200, content=content), ERROR_MAP, range(200, 300), decoders.empty)
        assert f"HTTP 200: {reason}" == str(caught.value)


def test_members_of_an_object() -> None:
    """The members of an object are a dictionary of their own; anything else is an error."""
    members = {"a": 1}

    assert members == decoders.mapping(members)
    assert decoders.mapping(members) is not members
    with pytest.raises(ResponseError, match="^expected an object, got an array$"):
        decoders.mapping([])


def test_missing_values() -> None:
    """A missing value is UNSET, another is decoded."""
    assert decoders.optional(decoders.string, UNSET, "here") is UNSET
    assert "a" == decoders.optional(decoders.string, "a", "here")
    with pytest.raises(ResponseError, match="^field here: expected a string, got null$"):
        decoders.optional(decoders.string, None, "here")


ORDER_OR_ERROR: decoders.Decoder[Any] = decoders.or_error(
    decoders.model(models.OrderResponse), decoders.model(models.Error)
)
ORDER = {"orderId": 1, "clientOrderId": "a", "symbol": "BTCUSD_PERP"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (ORDER, models.OrderResponse),
        (ORDER | {"code": 200, "msg": "success"}, models.OrderResponse),
        (ORDER | {"status": "LATER", "code": 200, "msg": "success"}, models.OrderResponse),
        ({"code": -2022, "msg": "rejected"}, models.Error),
        (ORDER | {"code": -2022, "msg": "rejected"}, models.Error),
    ],
)
def test_value_or_error(value: object, kind: type) -> None:
    """A negative code tells an error from a value, whatever else both have."""
    assert kind is type(ORDER_OR_ERROR(value))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (ORDER | {"price": ""}, "field price: expected a decimal string of at most 64 digits, got a string, ''"),
        ({"code": 200, "msg": "success"}, "field orderId: expected an integer of 64 bits, got nothing"),
        ({"code": -1}, "field msg: expected a string, got nothing"),
        (None, "expected an object, got null"),
    ],
)
def test_neither_value_nor_error(value: object, message: str) -> None:
    """What is neither is an error that says what is wrong with the one that it looks like."""
    with pytest.raises(ResponseError) as caught:
        ORDER_OR_ERROR(value)

    assert message == str(caught.value)


def test_numbers_are_exact_in_any_context() -> None:
    """Numbers have all their digits, and none is NaN, whatever the context of the caller's thread is."""
    with localcontext(prec=2) as context:
        context.traps[InvalidOperation] = False

        assert Decimal("1.23456789") == decoders.parse_json(b"1.23456789")
        for number in (b"1e9999999999999999999", b"1e-9999999999999999999"):
            with pytest.raises(ResponseError, match="^expected JSON, got something else$"):
                decoders.parse_json(number)
