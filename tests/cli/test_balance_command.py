"""`binance-coinm balance`: table, JSON and CSV output, and errors in one line."""

import csv
import io
import json
from decimal import Decimal

import pytest
from binance_coinm.models import FuturesAccountBalance
from binance_coinm_cli._balance import changes
from binance_sandbox import Fault, Sandbox
from support.cli_runner import here, use

ZERO = {
    "accountAlias": "SgsR",
    "asset": "LINK",
    "balance": "0.00000000",
    "withdrawAvailable": "0.00000000",
    "crossWalletBalance": "0.00000000",
    "crossUnPnl": "-0.00000000",
    "availableBalance": "0.00000000",
    "updateTime": 0,
}
BTC = ZERO | {
    "asset": "BTC",
    "balance": "0.00250000",
    "withdrawAvailable": "0.00250000",
    "crossWalletBalance": "0.00241969",
    "crossUnPnl": "-0.00000001",
    "availableBalance": "0.00241969",
    "updateTime": 1592468353979,
}
# Zero but for the loss of open positions.
LOSS = ZERO | {"asset": "XRP", "crossUnPnl": "-1.5"}
PATH = "/dapi/v1/balance"
TABLE = """
asset     balance   available  unrealized PnL
BTC    0.00250000  0.00241969     -0.00000001
XRP    0.00000000  0.00000000            -1.5

not shown: 1 of 3 assets, with a zero balance (--all shows them)
"""
WIDE = """
asset     balance  withdraw available  cross wallet balance  unrealized PnL   available                  updated
BTC    0.00250000          0.00250000            0.00241969     -0.00000001  0.00241969  2020-06-18 08:19:13 UTC
XRP    0.00000000          0.00000000            0.00000000            -1.5  0.00000000                    never

not shown: 1 of 3 assets, with a zero balance (--all shows them)
"""
CSV = """\
accountAlias,asset,balance,withdrawAvailable,crossWalletBalance,crossUnPnl,availableBalance,updateTime
SgsR,BTC,0.00250000,0.00250000,0.00241969,-0.00000001,0.00241969,1592468353979
SgsR,LINK,0.00000000,0.00000000,0.00000000,-0.00000000,0.00000000,0
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use(monkeypatch, sandbox)


@pytest.mark.parametrize(("arguments", "table"), [([], TABLE), (["--wide"], WIDE), (["-o", "table"], TABLE)])
def test_table(capsys: pytest.CaptureFixture[str], sandbox: Sandbox, arguments: list[str], table: str) -> None:
    """A pipe gets one line per asset, unwrapped and without colors; assets with a zero balance are hidden.

    --wide adds the other amounts, and when they changed.
    """
    sandbox.balances = [BTC, ZERO, LOSS]

    code, out, err = here(capsys, "balance", *arguments)

    assert (0, "") == (code, err)
    first, *lines = out.splitlines()
    assert f"{sandbox.url}, account SgsR" == first
    assert table.splitlines() == lines


def test_assets(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Assets that are named are shown in any form, whatever their case is, and also with a zero balance."""
    sandbox.balances = [BTC, ZERO, LOSS]

    code, out, err = here(capsys, "balance", "link", "XRP")

    assert (0, ["LINK", "XRP"], "") == (code, [line.split()[0] for line in out.splitlines()[3:]], err)
    assert [ZERO] == json.loads(here(capsys, "balance", "LINK", "--json").out)
    assert CSV.splitlines()[:2] == here(capsys, "balance", "btc", "--csv").out.splitlines()


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_unknown_asset(capsys: pytest.CaptureFixture[str], sandbox: Sandbox, form: str) -> None:
    """An asset that the account does not have is an error that names those that it has."""
    sandbox.balances = [BTC, ZERO]

    assert (2, "", "binance-coinm: no asset btx, ETH; the account has BTC, LINK\n") == here(
        capsys, "balance", "btc", "btx", "ETH", "--output", form
    )

    sandbox.balances = []
    assert (2, "", "binance-coinm: no asset BTC; the account has none\n") == here(capsys, "balance", "BTC")


