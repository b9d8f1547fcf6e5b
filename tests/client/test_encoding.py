"""Encoders: the JSON value of a Python value, and the errors of invalid ones."""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum

import pytest
from binance_client.messages import encoders
from binance_client.messages.encoders import Encoder
from binance_coinm.errors import ConfigurationError
from binance_coinm.models import ServerTime
from binance_coinm.types import UNSET

# Returns an encoder, so that what an encoder does when it is created is tested, too.
Make = Callable[[], Encoder]


class Side(StrEnum):
    """An enumeration of strings."""

    BUY = "BUY"
    SELL = "SELL"


class Leverage(IntEnum):
    """An enumeration of integers."""

    ONE = 1
    TEN = 10


class Word(str, Enum):  # noqa: UP042, a StrEnum has the text of its value
    """An enumeration of texts whose text is that of the member: `Word.BUY`."""

    BUY = "BUY"


class Number(int, Enum):
    """The same for integers."""

    TEN = 10


class Rounded(Decimal):
    """An amount that is shown with fewer digits."""

    def __format__(self, _: str, /) -> str:  # type: ignore[override]  # without the context of the base class
        """Return the amount with one digit."""
        return str(round(self, 1))


@pytest.mark.parametrize(
    ("make", "value", "encoded"),
    [
        (lambda: encoders.any_value, {"a": [1]}, {"a": [1]}),
        (lambda: encoders.any_value, [Decimal("1E+999999999")], ["1E+999999999"]),
        (lambda: encoders.any_value, {"a": [Decimal("0E-8"), (Decimal(1), None)]}, {"a": ["0.00000000", ["1", None]]}),
        (lambda: encoders.null, None, None),
        (lambda: encoders.string, "", ""),
        (lambda: encoders.string, "１ &", "１ &"),  # noqa: RUF001, a digit of full width
        (lambda: encoders.string, Word.BUY, "BUY"),
        (lambda: encoders.boolean, False, False),
        (lambda: encoders.integer, -5, -5),
        (lambda: encoders.integer, Number.TEN, 10),
        (lambda: encoders.decimal, Decimal("0E-8"), "0.00000000"),
        (lambda: encoders.decimal, Decimal("1E-8"), "0.00000001"),
        (lambda: encoders.decimal, Decimal("1E+3"), "1000"),
        (lambda: encoders.decimal, Decimal("-0.10"), "-0.10"),
        (lambda: encoders.decimal, Rounded("0.15"), "0.15"),
        (lambda: encoders.const("LIMIT"), "LIMIT", "LIMIT"),
        (lambda: encoders.enum(Side), Side.SELL, "SELL"),
        (lambda: encoders.enum(Side), "BUY", "BUY"),
        (lambda: encoders.enum(Leverage), Leverage.TEN, 10),
        (lambda: encoders.enum(Leverage), 1, 1),
        (lambda: encoders.open_enum(Side), Side.SELL, "SELL"),
        (lambda: encoders.open_enum(Side), "LATER", "LATER"),
        (lambda: encoders.open_enum(Leverage), Leverage.TEN, 10),
        (lambda: encoders.open_enum(Leverage), 7, 7),
        (lambda: encoders.bounded(encoders.integer, 1, 3), 1, 1),
        (lambda: encoders.bounded(encoders.integer, 1, 3), 3, 3),
        (lambda: encoders.bounded(encoders.decimal, 0, None), Decimal("0.10"), "0.10"),
        (lambda: encoders.model(ServerTime), ServerTime(7), {"serverTime": 7}),
        (lambda: encoders.array(encoders.decimal), [Decimal("1E1")], ["10"]),
        (lambda: encoders.array(encoders.string), (), []),
        (lambda: encoders.tuple_of(encoders.integer, encoders.decimal), (1, Decimal(2)), [1, "2"]),
        (lambda: encoders.union(encoders.integer, encoders.decimal), Decimal(2), "2"),
        (lambda: encoders.json_text(encoders.array(encoders.string)), ["a", '余 "%'], '["a","余 \\"%"]'),
        (lambda: encoders.json_text(encoders.array(encoders.model(ServerTime))), [ServerTime(7)], '[{"serverTime":7}]'),
        (lambda: encoders.comma_separated(encoders.array(encoders.integer)), [1, 2], "1,2"),
        (lambda: encoders.comma_separated(encoders.array(encoders.string)), ["a", '"b"'], 'a,"b"'),
        (lambda: encoders.comma_separated(encoders.array(encoders.boolean)), [True], "true"),
    ],
)
def test_encoded_values(make: Make, value: object, encoded: object) -> None:
    """A value is encoded as the JSON value, amounts with all digits and without exponent."""
    actual = make()(value, "here")

    assert encoded == actual
    assert type(encoded) is type(actual)


