"""`binance-coinm balance --watch`: what changed since the previous call."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from binance_coinm.errors import ConfigurationError
from binance_coinm_cli._balance import Settings, balance
from binance_coinm_cli._target import Target
from binance_sandbox import Fault, Sandbox
from support.cli_runner import Ended, assert_without_secrets

PATH = "/dapi/v1/balance"


class Watch:
    """Runs --watch without real pauses: each action takes the place of one, and Ctrl+C follows the last."""

    def __init__(self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        """Use the sandbox's first account."""
        self._target = Target(sandbox.url, sandbox.credentials, 0.5)
        self._capsys = capsys
        self.waits: list[float] = []

    def __call__(self, *actions: Callable[[], object], settings: Settings) -> Ended:
        """Return the output; the exit code is that of Ctrl+C, because nothing else ends a watch."""
        left: Iterator[Callable[[], object]] = iter(actions)

        def wait(seconds: float) -> None:
            self.waits.append(seconds)
            action = next(left, None)
            if action is None:
                raise KeyboardInterrupt
            action()

        with pytest.raises(KeyboardInterrupt):
            balance(self._target, settings, wait)
        out, err = self._capsys.readouterr()
        assert_without_secrets(out + err)
        return Ended(130, out, err)


@pytest.fixture
def watch(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Watch:
    """Return a watch of a single row."""
    sandbox.balances = sandbox.balances[:1]
    return Watch(sandbox, capsys)


def test_changes(watch: Watch, sandbox: Sandbox) -> None:
    """The table is followed by one line per changed amount, and by none if nothing changed."""
    before = deepcopy(sandbox.balances)

    def grow() -> None:
        sandbox.balances[0] |= {"balance": "0.00250001", "crossUnPnl": "-0.5"}

    def shrink() -> None:
        sandbox.balances = before

    _, out, err = watch(grow, lambda: None, shrink, settings=Settings(interval=5))

    lines = [re.sub("^[0-9:]{8} ", "", line) for line in out.splitlines()[4:]]
    assert [
        "BTC balance 0.00250000 -> 0.00250001 (+0.00000001)",
        "BTC cross un pnl 0.00000000 -> -0.5 (-0.50000000)",
        "BTC balance 0.00250001 -> 0.00250000 (-0.00000001)",
        "BTC cross un pnl -0.5 -> 0.00000000 (+0.50000000)",
    ] == lines
    assert ("", [5, 5, 5, 5]) == (err, watch.waits)


def test_assets_that_come_and_go(watch: Watch, sandbox: Sandbox) -> None:
    """An amount without a row is shown as none."""

    def exchange() -> None:
        sandbox.balances = [sandbox.balances[0] | {"asset": "ETH"}]

    _, out, _ = watch(exchange, settings=Settings(interval=1))

    assert "ETH balance none -> 0.00250000\n" in out
    assert "BTC balance 0.00250000 -> none\n" in out


def test_difference_of_long_amounts(watch: Watch, sandbox: Sandbox) -> None:
    """The difference of amounts is exact for any number of digits."""
    sandbox.balances[0]["balance"] = "100000000000000000000000000000.000000000001"

    def shrink() -> None:
        sandbox.balances[0]["balance"] = "0.00000000"

    _, out, _ = watch(shrink, settings=Settings(interval=1))

    assert " -> 0.00000000 (-100000000000000000000000000000.000000000001)\n" in out


def test_json_lines(watch: Watch, sandbox: Sandbox) -> None:
    """JSON is one line with all rows first, and another one after each change."""

    def grow() -> None:
        sandbox.balances[0]["balance"] = "1.50"

    _, out, _ = watch(lambda: None, grow, lambda: None, settings=Settings("json", interval=1))

    assert [["0.00250000"], ["1.50"]] == [[row["balance"] for row in json.loads(line)] for line in out.splitlines()]


def test_failure_is_reported_and_repeated(watch: Watch, sandbox: Sandbox) -> None:
    """A failed call is one line on stderr; the next one shows changes since the last successful call."""

    def fail() -> None:
        sandbox.respond_next(400, example="signature", path=PATH)
        sandbox.balances[0]["balance"] = "1.50"

    _, out, err = watch(fail, lambda: None, settings=Settings(interval=1))

    assert re.fullmatch("binance-coinm: [0-9:]{8} SignatureError: HTTP 400, code -1022: .*; trying again in 1 s\n", err)
    assert out.endswith("BTC balance 0.00250000 -> 1.50 (+1.49750000)\n")


def test_first_call_fails(watch: Watch, sandbox: Sandbox) -> None:
    """A failed first call is reported and repeated like any other, and the table follows."""
    sandbox.respond_next(403, body="<html>", content_type="text/html")

    _, out, err = watch(lambda: None, settings=Settings(interval=1))

    assert "FirewallError" in err
    assert "BTC    0.00250000" in out


def test_network_fails(watch: Watch, sandbox: Sandbox) -> None:
    """A call without a response is reported and repeated."""

    def fail() -> None:
        sandbox.inject_fault(Fault.disconnect())
        sandbox.inject_fault(Fault.silence())

    _, out, err = watch(fail, lambda: None, settings=Settings(interval=1))

    assert "; trying again in 1 s\n" in err
    assert 1 == out.count("account SgsR")


def test_retry_after(watch: Watch, sandbox: Sandbox) -> None:
    """The next call waits as long as Retry-After says, but at least for the interval."""
    for seconds in ("86400", "1"):
        sandbox.respond_next(429, headers={"Retry-After": seconds})

    watch(lambda: None, lambda: None, settings=Settings(interval=5))

    assert [86400, 5, 5] == watch.waits


def test_ban(watch: Watch, sandbox: Sandbox) -> None:
    """During a ban nothing is sent, and each call reports it."""
    sandbox.respond_next(418, headers={"Retry-After": "3600"})

    _, _, err = watch(lambda: None, settings=Settings(interval=5))

    assert 1 == len(sandbox.received_requests)
    assert 2 == err.count("IpBannedError")
    assert "not sent: the ban lasts until" in err
    assert [3600, 3600] == watch.waits


def test_invalid_settings(sandbox: Sandbox) -> None:
    """Invalid settings end the watch."""
    target = Target("http://exchange.example", sandbox.credentials, 5)

    with pytest.raises(ConfigurationError):
        balance(target, Settings(interval=1))
