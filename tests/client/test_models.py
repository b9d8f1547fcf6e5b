"""Models: records with attributes, which are not mappings, and whose repr shows all digits of an amount."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from binance_client.messages import decoders
from binance_coinm.errors import ConfigurationError
from binance_coinm.models import Error, FuturesAccountBalance, OrderBook, ServerTime
from binance_coinm.types import UNSET
from support.constants import ROW
from support.specs import Kinds

# What somebody might write who takes a row for a mapping, in code that type checkers would reject.
MAPPING_ACCESS: dict[str, Callable[[Any, str], object]] = {
    "get": lambda row, key: row[key],
    "set": lambda row, key: row.__setitem__(key, 1),
    "delete": lambda row, key: row.__delitem__(key),
    "in": lambda row, key: key in row,
}


@pytest.fixture
def row() -> FuturesAccountBalance:
    """Return a row of the balance."""
    return FuturesAccountBalance.from_dict(ROW | {"balance": "0.00000000"})


@pytest.mark.parametrize("access", MAPPING_ACCESS.values(), ids=MAPPING_ACCESS)
@pytest.mark.parametrize(
    ("key", "attribute"),
    [
        ("asset", "asset"),
        ("accountAlias", "account_alias"),
        ("account_alias", "account_alias"),
        ("crossUnPnl", "cross_un_pnl"),
    ],
)
def test_models_are_not_mappings(
    row: FuturesAccountBalance, access: Callable[[Any, str], object], key: str, attribute: str
) -> None:
    """Access to a row as to a mapping, by names of JSON or Python, is an error that names the attribute."""
    with pytest.raises(TypeError) as caught:
        access(row, key)

    expected = f"FuturesAccountBalance is not a mapping; write row.{attribute} instead of row[{key!r}]"
    assert expected == str(caught.value)


@pytest.mark.parametrize("access", MAPPING_ACCESS.values(), ids=MAPPING_ACCESS)
@pytest.mark.parametrize("key", ["assets", "to_dict", "", 0])
def test_keys_without_an_attribute(
    row: FuturesAccountBalance, access: Callable[[Any, Any], object], key: object
) -> None:
    """The error for a name that the document does not have says where such members are."""
    with pytest.raises(TypeError) as caught:
        access(row, key)

    assert (
        f"FuturesAccountBalance is not a mapping and has no attribute for {key!r}; members that the document does not"
        " name are in row.additional_properties"
    ) == str(caught.value)


@pytest.mark.parametrize("iterate", [iter, list, dict, lambda row: [*row]])
def test_models_are_not_iterable(row: FuturesAccountBalance, iterate: Callable[[Any], object]) -> None:
    """Iterating over a row is an error that names the way to do it."""
    with pytest.raises(TypeError) as caught:
        iterate(row)

    assert "FuturesAccountBalance is not iterable; iterate over to_dict()" == str(caught.value)


def test_names_that_differ_by_case(kinds: Kinds) -> None:
    """Members whose names differ by case alone have attributes of their own, and errors name the right one."""
    names = kinds.models.Names.from_dict(
        {"columns": "1", "to_dict": "a", "T": 1, "t": "b", "additional_properties": "c"}
    )

    for key, attribute in (("T", "T"), ("t", "t"), ("to_dict", "to_dict_")):
        with pytest.raises(TypeError, match=rf"write row\.{attribute} instead of row\['{key}'\]$"):
            names[key]


def test_repr(row: FuturesAccountBalance) -> None:
    """The repr shows all attributes, amounts with all their digits."""
    expected = (
        "FuturesAccountBalance(account_alias='SgsR', asset='BTC', balance=Decimal('0.00000000'),"
        " withdraw_available=Decimal('0.00250000'), cross_wallet_balance=Decimal('0.00241969'),"
        " cross_un_pnl=Decimal('0.00000000'), available_balance=Decimal('0.00241969'), update_time=1592468353979)"
    )

    assert expected == repr(row) == str(row)
    assert f"[{expected}]" == repr([row])


def test_repr_of_additional_properties() -> None:
    """Members that the document does not name are shown if there are any."""
    time = ServerTime.from_dict({"serverTime": 1, "more": [{"amount": Decimal("0E-8")}, (1,), (1, Decimal("1E+2"))]})

    assert (
        "ServerTime(server_time=1, additional_properties={'more': [{'amount': Decimal('0.00000000')}, (1,),"
        " (1, Decimal('100'))]})"
    ) == repr(time)


def test_dictionary_is_json() -> None:
    """Numbers with a decimal point in members that the document does not name are text in the dictionary."""
    body = b'{"serverTime": 1, "later": {"amounts": [0.10, 1e-8], "plain": 1}}'
    parsed = decoders.parse_json(body)

    assert {"serverTime": 1, "later": {"amounts": ["0.10", "0.00000001"], "plain": 1}} == json.loads(
        json.dumps(ServerTime.from_dict(parsed).to_dict())
    )


def test_as_dict(row: FuturesAccountBalance) -> None:
    """The attributes by their names, with exact amounts; without members that the document does not name."""
    assert {
        "account_alias": "SgsR",
        "asset": "BTC",
        "balance": Decimal("0.00000000"),
        "withdraw_available": Decimal("0.00250000"),
        "cross_wallet_balance": Decimal("0.00241969"),
        "cross_un_pnl": Decimal("0.00000000"),
        "available_balance": Decimal("0.00241969"),
        "update_time": 1592468353979,
    } == row.as_dict()


def test_as_dict_of_additional_properties() -> None:
    """Members that the document does not name are there, if there are any."""
    time = ServerTime.from_dict({"serverTime": 1, "more": [True]})

    assert {"server_time": 1, "additional_properties": {"more": [True]}} == time.as_dict()


def test_as_dict_of_nested_values(kinds: Kinds) -> None:
    """Models in lists, tuples and dicts become dicts; attributes that are not set are left out."""
    shapes = kinds.models.Shapes.from_dict(
        {
            "byName": {"x": {"price": "0.10", "qty": None}},
            "amounts": [["0.10"], []],
            "nullable": None,
            "nullableAmount": None,
            "either": [5, [1, "0.10"]],
            "open": [1, "0.10"],
            "closed": ["a", True],
            "version": "v1",
            "nested": {"inner": {"deep": "0.10"}},
        }
    )

    assert {
        "by_name": {"additional_properties": {"x": {"price": Decimal("0.10"), "qty": None}}},
        "amounts": [[Decimal("0.10")], []],
        "nullable": None,
        "nullable_amount": None,
        "either": [5, (1, Decimal("0.10"))],
        "open_": (1, Decimal("0.10")),
        "closed": ("a", True),
        "version": "v1",
        "nested": {"inner": {"deep": Decimal("0.10")}},
    } == shapes.as_dict()


def test_as_dict_of_named_tuples() -> None:
    """Named tuples become dicts too, as those of an order book."""
    book = OrderBook.from_dict(
        {"lastUpdateId": 1, "symbol": "X", "pair": "X", "E": 1, "T": 1, "bids": [["9.0", "4"]], "asks": []}
    )

    assert [{"price": Decimal("9.0"), "quantity": Decimal(4)}] == book.as_dict()["bids"]


def test_repr_of_nested_values(kinds: Kinds) -> None:
    """Models, lists and tuples within a model show plain digits too; attributes that are not set are left out."""
    shapes = {
        "byName": {"x": {"price": "0.00000000", "qty": None}},
        "amounts": [["0.00000000"], []],
        "nullable": None,
        "nullableAmount": "0.0000000",
        "either": [5, "0.00000000", [1, "0.00000000"]],
        "open": [1, "0.00000000"],
        "closed": ["a", True],
        "version": "v1",
        "nested": {"inner": {"deep": "-0.00000001"}},
    }

    text = repr(kinds.models.Shapes.from_dict(shapes))

    assert (
        "Shapes(by_name=ShapesByName(additional_properties={'x': PriceAndQuantity(price=Decimal('0.00000000'),"
        " qty=None)}), amounts=[[Decimal('0.00000000')], []], nullable=None, nullable_amount=Decimal('0.0000000'),"
        " either=[5, Decimal('0.00000000'), (1, Decimal('0.00000000'))], open_=(1, Decimal('0.00000000')),"
        " closed=('a', True), version='v1',"
        " nested=ShapesNested(inner=ShapesNestedInner(deep=Decimal('-0.00000001'))))"
    ) == text


def test_repr_of_a_model_that_is_created() -> None:
    """A model that code creates itself has a repr too."""
    time = ServerTime(server_time=5)

    assert "ServerTime(server_time=5)" == repr(time)


@pytest.mark.parametrize("amount", ["1E+999999999", "-1E+64", "1E-65", "0E-999999999", "NaN", "Infinity"])
def test_repr_of_amounts_that_no_exchange_has(amount: str) -> None:
    """An amount that would be endless as plain digits is shown with its exponent, and cannot be sent."""
    row = FuturesAccountBalance.from_dict(ROW)
    row.balance = Decimal(amount)

    assert f"balance={Decimal(amount)!r}" in repr(row)
    with pytest.raises(ConfigurationError, match="^balance: expected a "):
        row.to_dict()


@pytest.mark.parametrize("amount", ["9" * 64, f"-{'9' * 64}", f"0.{'0' * 63}1"])
def test_repr_of_the_longest_amounts(amount: str) -> None:
    """An amount of 64 digits before or after its point is shown with all of them."""
    row = FuturesAccountBalance.from_dict(ROW)
    row.balance = Decimal(amount)

    assert f"balance=Decimal('{amount}')" in repr(row)


def test_missing_value() -> None:
    """`UNSET` is false, and named in signatures as in code."""
    assert not UNSET
    assert "UNSET" == repr(UNSET)


def test_repr_of_secrets() -> None:
    """What looks like a key or a signature, which a server may repeat in a message, is not shown."""
    signature = "a1B2" * 16

    shown = repr(Error(-1022, f"bad signature={signature}"))

    assert "Error(code=-1022, msg='bad [redacted]')" == shown


def test_deep_nesting() -> None:
    """A member that the document does not name may be nested too deeply to be shown or encoded."""
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    row = ServerTime.from_dict({"serverTime": 1, "deep": deep})

    assert "ServerTime(…)" == repr(row)
    with pytest.raises(ConfigurationError, match="^additional_properties: expected values that are nested less deeply"):
        row.to_dict()
    with pytest.raises(ConfigurationError, match="^additional_properties: expected values that are nested less deeply"):
        row.as_dict()


@pytest.mark.parametrize("value", [None, [("a", 1)]])
def test_additional_properties_of_another_type(value: Any) -> None:
    """What is no dictionary cannot be encoded as members."""
    row = ServerTime(1)
    row.additional_properties = value

    with pytest.raises(ConfigurationError, match="^additional_properties: expected a dict, got "):
        row.to_dict()
