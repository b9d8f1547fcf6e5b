"""What type checkers say of a generated package, and of a program that uses it."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from documents import Kinds

PROGRAM = """
from decimal import Decimal

from kinds_client import AuthenticatedClient, Client
from kinds_client.api.market import klines, order_book
from kinds_client.api.test import delete_nothing, get_lists, get_shapes
from kinds_client.api.trade import new_order, place_multiple_orders
from kinds_client.models import BatchOrder, Error, KlinesInterval, Order, OrderType, Side
from kinds_client.types import Response, Unset


def use(client: AuthenticatedClient) -> None:
    order: Order = new_order.sync(client=client, symbol="X", side=Side.BUY, type_=OrderType.LIMIT, price=Decimal(1))
    cum_qty: Decimal | Unset = order.cum_qty
    batch = [BatchOrder(symbol="X", side=Side.BUY, type_=OrderType.LIMIT, quantity=Decimal(1))]
    answers: list[Order | Error] = place_multiple_orders.sync(client=client, batch_orders=batch)
    bids: list[tuple[Decimal, Decimal]] = order_book.sync(client=client, symbol="X").bids
    opened: int = klines.sync(client=client, symbol="X", interval=KlinesInterval.VALUE_1m)[0][0]
    amount: Decimal | None | Unset = get_shapes.sync(client=client).absent_amount
    get_lists.sync(client=client, ids=[1], level=(Decimal(1), Decimal(2)), sides=[Side.BUY])


async def use_async(client: AuthenticatedClient, other: Client) -> None:
    answer: Response[Order] = await new_order.asyncio_detailed(
        client=client, symbol="X", side=Side.BUY, type_=OrderType.LIMIT
    )
    await order_book.asyncio(client=other, symbol="X")
    await delete_nothing.asyncio(client=client)
"""
MISTAKES = {
    "new_order.sync(client=client, symbol='X', side=Side.BUY)": "type_",
    "new_order.sync(client=client, symbol='X', side=Side.BUY, type_=OrderType.LIMIT, price=1.5)": "float",
    "new_order.sync(client=client, symbol='X', side=OrderType.LIMIT, type_=OrderType.LIMIT)": "OrderType",
    "new_order.sync(client=other, symbol='X', side=Side.BUY, type_=OrderType.LIMIT)": "Client",
    "place_multiple_orders.sync(client=client, batch_orders=[1])": "BatchOrder",
    "get_lists.sync(client=client, level=(Decimal(1), 2))": "level",
}
CHECKERS = {"mypy": ["--strict", "--config-file="], "pyright": ["--pythonpath", sys.executable]}
# A line on an error, of either of them.
_ERROR = re.compile(r"^ *(?P<file>\S+\.py):(?P<line>\d+):(?:\d+ -)? error: (?P<words>.*)$", re.MULTILINE)


@pytest.mark.parametrize("checker", CHECKERS)
def test_package_and_its_use(kinds: Kinds, checker: str) -> None:
    """The package passes, and of a program that uses it each mistake is seen, and nothing else."""
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed; `make check` installs it")
    folder = kinds.document.parent
    lines = [*PROGRAM.splitlines(), "", "def mistaken(client: AuthenticatedClient, other: Client) -> None:"]
    mistakes = dict(enumerate(MISTAKES, start=len(lines) + 1))
    (folder / "program.py").write_text("\n".join([*lines, *(f"    {mistake}" for mistake in MISTAKES), ""]))

    command = [sys.executable, "-m", checker, *CHECKERS[checker], "kinds_client", "program.py"]
    checked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    found = {
        (Path(error["file"]).name, int(error["line"])): error["words"] for error in _ERROR.finditer(checked.stdout)
    }
    assert found.keys() == {("program.py", line) for line in mistakes}, checked.stdout
    assert [] == [words for (_, line), words in found.items() if MISTAKES[mistakes[line]] not in words]
