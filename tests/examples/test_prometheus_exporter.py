"""examples/prometheus_exporter.py."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from binance_sandbox import Sandbox
from support.example_runner import Ended, arguments_of, assert_no_secrets, ended, environment_of, run, started

METRICS = """\
# HELP binance_coinm_up Whether the last call succeeded
# TYPE binance_coinm_up gauge
binance_coinm_up 1.0
# HELP binance_coinm_used_weight Weight of this IP address in the current minute
# TYPE binance_coinm_used_weight gauge
binance_coinm_used_weight 7.0
# HELP binance_coinm_balance Balance in units of the asset
# TYPE binance_coinm_balance gauge
binance_coinm_balance{asset="BTC"} 0.0025
binance_coinm_balance{asset="ETH"} 12.5
# HELP binance_coinm_available_balance Available balance in units of the asset
# TYPE binance_coinm_available_balance gauge
binance_coinm_available_balance{asset="BTC"} 0.00241969
binance_coinm_available_balance{asset="ETH"} 11.98765432
"""


@contextmanager
def exporter(sandbox: Sandbox, seconds: str, errors: str = "") -> Iterator[str]:
    """Run the example on a free port, and return its URL; assert its exit code 0 and its errors at the end."""
    with started(sandbox, arguments_of("prometheus_exporter.py", "0", seconds)) as process:
        assert process.stdout
        yield process.stdout.readline().rstrip()
        process.send_signal(signal.SIGTERM)
        assert Ended(0, "", errors) == ended(sandbox, process)


def scrape(url: str) -> str:
    """Return the metrics."""
    return httpx.get(url, trust_env=False).text


def test_scrapes_share_a_call(sandbox: Sandbox) -> None:
    """All scrapes within the time share one call, concurrent ones too."""
    sandbox.respond_next(200, body=sandbox.balances[:2], headers={"X-MBX-USED-WEIGHT-1M": "7"})
    with exporter(sandbox, "3600") as url:
        assert sandbox.received_requests == []
        with ThreadPoolExecutor(10) as pool:
            texts = list(pool.map(scrape, [url] * 10))

    assert texts == [METRICS] * 10
    assert_no_secrets(sandbox, METRICS)
    assert len(sandbox.received_requests) == 1


def test_scrapes_after_the_time_call_again(sandbox: Sandbox) -> None:
    """A scrape after the time has new balances."""
    with exporter(sandbox, "0") as url:
        first = scrape(url)
        sandbox.balances[0]["balance"] = "0.00250001"
        second = scrape(url)

    assert 'binance_coinm_balance{asset="BTC"} 0.0025\n' in first
    assert 'binance_coinm_balance{asset="BTC"} 0.00250001\n' in second
    assert len(sandbox.received_requests) == 2


def test_failure_shows_no_old_balances(sandbox: Sandbox) -> None:
    """After a failed call there are no balances, and after the next one there are again."""
    with exporter(sandbox, "0", "ExchangeError: HTTP 504, no code, application/json\n") as url:
        first = scrape(url)
        sandbox.respond_next(504, body="", times=4)
        second = scrape(url)
        third = scrape(url)

    texts = (first, second, third)
    assert [text.count("binance_coinm_balance{") for text in texts] == [5, 0, 5]
    assert ["binance_coinm_up 1.0\n" in text for text in texts] == [True, False, True]
    assert "binance_coinm_up 0.0\n" in second


@pytest.mark.parametrize("variable", ["BINANCE_API_KEY", "BINANCE_API_SECRET"])
def test_prints_missing_credentials(sandbox: Sandbox, variable: str) -> None:
    """Without credentials the program ends with one line."""
    environment = environment_of(sandbox)
    del environment[variable]

    code, output, errors = run(sandbox, arguments_of("prometheus_exporter.py", "0"), environment)

    assert (1, "", 1) == (code, output, errors.count("\n"))
    assert errors.startswith(f"ConfigurationError: no credentials: {variable} is not set")
