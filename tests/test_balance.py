"""The balance call from end to end: over sockets, against the sandbox."""

import asyncio
from decimal import Decimal

import pytest
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import server_time
from binance_coinm.errors import ConfigurationError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from binance_signing import Credentials, HmacKey, connect
from calls import Balance
from samples import API_KEY, SECRET

ROW = {
    "accountAlias": "SgsR",
    "asset": "BTC",
    "balance": "0.00250000",
    "withdrawAvailable": "0.00250000",
    "crossWalletBalance": "0.00241969",
    "crossUnPnl": "0.00000000",
    "availableBalance": "0.00241969",
    "updateTime": 1592468353979,
}


def test_rows_are_typed_and_exact(sandbox: Sandbox, balance: Balance) -> None:
    """Each field has its type, and each amount the exchange's digits."""
    sandbox.rows = [ROW]

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


def test_short_forms_give_the_rows_alone(sandbox: Sandbox) -> None:
    """`sync` and `asyncio` give the list that the detailed forms hold."""
    client = connect(sandbox.credentials, server=sandbox.url)

    async def short() -> list[FuturesAccountBalance]:
        async with client:
            return await futures_account_balance.asyncio(client=client)

    assert sandbox.rows == [row.to_dict() for row in futures_account_balance.sync(client=client)]
    assert sandbox.rows == [row.to_dict() for row in asyncio.run(short())]


def test_detailed_form_adds_status_and_headers(sandbox: Sandbox, balance: Balance) -> None:
    """The detailed form tells the status and the headers, the used weight among them."""
    answer = balance(connect(sandbox.credentials, server=sandbox.url))

    assert 200 == answer.status_code
    assert "1" == answer.headers["X-MBX-USED-WEIGHT-1M"]


def test_no_rows_are_no_error(sandbox: Sandbox, balance: Balance) -> None:
    """An account without a row gives an empty list."""
    sandbox.rows = []

    assert [] == balance(connect(sandbox.credentials, server=sandbox.url)).parsed


def test_unknown_fields_are_kept(sandbox: Sandbox, balance: Balance) -> None:
    """A field that the document does not know can be read and goes back out."""
    sandbox.rows = [ROW | {"later": "1.50"}]

    rows = balance(connect(sandbox.credentials, server=sandbox.url)).parsed

    assert "1.50" == rows[0]["later"]
    assert [ROW | {"later": "1.50"}] == [row.to_dict() for row in rows]


def test_request_is_what_the_document_says(sandbox: Sandbox, balance: Balance) -> None:
    """The request has the key in its header, its parameters in the query, the signature last, and a client's name."""
    balance(connect(sandbox.credentials, server=sandbox.url), recv_window=4000)

    [request] = sandbox.requests
    assert ("GET", "/dapi/v1/balance", b"") == (request.method, request.path, request.body)
    assert ["recvWindow=4000", "timestamp", "signature"] == [
        pair if pair.startswith("recvWindow") else pair.partition("=")[0] for pair in request.query.decode().split("&")
    ]
    assert sandbox.credentials.api_key == request.headers["X-MBX-APIKEY"]
    assert request.headers["User-Agent"].startswith("binance-coinm/")


def test_recv_window_of_the_client_is_for_calls_without(sandbox: Sandbox, balance: Balance) -> None:
    """The client's default window is sent by a call that is given none."""
    balance(connect(sandbox.credentials, server=sandbox.url, recv_window=3000))
    balance(connect(sandbox.credentials, server=sandbox.url, recv_window=3000), recv_window=4000)

    assert [b"recvWindow=3000", b"recvWindow=4000"] == [request.query.split(b"&")[0] for request in sandbox.requests]


@pytest.mark.parametrize("recv_window", [0, -5000, 1.0, "5000", None, True])
def test_recv_window_has_to_be_positive(sandbox: Sandbox, balance: Balance, recv_window: object) -> None:
    """A window that is no positive integer is refused, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=r"recv_window: expected an integer of at least 1, got"):
        balance(connect(sandbox.credentials, server=sandbox.url), recv_window=recv_window)

    assert [] == sandbox.requests


def test_known_answer_arrives(balance: Balance) -> None:
    """A published signature, by a clock that stands still, is the one that the exchange sees."""
    account = Sandbox().add_account(API_KEY, SECRET)
    with Sandbox(accounts=[account], clock=lambda: 1578963600000) as sandbox:
        client = connect(Credentials(API_KEY, HmacKey(SECRET)), server=sandbox.url, clock=lambda: 1578963600000)

        assert balance(client).parsed

        assert (
            b"timestamp=1578963600000&signature=d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"
            == sandbox.requests[0].query
        )


def test_gateway_with_a_path(sandbox: Sandbox, balance: Balance) -> None:
    """A server may stand behind a gateway, with a path before the exchange's own."""
    sandbox.answer_next(200, body=[], path="/gateway/v2/dapi/v1/balance")

    assert [] == balance(connect(sandbox.credentials, server=f"{sandbox.url}/gateway/v2/")).parsed


def test_server_time_needs_no_credentials(sandbox: Sandbox) -> None:
    """The exchange's time comes to whoever asks, and by the same client."""
    client = connect(sandbox.credentials, server=sandbox.url)

    async def call() -> int:
        async with client:
            return (await server_time.asyncio(client=client)).server_time

    assert abs(server_time.sync(client=client).server_time - sandbox.now_ms) < 60_000
    assert abs(asyncio.run(call()) - sandbox.now_ms) < 60_000


def test_client_of_one_call_after_another(sandbox: Sandbox) -> None:
    """One client serves many calls, from many accounts' clients at one server."""
    other = sandbox.add_account()
    with (
        connect(sandbox.credentials, server=sandbox.url) as first,
        connect(other.credentials, server=sandbox.url) as second,
    ):
        for client in (first, second, first):
            futures_account_balance.sync(client=client)

    assert [sandbox.account.api_key, other.api_key, sandbox.account.api_key] == [
        request.headers["X-MBX-APIKEY"] for request in sandbox.requests
    ]
