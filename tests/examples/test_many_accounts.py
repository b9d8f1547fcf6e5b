"""examples/many_accounts.py."""

from typing import Any

from binance_sandbox import Sandbox
from support.example_runner import Ended, account_in, arguments_of, environment_of, run
from support.recording_proxy import RecordingProxy


def rows(asset: str, balance: str) -> dict[str, Any]:
    """Return the responses of an account with a single asset."""
    amounts = dict.fromkeys(
        ("balance", "withdrawAvailable", "crossWalletBalance", "crossUnPnl", "availableBalance"), balance
    )
    return {"futuresAccountBalance": [{"accountAlias": "SgsR", "asset": asset, "updateTime": 0} | amounts]}


def test_one_failure_does_not_hide_the_others(sandbox: Sandbox) -> None:
    """The errors of accounts are printed beside their names; the other accounts are printed all the same."""
    environment = environment_of(sandbox)
    account_in(environment, sandbox.add_account(responses=rows("ETH", "0.10000000")), "_HEDGE")
    account_in(environment, sandbox.add_account(responses=rows("ETH", "0.00000000")), "_IDLE")
    account_in(environment, sandbox.add_account(), "_CLOSED")
    environment |= {"BINANCE_API_SECRET_CLOSED": "another", "BINANCE_API_KEY_HALF": "a-key"}

    code, output, errors = run(sandbox, arguments_of("many_accounts.py"), environment)

    assert code == 1
    assert output.splitlines() == [
        "main: 0.00250000 BTC, 12.50000000 ETH, 10000.1 XRP, 350.75000000 ADA",
        "hedge: 0.10000000 ETH",
        "idle: nothing",
    ]
    closed, half = errors.splitlines()
    assert closed.startswith("closed: SignatureError: HTTP 400, code -1022: Signature for this request is not valid.")
    assert half.startswith("half: ConfigurationError: secret is empty")


def test_accounts_share_few_connections(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """Forty accounts share eight connections."""
    environment = environment_of(sandbox) | {"BINANCE_SERVER": relay.url}
    for number in range(39):
        account_in(environment, sandbox.add_account(responses=rows("ETH", f"0.{number:08}")), f"_{number:02}")

    code, output, errors = run(sandbox, arguments_of("many_accounts.py"), environment)

    assert (0, 40, "") == (code, output.count("\n"), errors)
    assert "\n38: 0.00000038 ETH\n" in output
    assert len({request.headers["x-mbx-apikey"] for request in sandbox.received_requests}) == 40
    assert relay.accepted == 8


def test_prints_missing_credentials(sandbox: Sandbox) -> None:
    """Without credentials the program ends with one line, and sends nothing."""
    environment = environment_of(sandbox)
    del environment["BINANCE_API_KEY"]

    ended = run(sandbox, arguments_of("many_accounts.py"), environment)

    assert Ended(1, "", ended.errors) == ended
    assert ended.errors.startswith("ConfigurationError: no credentials: BINANCE_API_KEY is not set")
    assert sandbox.received_requests == []
