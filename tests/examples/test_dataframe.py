"""examples/dataframe.py, and the pages whose programs need what examples need."""

import runpy
from decimal import Decimal, Inexact, localcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from support.constants import ROOT
from support.example_runner import EXAMPLES, arguments_of, environment_of, run
from support.page_runner import clean_environment, follow

TABLE = """\
                         balance          available_balance       cross_wallet_balance    cross_un_pnl                     margin
asset
BTC                   0.00250000                 0.00241969                 0.00241969      0.00000000                 0.00241969
ETH                  12.50000000                11.98765432                12.50000000     -0.51234568                11.98765432
XRP                      10000.1                    10000.1                    10000.1               0                    10000.1
ADA    123456789012.123456789012  123456789012.123456789012  123456789012.123456789012  0.000000000000  123456789012.123456789012
"""  # noqa: E501, as it is printed


@pytest.fixture
def functions() -> dict[str, Any]:
    """Return what the example defines."""
    return runpy.run_path(str(EXAMPLES / "dataframe.py"))


def row(asset: str, balance: str) -> FuturesAccountBalance:
    """Return a row with all amounts equal."""
    amounts = dict.fromkeys(
        ("balance", "withdrawAvailable", "crossWalletBalance", "crossUnPnl", "availableBalance"), balance
    )
    return FuturesAccountBalance.from_dict({"accountAlias": "SgsR", "asset": asset, "updateTime": 0} | amounts)


def test_prints_exact_amounts_and_draws_them(sandbox: Sandbox, tmp_path: Path) -> None:
    """The table has all digits and no asset without a balance; the file is a picture."""
    path = tmp_path / "balances.png"
    long = dict.fromkeys(("balance", "availableBalance", "crossWalletBalance"), "123456789012.123456789012")
    sandbox.balances[3] |= long | {"crossUnPnl": "0.000000000000"}

    code, output, errors = run(sandbox, arguments_of("dataframe.py", str(path)))

    assert (0, "") == (code, errors)
    assert TABLE.splitlines() == [line.rstrip() for line in output.splitlines()]
    picture = path.read_bytes()
    assert picture.startswith(b"\x89PNG")
    # Width and height follow the name of the first chunk.
    assert (1200, 390) == (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24]))


def test_columns_are_decimals_and_add_up_exactly(functions: dict[str, Any]) -> None:
    """Sums of columns and of accounts have all digits, where a float64 would be rounded."""
    first = functions["frame_of"]([row("ADA", "123456789012.123456789012"), row("BTC", "0.1"), row("DOT", "0.00")])
    second = functions["frame_of"]([row("ADA", "0.000000000001"), row("BTC", "0.2")])

    total = pd.concat([first, second]).groupby("asset").sum()

    assert [str(dtype) for dtype in first.dtypes] == ["object"] * 5
    assert list(first.index) == ["ADA", "BTC"]
    assert list(first["margin"]) == [Decimal("246913578024.246913578024"), Decimal("0.2")]
    assert list(total["balance"]) == [Decimal("123456789012.123456789013"), Decimal("0.3")]
    assert {type(amount) for amount in total["balance"]} == {Decimal}


def test_too_many_digits_are_an_error(functions: dict[str, Any]) -> None:
    """With the trap that the program sets, a sum that would be rounded is an error."""
    with localcontext() as context:
        context.traps[Inexact] = True

        with pytest.raises(Inexact):
            functions["frame_of"]([row("ADA", "12345678901234567890.1234567891")])


@pytest.mark.parametrize("assets", [0, 1, 60])
def test_draws_any_number_of_assets(functions: dict[str, Any], assets: int, tmp_path: Path) -> None:
    """The height of the picture depends on the number of assets."""
    frame = functions["frame_of"]([row(f"A{number}", "0.10000000") for number in range(assets)])

    functions["draw"](frame, tmp_path / "balances.png")

    picture = (tmp_path / "balances.png").read_bytes()
    assert int.from_bytes(picture[20:24]) == pytest.approx(150 * (1.2 + 0.35 * assets), abs=1)


def test_prints_errors(sandbox: Sandbox, tmp_path: Path) -> None:
    """An error of the exchange ends the program with one line, and nothing is drawn."""
    environment = environment_of(sandbox) | {"BINANCE_API_SECRET": "another"}

    code, output, errors = run(sandbox, arguments_of("dataframe.py", str(tmp_path / "balances.png")), environment)

    assert (1, "", 1) == (code, output, errors.count("\n"))
    assert errors.startswith("SignatureError: HTTP 400, code -1022: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("page", ["how-to/history.md", "how-to/rows.md", "examples.md"])
def test_page_can_be_followed(page: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """From an empty folder and environment, each step of a page succeeds, and prints what the page shows."""
    folder, scratch = (tmp_path_factory.mktemp(name) for name in ("folder", "scratch"))

    follow(ROOT / "docs" / page, folder, scratch, clean_environment())
