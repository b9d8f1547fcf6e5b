"""`binance-coinm balance --watch`: what changed since the previous call."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal

import pytest
from binance_coinm.errors import BinanceError, ConfigurationError
from binance_coinm_cli._balance import Settings, balance
from binance_coinm_cli._target import Target
from binance_sandbox import Fault, Sandbox
from support.cli_runner import Ended, assert_without_secrets, here, use

PATH = "/dapi/v1/balance"


class Watch:
    """Runs --watch without real pauses: each action takes the place of one, and Ctrl+C follows the last."""

    def __init__(self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        """Use the sandbox's first account."""
        self._target = Target(sandbox.url, sandbox.credentials, 0.5)
        self._capsys = capsys
        self.waits: list[float] = []

    def __call__(self, *actions: Callable[[], object], settings: Settings) -> Ended:
        """Return the output until Ctrl+C."""
        left: Iterator[Callable[[], object]] = iter(actions)

        def wait(seconds: float) -> None:
            self.waits.append(seconds)
            action = next(left, None)
            if action is None:
                raise KeyboardInterrupt
            action()

        with pytest.raises(KeyboardInterrupt):
            balance(self._target, settings, wait)
        return self.shown(130)

    def failed(self, *actions: Callable[[], object], settings: Settings) -> tuple[BinanceError, Ended]:
        """Return the error that ends the watch after these actions."""
        left = iter(actions)

        def wait(_seconds: float) -> None:
            next(left)()

        with pytest.raises(BinanceError) as caught:
            balance(self._target, settings, wait)
        return caught.value, self.shown(1)

    def shown(self, code: int) -> Ended:
        """Return what was written since the last time, without the line that the watch begins with."""
        out, err = self._capsys.readouterr()
        assert_without_secrets(out + err)
        first, _, err = err.partition("\n")
        assert re.fullmatch("binance-coinm: calls every [0-9.]+ s, and shows what changed, until Ctrl[+]C", first)
        return Ended(code, out, err)


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
        "BTC unrealized PnL 0.00000000 -> -0.5 (-0.50000000)",
        "BTC balance 0.00250001 -> 0.00250000 (-0.00000001)",
        "BTC unrealized PnL -0.5 -> 0.00000000 (+0.50000000)",
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
        sandbox.respond_next(400, body={"code": -1, "msg": "Busy."}, path=PATH)
        sandbox.balances[0]["balance"] = "1.50"

    _, out, err = watch(fail, lambda: None, settings=Settings(interval=1))

    assert re.fullmatch("binance-coinm: [0-9:]{8} ApiError: HTTP 400, code -1: Busy; trying again in 1 s\n", err)
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


@pytest.mark.parametrize(
    ("status", "example", "name"),
    [
        (401, "rejected", "ApiKeyError"),
        (400, "signature", "SignatureError"),
        (451, None, "RestrictedLocationError"),
    ],
)
def test_permanent_error(watch: Watch, sandbox: Sandbox, status: int, example: str | None, name: str) -> None:
    """What the next call would not mend ends the watch, at the first call or later."""

    def fail() -> None:
        sandbox.respond_next(status, example=example, path=PATH)

    fail()
    error, _ = watch.failed(settings=Settings(interval=1))
    later, (_, out, err) = watch.failed(fail, settings=Settings(interval=1))

    assert [name, name] == [type(error).__name__, type(later).__name__]
    assert ("BTC" in out, "") == (True, err)


def test_exit_code_of_a_permanent_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: Sandbox
) -> None:
    """The error is the last line, and the exit code is the same as without --watch."""
    use(monkeypatch, sandbox)
    monkeypatch.setenv("BINANCE_API_SECRET", "another")

    code, out, err = here(capsys, "balance", "--watch", "1")

    assert (1, "", 2) == (code, out, err.count("\n"))
    assert err.splitlines()[1].startswith("binance-coinm: SignatureError: ")


def test_other_amounts(watch: Watch, sandbox: Sandbox) -> None:
    """A change of an amount that the table does not have is shown with --wide only."""

    def grow() -> None:
        sandbox.balances[0]["withdrawAvailable"] = str(Decimal(sandbox.balances[0]["withdrawAvailable"]) + 1)

    _, out, _ = watch(grow, settings=Settings(interval=1))
    _, wide, _ = watch(grow, settings=Settings(interval=1, is_wide=True))

    assert "->" not in out
    assert "BTC withdraw available 1.00250000 -> 2.00250000 (+1.00000000)\n" in wide


def test_named_asset(watch: Watch, sandbox: Sandbox) -> None:
    """Only changes of the named assets are shown; one that goes is none, and not an error."""
    sandbox.balances.append(sandbox.balances[0] | {"asset": "ETH"})

    def change() -> None:
        sandbox.balances = [sandbox.balances[1] | {"balance": "7"}]

    _, out, err = watch(change, settings=Settings(interval=1, assets=["BTC"]))

    assert "BTC balance 0.00250000 -> none\n" in out
    assert ("ETH" in out, "") == (False, err)


def test_invalid_settings(sandbox: Sandbox) -> None:
    """Invalid settings end the watch."""
    target = Target("http://exchange.example", sandbox.credentials, 5)

    with pytest.raises(ConfigurationError):
        balance(target, Settings(interval=1))
