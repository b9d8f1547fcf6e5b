"""examples/balance.py, and how the others treat a closed pipe and their arguments."""

from pathlib import Path

import pytest
from binance_sandbox import Sandbox
from support.constants import ROW
from support.example_runner import Ended, arguments_of, environment_of, run, started


def test_amounts_have_all_digits(sandbox: Sandbox) -> None:
    """Amounts are printed as the exchange sends them, and columns are as wide as they need."""
    sandbox.balances = [ROW | {"balance": "123456789012.123456789012", "crossUnPnl": "-0.00000000"}, ROW]

    code, output, errors = run(sandbox, arguments_of("balance.py"))

    first, _, *table = output.splitlines()
    assert (0, "") == (code, errors)
    assert f"2 assets at {sandbox.url}" == first
    assert [
        "asset                    balance   available  unrealized PnL",
        "  BTC  123456789012.123456789012  0.00241969     -0.00000000",
        "  BTC                 0.00250000  0.00241969      0.00000000",
    ] == table


@pytest.mark.parametrize("is_buffered", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        ["balance.py"],
        ["async_balance.py"],
        ["many_accounts.py"],
        ["dataframe.py", "balances.png"],
        ["polling.py", "0.01"],
        ["prometheus_exporter.py", "0"],
        ["tracing.py"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_closed_pipe(sandbox: Sandbox, tmp_path: Path, arguments: list[str], *, is_buffered: bool) -> None:
    """When the reader of the output is gone, as head is after its lines, the program ends without a traceback."""
    environment = environment_of(sandbox) | {"PYTHONUNBUFFERED": "" if is_buffered else "1"}
    name, *others = arguments
    others = [str(tmp_path / other) if other.endswith(".png") else other for other in others]

    with started(sandbox, arguments_of(name, *others), environment) as process:
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=60)

    assert Ended(141, "", "") == Ended(process.returncode, "", errors)
    assert len(list(tmp_path.iterdir())) == (name == "dataframe.py")


@pytest.mark.parametrize("name", ["dataframe.py", "polling.py", "prometheus_exporter.py", "task_queue.py"])
def test_help(sandbox: Sandbox, name: str) -> None:
    """The help of a program that has arguments says what it does, with a command that runs it."""
    code, output, errors = run(sandbox, arguments_of(name, "--help"))

    assert (0, "") == (code, errors)
    assert output.startswith(f"usage: {name} ")
    assert f"`python examples/{name}" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataframe.py"], "the following arguments are required: picture"),
        (["task_queue.py"], "the following arguments are required: scheduler, account"),
        (["task_queue.py", "tcp://127.0.0.1:1"], "the following arguments are required: account"),
        (["polling.py", "soon"], "argument seconds: invalid float value: 'soon'"),
        (["polling.py", "nan"], "seconds: expected a positive number, at most 86400"),
        (["polling.py", "-1"], "seconds: expected a positive number, at most 86400"),
        (["prometheus_exporter.py", "metrics"], "argument port: invalid int value: 'metrics'"),
        (["prometheus_exporter.py", "65536"], "argument port: invalid choice: 65536"),
    ],
)
def test_invalid_arguments(sandbox: Sandbox, arguments: list[str], message: str) -> None:
    """Missing and invalid arguments end a program with its usage."""
    name, *others = arguments

    code, output, errors = run(sandbox, arguments_of(name, *others))

    assert (2, "") == (code, output)
    assert errors.startswith(f"usage: {name} ")
    assert f"{name}: error: {message}" in errors
    assert not sandbox.received_requests
