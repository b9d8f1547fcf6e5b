"""Operations of all kinds, of a package generated from tests/support/kinds.yaml, end to end over sockets.

A row of `CASES` is a call of an operation: its arguments, its request, and its result.
"""

import asyncio
import copy
import json
import re
import runpy
from collections.abc import Callable, Iterator
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from binance_client.base_client import AuthenticatedClient
from binance_client.client import SigningClient
from binance_coinm import RetryPolicy
from binance_coinm.errors import ApiError, ConfigurationError, NetworkError, ResponseError
from binance_coinm.types import UNSET
from binance_sandbox import Fault, Sandbox
from binance_signing import Signer
from support.constants import ROOT
from support.markdown_blocks import blocks_of
from support.specs import Kinds, kinds_document

NOW = 1578963600000
# What the signer appends, with the signature masked, which the sandbox has verified if the status is 200.
SIGNED = "timestamp=1578963600000&signature=*"
_SIGNATURE = re.compile(r"(?<=signature=)[0-9a-f]{64}$")

Call = Callable[[Any, Any, dict[str, Any]], Any]


@frozen
class Case:
    """A call of an operation; an argument whose type is the package's is a function of its models."""

    operation: str
    arguments: dict[str, Any]
    request: str
    query: str = ""
    body: str = ""
    has_key: bool = True
    status: int = 200
    select: Callable[[Any], object] = lambda parsed: parsed
    result: str = "None"


