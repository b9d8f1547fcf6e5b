"""`binance-coinm balance --watch`: what changed since the last look."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from binance_coinm.errors import ConfigurationError
from binance_coinm_cli._balance import Settings, balance
from binance_coinm_cli._target import Target
from binance_sandbox import Fault, Sandbox
from command import Ended, assert_without_secrets

PATH = "/dapi/v1/balance"


class Watch:
    """Looks as often as there is something to do before another look, then Ctrl+C; it waits for nothing."""

    def __init__(self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        """Watch the sandbox's first account."""
        self._target = Target(sandbox.url, sandbox.credentials, 0.5)
        self._capsys = capsys
        self.waits: list[float] = []

    def __call__(self, *doings: Callable[[], object], settings: Settings) -> Ended:
        """Give what was written; the code is that of Ctrl+C, for nothing else ends it."""
        left: Iterator[Callable[[], object]] = iter(doings)

        def wait(seconds: float) -> None:
            self.waits.append(seconds)
            doing = next(left, None)
            if doing is None:
                raise KeyboardInterrupt
            doing()

        with pytest.raises(KeyboardInterrupt):
            balance(self._target, settings, wait)
        out, err = self._capsys.readouterr()
        assert_without_secrets(out + err)
        return Ended(130, out, err)


@pytest.fixture
def watch(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Watch:
    """Give a watch over a single row."""
    sandbox.rows = sandbox.rows[:1]
    return Watch(sandbox, capsys)


def test_changes(watch: Watch, sandbox: Sandbox) -> None:
    """After the table there is a line for each amount that changed, and none while nothing does."""
    before = deepcopy(sandbox.rows)

    def grow() -> None:
        sandbox.rows[0] |= {"balance": "0.00250001", "crossUnPnl": "-0.5"}

    def shrink() -> None:
        sandbox.rows = before

    _, out, err = watch(grow, lambda: None, shrink, settings=Settings(watch=5))

    lines = [re.sub("^[0-9:]{8} ", "", line) for line in out.splitlines()[4:]]
    assert [
        "BTC balance 0.00250000 -> 0.00250001 (+0.00000001)",
        "BTC cross un pnl 0.00000000 -> -0.5 (-0.50000000)",
        "BTC balance 0.00250001 -> 0.00250000 (-0.00000001)",
        "BTC cross un pnl -0.5 -> 0.00000000 (+0.50000000)",
    ] == lines
    assert ("", [5, 5, 5, 5]) == (err, watch.waits)


def test_assets_that_come_and_go(watch: Watch, sandbox: Sandbox) -> None:
    """An amount that was not there, or is not any more, is none."""

    def exchange() -> None:
        sandbox.rows = [sandbox.rows[0] | {"asset": "ETH"}]

    _, out, _ = watch(exchange, settings=Settings(watch=1))

    assert "ETH balance none -> 0.00250000\n" in out
    assert "BTC balance 0.00250000 -> none\n" in out


def test_difference_of_long_amounts(watch: Watch, sandbox: Sandbox) -> None:
    """By how much an amount changed is exact, however many digits it has."""
    sandbox.rows[0]["balance"] = "100000000000000000000000000000.000000000001"

    def shrink() -> None:
        sandbox.rows[0]["balance"] = "0.00000000"

    _, out, _ = watch(shrink, settings=Settings(watch=1))

    assert " -> 0.00000000 (-100000000000000000000000000000.000000000001)\n" in out


def test_json_lines(watch: Watch, sandbox: Sandbox) -> None:
    """Programs get a line with all rows at first, and another one whenever something changed."""

    def grow() -> None:
        sandbox.rows[0]["balance"] = "1.50"

    _, out, _ = watch(lambda: None, grow, lambda: None, settings=Settings("json", watch=1))

    assert [["0.00250000"], ["1.50"]] == [[row["balance"] for row in json.loads(line)] for line in out.splitlines()]


def test_failure_is_told_and_tried_again(watch: Watch, sandbox: Sandbox) -> None:
    """A look that fails is one line on stderr; the next one shows what changed since the last that did not."""

    def fail() -> None:
        sandbox.answer_next(400, example="signature", path=PATH)
        sandbox.rows[0]["balance"] = "1.50"

    _, out, err = watch(fail, lambda: None, settings=Settings(watch=1))

    assert re.fullmatch(
        "binance-coinm: [0-9:]{8} SignatureError: HTTP 400, code -1022: .*; looking again in 1 s\n", err
    )
    assert out.endswith("BTC balance 0.00250000 -> 1.50 (+1.49750000)\n")


def test_first_look_fails(watch: Watch, sandbox: Sandbox) -> None:
    """The first look is no other than the rest: it is told and tried again, and the table comes later."""
    sandbox.answer_next(403, body="<html>", content_type="text/html")

    _, out, err = watch(lambda: None, settings=Settings(watch=1))

    assert "FirewallError" in err
    assert "BTC    0.00250000" in out


def test_network_fails(watch: Watch, sandbox: Sandbox) -> None:
    """A look that got no answer is told and tried again too."""

    def fail() -> None:
        sandbox.fail_next(Fault.disconnect())
        sandbox.fail_next(Fault.silence())

    _, out, err = watch(fail, lambda: None, settings=Settings(watch=1))

    assert "; looking again in 1 s\n" in err
    assert 1 == out.count("account SgsR")


def test_exchange_that_wants_to_be_left_alone(watch: Watch, sandbox: Sandbox) -> None:
    """After an answer that tells how long to wait, the next look waits as long, and no shorter than was asked."""
    for seconds in ("86400", "1"):
        sandbox.answer_next(429, headers={"Retry-After": seconds})

    watch(lambda: None, lambda: None, settings=Settings(watch=5))

    assert [86400, 5, 5] == watch.waits


def test_ban_is_kept(watch: Watch, sandbox: Sandbox) -> None:
    """While a ban lasts nothing is sent, and each look says so."""
    sandbox.answer_next(418, headers={"Retry-After": "3600"})

    _, _, err = watch(lambda: None, settings=Settings(watch=5))

    assert 1 == len(sandbox.requests)
    assert 2 == err.count("IpBannedError")
    assert "not sent: the ban lasts until" in err
    assert [3600, 3600] == watch.waits


def test_settings_that_are_wrong(sandbox: Sandbox) -> None:
    """What no other try mends ends the watch."""
    target = Target("http://exchange.example", sandbox.credentials, 5)

    with pytest.raises(ConfigurationError):
        balance(target, Settings(watch=1))
