"""What the generated models take, refuse and give back."""

import json
import pickle
from decimal import Decimal
from typing import Any

import httpx
import pytest
from binance_coinm import reading
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ResponseError
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.types import UNSET
from test_balance import ROW


@pytest.mark.parametrize(
    "amount",
    ["0.00250000", "0", "-0.51234568", "123456789012345678901234567890.123456789", "0.00000000", "-0"],
)
def test_amounts_go_back_out_as_they_came(amount: str) -> None:
    """An amount keeps every digit, zeros at either end among them."""
    row = FuturesAccountBalance.from_dict(ROW | {"balance": amount})

    assert amount == row.to_dict()["balance"]
    assert Decimal(amount) == row.balance


@pytest.mark.parametrize(
    ("number", "amount"),
    [("0.1", "0.1"), ("0.10000000", "0.10000000"), ("5", "5"), ("1e-8", "0.00000001"), ("-2.50", "-2.50")],
)
def test_amounts_as_numbers_are_taken_exactly(number: str, amount: str) -> None:
    """A JSON number in place of an amount is the decimal of its digits, and never a float."""
    text = json.dumps([ROW]).replace('"0.00250000"', number, 1)

    [row] = futures_account_balance.read_response(httpx.Response(200, text=text)).parsed

    assert Decimal(number) == row.balance
    assert amount == row.to_dict()["balance"]


# Strings that are no amounts, and values that are none.
ODD_AMOUNTS: list[Any] = [
    "",
    " 1",
    "1 ",
    "+1",
    "1,5",
    "1_000",
    ".5",
    "5.",
    "1e3",
    "007",
    "-01.5",
    "NaN",
    "Infinity",
    "٣",
    "abc",
    "1" * 65,
    "1" * 10_000,
    "0x1",
]
MORE_ODD_AMOUNTS: list[Any] = [1.5, Decimal("NaN"), Decimal("1e999999"), 10**64, True, None, [], {}]
# Further ones, by which a list of amounts that is read at once could get out of step.
TRICKY_AMOUNTS: list[Any] = [
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


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
def test_strings_that_are_no_amounts(amount: str) -> None:
    """A string that is no plain decimal is refused, with the name of its field."""
    with pytest.raises(
        ResponseError, match="^field balance: expected a decimal string of at most 64 digits, got a string$"
    ):
        FuturesAccountBalance.from_dict(ROW | {"balance": amount})


@pytest.mark.parametrize("value", [*MORE_ODD_AMOUNTS, UNSET])
def test_values_that_are_no_amounts(value: object) -> None:
    """A value that is no decimal, or none that can be written, is refused; a float too, for it lost digits before."""
    with pytest.raises(ResponseError, match="^field balance: expected a decimal string of at most 64 digits, got "):
        FuturesAccountBalance.from_dict(ROW | {"balance": value})


@pytest.mark.parametrize("field", list(ROW))
def test_missing_fields_are_named(field: str) -> None:
    """Each field of the document has to be there."""
    row = {name: value for name, value in ROW.items() if name != field}

    with pytest.raises(ResponseError, match=f"^field {field}: expected .*, got nothing$"):
        FuturesAccountBalance.from_dict(row)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("asset", 5, "field asset: expected a string, got a number"),
        ("asset", None, "field asset: expected a string, got null"),
        ("updateTime", "1592468353979", "field updateTime: expected an integer of 64 bits, got a string"),
        ("updateTime", Decimal("1.0"), "field updateTime: expected an integer of 64 bits, got a number"),
        ("updateTime", True, "field updateTime: expected an integer of 64 bits, got a boolean"),
        ("updateTime", 2**63, "field updateTime: expected an integer of 64 bits, got a number"),
    ],
)
def test_wrong_types_are_named(field: str, value: object, reason: str) -> None:
    """A field of another type is refused with what was expected and what was there."""
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
def test_rows_are_named(value: Any, reason: str) -> None:
    """What is wrong in a list is told with the row's index and the field's name."""
    with pytest.raises(ResponseError) as caught:
        futures_account_balance.read_response(httpx.Response(200, text=json.dumps(value)))

    assert reason == str(caught.value)