CASES = [
    Case(
        "trade.new_order",
        {"symbol": "BTCUSD_200925", "side": lambda m: m.Side.BUY, "type_": lambda m: m.OrderType.MARKET},
        "POST /dapi/v1/order",
        body=f"symbol=BTCUSD_200925&side=BUY&type=MARKET&{SIGNED}",
        select=lambda order: (order.order_id, order.avg_price, order.side, order.type_, order.reduce_only),
        result=(
            "(22542179, Decimal('0.0'), <Side.BUY: 'BUY'>,"
            " <OrderType.TRAILING_STOP_MARKET: 'TRAILING_STOP_MARKET'>, False)"
        ),
    ),
    Case(
        "trade.new_order",
        {
            # Not in the document's order.
            "price": Decimal("1E-8"),
            "quantity": Decimal("1E+3"),
            "stop_price": Decimal("-0.50"),
            "callback_rate": Decimal("0.10"),
            "type_": "TRAILING_STOP_MARKET",
            "side": "SELL",
            "symbol": "BTCUSD_200925",
            "position_side": "SHORT",
            "reduce_only": True,
            "close_position": False,
            "new_client_order_id": "a.B:/_-9",
            "new_order_resp_type": lambda m: m.NewOrderNewOrderRespType.RESULT,
            "recv_window": 4000,
        },
        "POST /dapi/v1/order",
        body=(
            "symbol=BTCUSD_200925&side=SELL&positionSide=SHORT&type=TRAILING_STOP_MARKET&quantity=1000&reduceOnly=true"
            "&price=0.00000001&newClientOrderId=a.B%3A%2F_-9&stopPrice=-0.50&closePosition=false&callbackRate=0.10"
            f"&newOrderRespType=RESULT&recvWindow=4000&{SIGNED}"
        ),
        select=lambda order: (order.stop_price, bool(order.time), order.additional_properties),
        result="(Decimal('9300'), False, {})",
    ),
    Case(
        "trade.modify_order",
        {"symbol": "BTCUSD_PERP", "side": "BUY", "order_id": 20072994037, "price": Decimal(30005)},
        "PUT /dapi/v1/order",
        query=f"orderId=20072994037&symbol=BTCUSD_PERP&side=BUY&price=30005&{SIGNED}",
        select=lambda order: (order.order_id, order.price, order.position_side),
        result="(20072994037, Decimal('30005'), <PositionSide.LONG: 'LONG'>)",
    ),
    Case(
        "trade.cancel_order",
        {"symbol": "BTCUSD_200925", "orig_client_order_id": "my order+1"},
        "DELETE /dapi/v1/order",
        query=f"symbol=BTCUSD_200925&origClientOrderId=my+order%2B1&{SIGNED}",
        select=lambda order: (order.order_id, order.status, order.price_rate),
        result="(283194212, <OrderStatus.CANCELED: 'CANCELED'>, Decimal('0.3'))",
    ),
    Case(
        "trade.query_order",
        {"symbol": "BTCUSD_200925", "order_id": 9223372036854775807, "recv_window": 1},
        "GET /dapi/v1/order",
        query=f"symbol=BTCUSD_200925&orderId=9223372036854775807&recvWindow=1&{SIGNED}",
        select=lambda order: (order.avg_price, order.time, bool(order.cum_qty), bool(order.activate_price)),
        result="(Decimal('9301.50'), 1579276756075, False, False)",
    ),
    Case(
        "trade.place_multiple_orders",
        {
            "batch_orders": lambda m: [
                m.BatchOrder("BTCUSD_PERP", m.Side.BUY, m.OrderType.LIMIT, Decimal("1E-8"), Decimal("9301.50")),
                m.BatchOrder("\uff12\uff15", m.Side.SELL, m.OrderType.MARKET, Decimal(10), reduce_only=True),
            ]
        },
        "POST /dapi/v1/batchOrders",
        body=(
            "batchOrders=%5B%7B%22symbol%22%3A%22BTCUSD_PERP%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22"
            "%2C%22quantity%22%3A%220.00000001%22%2C%22price%22%3A%229301.50%22%7D"
            "%2C%7B%22symbol%22%3A%22%EF%BC%92%EF%BC%95%22%2C%22side%22%3A%22SELL%22%2C%22type%22%3A%22MARKET%22"
            f"%2C%22quantity%22%3A%2210%22%2C%22reduceOnly%22%3Atrue%7D%5D&{SIGNED}"
        ),
        # An error in place of an order is a value.
        select=lambda orders: (orders[0].order_id, orders[0].avg_price, orders[1]),
        result=("(1917641, Decimal('9301.50'), Error(code=-2022, msg='ReduceOnly Order is rejected.'))"),
    ),
    Case(
        "trade.modify_multiple_orders",
        {"batch_orders": lambda m: [m.ModifyMultipleOrdersBatchOrdersItem("X", m.Side.SELL, price=Decimal("0E-8"))]},
        "PUT /dapi/v1/batchOrders",
        body=(
            "batchOrders=%5B%7B%22symbol%22%3A%22X%22%2C%22side%22%3A%22SELL%22%2C%22price%22%3A%220.00000000%22%7D%5D"
            f"&{SIGNED}"
        ),
        select=lambda orders: [type(order).__name__ for order in orders],
        result="['Order', 'Error']",
    ),
    Case(
        "trade.cancel_multiple_orders",
        {"symbol": "BTCUSD_PERP", "order_id_list": [1234567, 2345678], "orig_client_order_id_list": ["a b", '"&,', ""]},
        "DELETE /dapi/v1/batchOrders",
        query=(
            "symbol=BTCUSD_PERP&orderIdList=%5B1234567%2C2345678%5D"
            f"&origClientOrderIdList=%5B%22a+b%22%2C%22%5C%22%26%2C%22%2C%22%22%5D&{SIGNED}"
        ),
        select=lambda orders: orders[1].code,
        result="-2022",
    ),
    Case("trade.current_all_open_orders", {}, "GET /dapi/v1/openOrders", query=SIGNED, result="[]"),
    Case(
        "trade.cancel_all_open_orders",
        {"symbol": "BTCUSD_200925"},
        "DELETE /dapi/v1/allOpenOrders",
        body=f"symbol=BTCUSD_200925&{SIGNED}",
        result="Done(code=200, msg='The operation of cancel all open order is done.')",
    ),
    Case(
        "account.account_information",
        {},
        "GET /dapi/v1/account",
        query=SIGNED,
        select=lambda account: (
            account.assets,
            account.positions[1].position_amt,
            account.positions[1].isolated_wallet,
            bool(account.positions[0].isolated_wallet),
            account.can_trade,
            account.fee_tier,
        ),
        result=(
            "([AccountAsset(asset='BTC', wallet_balance=Decimal('0.00241969'), unrealized_profit=Decimal('0.00000000'),"
            " max_withdraw_amount=Decimal('0.00241969'))],"
            " Decimal('-2'), Decimal('0.00250000'), False, True, 2)"
        ),
    ),
    Case(
        "account.position_information",
        {"margin_asset": "BTC"},
        "GET /dapi/v1/positionRisk",
        query=f"marginAsset=BTC&{SIGNED}",
        select=lambda positions: (positions[0].mark_price, positions[0].margin_type, len(positions)),
        result="(Decimal('11788.66626667'), <PositionRiskMarginType.ISOLATED: 'isolated'>, 1)",
    ),
    Case(
        "trade.change_initial_leverage",
        {"symbol": "BTCUSD_200925", "leverage": 125},
        "POST /dapi/v1/leverage",
        query=f"symbol=BTCUSD_200925&leverage=125&{SIGNED}",
        result=("ChangeInitialLeverageResponse200(leverage=21, max_qty=Decimal('1000'), symbol='BTCUSD_200925')"),
    ),
    Case(
        "trade.change_margin_type",
        {"symbol": "BTCUSD_200925", "margin_type": "ISOLATED"},
        "POST /dapi/v1/marginType",
        body=f"symbol=BTCUSD_200925&marginType=ISOLATED&{SIGNED}",
        result="Done(code=200, msg='success')",
    ),
    Case(
        "trade.modify_isolated_position_margin",
        {"symbol": "BTCUSD_200925", "amount": Decimal("100.50"), "type_": 2},
        "POST /dapi/v1/positionMargin",
        query=f"symbol=BTCUSD_200925&amount=100.50&type=2&{SIGNED}",
        result=(
            "ModifyIsolatedPositionMarginResponse200(amount=Decimal('100.5'), code=200,"
            " msg='Successfully modify position margin.',"
            " type_=<ModifyIsolatedPositionMarginResponse200Type.VALUE_1: 1>)"
        ),
    ),
    Case(
        "account.income_history",
        {"income_type": "FUNDING_FEE", "start_time": 0, "end_time": -1, "limit": 1000},
        "GET /dapi/v1/income",
        query=f"incomeType=FUNDING_FEE&startTime=0&endTime=-1&limit=1000&{SIGNED}",
        select=lambda incomes: [(income.symbol, income.income, income.tran_id) for income in incomes],
        result=(
            "[('', Decimal('-0.37500000'), '9689322392'), ('BTCUSD_200925', Decimal('-0.01000000'), '9689322392')]"
        ),
    ),
    Case(
        "trade.account_trade_list",
        {"symbol": "BTCUSD_200626", "from_id": 6},
        "GET /dapi/v1/userTrades",
        query=f"symbol=BTCUSD_200626&fromId=6&{SIGNED}",
        select=lambda trades: (trades[0].commission, trades[0].side, trades[0].maker),
        result="(Decimal('0.00000454'), <Side.SELL: 'SELL'>, False)",
    ),
    Case(
        "account.user_commission_rate",
        {"symbol": "BTCUSD_PERP"},
        "GET /dapi/v1/commissionRate",
        query=f"symbol=BTCUSD_PERP&{SIGNED}",
        select=lambda rates: (rates.maker_commission_rate, rates.taker_commission_rate),
        result="(Decimal('0.00015'), Decimal('0.00040'))",
    ),
    Case(
        "account.notional_bracket_for_symbol",
        {},
        "GET /dapi/v2/leverageBracket",
        query=SIGNED,
        select=lambda rows: (rows[0].notional_coef, rows[0].brackets, bool(rows[1].notional_coef), rows[1].brackets),
        result=(
            "(Decimal('1.5'), [LeverageBracketBracket(bracket=1, initial_leverage=125, qty_cap=Decimal('50'),"
            " qty_floor=Decimal('0'), maint_margin_ratio=Decimal('0.004'), cum=Decimal('0.0'))], False, [])"
        ),
    ),
    Case(
        "trade.change_position_mode",
        {"dual_side_position": True},
        "POST /dapi/v1/positionSide/dual",
        query=f"dualSidePosition=true&{SIGNED}",
        result="Done(code=200, msg='success')",
    ),
    Case(
        "account.get_current_position_mode",
        {},
        "GET /dapi/v1/positionSide/dual",
        query=SIGNED,
        result="GetCurrentPositionModeResponse200(dual_side_position=True)",
    ),
    Case(
        "stream.start_user_data_stream",
        {},
        "POST /dapi/v1/listenKey",
        select=lambda stream: stream.listen_key,
        result="'pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1'",
    ),
    Case(
        "stream.keepalive_user_data_stream",
        {},
        "PUT /dapi/v1/listenKey",
        result="KeepaliveUserDataStreamResponse200()",
    ),
    Case(
        "stream.close_user_data_stream",
        {},
        "DELETE /dapi/v1/listenKey",
        result="CloseUserDataStreamResponse200()",
    ),
    Case(
        "market.old_trades_lookup",
        {"symbol": "BTCUSD_PERP", "limit": 500},
        "GET /dapi/v1/historicalTrades",
        query="symbol=BTCUSD_PERP&limit=500",
        select=lambda trades: (trades[0].base_qty, trades[0].is_buyer_maker),
        result="(Decimal('0.01037108'), True)",
    ),
    Case(
        "market.test_connectivity",
        {},
        "GET /dapi/v1/ping",
        has_key=False,
        result="TestConnectivityResponse200()",
    ),
    Case(
        "market.exchange_information",
        {},
        "GET /dapi/v1/exchangeInfo",
        has_key=False,
        select=lambda exchange: (
            exchange.exchange_filters,
            exchange.rate_limits[0].interval.value,
            [kind.value for kind in exchange.symbols[0].order_type],
            exchange.symbols[0].filters,
        ),
        result=(
            "([], 'MINUTE', ['LIMIT', 'MARKET', 'STOP', 'TRAILING_STOP_MARKET'],"
            " [PriceFilter(filter_type='PRICE_FILTER', max_price=Decimal('100000'), min_price=Decimal('0.1'),"
            " tick_size=Decimal('0.1')),"
            " MaxNumOrders(filter_type='MAX_NUM_ORDERS', limit=200),"
            " SymbolInformationFiltersItemType2(additional_properties={'filterType': 'PERCENT_PRICE',"
            " 'multiplierDown': '0.9500', 'multiplierUp': '1.0500'})])"
        ),
    ),
    Case(
        "market.order_book",
        {"symbol": "BTCUSD_PERP", "limit": lambda m: m.OrderBookLimit.VALUE_1000},
        "GET /dapi/v1/depth",
        query="symbol=BTCUSD_PERP&limit=1000",
        has_key=False,
        select=lambda book: (book.e, book.t, book.bids, book.asks),
        result=(
            "(1591250106370, 1591250106368, [(Decimal('9638.0'), Decimal('431'))],"
            " [(Decimal('9638.2'), Decimal('12')), (Decimal('9638.30'), Decimal('0'))])"
        ),
    ),
    Case(
        "market.compressed_aggregate_trades_list",
        {"symbol": "BTCUSD_PERP"},
        "GET /dapi/v1/aggTrades",
        query="symbol=BTCUSD_PERP",
        has_key=False,
        select=lambda trades: (len(trades), trades[3]),
        result=(
            "(4, AggregateTrade(a=416690, p=Decimal('9642.4'), q=Decimal('3'), f=595259, l=595259, t=1591250548649))"
        ),
    ),
    Case(
        "market.klines",
        {"symbol": "BTCUSD_PERP", "interval": lambda m: m.KlinesInterval.VALUE_1M, "limit": 1},
        "GET /dapi/v1/klines",
        query="symbol=BTCUSD_PERP&interval=1M&limit=1",
        has_key=False,
        result=(
            "[Kline(open_time=1591258320000, open_=Decimal('9640.7'), high=Decimal('9642.4'), low=Decimal('9640.6'),"
            " close=Decimal('9642.0'), volume=Decimal('206'), close_time=1591258379999,"
            " base_volume=Decimal('2.13660389'), count_=48, taker_volume=Decimal('119'),"
            " taker_base_volume=Decimal('1.23424865'), ignored='0')]"
        ),
    ),
    Case(
        "market.ticker24hr",
        {"pair": "BTCUSD"},
        "GET /dapi/v1/ticker/24hr",
        query="pair=BTCUSD",
        has_key=False,
        select=lambda tickers: tickers[0].price_change_percent,
        result="Decimal('-1.480')",
    ),
    Case(
        "test.post_mixed",
        {
            "symbol": "BTCUSD_\uff12\uff15\uff10\uff19\uff12\uff15",
            "note": "&=+%/?# \"'",
            "quantity": Decimal("0.10"),
            "remark": "&=+%/?# \"'é",
        },
        "POST /test/v1/mixed",
        query="symbol=BTCUSD_%EF%BC%92%EF%BC%95%EF%BC%90%EF%BC%99%EF%BC%92%EF%BC%95&note=%26%3D%2B%25%2F%3F%23+%22%27",
        body=f"quantity=0.10&remark=%26%3D%2B%25%2F%3F%23+%22%27%C3%A9&{SIGNED}",
    ),
    Case(
        "test.put_mixed",
        {"symbol": "BTCUSD_PERP", "quantity": Decimal(1)},
        "PUT /test/v1/mixed",
        query="symbol=BTCUSD_PERP",
        body=f"quantity=1&{SIGNED}",
    ),
    Case(
        "test.delete_mixed",
        {"symbol": "BTCUSD_PERP", "note": "", "quantity": Decimal(1), "remark": ""},
        "DELETE /test/v1/mixed",
        query="symbol=BTCUSD_PERP&note=",
        body=f"quantity=1&remark=&{SIGNED}",
    ),
    Case(
        "test.get_lists",
        {
            "symbols": ["BTCUSD_PERP", "a,b", ""],
            "ids": [1, -2],
            "amounts": [Decimal("1E-8"), Decimal("2.50")],
            "prices": [Decimal("1E+2"), Decimal("-0.0")],
            "sides": lambda m: [m.Side.SELL, "BUY"],
            "flags": [True, False],
            "switches": (False, True),
        },
        "GET /test/v1/lists",
        query=(
            "symbols=BTCUSD_PERP&symbols=a%2Cb&symbols=&ids=1%2C-2&amounts=0.00000001%2C2.50&prices=100&prices=-0.0"
            f"&sides=SELL%2CBUY&flags=true&flags=false&switches=false%2Ctrue&{SIGNED}"
        ),
    ),
    Case(
        "test.get_lists",
        {
            "symbols": ["BTCUSD_PERP"],
            "ids": [7],
            "orders": lambda m: [m.BatchOrder("X", m.Side.BUY, m.OrderType.LIMIT, Decimal("5.0"))],
            "level": (Decimal("9638.0"), Decimal(431)),
            "anything": {"a": [None, 1, "é"]},
            "depth_or_side": 5,
        },
        "GET /test/v1/lists",
        query=(
            "symbols=BTCUSD_PERP&ids=7&orders=%5B%7B%22symbol%22%3A%22X%22%2C%22side%22%3A%22BUY%22"
            "%2C%22type%22%3A%22LIMIT%22%2C%22quantity%22%3A%225.0%22%7D%5D&level=%5B%229638.0%22%2C%22431%22%5D"
            f"&anything=%7B%22a%22%3A%5Bnull%2C1%2C%22%C3%A9%22%5D%7D&depthOrSide=5&{SIGNED}"
        ),
    ),
    Case(
        "test.get_lists",
        {"symbols": [], "orders": [], "anything": None, "depth_or_side": lambda m: m.Side.BUY},
        "GET /test/v1/lists",
        query=f"orders=%5B%5D&anything=null&depthOrSide=BUY&{SIGNED}",
    ),
    Case(
        "test.post_lists",
        {
            "symbols": ["a", "b c"],
            "ids": [1, 2],
            "amounts": [Decimal("0.10")],
            "sides": ["BUY", "SELL"],
            "level": (Decimal("9638.0"), Decimal(431)),
            "by_name": lambda m: by_name(m, first=m.BatchOrder("X", m.Side.BUY, m.OrderType.LIMIT, Decimal(5))),
        },
        "POST /test/v1/lists",
        body=(
            "symbols=a&symbols=b+c&ids=1%2C2&amounts=0.10&sides=BUY&sides=SELL&level=%5B%229638.0%22%2C%22431%22%5D"
            "&byName=%7B%22first%22%3A%7B%22symbol%22%3A%22X%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22"
            f"%2C%22quantity%22%3A%225%22%7D%7D&{SIGNED}"
        ),
    ),
    # A form without fields is no body, so that the signature is in the query.
    Case("test.post_lists", {}, "POST /test/v1/lists", query=SIGNED),
    Case(
        "test.get_texts",
        {"text": "&=+%/?# \"'\n", "from_": "", "client_": "é", "writing": "w", "a": "[]"},
        "GET /test/v1/texts",
        query="text=%26%3D%2B%25%2F%3F%23+%22%27%0A&from=&client=%C3%A9&writing=w&a%5B%5D=%5B%5D",
    ),
    Case(
        "test.put_texts",
        {"text": "\uff12\uff15", "class_": "&=+%/?# \"'"},
        "PUT /test/v1/texts",
        body="text=%EF%BC%92%EF%BC%95&class=%26%3D%2B%25%2F%3F%23+%22%27",
    ),
    Case(
        "test.get_names",
        {},
        "GET /test/v1/names",
        has_key=False,
        select=lambda rows: (len(rows), rows[3]),
        result=("(4, Names(columns=Decimal('1.10'), to_dict_='a', T=1, t='b', additional_properties_=''))"),
    ),
    Case("test.get_nothing", {}, "GET /test/v1/nothing", has_key=False),
    Case("test.delete_nothing", {}, "DELETE /test/v1/nothing", query=SIGNED, status=204),
    Case(
        "test.get_shapes",
        {},
        "GET /test/v1/shapes",
        has_key=False,
        select=lambda shapes: (
            shapes.by_name.additional_properties["ETH"],
            shapes.amounts,
            (shapes.nullable, shapes.nullable_amount),
            (shapes.either, shapes.open_, shapes.closed),
            shapes.version,
            shapes.nested.inner.deep,
            (bool(shapes.absent), bool(shapes.absent_amount)),
        ),
        result=(
            "(PriceAndQuantity(price=Decimal('0.00000001'), qty=None),"
            " [[Decimal('1.0'), Decimal('2.00')], []], (None, Decimal('-0.10')),"
            " ([Decimal('1.50'), 7, (1, Decimal('2.0'))], (1, Decimal('2.50')), ('a', True)),"
            " 'v1', Decimal('3.140'), (False, False))"
        ),
    ),
    Case(
        "test.get_amounts",
        {},
        "GET /test/v1/amounts",
        has_key=False,
        result=(
            "GetAmountsResponse200(additional_properties={"
            "'BTC': PriceAndQuantity(price=Decimal('1.10'), qty=Decimal('2.5')),"
            " 'ETH': PriceAndQuantity(price=Decimal('0.00000001'), qty=None, additional_properties={'later': 1})})"
        ),
    ),
    Case(
        "test.post_amounts",
        {},
        "POST /test/v1/amounts",
        has_key=False,
        status=201,
        result="[[Decimal('1.10'), Decimal('2')], [], [Decimal('0E-8')]]",
    ),
]
# Together they need everything that the signer does to a request.
SIGNER_CASES = [
    case
    for case in CASES
    if case.operation
    in {
        "trade.new_order",
        "trade.query_order",
        "trade.cancel_multiple_orders",
        "stream.start_user_data_stream",
        "market.order_book",
        "test.post_mixed",
        "test.delete_mixed",
        "test.get_texts",
        "test.put_texts",
        "test.post_lists",
        "test.delete_nothing",
    }
]
ORDER = {"symbol": "X", "side": "BUY", "type_": "LIMIT"}


