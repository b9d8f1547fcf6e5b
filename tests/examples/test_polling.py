"""examples/polling.py."""

import re
import signal
import subprocess

import pytest
from binance_sandbox import Sandbox
from support.example_runner import Ended, arguments_of, assert_no_secrets, ended, environment_of, run, started

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """Read a number of lines as soon as a program prints them."""
    assert process.stdout
    return [process.stdout.readline().rstrip() for _ in range(count)]


@pytest.mark.parametrize("number", SIGNALS)
def test_prints_changes_until_a_signal(sandbox: Sandbox, number: signal.Signals) -> None:
    """The balances are printed first, then their changes; a signal ends the program with exit code 0."""
    sandbox.balances = sandbox.balances[:2]
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        first = lines(process, 2)
        sandbox.balances = [sandbox.balances[0] | {"balance": "0.00250001"}]
        second = lines(process, 2)
        process.send_signal(number)
        rest = ended(sandbox, process)

    words = [line.rpartition(" (weight used: ") for line in first + second]
    assert [change for change, _, _ in words] == [
        "BTC: 0.00250000",
        "ETH: 12.50000000",
        "BTC: 0.00250000 -> 0.00250001",
        "ETH: 12.50000000 -> 0",
    ]
    assert all(1 <= int(weight.rstrip(")")) <= 1200 for _, _, weight in words)
    assert Ended(0, "", "") == rest


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "next call in 90 s: HTTP 429, code -1003: Too many requests; "),
        (418, "next call in 90 s: HTTP 418, code -1003: Way too many requests; "),
    ],
)
def test_waits_as_long_as_the_exchange_says(sandbox: Sandbox, status: int, message: str) -> None:
    """After a 429 or a ban nothing is sent for that time, and a signal ends the wait at once."""
    sandbox.respond_next(status, headers={"Retry-After": "90"})
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        assert process.stderr
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = ended(sandbox, process)

    assert line.startswith(message)
    assert_no_secrets(sandbox, line)
    assert Ended(0, "", "") == rest
    assert len(sandbox.received_requests) == 1


def test_keeps_within_half_of_the_weight(sandbox: Sandbox) -> None:
    """If other programs have used up the weight of the IP address, the next call waits for the next minute."""
    sandbox.respond_next(200, body=sandbox.balances, headers={"X-MBX-USED-WEIGHT-1M": "1200"}, times=1000)
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        assert process.stderr
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = ended(sandbox, process)

    assert re.match(r"next call in [1-6]?\d s: not sent: ", line)
    assert rest.code == 0
    assert rest.output.startswith("BTC: 0.00250000 (weight used: 1200)\n")


def test_continues_after_a_failure(sandbox: Sandbox) -> None:
    """A server error is printed, and the next call succeeds."""
    sandbox.respond_next(503, times=4)
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        first = lines(process, 1)
        process.send_signal(signal.SIGINT)
        rest = ended(sandbox, process)

    assert first[0].startswith("BTC: 0.00250000 ")
    assert rest.errors.startswith("next call in 0.01 s: HTTP 503")


def test_ends_after_a_permanent_error(sandbox: Sandbox) -> None:
    """A key that the exchange does not know ends the program."""
    environment = environment_of(sandbox) | {"BINANCE_API_KEY": "x" * 64}

    code, output, errors = run(sandbox, arguments_of("polling.py", "0.01"), environment)

    assert (1, "") == (code, output)
    assert errors.startswith("ApiKeyError: HTTP 401, code -2015: Invalid API-key, IP, or permissions for action")
    assert len(sandbox.received_requests) == 1
