"""examples/async_balance.py."""

import runpy

import pytest
import trio
from binance_sandbox import Sandbox
from support.example_runner import EXAMPLES, Ended, arguments_of, environment_of, run

LINES = """\
BTC      0.00250000 of which 0.00241969 available
ETH      12.50000000 of which 11.98765432 available
XRP      10000.1 of which 10000.1 available
ADA      350.75000000 of which 350.75000000 available
"""


def test_prints_balances(sandbox: Sandbox) -> None:
    """Each asset with a balance is a line, with all digits."""
    assert Ended(0, LINES, "") == run(sandbox, arguments_of("async_balance.py"))


def test_runs_on_trio(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same function runs on trio, as its docstring says."""
    for name, value in environment_of(sandbox).items():
        monkeypatch.setenv(name, value)

    trio.run(runpy.run_path(str(EXAMPLES / "async_balance.py"))["main"])

    assert LINES == capsys.readouterr().out


def test_prints_errors(sandbox: Sandbox) -> None:
    """An error of the exchange ends the program with one line."""
    environment = environment_of(sandbox) | {"BINANCE_API_SECRET": "another"}

    code, output, errors = run(sandbox, arguments_of("async_balance.py"), environment)

    assert (1, "") == (code, output)
    assert errors.startswith("SignatureError: HTTP 400, code -1022: Signature for this request is not valid.")
    assert errors.count("\n") == 1