@pytest.mark.parametrize(
    ("make", "value", "message"),
    [
        (lambda: encoders.null, 0, "here: expected None, got 0"),
        (lambda: encoders.string, 1, "here: expected a str, got 1"),
        (lambda: encoders.string, b"a", "here: expected a str, got b'a'"),
        (lambda: encoders.boolean, 1, "here: expected a bool, got 1"),
        (lambda: encoders.integer, True, "here: expected an integer, got True"),
        (lambda: encoders.integer, 1.0, "here: expected an integer, got 1.0"),
        (lambda: encoders.integer, "1", "here: expected an integer, got '1'"),
        (lambda: encoders.decimal, 0.1, "here: expected a finite decimal.Decimal, got 0.1"),
        (lambda: encoders.decimal, "0.1", "here: expected a finite decimal.Decimal, got '0.1'"),
        (lambda: encoders.decimal, 1, "here: expected a finite decimal.Decimal, got 1"),
        (lambda: encoders.decimal, Decimal("NaN"), "here: expected a finite decimal.Decimal, got Decimal('NaN')"),
        (
            lambda: encoders.decimal,
            Decimal("-Infinity"),
            "here: expected a finite decimal.Decimal, got Decimal('-Infinity')",
        ),
        (lambda: encoders.const("LIMIT"), "MARKET", "here: expected 'LIMIT', got 'MARKET'"),
        (lambda: encoders.const(1), True, "here: expected 1, got True"),
        (lambda: encoders.enum(Side), "buy", "here: expected one of BUY, SELL, got 'buy'"),
        (lambda: encoders.enum(Leverage), True, "here: expected one of 1, 10, got True"),
        (lambda: encoders.enum(Leverage), "1", "here: expected one of 1, 10, got '1'"),
        (lambda: encoders.open_enum(Side), 5, "here: expected a Side or str, got 5"),
        (lambda: encoders.open_enum(Side), Leverage.ONE, "here: expected a Side or str, got <Leverage.ONE: 1>"),
        (lambda: encoders.open_enum(Leverage), True, "here: expected a Leverage or int, got True"),
        (
            lambda: encoders.any_value,
            [{"a": (0, Decimal("NaN"))}],
            "here, item 0, a, item 1: expected a finite decimal.Decimal, got Decimal('NaN')",
        ),
        (lambda: encoders.integer, 2**63, "here: expected an integer of 64 bits, got 9223372036854775808"),
        (
            lambda: encoders.decimal,
            Decimal("1E+64"),
            "here: expected a decimal.Decimal of at most 64 digits before and after its point, got Decimal('1E+64')",
        ),
        (lambda: encoders.bounded(encoders.integer, 1, None), 0, "here: expected an integer of at least 1, got 0"),
        (lambda: encoders.bounded(encoders.integer, None, 3), 4, "here: expected an integer of at most 3, got 4"),
        (
            lambda: encoders.bounded(encoders.integer, 1, 3),
            None,
            "here: expected an integer of at least 1 and at most 3, got None",
        ),
        (
            lambda: encoders.bounded(encoders.decimal, 0, None),
            Decimal("-0.1"),
            "here: expected a finite decimal.Decimal of at least 0, got Decimal('-0.1')",
        ),
        (lambda: encoders.model(ServerTime), {"serverTime": 7}, "here: expected a ServerTime, got {'serverTime': 7}"),
        (lambda: encoders.array(encoders.string), "ab", "here: expected a list, got 'ab'"),
        (lambda: encoders.array(encoders.string), ["a", 1], "here, item 1: expected a str, got 1"),
        (
            lambda: encoders.array(encoders.array(encoders.string)),
            [["a"], [1]],
            "here, item 1, item 0: expected a str, got 1",
        ),
        (lambda: encoders.json_text(encoders.any_value), float("nan"), "here: expected a JSON value, got nan"),
        (lambda: encoders.json_text(encoders.any_value), {"a": {1}}, "here: expected a JSON value, got {'a': {1}}"),
        (lambda: encoders.json_text(encoders.any_value), "\ud800", "here: expected a JSON value, got '\\ud800'"),
        (
            lambda: encoders.json_text(encoders.array(encoders.model(ServerTime))),
            [ServerTime("7")],  # type: ignore[arg-type]  # this is what is tested
            "here, item 0, server_time: expected an integer, got '7'",
        ),
        (lambda: encoders.tuple_of(encoders.string), ["a", "b"], "here: expected a tuple of 1 items, got ['a', 'b']"),
        (lambda: encoders.tuple_of(encoders.string), "a", "here: expected a tuple of 1 items, got 'a'"),
        (lambda: encoders.tuple_of(encoders.string, encoders.string), ("a", 1), "here, item 1: expected a str, got 1"),
        (
            lambda: encoders.comma_separated(encoders.array(encoders.string)),
            ["a,b"],
            "here: expected at least one item, and no comma within an item, got ['a,b']",
        ),
        (
            lambda: encoders.comma_separated(encoders.array(encoders.integer)),
            [1, "2"],
            "here, item 1: expected an integer, got '2'",
        ),
        (
            lambda: encoders.comma_separated(encoders.array(encoders.string)),
            [],
            "here: expected at least one item, and no comma within an item, got []",
        ),
        (
            lambda: encoders.union(encoders.integer, encoders.null),
            "1",
            "here: expected an integer, got '1'; or here: expected None, got '1'",
        ),
    ],
)
def test_invalid_values(make: Make, value: object, message: str) -> None:
    """An invalid value is an error with its place, the expected values and the value."""
    with pytest.raises(ConfigurationError) as caught:
        make()(value, "here")

    assert message == str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_json_that_contains_itself() -> None:
    """A value that contains itself, which would be endless as JSON, is an error like any other."""
    value: list[object] = []
    value.append(value)

    with pytest.raises(ConfigurationError, match=r"^here: expected a JSON value, got \[") as caught:
        encoders.json_text(encoders.any_value)(value, "here")

    assert caught.value.__cause__ is caught.value.__context__ is None


def test_unset_values() -> None:
    """Unset values are dropped; null, zero and the empty string are values."""
    values = {"a": UNSET, "b": None, "c": 0, "d": ""}
    encoded = {name: encoders.optional(encoders.any_value, value, name) for name, value in values.items()}

    assert {"b": None, "c": 0, "d": ""} == encoders.drop_unset(encoded)
    with pytest.raises(ConfigurationError, match="^e: expected a str, got 5$"):
        encoders.optional(encoders.string, 5, "e")


def test_lone_surrogates() -> None:
    """Text that cannot be encoded as UTF-8 is an error with its parameter's name, in lists too."""
    for value, shown in (("\ud800", r"'\ud800'"), (["a", "\udfff"], r"['a', '\udfff']")):
        with pytest.raises(ConfigurationError) as caught:
            encoders.encode_params({"symbol": value})
        assert f"symbol: {shown} cannot be encoded as UTF-8 (lone surrogate)" == str(caught.value)

    values = {"side": UNSET, "symbol": "余", "limit": 5, "list": ["a", 1]}
    assert {"symbol": "余", "limit": 5, "list": ["a", 1]} == encoders.encode_params(values)
    assert encoders.encode_params({"side": UNSET}) is None
