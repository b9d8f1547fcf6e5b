"""The balance call end to end: over sockets, against the sandbox."""

import asyncio
from decimal import Decimal

import pytest
from binance_coinm import Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import check_server_time
from binance_coinm.errors import ConfigurationError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from support.call_helpers import Balance
from support.constants import API_KEY, ROW, SECRET


def test_rows_are_typed_and_exact(sandbox: Sandbox, balance: Balance) -> None:
    """Each field has its type, and each amount the exchange's digits."""
    sandbox.balances = [ROW]

    rows = balance(connect(sandbox.credentials, server=sandbox.url)).parsed

    assert [
        FuturesAccountBalance(
            account_alias="SgsR",
            asset="BTC",
            balance=Decimal("0.00250000"),
            withdraw_available=Decimal("0.00250000"),
            cross_wallet_balance=Decimal("0.00241969"),
            cross_un_pnl=Decimal("0.00000000"),
            available_balance=Decimal("0.00241969"),
            update_time=1592468353979,
        )
    ] == rows
    assert "0.00250000" == str(rows[0].balance)
    assert [ROW] == [row.to_dict() for row in rows]


def test_short_functions_return_the_rows(sandbox: Sandbox) -> None:
    """`sync` and `asyncio` return the list that is `parsed` in the response of the detailed functions."""
    client = connect(sandbox.credentials, server=sandbox.url)

    async def call() -> list[FuturesAccountBalance]:
        async with client:
            return await futures_account_balance.asyncio(client=client)

    assert sandbox.balances == [row.to_dict() for row in futures_account_balance.sync(client=client)]
    assert sandbox.balances == [row.to_dict() for row in asyncio.run(call())]


def test_detailed_functions_add_status_and_headers(sandbox: Sandbox, balance: Balance) -> None:
    """The response of the detailed functions has the status and the headers, among them the used weight."""
    response = balance(connect(sandbox.credentials, server=sandbox.url))

    assert 200 == response.status_code
    assert "1" == response.headers["X-MBX-USED-WEIGHT-1M"]


def test_attempts_of_a_response(sandbox: Sandbox, balance: Balance) -> None:
    """The response of the detailed functions has the number of attempts that it took."""
    retry = RetryPolicy(initial_backoff=0)

    assert 1 == balance(connect(sandbox.credentials, server=sandbox.url, retry=retry)).attempts
    sandbox.respond_next(503, times=2)
    assert 3 == balance(connect(sandbox.credentials, server=sandbox.url, retry=retry)).attempts


def test_empty_list(sandbox: Sandbox, balance: Balance) -> None:
    """An account without rows is an empty list."""
    sandbox.balances = []

    assert [] == balance(connect(sandbox.credentials, server=sandbox.url)).parsed


def test_unknown_fields_are_kept(sandbox: Sandbox, balance: Balance) -> None:
    """A field that the document does not name is in `additional_properties` and in `to_dict()`."""
    sandbox.respond_next(200, body=[ROW | {"later": "1.50"}])

    rows = balance(connect(sandbox.credentials, server=sandbox.url)).parsed

    assert {"later": "1.50"} == rows[0].additional_properties
    assert [ROW | {"later": "1.50"}] == [row.to_dict() for row in rows]


def test_request(sandbox: Sandbox, balance: Balance) -> None:
    """The request has the key in a header, the parameters in the query, the signature last, and a user agent."""
    balance(connect(sandbox.credentials, server=sandbox.url), recv_window=4000)

    [request] = sandbox.received_requests
    assert ("GET", "/dapi/v1/balance", b"") == (request.method, request.path, request.body)
    assert ["recvWindow=4000", "timestamp", "signature"] == [
        pair if pair.startswith("recvWindow") else pair.partition("=")[0] for pair in request.query.decode().split("&")
    ]
    assert sandbox.credentials.api_key == request.headers["X-MBX-APIKEY"]
    assert request.headers["User-Agent"].startswith("binance-coinm/")


def test_default_recv_window(sandbox: Sandbox, balance: Balance) -> None:
    """The client's default is sent by calls without a recvWindow of their own."""
    balance(connect(sandbox.credentials, server=sandbox.url, recv_window=3000))
    balance(connect(sandbox.credentials, server=sandbox.url, recv_window=3000), recv_window=4000)

    assert [b"recvWindow=3000", b"recvWindow=4000"] == [
        request.query.split(b"&")[0] for request in sandbox.received_requests
    ]


@pytest.mark.parametrize("recv_window", [0, -5000, 1.0, "5000", None, True])
def test_recv_window_has_to_be_positive(sandbox: Sandbox, balance: Balance, recv_window: object) -> None:
    """A recvWindow that is not a positive integer is an error, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=r"recv_window: expected an integer of at least 1, got"):
        balance(connect(sandbox.credentials, server=sandbox.url), recv_window=recv_window)

    assert [] == sandbox.received_requests


def test_known_answer(balance: Balance) -> None:
    """With a clock that stands still, the signature that arrives is the published one."""
    account = Sandbox().add_account(API_KEY, SECRET)
    with Sandbox(accounts=[account], clock=lambda: 1578963600000) as sandbox:
        client = connect(Credentials(API_KEY, HmacKey(SECRET)), server=sandbox.url, clock=lambda: 1578963600000)

        assert balance(client).parsed

        assert (
            b"timestamp=1578963600000&signature=d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"
            == sandbox.received_requests[0].query
        )


def test_gateway_with_a_path(sandbox: Sandbox, balance: Balance) -> None:
    """A server may be behind a gateway, with a path before the exchange's own."""
    sandbox.respond_next(200, body=[], path="/gateway/v2/dapi/v1/balance")

    assert [] == balance(connect(sandbox.credentials, server=f"{sandbox.url}/gateway/v2/")).parsed


def test_server_time_needs_no_credentials(sandbox: Sandbox) -> None:
    """An operation without credentials takes the same client."""
    client = connect(sandbox.credentials, server=sandbox.url)

    async def call() -> int:
        async with client:
            return (await check_server_time.asyncio(client=client)).server_time

    assert abs(check_server_time.sync(client=client).server_time - sandbox.now_ms) < 60_000
    assert abs(asyncio.run(call()) - sandbox.now_ms) < 60_000


def test_clients_of_several_accounts(sandbox: Sandbox) -> None:
    """Clients of different accounts at one server make calls by turns."""
    other = sandbox.add_account()
    with (
        connect(sandbox.credentials, server=sandbox.url) as first,
        connect(other.credentials, server=sandbox.url) as second,
    ):
        for client in (first, second, first):
            futures_account_balance.sync(client=client)

    assert [sandbox.account.api_key, other.api_key, sandbox.account.api_key] == [
        request.headers["X-MBX-APIKEY"] for request in sandbox.received_requests
    ]
