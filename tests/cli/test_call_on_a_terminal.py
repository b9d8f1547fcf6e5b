"""`binance-coinm call` on a terminal: width, questions, and what a shell completes."""

import shutil
import subprocess
import sys

import pytest
from binance_sandbox import Sandbox
from support.cli_runner import ended, environment_with, start, use

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals of this kind", allow_module_level=True)

from support.terminal import Terminal

CANDLES = "kline_candlestick_data"
CANDLE = [1591258320000, "9640.7", "9642.4", "9640.60", "9642.0", "206", 1591258379999, "2.1", 48, "119", "1.2", "0"]
TYPED = ("call", CANDLES, "symbol=BTCUSD_PERP", "interval=1h")
ORDER = ("call", "newOrder", "symbol=BTCUSD_PERP", "side=BUY", "type=LIMIT", "quantity=10", "price=9000.50")
BASH = shutil.which("bash") or ""
BLOCK = """\
openTime            1591258320000
open                9640.7
high                9642.4
low                 9640.60
close               9642.0
volume              206
closeTime           1591258379999
baseVolume          2.1
tradeCount          48
takerBuyVolume      119
takerBuyBaseVolume  1.2
ignored11           0
"""
QUESTION = """\
POST /dapi/v1/order, to {url}
  symbol=BTCUSD_PERP
  side=BUY
  type=LIMIT
  quantity=10
  price=9000.50
Send it? [y/N]: """
# bash takes what stands in COMP_WORDBREAKS for words of its own.
COMPLETE = """
eval "$({python} -m binance_coinm_cli completion bash)"
binance-coinm() {{ {python} -m binance_coinm_cli; }}
env() {{ command env "${{@:1:3}}" {python} -m binance_coinm_cli; }}
compopt() {{ echo "$2"; }}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_binance_coinm_completion binance-coinm
printf "%s\\n" "${{COMPREPLY[@]}}"
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use(monkeypatch, sandbox)


@pytest.mark.parametrize(("columns", "is_table"), [(80, False), (160, True)])
def test_width_of_rows(sandbox: Sandbox, columns: int, *, is_table: bool) -> None:
    """On 80 columns candles that are too wide are one below the other; on 160 columns they are a table."""
    sandbox.respond_next(200, body=[CANDLE, CANDLE])

    with Terminal(*TYPED, columns=columns) as terminal:
        code, out = terminal.ended()

    assert 0 == code
    assert max(map(len, out.splitlines())) <= columns
    if is_table:
        assert [[str(value) for value in CANDLE]] * 2 == [line.split() for line in out.splitlines()[1:]]
    else:
        assert f"{BLOCK}\n{BLOCK}" == out


@pytest.mark.parametrize(("columns", "lines"), [(80, 1 + 3 * 70), (200, 1 + 70)])
def test_width_of_the_operations(columns: int, lines: int) -> None:
    """On 80 columns an operation has three lines, and no name is cut; on 200 columns it has one."""
    with Terminal("operations", columns=columns) as terminal:
        code, out = terminal.ended()

    assert (0, lines) == (code, len(out.splitlines()))
    assert max(map(len, out.splitlines())) <= columns
    assert "get_futures_transaction_history_download_link_by_id " in out
    assert "GET /dapi/v1/klines" in out
    assert "Kline/Candlestick Data" in out


def test_width_of_one_operation() -> None:
    """On 80 columns the description of an operation is wrapped."""
    with Terminal("operations", "place_multiple_orders", columns=80) as terminal:
        code, out = terminal.ended()

    assert 0 == code
    assert max(map(len, out.splitlines())) <= 80
    assert "selfTradePreventionMode" in out


@pytest.mark.parametrize(
    ("keys", "code", "said", "sent"),
    [(b"y\n", 0, "orderId ", 1), (b"n\n", 1, "nothing was sent", 0), (b"\n", 1, "nothing was sent", 0)],
    ids=["yes", "no", "default"],
)
def test_trade_asks(sandbox: Sandbox, keys: bytes, code: int, said: str, sent: int) -> None:
    """What may change the account is shown first, and only sent after a yes."""
    with Terminal(*ORDER, columns=80) as terminal:
        shown = terminal.read(lambda out: out.endswith("[y/N]: "))
        assert not sandbox.received_requests
        terminal.type(keys)
        ended_with, out = terminal.ended()

    assert shown == QUESTION.format(url=sandbox.url)
    assert code == ended_with
    assert said in out.removeprefix(shown)
    assert sent == len(sandbox.received_requests)


def test_end_of_input_instead_of_an_answer(sandbox: Sandbox) -> None:
    """Ctrl+D or Ctrl+C instead of an answer ends the command as Ctrl+C always does, and nothing is sent."""
    with Terminal(*ORDER, columns=80) as terminal:
        terminal.read(lambda out: out.endswith("[y/N]: "))
        # Not Ctrl+C: a signal between input()'s prompt and its read is only handled after the read.
        terminal.type(b"\x04")
        code, _ = terminal.ended()

    assert 130 == code
    assert not sandbox.received_requests


def complete(words: str, shell: str = "zsh") -> list[str]:
    """Return what a shell offers for the last of these words, with its description."""
    cword = words.rpartition(" ")[2] if shell == "fish" else str(words.count(" "))
    code, out, err = ended(
        start(_BINANCE_COINM_COMPLETE=f"{shell}_complete", COMP_WORDS=words, COMP_CWORD=cword),
    )
    assert (0, "") == (code, err)
    return out.splitlines()


def test_names_of_operations_are_completed() -> None:
    """A shell offers the operations that begin with what is typed, with their summaries."""
    assert ["plain", CANDLES, "Kline/Candlestick Data"] == complete("binance-coinm call kl")
    assert ["plain", CANDLES, "Kline/Candlestick Data"] == complete("binance-coinm operations kl")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (f"{CANDLES} ", ["symbol=", "interval=", "start_time=", "end_time=", "limit="]),
        (f"{CANDLES} symbol=A s", ["start_time="]),
        (f"{CANDLES} startTime=1 s", ["symbol="]),
        (
            f"{CANDLES} interval=1",
            ["interval=1m", "interval=15m", "interval=1h", "interval=12h", "interval=1d", "interval=1w", "interval=1M"],
        ),
        (f"{CANDLES} limit=", []),
        (f"{CANDLES} no_parameter=", []),
        ("new_order reduceOnly=", ["reduceOnly=true", "reduceOnly=false"]),
        ("no_operation ", []),
    ],
)
def test_arguments_are_completed(typed: str, offered: list[str]) -> None:
    """A shell offers the parameters that are not given yet, and values that can be listed."""
    assert offered == complete(f"binance-coinm call {typed}")[1::3]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_are_completed(shell: str) -> None:
    """Each shell completes commands, with the protocol of its script."""
    code, script, err = ended(start("completion", shell))

    assert (0, "", 1) == (code, err, script.count(f"_BINANCE_COINM_COMPLETE={shell}_complete"))
    assert "operations" in complete("binance-coinm oper", shell)[-1 if shell != "zsh" else 1]


@pytest.mark.skipif(not BASH, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("binance-coinm bal", ["balance"]),
        ("binance-coinm balance --out", ["--output"]),
        ("binance-coinm completion z", ["zsh"]),
        ("binance-coinm call kl", [CANDLES]),
        (f"binance-coinm call {CANDLES} int", ["nospace", "interval="]),
        (f"binance-coinm call {CANDLES} interval =", ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h"]),
        (f"binance-coinm call {CANDLES} interval = 3", ["3m", "30m", "3d"]),
        (f"binance-coinm call {CANDLES} symbol = limit int", ["nospace", "interval="]),
        (f"binance-coinm call {CANDLES} symbol = limit li", ["nospace", "limit="]),
    ],
)
def test_bash(words: str, offered: list[str]) -> None:
    """Bash takes a = for a word of its own, completes what comes after it, and adds no space after a name."""
    code = COMPLETE.format(python=sys.executable, words=words)

    done = subprocess.run(
        [BASH, "--norc", "-c", code],
        capture_output=True,
        text=True,
        env=environment_with({}),
        check=False,
        timeout=60,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert offered == done.stdout.splitlines()[: len(offered)]