def by_name(models: Any, **orders: Any) -> Any:
    """Return an object of orders by name."""
    named = models.PostListsByName()
    named.additional_properties = orders
    return named


def case_of(operation: str) -> Case:
    """Return the first case of an operation."""
    return next(case for case in CASES if case.operation == operation)


def build(arguments: dict[str, Any], models: Any) -> dict[str, Any]:
    """Return arguments with values of the package's types."""
    return {name: value(models) if callable(value) else value for name, value in arguments.items()}


def name_of(case: object) -> str:
    """Return the name of a case in pytest's output."""
    return str(getattr(case, "operation", case))


def call_sync(operation: Any, client: Any, arguments: dict[str, Any]) -> Any:
    """Call the sync function of an operation, and close the client."""
    with client:
        return operation.sync_detailed(client=client, **arguments)


def call_async(operation: Any, client: Any, arguments: dict[str, Any]) -> Any:
    """Call the async function of an operation, and close the client."""

    async def response() -> Any:
        async with client:
            return await operation.asyncio_detailed(client=client, **arguments)

    return asyncio.run(response())


@pytest.fixture(params=[call_sync, call_async], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Return a function that makes one call and closes the client, sync or async."""
    call: Call = request.param
    return call


@pytest.fixture
def sandbox(kinds: Kinds) -> Iterator[Sandbox]:
    """Return a running exchange with operations of all kinds, whose clock stands still."""
    with Sandbox(document=kinds.document, clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox, kinds: Kinds) -> SigningClient:
    """Return a client of that exchange, which the package's own `connect` builds."""
    client = kinds.package.connect(
        sandbox.credentials, server=sandbox.url, clock=lambda: NOW, retry=RetryPolicy(initial_backoff=0)
    )
    assert isinstance(client, SigningClient)
    return client


def sent(sandbox: Sandbox) -> dict[str, object]:
    """Return the only request, with its signature masked."""
    [request] = sandbox.received_requests
    return {
        "request": f"{request.method} {request.path}",
        "query": _SIGNATURE.sub("*", request.query.decode("ascii")),
        "body": _SIGNATURE.sub("*", request.body.decode("ascii")),
        "key": request.headers.get("X-MBX-APIKEY"),
        "type": request.headers.get("Content-Type"),
        "status": request.status,
    }


def expected(case: Case, sandbox: Sandbox) -> dict[str, object]:
    """Return the request that a case describes."""
    return {
        "request": case.request,
        "query": case.query,
        "body": case.body,
        "key": sandbox.account.api_key if case.has_key else None,
        "type": "application/x-www-form-urlencoded" if case.body else None,
        "status": case.status,
    }


def encoded(parsed: Any) -> Any:
    """Return what was parsed as JSON values again, each number as its text."""
    text = json.dumps(parsed, default=lambda value: value.to_dict() if hasattr(value, "to_dict") else f"{value:f}")
    return json.loads(text, parse_int=str, parse_float=str)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_call(sandbox: Sandbox, client: SigningClient, kinds: Kinds, call: Call, case: Case) -> None:
    """The request has the document's parameters in the document's order; the result is typed and exact."""
    response = call(kinds.operation(case.operation), client, build(case.arguments, kinds.models))

    assert expected(case, sandbox) == sent(sandbox)
    assert case.status == response.status_code
    assert case.result == repr(case.select(response.parsed))
    if response.content:
        assert json.loads(response.content, parse_int=str, parse_float=str) == encoded(response.parsed)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_call_by_method(sandbox: Sandbox, client: Any, kinds: Kinds, case: Case) -> None:
    """A method of the client sends the same request and returns the same result, sync and async."""
    arguments, method = build(case.arguments, kinds.models), attrgetter(case.operation)

    async def call() -> object:
        async with client:
            return await method(client.aio)(**arguments)

    parsed = method(client)(**arguments)
    request = sent(sandbox)
    sandbox.pop_requests()

    assert expected(case, sandbox) == request
    assert case.result == repr(case.select(parsed)) == repr(case.select(asyncio.run(call())))
    assert request == sent(sandbox)


@pytest.mark.parametrize("case", SIGNER_CASES, ids=name_of)
def test_call_with_the_signer_as_hook(sandbox: Sandbox, kinds: Kinds, call: Call, case: Case) -> None:
    """A client with the signer as its hook sends the same request, without `connect`."""
    signer = Signer(sandbox.credentials, sandbox.url, clock=lambda: NOW)
    client = AuthenticatedClient(sandbox.url, httpx_args={"event_hooks": {"request": [signer]}})

    response = call(kinds.operation(case.operation), client, build(case.arguments, kinds.models))

    assert expected(case, sandbox) == sent(sandbox)
    assert case.result == repr(case.select(response.parsed))


def test_every_operation_is_called() -> None:
    """Each operation of the document is in the table."""
    paths = kinds_document()["paths"]

    assert {f"{method.upper()} {path}" for path, item in paths.items() for method in item} == {
        case.request for case in CASES
    }


def order(models: Any, **fields: Any) -> Any:
    """Return an order of a batch, with some fields replaced."""
    usual = {"symbol": "X", "side": "BUY", "type_": "LIMIT", "quantity": Decimal(1)}
    return models.BatchOrder(**usual | fields)


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("trade.new_order", ORDER | {"price": 1.5}, "price: expected a finite decimal.Decimal, got 1.5"),
        ("trade.new_order", ORDER | {"price": 1}, "price: expected a finite decimal.Decimal, got 1"),
        ("trade.new_order", ORDER | {"price": "1.5"}, "price: expected a finite decimal.Decimal, got '1.5'"),
        (
            "trade.new_order",
            ORDER | {"price": Decimal("NaN")},
            "price: expected a finite decimal.Decimal, got Decimal('NaN')",
        ),
        (
            "trade.new_order",
            ORDER | {"price": Decimal("-Infinity")},
            "price: expected a finite decimal.Decimal, got Decimal('-Infinity')",
        ),
        ("trade.new_order", ORDER | {"price": None}, "price: expected a finite decimal.Decimal, got None"),
        (
            "trade.new_order",
            ORDER | {"quantity": Decimal("-1E-8")},
            "quantity: expected a finite decimal.Decimal of at least 0, got Decimal('-1E-8')",
        ),
        (
            "trade.new_order",
            ORDER | {"callback_rate": Decimal("0.0999")},
            "callback_rate: expected a finite decimal.Decimal of at least 0.1 and at most 10, got Decimal('0.0999')",
        ),
        (
            "trade.new_order",
            ORDER | {"callback_rate": Decimal("NaN")},
            "callback_rate: expected a finite decimal.Decimal of at least 0.1 and at most 10, got Decimal('NaN')",
        ),
        ("trade.new_order", ORDER | {"symbol": None}, "symbol: expected a str, got None"),
        ("trade.new_order", ORDER | {"symbol": b"X"}, "symbol: expected a str, got b'X'"),
        ("trade.new_order", ORDER | {"side": "HOLD"}, "side: expected one of BUY, SELL, got 'HOLD'"),
        ("trade.new_order", ORDER | {"side": "buy"}, "side: expected one of BUY, SELL, got 'buy'"),
        (
            "trade.new_order",
            ORDER | {"side": lambda m: m.PositionSide.LONG},
            "side: expected one of BUY, SELL, got <PositionSide.LONG: 'LONG'>",
        ),
        ("trade.new_order", ORDER | {"reduce_only": "true"}, "reduce_only: expected a bool, got 'true'"),
        ("trade.new_order", ORDER | {"reduce_only": 1}, "reduce_only: expected a bool, got 1"),
        (
            "trade.change_initial_leverage",
            {"symbol": "X", "leverage": True},
            "leverage: expected an integer of at least 1 and at most 125, got True",
        ),
        (
            "trade.change_initial_leverage",
            {"symbol": "X", "leverage": 0},
            "leverage: expected an integer of at least 1 and at most 125, got 0",
        ),
        (
            "trade.change_initial_leverage",
            {"symbol": "X", "leverage": 126},
            "leverage: expected an integer of at least 1 and at most 125, got 126",
        ),
        (
            "trade.modify_isolated_position_margin",
            {"symbol": "X", "amount": Decimal(1), "type_": True},
            "type_: expected one of 1, 2, got True",
        ),
        (
            "market.order_book",
            {"symbol": "X", "limit": 7},
            "limit: expected one of 5, 10, 20, 50, 100, 500, 1000, got 7",
        ),
        (
            "trade.place_multiple_orders",
            {"batch_orders": "X"},
            "batch_orders: expected a list, got 'X'",
        ),
        (
            "trade.place_multiple_orders",
            {"batch_orders": lambda m: [order(m), {"symbol": "X"}]},
            "batch_orders, item 1: expected a BatchOrder, got {'symbol': 'X'}",
        ),
        (
            "trade.place_multiple_orders",
            {"batch_orders": lambda m: [order(m, price=1.5)]},
            "batch_orders, item 0, price: expected a finite decimal.Decimal, got 1.5",
        ),
        (
            "trade.place_multiple_orders",
            {"batch_orders": lambda m: [order(m), order(m, side="HOLD")]},
            "batch_orders, item 1, side: expected one of BUY, SELL, got 'HOLD'",
        ),
        (
            "trade.place_multiple_orders",
            {"batch_orders": lambda m: [order(m, reduce_only=None)]},
            "batch_orders, item 0, reduce_only: expected a bool, got None",
        ),
        (
            "trade.cancel_multiple_orders",
            {"symbol": "X", "order_id_list": [1, "2"]},
            "order_id_list, item 1: expected an integer, got '2'",
        ),
        ("test.get_lists", {"symbols": "X"}, "symbols: expected a list, got 'X'"),
        ("test.get_lists", {"symbols": ["X", None]}, "symbols, item 1: expected a str, got None"),
        ("test.get_lists", {"ids": [1, True]}, "ids, item 1: expected an integer, got True"),
        (
            "test.get_lists",
            {"ids": []},
            "ids: expected at least one item, and no comma within an item, got []",
        ),
        ("test.get_lists", {"amounts": [1.5]}, "amounts, item 0: expected a finite decimal.Decimal, got 1.5"),
        ("test.get_lists", {"sides": ["BUY", ""]}, "sides, item 1: expected one of BUY, SELL, got ''"),
        ("test.get_lists", {"level": [Decimal(1)]}, "level: expected a tuple of 2 items, got [Decimal('1')]"),
        (
            "test.get_lists",
            {"level": (Decimal(1), 1.5)},
            "level, item 1: expected a finite decimal.Decimal, got 1.5",
        ),
        (
            "test.get_lists",
            {"depth_or_side": 1.5},
            "depth_or_side: expected an integer, got 1.5; or depth_or_side: expected one of BUY, SELL, got 1.5",
        ),
        (
            "test.get_lists",
            {"anything": [Decimal("NaN")]},
            "anything, item 0: expected a finite decimal.Decimal, got Decimal('NaN')",
        ),
        ("test.get_lists", {"anything": float("nan")}, "anything: expected a JSON value, got nan"),
        ("test.get_lists", {"anything": "\ud800"}, "anything: expected a JSON value, got '\\ud800'"),
        (
            "test.post_lists",
            {"by_name": lambda m: by_name(m, first=order(m, quantity=1.0))},
            "by_name, additional_properties, first, quantity: expected a finite decimal.Decimal, got 1.0",
        ),
    ],
)
def test_invalid_arguments_are_not_sent(
    sandbox: Sandbox, client: SigningClient, kinds: Kinds, operation: str, arguments: dict[str, Any], message: str
) -> None:
    """An argument that the document does not allow is an error with its place, and nothing is sent."""
    with pytest.raises(ConfigurationError) as caught:
        call_sync(kinds.operation(operation), client, build(arguments, kinds.models))

    assert message == str(caught.value)
    assert [] == sandbox.received_requests


