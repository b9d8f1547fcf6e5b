"""A generated package, and a program that uses it, as type checkers see them."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.specs import Kinds

PROGRAM = """
from decimal import Decimal

from binance_client.base_client import AuthenticatedClient, BaseClient
from kinds_client import Client, connect
from kinds_client.api.market import klines, order_book
from kinds_client.api.test import delete_nothing, get_lists, get_shapes
from kinds_client.api.trade import new_order, place_multiple_orders
from kinds_client.models import BatchOrder, Error, KlinesInterval, Order, OrderType, Side
from kinds_client.types import Response, Unset


def use(client: AuthenticatedClient) -> None:
    order: Order = new_order.sync(client=client, symbol="X", side=Side.BUY, type_=OrderType.LIMIT, price=Decimal(1))
    cum_qty: Decimal | Unset = order.cum_qty
    batch = [BatchOrder(symbol="X", side=Side.BUY, type_=OrderType.LIMIT, quantity=Decimal(1))]
    orders: list[Order | Error] = place_multiple_orders.sync(client=client, batch_orders=batch)
    bids: list[tuple[Decimal, Decimal]] = order_book.sync(client=client, symbol="X").bids
    opened: int = klines.sync(client=client, symbol="X", interval=KlinesInterval.VALUE_1m)[0][0]
    amount: Decimal | None | Unset = get_shapes.sync(client=client).absent_amount
    get_lists.sync(client=client, ids=[1], level=(Decimal(1), Decimal(2)), sides=[Side.BUY])


async def use_async(client: AuthenticatedClient, other: BaseClient) -> None:
    response: Response[Order] = await new_order.asyncio_detailed(
        client=client, symbol="X", side=Side.BUY, type_=OrderType.LIMIT
    )
    await order_book.asyncio(client=other, symbol="X")
    await delete_nothing.asyncio(client=client)


def use_methods() -> None:
    with connect() as client:
        order: Order = client.trade.new_order(symbol="X", side=Side.BUY, type_=OrderType.LIMIT, price=Decimal(1))
        batch = [BatchOrder(symbol="X", side=Side.BUY, type_=OrderType.LIMIT, quantity=Decimal(1))]
        orders: list[Order | Error] = client.trade.place_multiple_orders(batch_orders=batch)
        opened: int = client.market.klines(symbol="X", interval=KlinesInterval.VALUE_1m)[0][0]
        client.test.delete_nothing()


async def use_methods_async() -> None:
    async with connect().with_options(timeout=1) as client:
        order: Order = await client.aio.trade.new_order(symbol="X", side=Side.BUY, type_=OrderType.LIMIT)
        bids: list[tuple[Decimal, Decimal]] = (await client.aio.market.order_book(symbol="X")).bids
        await client.aio.test.get_lists(ids=[1], level=(Decimal(1), Decimal(2)), sides=[Side.BUY])
"""
MISTAKES = {
    "new_order.sync(client=client, symbol='X', side=Side.BUY)": "type_",
    "new_order.sync(client=client, symbol='X', side=Side.BUY, type_=OrderType.LIMIT, price=1.5)": "float",
    "new_order.sync(client=client, symbol='X', side=OrderType.LIMIT, type_=OrderType.LIMIT)": "OrderType",
    "new_order.sync(client=other, symbol='X', side=Side.BUY, type_=OrderType.LIMIT)": "BaseClient",
    "place_multiple_orders.sync(client=client, batch_orders=[1])": "BatchOrder",
    "get_lists.sync(client=client, level=(Decimal(1), 2))": "level",
    "client.trade.new_order(symbol='X', side=Side.BUY)": "type_",
    "client.trade.new_order(symbol='X', side=Side.BUY, type_=OrderType.LIMIT, price=1.5)": "float",
    "client.trade.new_order(symbol='X', side=Side.BUY, type_=OrderType.LIMIT).asset": "asset",
    "client.aio.test.get_lists(level=(Decimal(1), 2))": "level",
    "client.trade.klines(symbol='X')": "klines",
    "other.market.order_book(symbol='X')": "market",
}
CHECKERS = {"mypy": ["--strict", "--config-file="], "pyright": ["--pythonpath", sys.executable]}
# The line of an error, as either of them prints it.
_ERROR = re.compile(r"^ *(?P<file>\S+\.py):(?P<line>\d+):(?:\d+ -)? error: (?P<message>.*)$", re.MULTILINE)


@pytest.mark.parametrize("checker", CHECKERS)
def test_package_and_its_use(kinds: Kinds, checker: str) -> None:
    """The package has no error, and a program that uses it has an error for each mistake, and no others."""
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed; `make check` installs it")
    folder = kinds.document.parent
    lines = [*PROGRAM.splitlines(), "", "def misuse(client: Client, other: BaseClient) -> None:"]
    mistakes = dict(enumerate(MISTAKES, start=len(lines) + 1))
    (folder / "program.py").write_text("\n".join([*lines, *(f"    {mistake}" for mistake in MISTAKES), ""]))

    command = [sys.executable, "-m", checker, *CHECKERS[checker], "kinds_client", "program.py"]
    checked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    found = {
        (Path(error["file"]).name, int(error["line"])): error["message"] for error in _ERROR.finditer(checked.stdout)
    }
    assert found.keys() == {("program.py", line) for line in mistakes}, checked.stdout
    assert [] == [message for (_, line), message in found.items() if MISTAKES[mistakes[line]] not in message]
