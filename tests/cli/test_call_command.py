"""`binance-coinm call` and `binance-coinm operations`: all operations of the document."""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from binance_client.models import Model
from binance_coinm import models
from binance_coinm_cli import _app
from binance_coinm_cli._operations import load_operations
from binance_coinm_cli._records import field_names, fields
from binance_sandbox import Fault, Sandbox
from support.cli_runner import ended, here, start, use
from support.operations import DOCUMENT, OPERATIONS, arguments, as_sent, endpoint, examples

CANDLE = [1591258320000, "9640.7", "9642.4", "9640.60", "9642.0", "206", 1591258379999, "2.1", 48, "119", "1.2", "0"]
CANDLES = "kline_candlestick_data"
ORDER = ("new_order", "symbol=BTCUSD_PERP", "side=BUY", "type=LIMIT", "quantity=10", "price=9000.50")
# The sandbox responds to these with its own clock and balances.
LIVE = {"checkServerTime", "futuresAccountBalance"}
RANGE = ("symbol=BTCUSD_PERP", "interval=1h")
TABLE = """\
     openTime    open    high      low   close  volume      closeTime  baseVolume  tradeCount  takerBuyVolume  \
takerBuyBaseVolume  ignored11
1591258320000  9640.7  9642.4  9640.60  9642.0     206  1591258379999         2.1          48             119  \
               1.2          0
"""
CSV = """\
openTime,open,high,low,close,volume,closeTime,baseVolume,tradeCount,takerBuyVolume,takerBuyBaseVolume,ignored11
1591258320000,9640.7,9642.4,9640.60,9642.0,206,1591258379999,2.1,48,119,1.2,0
"""
KLINE_PARAMETERS = """\
name        required  expected
symbol      true      text
interval    true      one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1M
start_time  false     an integer
end_time    false     an integer
limit       false     an integer
"""


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return the exchange that the environment names; calls of all operations do not reach its weight limit."""
    with Sandbox(weight_limit=1_000_000) as sandbox:
        use(monkeypatch, sandbox)
        yield sandbox


def texts(operation_id: str, *, with_optional: bool) -> list[str]:
    """Return arguments for an operation as they are typed."""
    values = arguments(endpoint(operation_id), with_optional=with_optional)
    return [f"{name}={as_text(value)}" for name, value in values.items()]


def as_text(value: Any) -> str:
    """Return a value as it is typed."""
    if isinstance(value, list):
        objects = [fields(item) for item in value if isinstance(item, Model)]
        return json.dumps(objects) if objects else ",".join(map(as_text, value))
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value).strip('"')


@pytest.mark.parametrize("with_optional", [False, True], ids=["required", "all"])
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_operation(
    exchange: Sandbox, capsys: pytest.CaptureFixture[str], operation_id: str, *, with_optional: bool
) -> None:
    """Each operation of the document can be called by its id, with all its parameters, and shows the whole response."""
    code, out, err = here(
        capsys, "call", operation_id, *texts(operation_id, with_optional=with_optional), "--yes", "--json"
    )

    assert (0, "") == (code, err)
    if operation_id not in LIVE:
        assert as_sent(json.loads(out)) in [as_sent(example) for example in examples(operation_id)]
    assert 1 == len(exchange.received_requests)


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_response_is_shown(exchange: Sandbox, capsys: pytest.CaptureFixture[str], operation_id: str) -> None:
    """Each response can be shown as a table, and as CSV with at most one line per row."""
    typed = ["call", operation_id, *texts(operation_id, with_optional=False), "--yes"]

    shown, as_csv = here(capsys, *typed), here(capsys, *typed, "--csv")

    assert (0, "") == (shown.code, shown.err) == (as_csv.code, as_csv.err)
    assert shown.out.strip()
    lengths = {len(row) for row in csv.reader(io.StringIO(as_csv.out))}
    assert 1 == len(lengths)
    assert 2 == len(exchange.received_requests)


def test_candles(exchange: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Candles are shown with the names of their fields, and as the exchange has them in JSON; no digit is lost."""
    for _ in range(3):
        exchange.respond_next(200, body=[CANDLE])

    table = here(capsys, "call", CANDLES, *RANGE, "limit=1")
    as_csv = here(capsys, "call", CANDLES, *RANGE, "limit=1", "--csv")
    as_json = here(capsys, "call", CANDLES, *RANGE, "limit=1", "--json")

    assert (0, TABLE, "") == table
    assert (0, CSV, "") == as_csv
    assert (0, json.dumps([CANDLE]) + "\n", "") == as_json
    assert {b"symbol=BTCUSD_PERP&interval=1h&limit=1"} == {request.query for request in exchange.received_requests}