_MISSING = object()


def changed(example: Any, path: tuple[str | int, ...], value: object) -> Any:
    """Return a response's JSON with one value replaced or removed."""
    if not path:
        return value
    body = node = copy.deepcopy(example)
    for step in path[:-1]:
        node = node[step]
    if value is _MISSING:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return body


@pytest.mark.parametrize(
    ("operation", "path", "value", "message"),
    [
        (
            "account.notional_bracket_for_symbol",
            (0, "brackets", 0, "cum"),
            None,
            "row 0, field brackets, item 0, field cum: expected a decimal string of at most 64 digits, got null",
        ),
        (
            "account.notional_bracket_for_symbol",
            (1, "brackets"),
            {},
            "row 1, field brackets: expected an array, got an object",
        ),
        (
            "account.account_information",
            ("positions", 1, "entryPrice"),
            "",
            "field positions, row 1, field entryPrice: expected a decimal string of at most 64 digits, got a string, ''",
        ),
        (
            "account.account_information",
            ("assets", 0, "walletBalance"),
            _MISSING,
            "field assets, row 0, field walletBalance: expected a decimal string of at most 64 digits, got nothing",
        ),
        ("account.account_information", ("canTrade",), 1, "field canTrade: expected a boolean, got a number, 1"),
        (
            "market.klines",
            (0, 8),
            "48",
            "row 0, item 8: expected an integer of 64 bits, got a string, '48'",
        ),
        ("market.klines", (0, 11), _MISSING, "row 0: expected an array of 12 items, got 11"),
        ("market.klines", (0,), {"open": "1"}, "row 0: expected an array, got an object"),
        (
            "market.exchange_information",
            ("symbols", 0, "filters", 0, "tickSize"),
            "much",
            "field symbols, row 0, field filters, item 0, field tickSize:"
            " expected a decimal string of at most 64 digits, got a string, 'much'",
        ),
        (
            "market.order_book",
            ("asks", 1),
            ["9638.2", "12", "more"],
            "field asks, row 1: expected an array of 2 items, got 3",
        ),
        (
            "test.get_shapes",
            ("byName", "ETH", "price"),
            None,
            "field byName, field ETH, field price: expected a decimal string of at most 64 digits, got null",
        ),
        (
            "test.get_shapes",
            ("amounts", 0, 1),
            "2,00",
            "field amounts, row 0, item 1: expected a decimal string of at most 64 digits, got a string, '2,00'",
        ),
        (
            "test.get_shapes",
            ("nullable",),
            _MISSING,
            "field nullable: expected a string, got nothing; or expected null, got nothing",
        ),
        ("test.get_shapes", ("version",), "v2", "field version: expected 'v1', got a string, 'v2'"),
        ("test.get_shapes", ("absent",), None, "field absent: expected a string, got null"),
        (
            "test.get_shapes",
            ("nested", "inner", "deep"),
            True,
            "field nested, field inner, field deep: expected a decimal string of at most 64 digits, got a boolean",
        ),
        (
            "test.post_amounts",
            (0, 1),
            [],
            "row 0, item 1: expected a decimal string of at most 64 digits, got an array",
        ),
        (
            "trade.place_multiple_orders",
            (0, "avgPrice"),
            None,
            "row 0, field avgPrice: expected a decimal string of at most 64 digits, got null",
        ),
        ("test.get_nothing", (), {}, "expected no content, got an object"),
    ],
)
def test_invalid_responses(
    sandbox: Sandbox,
    client: SigningClient,
    kinds: Kinds,
    operation: str,
    path: tuple[str | int, ...],
    value: object,
    message: str,
) -> None:
    """A response that is not what the document describes is an error with the place of the invalid value."""
    module, arguments = kinds.operation(operation), build(case_of(operation).arguments, kinds.models)
    response = module.sync_detailed(client=client, **arguments)
    sandbox.respond_next(response.status_code, body=changed(json.loads(response.content or "null"), path, value))

    with pytest.raises(ResponseError) as caught:
        call_sync(module, client, arguments)

    caught.value.hint = None  # That of writes is tested in test_open_enums.py.
    assert f"HTTP {response.status_code}: {message}" == str(caught.value)


