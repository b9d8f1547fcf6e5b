"""The command on a terminal: width, colors, Ctrl+C; and colors in a pipe."""

import re
import sys

import pytest
from binance_sandbox import Sandbox
from support.cli_runner import here, use

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals of this kind", allow_module_level=True)

from support.terminal import CONTROL, Terminal

ROW = {
    "accountAlias": "SgsR",
    "asset": "BTC",
    "balance": "1234.00250000",
    "withdrawAvailable": "1234.00250000",
    "crossWalletBalance": "1234.00241969",
    "crossUnPnl": "-1.50000000",
    "availableBalance": "1234.00241969",
    "updateTime": 1592468353979,
}
AMOUNTS = [text for name, text in ROW.items() if name not in {"accountAlias", "asset", "updateTime"}]
# Amounts as wide as a terminal of 40 columns, and wider.
LONG = f"{'1234567890' * 3}1.12345678"
LONGER = f"{'1234567890' * 4}.12345678"
NARROW = """
BTC
balance         1234.00250000
available       1234.00241969
unrealized PnL    -1.50000000
"""
NARROW_AND_WIDE = """
BTC
balance               1234.00250000
withdraw available    1234.00250000
cross wallet balance  1234.00241969
unrealized PnL          -1.50000000
available             1234.00241969
updated 2020-06-18 08:19:13 UTC
"""
DOCTOR = """\
FAILED   connection: 127.0.0.1, port 1:
         Connection refused
         expected: a connection within
         10 s
         to do: check the network,
         firewalls and proxies
         (HTTPS_PROXY), and the server's
         port
skipped  clock: requires connection
ok       signature: HMAC-SHA256 in
         hexadecimal, 64 characters
skipped  balance: requires connection
skipped  used weight: requires
         connection

failed: connection
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use(monkeypatch, sandbox)
    sandbox.balances = [dict(ROW)]


def balance(*arguments: str, columns: int, **environment: str) -> tuple[str, str]:
    """Return the output below the first line on a terminal of this width, and the raw output."""
    with Terminal("balance", *arguments, columns=columns, **environment) as terminal:
        code, out = terminal.ended()
    assert 0 == code
    assert max(map(len, out.splitlines())) <= columns
    return out.partition("\n")[2], terminal.raw


@pytest.mark.parametrize(("arguments", "block"), [([], NARROW), (["--wide"], NARROW_AND_WIDE)])
def test_narrow(sandbox: Sandbox, arguments: list[str], block: str) -> None:
    """On 40 columns each asset is a block with one amount per line; a loss is red."""
    sandbox.balances.append(ROW | {"asset": "ETH"})

    out, raw = balance(*arguments, columns=40)

    assert block + block.replace("BTC", "ETH") == out
    assert "\x1b[31m  -1.50000000\x1b[0m" in raw


@pytest.mark.parametrize("columns", [80, 160])
def test_table_fits(columns: int, sandbox: Sandbox) -> None:
    """The table is the same on 80 columns as on more, also with amounts of a rich account."""
    sandbox.balances.append(ROW | {"asset": "1000SATS", "balance": "123456789012.12345678"})

    out, _ = balance(columns=columns)

    assert (
        """
asset                   balance      available  unrealized PnL
BTC               1234.00250000  1234.00241969     -1.50000000
1000SATS  123456789012.12345678  1234.00241969     -1.50000000
"""
        == out
    )


@pytest.mark.parametrize(("columns", "lines"), [(80, 5), (160, 3)])
def test_wide(columns: int, lines: int) -> None:
    """On 80 columns the header of --wide has one word per line; on 160 columns it is a single line."""
    out, _ = balance("--wide", columns=columns)

    assert lines == len(out.splitlines())
    assert ["BTC", *AMOUNTS] == out.splitlines()[-1].split()[:6]
    assert ("2020-06-18 08:19:13 UTC" in out) == (columns == 160)


def test_amounts_that_are_too_long(sandbox: Sandbox) -> None:
    """An amount that does not fit beside its name is below it; one wider than the terminal is folded, not cut."""
    sandbox.balances[0] |= {"balance": LONG, "availableBalance": LONGER}

    out, _ = balance(columns=40)

    assert f"\nbalance\n{LONG}\n" in out
    assert f"\navailable\n{LONGER[:40]}\n{LONGER[40:]}\n" in out


def test_no_color() -> None:
    """With NO_COLOR a terminal gets neither colors nor other styles."""
    _, raw = balance(columns=200, NO_COLOR="1")

    assert "\x1b" not in raw


def test_colors_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets colors only with FORCE_COLOR, and the same width; NO_COLOR takes precedence."""
    for variable in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    plain = here(capsys, "balance").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    colored = here(capsys, "balance").out
    doctor = here(capsys, "doctor").out
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b" not in plain
    assert plain == CONTROL.sub("", colored)
    assert "\x1b[31m   -1.50000000\x1b[0m" in colored
    # Only styles: a pipe has no cursor to move.
    assert {"m"} == {sequence[-1] for sequence in CONTROL.findall(doctor)}
    assert plain == here(capsys, "balance").out


def test_programs_get_no_colors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and CSV have no colors, even with FORCE_COLOR."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert "\x1b" not in here(capsys, "balance", "--json").out + here(capsys, "balance", "--csv").out


def test_doctor_on_a_narrow_terminal() -> None:
    """The output of doctor is wrapped at words, and indented beside its labels."""
    with Terminal("doctor", "--server", "http://127.0.0.1:1", columns=40) as terminal:
        code, out = terminal.ended()

    assert 1 == code
    # The spinner of a check is overwritten by its result.
    shown = [line for line in out.splitlines() if not line.startswith(tuple("-/|\\"))]
    assert max(map(len, shown)) <= 40
    assert DOCTOR.splitlines() == shown[-len(DOCTOR.splitlines()) :]


def test_watch_ends_by_ctrl_c(sandbox: Sandbox) -> None:
    """--watch shows a change on its own line; Ctrl+C ends it with exit code 130 and no traceback."""
    with Terminal("balance", "--watch", "0.1", columns=80) as terminal:
        terminal.read(lambda out: "1234.00250000" in out and out.endswith("\n"))
        sandbox.balances[0]["balance"] = "1235.00250000"
        terminal.read(lambda out: "(+1.00000000)\n" in out)
        terminal.type(b"\x03")
        code, out = terminal.ended()

    assert 130 == code
    assert "binance-coinm: calls every 0.1 s, and shows what changed, until Ctrl+C" == out.splitlines()[0]
    assert re.fullmatch(
        "[0-9:]{8} BTC balance 1234.00250000 -> 1235.00250000 \\(\\+1.00000000\\)", out.splitlines()[-2]
    )
    assert "^C" == out.splitlines()[-1]