def test_all_rows(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """--all shows assets with a zero balance."""
    sandbox.balances = [BTC, ZERO, LOSS]

    code, out, _ = here(capsys, "balance", "--all")

    assert 0 == code
    assert ["BTC", "LINK", "XRP"] == [line.split()[0] for line in out.splitlines()[3:]]
    assert "not shown" not in out


def test_nothing_but_zero(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """No empty table is printed if all assets are hidden."""
    sandbox.balances = [ZERO]

    assert (
        0,
        f"{sandbox.url}, account SgsR\n\nnot shown: 1 of 1 assets, with a zero balance (--all shows them)\n",
        "",
    ) == here(capsys, "balance")


def test_no_rows(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """An account without rows is reported as empty; JSON is an empty array, CSV a header."""
    sandbox.balances = []

    assert f"{sandbox.url}\nno assets\n" == here(capsys, "balance").out
    assert "[]\n" == here(capsys, "balance", "--json").out
    assert ",".join(ZERO) + "\n" == here(capsys, "balance", "--csv").out


def test_server_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """--server takes precedence over the environment."""
    monkeypatch.setenv("BINANCE_SERVER", "demo")

    code, out, _ = here(capsys, "balance", "--server", sandbox.url)

    assert (0, True) == (code, out.startswith(sandbox.url))


def test_sandbox_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--sandbox ignores the environment and needs none of its variables."""
    monkeypatch.setenv("BINANCE_SERVER", "demo")
    monkeypatch.delenv("BINANCE_API_SECRET")

    code, out, _ = here(capsys, "balance", "--sandbox", "--json")

    assert 0 == code
    assert ["BTC", "ETH", "XRP", "ADA", "DOT"] == [row["asset"] for row in json.loads(out)]


def test_json(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """JSON is one line with all rows, including zero balances; amounts are strings with the exchange's digits."""
    sandbox.balances = [BTC, ZERO]

    code, out, err = here(capsys, "balance", "--json")

    assert (0, "", 1) == (code, err, out.count("\n"))
    assert [BTC, ZERO] == json.loads(out)
    assert out == here(capsys, "balance", "-o", "json").out
    assert list(BTC) == list(json.loads(out)[0])


def test_json_of_unknown_fields(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Undocumented fields come last; their fractional numbers are exact, as strings."""
    sandbox.respond_next(200, body=[{"more": {"is": [True, None]}, "price": Decimal("0.10"), "count": 7} | BTC])

    (row,) = json.loads(here(capsys, "balance", "--json").out)

    assert BTC | {"more": {"is": [True, None]}, "price": "0.10", "count": 7} == row
    assert [*BTC, "more", "price", "count"] == list(row)


def test_csv(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """CSV has the exchange's names in its header, and all rows with the exchange's digits."""
    sandbox.balances = [BTC, ZERO]

    assert (0, CSV, "") == here(capsys, "balance", "--csv") == here(capsys, "balance", "--output", "csv")


def test_csv_of_unknown_fields(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A field that only some rows have is a column, empty in the others; commas are quoted, and newlines escaped."""
    more = {"note": 'a, "b"\nc', "price": Decimal("1e-9"), "flags": {"is": True}}
    sandbox.respond_next(200, body=[BTC, ZERO | more])

    rows = list(csv.DictReader(io.StringIO(here(capsys, "balance", "--csv").out, newline="")))

    assert ["", 'a, "b"\\nc'] == [row["note"] for row in rows]
    assert ["", "0.000000001"] == [row["price"] for row in rows]
    assert ["", '{"is": true}'] == [row["flags"] for row in rows]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1+cmd", "'-1+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\\t=1"),
        ("\r=1", "\\r=1"),
        ("-0.50", "-0.50"),
        ("BTC-USD", "BTC-USD"),
        (Decimal("-0.50"), "-0.50"),
        (-5, "-5"),
    ],
)
def test_formulas_in_csv(capsys: pytest.CaptureFixture[str], sandbox: Sandbox, value: object, cell: str) -> None:
    """Text that a spreadsheet would take for a formula is disarmed, in names too; numbers are as they were sent."""
    name = str(value)
    sandbox.respond_next(200, body=[BTC | {name: value} | ({"asset": value} if isinstance(value, str) else {})])

    header, row = csv.reader(io.StringIO(here(capsys, "balance", "--csv").out))

    assert (cell, cell) == (header[-1], row[-1])
    assert (cell if isinstance(value, str) else "BTC") == row[1]
    assert "-0.00000001" == row[5]


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str], sandbox: Sandbox, form: list[str]) -> None:
    """Control sequences and markup in an asset's name have no effect on the terminal."""
    sandbox.balances = [BTC | {"asset": "\x1b[2J[red]:smile:"}]

    out = here(capsys, "balance", *form).out

    assert "\x1b" not in out
    assert "[2J[red]:smile:" in out


