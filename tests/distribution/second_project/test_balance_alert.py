"""The alert, against the sandbox."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from balance_alert import main, watch
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect, errors
from binance_sandbox import Fault, Sandbox

ENOUGH = "0.50000000"
LOW = "0.49999999"


def rows(available: str) -> list[dict[str, Any]]:
    """Return the rows of an account with this available balance of BTC."""
    amounts = ["balance", "withdrawAvailable", "crossWalletBalance", "crossUnPnl", "availableBalance"]
    row = {"accountAlias": "SgsR", "asset": "BTC", "updateTime": 0} | dict.fromkeys(amounts, "1.00000000")
    return [row | {"availableBalance": available}, row | {"asset": "ETH"}]


@pytest.fixture
def client(binance_sandbox: Sandbox) -> Iterator[Client]:
    """Return a client of the sandbox, which retries each call once, without backoff."""
    retry = RetryPolicy(max_attempts=2, initial_backoff=0)
    with connect(binance_sandbox.credentials, server=binance_sandbox.url, retry=retry) as client:
        yield client


def test_rows_change(binance_sandbox: Sandbox, client: Client) -> None:
    """A fall below the threshold is one line, and so is the return."""

    def turns() -> Iterator[None]:
        for available in (ENOUGH, LOW, LOW, ENOUGH):
            binance_sandbox.balances = rows(available)
            yield

    lines = list(watch(client, "BTC", Decimal(ENOUGH), turns()))

    assert lines == ["low: 0.49999999 BTC", "enough: 0.50000000 BTC"]
    assert len(binance_sandbox.received_requests) == 4


def test_missing_asset(binance_sandbox: Sandbox, client: Client) -> None:
    """An asset that the account does not have counts as zero."""
    binance_sandbox.balances = []

    assert list(watch(client, "BTC", Decimal(ENOUGH), [1])) == ["low: 0 BTC"]


def test_failure_and_retry(binance_sandbox: Sandbox, client: Client) -> None:
    """A failure that lasts is one line, and the next turn continues; after one retry there is none."""
    binance_sandbox.balances = rows(LOW)

    def turns() -> Iterator[None]:
        binance_sandbox.respond_next(503, times=2)
        yield
        binance_sandbox.inject_fault(Fault.cut_body(), times=2)
        yield
        binance_sandbox.respond_next(503)
        yield

    unavailable, cut, low = watch(client, "BTC", Decimal(ENOUGH), turns())

    assert unavailable.startswith("unknown: HTTP 503")
    assert cut.startswith("unknown: no response, or only part of one")
    assert low == "low: 0.49999999 BTC"
    assert [request.status for request in binance_sandbox.received_requests] == [503, 503, 200, 200, 503, 200]


def test_wrong_key(binance_sandbox: Sandbox, client: Client) -> None:
    """A key that the exchange does not accept is an error of the first call."""
    client.credentials = Credentials("k" * 64, HmacKey("secret"))

    with pytest.raises(errors.ApiKeyError):
        list(watch(client, "BTC", Decimal(ENOUGH), [1, 2, 3]))

    assert len(binance_sandbox.received_requests) == 1


@pytest.mark.usefixtures("binance_environment")
def test_program(binance_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The program reads key and server from the environment, and calls at once and then each minute."""
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    binance_sandbox.balances = rows(LOW)
    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("sys.argv", ["balance_alert.py", "BTC", "0.5"])

    with pytest.raises(KeyboardInterrupt):
        main()

    assert capsys.readouterr().out == "low: 0.49999999 BTC\n"
    assert waits == [60, 60, 60]
    assert len(binance_sandbox.received_requests) == 3
