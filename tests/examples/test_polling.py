"""examples/polling.py."""

import re
import signal
import subprocess

import pytest
from binance_sandbox import Sandbox
from programs import Ended, arguments_of, assert_no_secrets, ended, environment_of, run, started

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """Read so many lines of what a program prints, as soon as they come."""
    assert process.stdout
    return [process.stdout.readline().rstrip() for _ in range(count)]


@pytest.mark.parametrize("number", SIGNALS)
def test_prints_changes_until_a_signal(sandbox: Sandbox, number: signal.Signals) -> None:
    """First comes what there is, then what is different, and nothing else; a signal ends the program with 0."""
    sandbox.rows = sandbox.rows[:2]
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        first = lines(process, 2)
        sandbox.rows = [sandbox.rows[0] | {"balance": "0.00250001"}]
        second = lines(process, 2)
        process.send_signal(number)
        rest = ended(sandbox, process)

    words = [line.rpartition(" (weight used: ") for line in first + second]
    assert [change for change, _, _ in words] == [
        "BTC: 0 -> 0.00250000",
        "ETH: 0 -> 12.50000000",
        "BTC: 0.00250000 -> 0.00250001",
        "ETH: 12.50000000 -> 0",
    ]
    assert all(1 <= int(weight.rstrip(")")) <= 1200 for _, _, weight in words)
    assert Ended(0, "", "") == rest


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "asking again in 90 s: HTTP 429, code -1003: Too many requests; "),
        (418, "asking again in 90 s: HTTP 418, code -1003: Way too many requests; "),
    ],
)
def test_waits_as_long_as_the_exchange_says(sandbox: Sandbox, status: int, message: str) -> None:
    """After a 429 or a ban nothing is sent for so long, and a signal ends the wait at once."""
    sandbox.answer_next(status, headers={"Retry-After": "90"})
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        assert process.stderr
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = ended(sandbox, process)

    assert said.startswith(message)
    assert_no_secrets(sandbox, said)
    assert Ended(0, "", "") == rest
    assert len(sandbox.requests) == 1


def test_keeps_within_half_of_the_weight(sandbox: Sandbox) -> None:
    """When others of this IP address have used it up, no call is begun before the next minute."""
    sandbox.answer_next(200, body=sandbox.rows, headers={"X-MBX-USED-WEIGHT-1M": "1200"}, times=1000)
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        assert process.stderr
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = ended(sandbox, process)

    assert re.match(r"asking again in [1-6]?\d s: HTTP 429, .* \(not sent: ", said)
    assert rest.code == 0
    assert rest.output.startswith("BTC: 0 -> 0.00250000 (weight used: 1200)\n")


def test_goes_on_after_a_failure(sandbox: Sandbox) -> None:
    """A server error is told, and the next round shows what there is."""
    sandbox.answer_next(503, times=4)
    with started(sandbox, arguments_of("polling.py", "0.01")) as process:
        first = lines(process, 1)
        process.send_signal(signal.SIGINT)
        rest = ended(sandbox, process)

    assert first[0].startswith("BTC: 0 -> 0.00250000")
    assert rest.errors.startswith("asking again in 0.01 s: HTTP 503")


def test_ends_when_it_cannot_get_better(sandbox: Sandbox) -> None:
    """A key that the exchange does not know is no reason to go on."""
    environment = environment_of(sandbox) | {"BINANCE_API_KEY": "x" * 64}

    code, output, errors = run(sandbox, arguments_of("polling.py", "0.01"), environment)

    assert (1, "") == (code, output)
    assert errors.startswith("ApiKeyError: HTTP 401, code -2015: Invalid API-key, IP, or permissions for action")
    assert len(sandbox.requests) == 1
