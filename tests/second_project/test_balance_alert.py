"""The alert, against the exchange's side of the call."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from balance_alert import main, watch
from binance_coinm import errors
from binance_sandbox import Fault, Sandbox
from binance_signing import Credentials, HmacKey, Recovery, SigningClient, connect

ENOUGH = "0.50000000"
LOW = "0.49999999"


def rows(available: str) -> list[dict[str, Any]]:
    """Give the rows of an account that has so many BTC to use."""
    amounts = ["balance", "withdrawAvailable", "crossWalletBalance", "crossUnPnl", "availableBalance"]
    row = {"accountAlias": "SgsR", "asset": "BTC", "updateTime": 0} | dict.fromkeys(amounts, "1.00000000")
    return [row | {"availableBalance": available}, row | {"asset": "ETH"}]


@pytest.fixture
def client(binance_sandbox: Sandbox) -> Iterator[SigningClient]:
    """Give a client of the sandbox, which tries each call twice and does not wait in between."""
    recovery = Recovery(tries=2, backoff=0)
    with connect(binance_sandbox.credentials, server=binance_sandbox.url, recovery=recovery) as client:
        yield client


def test_rows_change(binance_sandbox: Sandbox, client: SigningClient) -> None:
    """What falls below the threshold is told once, and so is what is back."""

    def turns() -> Iterator[None]:
        for available in (ENOUGH, LOW, LOW, ENOUGH):
            binance_sandbox.rows = rows(available)
            yield

    told = list(watch(client, "BTC", Decimal(ENOUGH), turns()))

    assert told == ["low: 0.49999999 BTC", "enough: 0.50000000 BTC"]
    assert len(binance_sandbox.requests) == 4


def test_asset_that_is_not_there(binance_sandbox: Sandbox, client: SigningClient) -> None:
    """An asset that the account does not have is one of which nothing is available."""
    binance_sandbox.rows = []

    assert list(watch(client, "BTC", Decimal(ENOUGH), [1])) == ["low: 0 BTC"]


def test_failure_and_recovery(binance_sandbox: Sandbox, client: SigningClient) -> None:
    """A failure that lasts is told, and the next turn goes on; one that passes is not even seen."""
    binance_sandbox.rows = rows(LOW)

    def turns() -> Iterator[None]:
        binance_sandbox.answer_next(503, times=2)
        yield
        binance_sandbox.fail_next(Fault.cut_body(), times=2)
        yield
        binance_sandbox.answer_next(503)
        yield

    unavailable, cut, low = watch(client, "BTC", Decimal(ENOUGH), turns())

    assert unavailable.startswith("unknown: HTTP 503")
    assert cut.startswith("unknown: no answer")
    assert low == "low: 0.49999999 BTC"
    assert [request.status for request in binance_sandbox.requests] == [503, 503, 200, 200, 503, 200]


def test_wrong_key(binance_sandbox: Sandbox, client: SigningClient) -> None:
    """A key that the exchange does not accept ends it, at the first request."""
    client.credentials = Credentials("k" * 64, HmacKey("secret"))

    with pytest.raises(errors.ApiKeyError):
        list(watch(client, "BTC", Decimal(ENOUGH), [1, 2, 3]))

    assert len(binance_sandbox.requests) == 1


@pytest.mark.usefixtures("binance_environment")
def test_program(binance_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The program takes key and server from the environment, and looks at once and then each minute."""
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    binance_sandbox.rows = rows(LOW)
    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("sys.argv", ["balance_alert.py", "BTC", "0.5"])

    with pytest.raises(KeyboardInterrupt):
        main()

    assert capsys.readouterr().out == "low: 0.49999999 BTC\n"
    assert waits == [60, 60, 60]
    assert len(binance_sandbox.requests) == 3