@pytest.mark.parametrize(
    ("operation", "path", "value", "select", "result"),
    [
        ("test.get_shapes", ("open",), [1, "2.50", "more"], lambda shapes: shapes.open_, "(1, Decimal('2.50'))"),
        (
            "test.get_shapes",
            ("later",),
            [1.50],
            lambda shapes: shapes.additional_properties["later"],
            "[Decimal('1.5')]",
        ),
        ("test.get_shapes", ("absentAmount",), None, lambda shapes: shapes.absent_amount, "None"),
        ("test.get_shapes", ("absentAmount",), "0.10", lambda shapes: shapes.absent_amount, "Decimal('0.10')"),
        ("test.get_shapes", ("nullable",), "", lambda shapes: shapes.nullable, "''"),
        ("test.get_shapes", ("byName",), {}, lambda shapes: shapes.by_name.additional_properties, "{}"),
        ("test.get_shapes", ("either", 0), 1.5, lambda shapes: shapes.either[0], "Decimal('1.5')"),
        ("market.klines", (0, 7), 48, lambda klines: klines[0].base_volume, "Decimal('48')"),
        (
            "market.exchange_information",
            ("symbols", 0, "filters", 1),
            {"filterType": "LATER", "limit": "5"},
            lambda exchange: exchange.symbols[0].filters[1].additional_properties,
            "{'filterType': 'LATER', 'limit': '5'}",
        ),
        (
            "account.notional_bracket_for_symbol",
            (1, "notionalCoef"),
            "1.50",
            lambda rows: rows[1].notional_coef,
            "Decimal('1.50')",
        ),
        ("trade.place_multiple_orders", (), [], lambda orders: orders, "[]"),
    ],
)
def test_other_responses(
    sandbox: Sandbox,
    client: SigningClient,
    kinds: Kinds,
    operation: str,
    path: tuple[str | int, ...],
    value: object,
    select: Callable[[Any], object],
    result: str,
) -> None:
    """Everything that the document allows is decoded: null, missing and unknown members, each type of a union."""
    module, arguments = kinds.operation(operation), build(case_of(operation).arguments, kinds.models)
    response = module.sync_detailed(client=client, **arguments)
    sandbox.respond_next(response.status_code, body=changed(json.loads(response.content), path, value))

    assert result == repr(select(call_sync(module, client, arguments).parsed))