LENGTHS = [1, 3, 4, 40]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("amount", ["0.00250000", "0", "-0", "-0.51234568", "1" * 64, f"0.{'1' * 64}"])
def test_amounts_of_many_rows_go_back_out(amount: str, length: int) -> None:
    """However many rows there are, each amount keeps every digit."""
    value = [ROW | {"balance": amount, "availableBalance": f"{place}.50"} for place in range(length)]

    parsed = reading.rows(FuturesAccountBalance)(value, "list")

    assert value == [row.to_dict() for row in parsed]
    assert {(FuturesAccountBalance, Decimal, int)} == {(type(r), type(r.balance), type(r.update_time)) for r in parsed}


@pytest.mark.parametrize("field", ["balance", "availableBalance"])
@pytest.mark.parametrize("amount", [*ODD_AMOUNTS, *MORE_ODD_AMOUNTS, *TRICKY_AMOUNTS], ids=lambda it: f"{it!r:.20}")
def test_odd_amount_among_many_rows(amount: object, field: str) -> None:
    """Wherever in a list an amount is that is none, the error tells its row and field, and carries no other error."""
    for length, place in ((1, 0), (3, 2), (4, 0), (4, 3), (40, 20)):
        value = [ROW | {field: amount} if place == index else ROW for index in range(length)]

        with pytest.raises(ResponseError, match="expected a decimal string of at most 64 digits, got ") as caught:
            reading.rows(FuturesAccountBalance)(value, "list")

        assert ("list", place, field) == caught.value.path
        assert caught.value.__context__ is None


@pytest.mark.parametrize("length", LENGTHS)
def test_numbers_among_many_rows(length: int) -> None:
    """A row of a list may have numbers for its amounts, which are taken exactly."""
    text = json.dumps([ROW] * length).replace('"0.00241969"', "0.00241969", 1).replace('"0.00250000"', "1e-8", 1)

    first, *others = reading.rows(FuturesAccountBalance)(reading.json_value(text.encode()), "list")

    assert (Decimal("1e-8"), Decimal("0.00241969")) == (first.balance, first.cross_wallet_balance)
    assert [FuturesAccountBalance.from_dict(ROW)] * (length - 1) == others


@pytest.mark.parametrize("length", LENGTHS)
def test_unknown_fields_of_many_rows(length: int) -> None:
    """Each row of a list keeps the fields of its own that the document does not have."""
    value = [ROW | {"later": str(place)} if place % 2 else ROW for place in range(length)]

    parsed = reading.rows(FuturesAccountBalance)(value, "list")

    assert [{"later": str(place)} if place % 2 else {} for place in range(length)] == [
        row.additional_properties for row in parsed
    ]
    assert length == len({id(row.additional_properties) for row in parsed})


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("field", list(ROW))
def test_missing_field_among_many_rows(field: str, length: int) -> None:
    """A field that is missing in the last row of a list is named, also where another field takes its place."""
    row = {name: value for name, value in ROW.items() if name != field}
    for odd in (row, row | {"later": "1"}):
        with pytest.raises(ResponseError, match=f"row {length - 1}, field {field}: .*, got nothing$") as caught:
            reading.rows(FuturesAccountBalance)([ROW] * (length - 1) + [odd], "list")
        assert caught.value.__context__ is None


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("time", [2**63, -(2**63) - 1, True, "5", Decimal("1.0"), None, 1.0])
def test_odd_time_among_many_rows(time: object, length: int) -> None:
    """A time that is no integer of 64 bits is refused wherever it is, and one that just is one is taken."""
    read = reading.rows(FuturesAccountBalance)
    for edge in (2**63 - 1, -(2**63)):
        assert edge == read([ROW] * (length - 1) + [ROW | {"updateTime": edge}], "list")[-1].update_time

    with pytest.raises(ResponseError, match=f"row {length - 1}, field updateTime: expected an integer of 64 bits"):
        read([ROW] * (length - 1) + [ROW | {"updateTime": time}], "list")