def test_no_rows(exchange: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Without rows, the table says so, CSV has its header, and JSON is an empty array."""
    for _ in range(3):
        exchange.respond_next(200, body=[])

    typed = ("call", CANDLES, *RANGE)

    assert (0, "no rows\n", "") == here(capsys, *typed)
    assert (0, CSV.splitlines(keepends=True)[0], "") == here(capsys, *typed, "--csv")
    assert (0, "[]\n", "") == here(capsys, *typed, "--json")


def test_names_of_the_items_of_arrays() -> None:
    """The fields of named tuples have the names of the document."""
    schemas = DOCUMENT["components"]["schemas"]
    tuples = {name: schema["prefixItems"] for name, schema in schemas.items() if "prefixItems" in schema}

    assert tuples
    for name, items in tuples.items():
        titles = [item.get("title") for item in items]
        names = field_names(getattr(models, name))
        assert [title or own for title, own in zip(titles, names, strict=True)] == list(names)


def test_formulas_of_spreadsheets(exchange: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """What a server sends moves no cursor in a table, and is no formula in CSV."""
    ticker = {"symbol": "=1+1\x1b[2J", "ps": "BTCUSD", "price": "-1.50", "time": 1}
    exchange.respond_next(200, body=[ticker])
    exchange.respond_next(200, body=[ticker])

    table = here(capsys, "call", "symbol_price_ticker").out
    as_csv = here(capsys, "call", "symbol_price_ticker", "--csv").out

    assert "=1+1\\x1b[2J" in table
    assert "'=1+1\\x1b[2J,BTCUSD,-1.50,1\n" in as_csv


@pytest.mark.parametrize("name", ["BINANCE_API_KEY", "BINANCE_API_SECRET"])
def test_without_credentials(
    monkeypatch: pytest.MonkeyPatch, exchange: Sandbox, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """An operation that needs no key works without one; any other says what is missing, and nothing is sent."""
    monkeypatch.delenv(name)

    assert 0 == here(capsys, "call", CANDLES, *RANGE).code
    code, out, err = here(capsys, "call", "account_information")

    assert (2, "") == (code, out)
    assert name in err
    assert 1 == len(exchange.received_requests)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["kline_candle_data"], f"there is no operation 'kline_candle_data'; the closest are {CANDLES}"),
        (["klines"], f"there is no operation 'klines'; the closest are {CANDLES}, "),
        (["x"], "there is no operation 'x'; the closest are "),
        (["nothing-like-it"], "there is no operation 'nothing-like-it'; binance-coinm operations lists all"),
        ([CANDLES, "simbol=BTCUSD_PERP"], f"{CANDLES} has no parameter 'simbol'; the closest are symbol;"),
        ([CANDLES, "q=1"], "has no parameter 'q'; the closest are symbol, interval, start_time, end_time, limit;"),
        ([CANDLES, "timestamp=1", *RANGE], "has no parameter 'timestamp'; the closest are "),
        (["check_server_time", "symbol=BTCUSD_PERP"], "has no parameter 'symbol'; the closest are none;"),
        ([CANDLES, "BTCUSD_PERP"], "expected NAME=VALUE, got 'BTCUSD_PERP'"),
        ([CANDLES, *RANGE, "symbol=ETHUSD_PERP"], "symbol is given twice"),
        ([CANDLES, *RANGE, "start_time=1", "startTime=1"], "start_time is given twice"),
        ([CANDLES, "limit=5"], f"{CANDLES} also needs symbol (text), interval (one of 1m, 3m, 5m, 15m,"),
        ([CANDLES, *RANGE[:1], "interval=7m"], "interval: expected one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h,"),
        ([CANDLES, *RANGE, "limit=1501"], "limit: expected an integer of at least 1 and at most 1500, got 1501"),
        *(
            ([CANDLES, *RANGE, f"limit={text}"], f"limit: expected an integer, got {text!r}")
            for text in ("many", "", "1_0", "1.0", " 1", "٣")
        ),
        ([CANDLES, "symbol=", "interval=1h"], "symbol: expected text, got ''"),
        ([*ORDER[:4], "quantity=1e3"], "quantity: expected a number such as 10 or 0.001, got '1e3'"),
        ([*ORDER[:4], "quantity=NaN"], "quantity: expected a number such as 10 or 0.001, got 'NaN'"),
        ([*ORDER, "reduce_only=yes"], "reduce_only: expected one of true, false, got 'yes'"),
        ([*ORDER[:3], "type=limit"], "type_: expected one of LIMIT, "),
        (["place_multiple_orders", "batch_orders=[{]"], "batch_orders: expected a JSON array of objects with symbol,"),
        (["place_multiple_orders", 'batch_orders={"symbol": "A"}'], "batch_orders: expected a JSON array of objects"),
        (["place_multiple_orders", f"batch_orders={'[' * 100000}"], "batch_orders: expected a JSON array of objects"),
        (["place_multiple_orders", 'batch_orders=[{"symbol": "A"}]'], "batch_orders: "),
        (
            [
                "place_multiple_orders",
                'batch_orders=[{"symbol": "A", "side": "BUY", "type": "MARKET", "quantity": "1", "prise": "2"}]',
            ],
            "batch_orders: expected a JSON array of objects with symbol,",
        ),
        (
            [
                "place_multiple_orders",
                'batch_orders=[{"symbol": "A", "side": "UP", "type": "MARKET", "quantity": "1"}]',
            ],
            "batch_orders: field side: expected a value of OrderSide, got a string, 'UP'",
        ),
        (["cancel_multiple_orders", "symbol=A", "order_id_list=1,b"], "order_id_list: expected an integer, or several"),
        ([CANDLES, *RANGE, "--json", "--csv"], "--json and --csv cannot be used together"),
        ([CANDLES, *RANGE, "--sandbox", "--server", "demo"], "--sandbox and --server cannot be used together"),
    ],
)
def test_what_cannot_be_sent(
    exchange: Sandbox, capsys: pytest.CaptureFixture[str], typed: list[str], said: str
) -> None:
    """What is wrong is said in one line, with what would be right, and nothing is sent."""
    code, out, err = here(capsys, "call", *typed, "--yes")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.endswith("; see binance-coinm call --help\n")
    assert said in err
    assert not exchange.received_requests


def test_errors_of_the_exchange(exchange: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that fails ends as one of `balance` does."""
    exchange.respond_next(400, body={"code": -1121, "msg": "Invalid symbol."})

    code, out, err = here(capsys, "call", CANDLES, *RANGE)

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert "-1121: Invalid symbol; look up" in err


def test_order_too_many(exchange: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """An order beyond the limit of orders is no sign of a ban: the document says what to do."""
    exchange.respond_next(429, body={"code": -1015, "msg": "Too many new orders."}, times=4)

    code, _, err = here(capsys, "call", *ORDER, "--yes")

    assert (1, 1) == (code, err.count("\n"))
    assert "Too many new orders; place no orders until the interval is over" in err


@pytest.mark.parametrize(
    ("arranged", "beginning"),
    [
        ({"status": 503, "example": "unknown"}, "ExchangeError: HTTP 503, code -1000: Unknown error, "),
        ({"status": 200, "body": "<html>"}, "ResponseError: HTTP 200: expected JSON, got something else; "),
        ({"status": 200, "fault": Fault.disconnect()}, "NetworkError: no response, or only part of one, "),
    ],
)
def test_order_of_unknown_execution(
    exchange: Sandbox, capsys: pytest.CaptureFixture[str], arranged: dict[str, Any], beginning: str
) -> None:
    """The error of an order that may have been executed says, once, what to query before it is sent again."""
    exchange.respond_next(**arranged)

    code, _, err = here(capsys, "call", *ORDER, "--yes")

    assert (1, 1) == (code, err.count("\n"))
    assert beginning in err
    assert "; query its state with client.trade.query_order before you send it again (" in err
    assert 1 == err.count("query its state")


def test_trade_without_a_terminal(exchange: Sandbox) -> None:
    """What may change the account needs --yes if nobody can be asked; nothing is sent without it."""
    code, out, err = ended(start("call", *ORDER))

    assert (2, "") == (code, out)
    assert "nothing was sent: new_order may change the account, and there is no terminal to ask; --yes sends it" in err
    assert not exchange.received_requests


def test_trade_with_yes(exchange: Sandbox) -> None:
    """With --yes it is sent without being asked."""
    code, out, err = ended(start("call", *ORDER, "--yes"))

    assert (0, "") == (code, err)
    assert "orderId " in out
    assert ["POST"] == [request.method for request in exchange.received_requests]


def test_security_types_that_ask(exchange: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """The document says which operations ask: those whose security type may trade."""
    schemes = DOCUMENT["components"]["securitySchemes"]
    asking = {
        operation_id
        for operation_id, node in OPERATIONS.items()
        if any(schemes[name].get("x-trades") for item in node["security"] for name in item)
    }

    refused = {
        operation_id
        for operation_id in OPERATIONS
        if "no terminal" in here(capsys, "call", operation_id, *texts(operation_id, with_optional=False)).err
    }

    assert asking == refused
    assert len(OPERATIONS) - len(asking) == len(exchange.received_requests)


def test_operations_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get all operations with the document's facts, and their parameters."""
    code, out, err = here(capsys, "operations", "--json")

    assert (0, "") == (code, err)
    listed = {item["name"]: item for item in json.loads(out)}
    assert len(OPERATIONS) == len(listed)
    assert {
        "name": "symbol_price_ticker",
        "tag": "market",
        "method": "GET",
        "path": "/dapi/v1/ticker/price",
        "security": "NONE",
        "weight": {"parameter": "symbol", "sent": 1, "not-sent": 2},
        "summary": "Symbol Price Ticker",
        "parameters": [
            {"name": "symbol", "required": False, "expected": "text"},
            {"name": "pair", "required": False, "expected": "text"},
        ],
    } == listed["symbol_price_ticker"]
    assert ["TRADE", 0] == [listed["new_order"][name] for name in ("security", "weight")]


def test_some_operations(capsys: pytest.CaptureFixture[str]) -> None:
    """A tag selects its operations, and any other text those that have it in their name."""
    stream = here(capsys, "operations", "stream").out
    ratios = here(capsys, "operations", "ratio_").out

    assert ["operation", "close_user_data_stream", "keepalive_user_data_stream", "start_user_data_stream"] == sorted(
        (line.split()[0] for line in stream.splitlines()), key=lambda name: (name != "operation", name)
    )
    assert ["operation", "top_trader_long_short_ratio_positions", "top_trader_long_short_ratio_accounts"] == [
        line.split()[0] for line in ratios.splitlines()
    ]


def test_one_operation(capsys: pytest.CaptureFixture[str]) -> None:
    """The name of an operation shows its parameters, and which values they take."""
    code, out, err = here(capsys, "operations", CANDLES)

    assert (0, "") == (code, err)
    assert "weight    1-10\n" in out
    shown = "".join(f"{line.rstrip()}\n" for line in out.partition("\n\n")[2].splitlines())
    assert shown == KLINE_PARAMETERS
    assert here(capsys, "operations", "check_server_time").out.endswith("\nno parameters\n")


def test_no_operations(capsys: pytest.CaptureFixture[str]) -> None:
    """A text that no operation has is an error that says the closest names."""
    code, out, err = here(capsys, "operations", "kline_candle_data")

    assert (2, "") == (code, out)
    assert f"there is no operation 'kline_candle_data'; the closest are {CANDLES}" in err


def test_names_have_one_meaning() -> None:
    """No two operations, and no two parameters of one, have names that differ only in case and underscores."""
    operations = load_operations()

    assert len(OPERATIONS) == len(operations)
    for names in (list(operations), *(list(operation.parameters) for operation in operations.values())):
        assert len(names) == len({name.replace("_", "").lower() for name in names})


def test_no_operation_is_named_in_the_command() -> None:
    """What runs the operations names none of them."""
    folder = Path(_app.__file__).parent
    for module in ("_call", "_operations", "_completion", "_records"):
        text = (folder / f"{module}.py").read_text(encoding="utf-8")
        assert not [name for name in load_operations() if f'"{name}"' in text]


def test_rows_that_are_no_objects() -> None:
    """A row that is a single value has one field."""
    assert {"value": "BTCUSD_PERP"} == fields("BTCUSD_PERP")