WRITES = [
    case
    for case in CASES
    if case.operation
    in {
        "trade.new_order",
        "trade.modify_order",
        "trade.cancel_order",
        "trade.place_multiple_orders",
        "trade.cancel_all_open_orders",
        "test.put_mixed",
        "stream.start_user_data_stream",
    }
]


@pytest.mark.parametrize("case", WRITES, ids=name_of)
def test_writes_are_not_retried(sandbox: Sandbox, client: SigningClient, kinds: Kinds, call: Call, case: Case) -> None:
    """A write whose execution is unknown is sent once, with any method, and parameters in query or form."""
    sandbox.inject_fault(Fault.disconnect())

    with pytest.raises(NetworkError) as caught:
        call(kinds.operation(case.operation), client, build(case.arguments, kinds.models))

    assert "unknown" == caught.value.execution
    assert expected(case, sandbox) == sent(sandbox)


def test_reads_are_retried(sandbox: Sandbox, client: SigningClient, kinds: Kinds, call: Call) -> None:
    """A read is retried, whatever the package is."""
    case = case_of("test.get_lists")
    sandbox.inject_fault(Fault.disconnect())

    call(kinds.operation(case.operation), client, build(case.arguments, kinds.models))

    assert [case.query] * 2 == [_SIGNATURE.sub("*", request.query.decode()) for request in sandbox.received_requests]