def test_time_out_of_range(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A time out of the calendar's range is shown in milliseconds."""
    sandbox.balances = [BTC | {"updateTime": 10**17}]

    assert "100000000000000000 ms" in here(capsys, "balance", "--wide").out


@pytest.mark.parametrize(
    ("status", "settings", "said"),
    [
        (
            400,
            {"example": "signature"},
            "SignatureError: HTTP 400, code -1022: Signature for this request is not valid; check that the secret or",
        ),
        (401, {"example": "rejected"}, "ApiKeyError: HTTP 401, code -2015: "),
        (
            403,
            {"body": "<html>", "content_type": "text/html"},
            "FirewallError: HTTP 403, no code, text/html: <html>; wait",
        ),
        (429, {"headers": {"Retry-After": "60"}}, "; send no requests for 60 s: "),
        (418, {}, "IpBannedError: HTTP 418, code -1003: "),
        (418, {"body": {"code": -1003, "msg": "banned until 4102444800000"}}, "until 2100-01-01 00:00:00 UTC"),
        (451, {}, "RestrictedLocationError: HTTP 451, code 0: "),
        (400, {"body": {"code": -1, "msg": "two\nlines\x1b[2J"}}, "ApiError: HTTP 400, code -1: two\\nlines\\x1b[2J;"),
        (200, {"body": "no JSON"}, "ResponseError: HTTP 200: "),
        (200, {"body": [BTC | {"balance": "much"}]}, "ResponseError: HTTP 200: row 0, field balance: "),
    ],
)
def test_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], sandbox: Sandbox, status: int, settings: dict[str, object], said: str
) -> None:
    """Each error is one line on stderr: the message, and what to do."""
    sandbox.respond_next(status, path=PATH, **settings)  # type: ignore[arg-type]

    code, out, err = here(capsys, "balance")

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("binance-coinm: ")
    assert said in err
    assert err.endswith(" (run binance-coinm doctor for details)\n")


def test_timeout(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """The timeout limits the call including all retries."""
    sandbox.inject_fault(Fault.silence(), times=9)

    code, out, err = here(capsys, "balance", "--timeout", "0.2")

    assert (1, "") == (code, out)
    assert err.startswith("binance-coinm: TimeoutError: the call timed out")
    assert "allow more time with --timeout" in err


def test_changes_of_assets_that_come_and_go() -> None:
    """For a new or removed asset, each of its amounts has changed."""
    old, new = (FuturesAccountBalance.from_dict(ZERO | {"asset": asset}) for asset in ("OLD", "NEW"))

    found = [(change.asset, change.before, change.after) for change in changes([old], [new])]

    assert [("NEW", None, Decimal(0))] * 5 + [("OLD", Decimal(0), None)] * 5 == found