def test_models_are_independent_of_what_they_were_made_of() -> None:
    """Neither does reading change the dictionary, nor writing give out the model's own."""
    source = ROW | {"later": 1}
    row = FuturesAccountBalance.from_dict(source)
    row.to_dict()["later"] = 2

    assert ROW | {"later": 1} == source
    assert 1 == row["later"]


def test_models_can_be_pickled() -> None:
    """A row goes to another process and is the same there."""
    row = FuturesAccountBalance.from_dict(ROW)

    assert row == pickle.loads(pickle.dumps(row))  # noqa: S301, of our own making


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected JSON, got nothing"),
        (b" \n", "expected JSON, got nothing"),
        (b"<html>", "expected JSON, got something else"),
        (b'[{"a": 1', "expected JSON, got something else"),
        (b"[NaN]", "expected JSON, got something else"),
        (b"[-Infinity]", "expected JSON, got something else"),
        (b"[1e99999999999999999999]", "expected JSON, got something else"),
        (b"[" * 100_000, "expected JSON, got something else"),
        (b"1" * 10_000, "expected JSON, got something else"),
        (b'"\xff"', "expected JSON, got bytes that are no UTF-8"),
        (b'\xff\xfe"\x00', "expected JSON, got bytes that are no UTF-8"),
        (b"\xef\xbb\xbf[]", "expected JSON, got something else"),
    ],
)
def test_bytes_that_are_no_json(content: bytes, reason: str) -> None:
    """What is no JSON by its standard is refused, and the decoder's own error does not go along."""
    with pytest.raises(ResponseError) as caught:
        reading.json_value(content)

    assert reason == str(caught.value)
    assert caught.value.__context__ is None


PAIR = reading.tuple_of(reading.integer, reading.decimal, is_closed=True)
OPEN_PAIR = reading.tuple_of(reading.integer, reading.decimal, is_closed=False)


def test_rows_without_names() -> None:
    """An array whose items have types of their own is a tuple; what follows them is left, where something may."""
    assert (1, Decimal("0.10")) == PAIR([1, "0.10"], "pair")
    assert (1, Decimal("0.10")) == OPEN_PAIR([1, "0.10", "more"], "pair")


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (PAIR, [1], "field pair: expected an array of 2 items, got 1"),
        (PAIR, [1, "2", 3], "field pair: expected an array of 2 items, got 3"),
        (OPEN_PAIR, [], "field pair: expected an array of 2 items, got 0"),
        (PAIR, {"0": 1, "1": 2}, "field pair: expected an array, got an object"),
        (PAIR, [1, None], "field pair, row 1: expected a decimal string of at most 64 digits, got null"),
        (
            reading.array(PAIR),
            [[1, "2"], ["1", "2"]],
            "field pair, row 1, item 0: expected an integer of 64 bits, got a string",
        ),
        (reading.constant("LIMIT"), "MARKET", "field pair: expected 'LIMIT', got a string"),
        (reading.constant(1), True, "field pair: expected 1, got a boolean"),
        (reading.nothing, {}, "field pair: expected no content, got an object"),
    ],
)
def test_what_is_no_such_row(read: reading.Reader[Any], value: object, message: str) -> None:
    """Too few or too many items, and items of another type, are refused with their place."""
    with pytest.raises(ResponseError) as caught:
        read(value, "pair")

    assert message == str(caught.value)


def test_constant() -> None:
    """The only value that there may be is read as it is."""
    assert "LIMIT" == reading.constant("LIMIT")("LIMIT", "type")
