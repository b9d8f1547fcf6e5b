"""Writers: what a value becomes on the wire, and what is refused before anything is sent."""

from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from binance_coinm import writing
from binance_coinm.errors import ConfigurationError
from binance_coinm.models import ServerTime
from binance_coinm.types import UNSET
from binance_coinm.writing import Writer


class Side(StrEnum):
    """Choices of texts."""

    BUY = "BUY"
    SELL = "SELL"


class Leverage(IntEnum):
    """Choices of numbers."""

    ONE = 1
    TEN = 10


@pytest.mark.parametrize(
    ("writer", "value", "written"),
    [
        (writing.anything, {"a": [1]}, {"a": [1]}),
        (writing.null, None, None),
        (writing.text, "", ""),
        (writing.text, "１ &", "１ &"),  # noqa: RUF001, a digit of full width
        (writing.boolean, False, False),
        (writing.integer, -5, -5),
        (writing.decimal, Decimal("0E-8"), "0.00000000"),
        (writing.decimal, Decimal("1E-8"), "0.00000001"),
        (writing.decimal, Decimal("1E+3"), "1000"),
        (writing.decimal, Decimal("-0.10"), "-0.10"),
        (writing.constant("LIMIT"), "LIMIT", "LIMIT"),
        (writing.member(Side), Side.SELL, "SELL"),
        (writing.member(Side), "BUY", "BUY"),
        (writing.member(Leverage), Leverage.TEN, 10),
        (writing.member(Leverage), 1, 1),
        (writing.within(writing.integer, 1, 3), 1, 1),
        (writing.within(writing.integer, 1, 3), 3, 3),
        (writing.within(writing.decimal, 0, None), Decimal("0.10"), "0.10"),
        (writing.model(ServerTime), ServerTime(7), {"serverTime": 7}),
        (writing.array(writing.decimal), [Decimal("1E1")], ["10"]),
        (writing.array(writing.text), (), []),
        (writing.tuple_of(writing.integer, writing.decimal), (1, Decimal(2)), [1, "2"]),
        (writing.one_of(writing.integer, writing.decimal), Decimal(2), "2"),
        (writing.as_json(writing.array(writing.text)), ["a", '余 "%'], '["a","余 \\"%"]'),
        (writing.as_json(writing.array(writing.model(ServerTime))), [ServerTime(7)], '[{"serverTime":7}]'),
        (writing.joined(writing.array(writing.integer)), [1, 2], "1,2"),
        (writing.joined(writing.array(writing.boolean)), [True], "true"),
    ],
)
def test_what_is_written(writer: Writer, value: object, written: object) -> None:
    """A value is written as JSON has it, amounts with all their digits and no exponent."""
    actual = writer(value, "here")

    assert written == actual
    assert type(written) is type(actual)


@pytest.mark.parametrize(
    ("writer", "value", "message"),
    [
        (writing.null, 0, "here: expected None, got 0"),
        (writing.text, 1, "here: expected a str, got 1"),
        (writing.text, b"a", "here: expected a str, got b'a'"),
        (writing.boolean, 1, "here: expected a bool, got 1"),
        (writing.integer, True, "here: expected an integer, got True"),
        (writing.integer, 1.0, "here: expected an integer, got 1.0"),
        (writing.integer, "1", "here: expected an integer, got '1'"),
        (writing.decimal, 0.1, "here: expected a finite decimal.Decimal, got 0.1"),
        (writing.decimal, "0.1", "here: expected a finite decimal.Decimal, got '0.1'"),
        (writing.decimal, 1, "here: expected a finite decimal.Decimal, got 1"),
        (writing.decimal, Decimal("NaN"), "here: expected a finite decimal.Decimal, got Decimal('NaN')"),
        (writing.decimal, Decimal("-Infinity"), "here: expected a finite decimal.Decimal, got Decimal('-Infinity')"),
        (writing.constant("LIMIT"), "MARKET", "here: expected 'LIMIT', got 'MARKET'"),
        (writing.constant(1), True, "here: expected 1, got True"),
        (writing.member(Side), "buy", "here: expected one of BUY, SELL, got 'buy'"),
        (writing.member(Leverage), True, "here: expected one of 1, 10, got True"),
        (writing.member(Leverage), "1", "here: expected one of 1, 10, got '1'"),
        (writing.within(writing.integer, 1, None), 0, "here: expected an integer of at least 1, got 0"),
        (writing.within(writing.integer, None, 3), 4, "here: expected an integer of at most 3, got 4"),
        (
            writing.within(writing.integer, 1, 3),
            None,
            "here: expected an integer of at least 1 and at most 3, got None",
        ),
        (
            writing.within(writing.decimal, 0, None),
            Decimal("-0.1"),
            "here: expected a finite decimal.Decimal of at least 0, got Decimal('-0.1')",
        ),
        (writing.model(ServerTime), {"serverTime": 7}, "here: expected a ServerTime, got {'serverTime': 7}"),
        (writing.array(writing.text), "ab", "here: expected a list, got 'ab'"),
        (writing.array(writing.text), ["a", 1], "here, item 1: expected a str, got 1"),
        (writing.array(writing.array(writing.text)), [["a"], [1]], "here, item 1, item 0: expected a str, got 1"),
        (
            writing.as_json(writing.array(writing.model(ServerTime))),
            [ServerTime("7")],  # type: ignore[arg-type]  # that is what is tested
            "here, item 0, server_time: expected an integer, got '7'",
        ),
        (writing.tuple_of(writing.text), ["a", "b"], "here: expected a tuple of 1 items, got ['a', 'b']"),
        (writing.tuple_of(writing.text, writing.text), ("a", 1), "here, item 1: expected a str, got 1"),
        (
            writing.joined(writing.array(writing.text)),
            ["a,b"],
            "here: expected at least one item, and none with a comma, which stands between them, got ['a,b']",
        ),
        (
            writing.joined(writing.array(writing.text)),
            [],
            "here: expected at least one item, and none with a comma, which stands between them, got []",
        ),
        (
            writing.one_of(writing.integer, writing.null),
            "1",
            "here: expected an integer, got '1'; or here: expected None, got '1'",
        ),
    ],
)
def test_what_is_refused(writer: Writer, value: object, message: str) -> None:
    """A value of another type is refused with its place, what was expected and what was there."""
    with pytest.raises(ConfigurationError) as caught:
        writer(value, "here")

    assert message == str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_what_need_not_be_there() -> None:
    """A value that is not there is left out; null, zero and nothing are values."""
    given = {"a": UNSET, "b": None, "c": 0, "d": ""}
    written = {name: writing.optional(writing.anything, value, name) for name, value in given.items()}

    assert {"b": None, "c": 0, "d": ""} == writing.given(written)


def test_half_a_character() -> None:
    """Text that no bytes can be made of is refused by its parameter's name, in lists too; nothing at all is None."""
    for value in ("\ud800", ["a", "\udfff"]):
        with pytest.raises(ConfigurationError, match=r"^symbol: expected whole characters, got "):
            writing.parameters({"symbol": value})

    assert {"symbol": "余"} == writing.parameters({"symbol": "余", "side": UNSET})
    assert writing.parameters({"side": UNSET}) is None