@pytest.mark.parametrize("operation", ["trade.new_order", "test.post_mixed", "test.delete_nothing"])
def test_clock_is_synchronized_by_the_packages_own_operation(
    sandbox: Sandbox, client: SigningClient, kinds: Kinds, call: Call, operation: str
) -> None:
    """A write that is rejected for its timestamp is sent once more, signed with the exchange's time."""
    case = case_of(operation)
    sandbox.clock_offset_ms = 3_600_000

    response = call(kinds.operation(operation), client, build(case.arguments, kinds.models))

    assert case.status == response.status_code
    assert [(case.request, 400), ("GET /dapi/v1/time", 200), (case.request, case.status)] == [
        (f"{request.method} {request.path}", request.status) for request in sandbox.received_requests
    ]
    assert [False, False, True] == [
        b"timestamp=15789672" in request.query + request.body for request in sandbox.received_requests
    ]


def test_all_packages_share_their_errors(sandbox: Sandbox, client: SigningClient, kinds: Kinds, call: Call) -> None:
    """An operation of any package raises errors of the same tree."""
    sandbox.respond_next(400, body={"code": -2019, "msg": "Margin is insufficient."})

    with pytest.raises(ApiError) as caught:
        call(kinds.operation("trade.new_order"), client, ORDER)

    assert (400, -2019, "Margin is insufficient.") == (caught.value.status_code, caught.value.code, caught.value.msg)
    assert kinds.package.errors.ApiError is ApiError
    assert kinds.package.types.UNSET is UNSET
    assert kinds.package.RetryPolicy is RetryPolicy


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        (
            "trade.new_order",
            ORDER | {"new_client_order_id": "a b"},
            "code -1100: Illegal characters found in a parameter.",
        ),
        (
            "trade.place_multiple_orders",
            {"batch_orders": lambda m: [order(m)] * 6},
            "code -1130: Data sent for parameter 'batchOrders' is not valid.",
        ),
        ("trade.cancel_order", {"symbol": ""}, "code -1102: Mandatory parameter 'symbol' was not sent"),
    ],
)
def test_arguments_that_the_exchange_rejects(
    client: SigningClient, kinds: Kinds, operation: str, arguments: dict[str, Any], message: str
) -> None:
    """Patterns and numbers of items are not checked by the client, but by the exchange."""
    with pytest.raises(ApiError, match=re.escape(message)):
        call_sync(kinds.operation(operation), client, build(arguments, kinds.models))


def test_weight_is_the_operations_own(sandbox: Sandbox, kinds: Kinds) -> None:
    """The client-side rate limit counts the weight of the operation."""
    with kinds.package.connect(
        sandbox.credentials, server=sandbox.url, clock=lambda: NOW, max_weight_per_minute=39
    ) as client:
        kinds.operation("trade.place_multiple_orders").sync(client=client, batch_orders=[order(kinds.models)])
        with pytest.raises(ConfigurationError, match="39 is less than the weight of this call, 40"):
            kinds.operation("trade.current_all_open_orders").sync(client=client)

    assert 5 == client.used_weight == sandbox.used_weight


def test_request_without_a_client(kinds: Kinds) -> None:
    """`build_request` and `parse_response` do no I/O, for programs that send requests in another way."""
    operation = kinds.operation("test.put_mixed")

    assert {
        "method": "PUT",
        "url": "/test/v1/mixed",
        "params": {"symbol": "X"},
        "data": {"quantity": "0.10"},
        "extensions": {"security": kinds.package.security.Security.TRADE, "weight": 1},
    } == operation.build_request(symbol="X", quantity=Decimal("0.10"))
    assert operation.parse_response(httpx.Response(200)).parsed is None
