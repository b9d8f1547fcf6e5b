"""examples/prometheus_exporter.py."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from binance_sandbox import Sandbox
from programs import Ended, arguments_of, assert_no_secrets, ended, environment_of, run, started

METRICS = """\
# HELP binance_coinm_up Whether the exchange gave the balances
# TYPE binance_coinm_up gauge
binance_coinm_up 1.0
# HELP binance_coinm_used_weight Weight this IP address has used of its minute
# TYPE binance_coinm_used_weight gauge
binance_coinm_used_weight 7.0
# HELP binance_coinm_balance Balance in units of the asset
# TYPE binance_coinm_balance gauge
binance_coinm_balance{asset="BTC"} 0.0025
binance_coinm_balance{asset="ETH"} 12.5
# HELP binance_coinm_available_balance Available of it
# TYPE binance_coinm_available_balance gauge
binance_coinm_available_balance{asset="BTC"} 0.00241969
binance_coinm_available_balance{asset="ETH"} 11.98765432
"""


@contextmanager
def exporter(sandbox: Sandbox, seconds: str, errors: str = "") -> Iterator[str]:
    """Run the example on a free port and give its URL; it has to end with 0, and to have said just these errors."""
    with started(sandbox, arguments_of("prometheus_exporter.py", "0", seconds)) as process:
        assert process.stdout
        yield process.stdout.readline().rstrip()
        process.send_signal(signal.SIGTERM)
        assert Ended(0, "", errors) == ended(sandbox, process)


def scrape(url: str) -> str:
    """Give what Prometheus is given; none of it is secret."""
    return httpx.get(url, trust_env=False).text


def test_scrapes_ask_the_exchange_once_in_a_while(sandbox: Sandbox) -> None:
    """Before the time is up all scrapes are answered by one call, those at the same time too."""
    sandbox.answer_next(200, body=sandbox.rows[:2], headers={"X-MBX-USED-WEIGHT-1M": "7"})
    with exporter(sandbox, "3600") as url:
        assert sandbox.requests == []
        with ThreadPoolExecutor(10) as pool:
            texts = list(pool.map(scrape, [url] * 10))

    assert texts == [METRICS] * 10
    assert_no_secrets(sandbox, METRICS)
    assert len(sandbox.requests) == 1


def test_scrapes_after_the_time_ask_again(sandbox: Sandbox) -> None:
    """Once the time is up the next scrape has what is new."""
    with exporter(sandbox, "0") as url:
        first = scrape(url)
        sandbox.rows[0]["balance"] = "0.00250001"
        second = scrape(url)

    assert 'binance_coinm_balance{asset="BTC"} 0.0025\n' in first
    assert 'binance_coinm_balance{asset="BTC"} 0.00250001\n' in second
    assert len(sandbox.requests) == 2


def test_failure_shows_no_old_balances(sandbox: Sandbox) -> None:
    """A call that fails is told as such, with no sample of a balance beside it, and the next scrape has some again."""
    with exporter(sandbox, "0", "ExchangeError: HTTP 504, no code, application/json\n") as url:
        first = scrape(url)
        sandbox.answer_next(504, body="", times=4)
        second = scrape(url)
        third = scrape(url)

    texts = (first, second, third)
    assert [text.count("binance_coinm_balance{") for text in texts] == [5, 0, 5]
    assert ["binance_coinm_up 1.0\n" in text for text in texts] == [True, False, True]
    assert "binance_coinm_up 0.0\n" in second


@pytest.mark.parametrize("variable", ["BINANCE_API_KEY", "BINANCE_API_SECRET"])
def test_says_what_is_missing(sandbox: Sandbox, variable: str) -> None:
    """Without credentials the program ends in one line, and serves nothing."""
    environment = environment_of(sandbox)
    del environment[variable]

    code, output, errors = run(sandbox, arguments_of("prometheus_exporter.py", "0"), environment)

    assert (1, "", 1) == (code, output, errors.count("\n"))
    assert errors.startswith(f"ConfigurationError: no credentials: {variable} is not set")
