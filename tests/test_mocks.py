"""Projects that mock httpx see the signed request, as it would be sent."""

import asyncio

import pytest
import respx
from binance_coinm.api.account import futures_account_balance
from binance_signing import Credentials, HmacKey, Recovery, Server, SigningClient, connect
from calls import Balance
from pytest_httpx import HTTPXMock
from samples import API_KEY, SECRET

URL = f"{Server.DEMO}/dapi/v1/balance"
SIGNED = "timestamp=1578963600000&signature=d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"


def client() -> SigningClient:
    """Give a client whose clock stands still at the time of a published signature."""
    credentials = Credentials(API_KEY, HmacKey(SECRET))
    return connect(credentials, server=Server.DEMO, clock=lambda: 1578963600000, recovery=Recovery(backoff=0))


def test_respx(balance: Balance, respx_mock: respx.MockRouter) -> None:
    """With respx, key and signature can be looked at, and answers be given."""
    route = respx_mock.get(URL).respond(json=[])

    assert [] == balance(client()).parsed

    [call] = route.calls
    assert SIGNED == call.request.url.query.decode()
    assert API_KEY == call.request.headers["X-MBX-APIKEY"]


def test_pytest_httpx(balance: Balance, httpx_mock: HTTPXMock) -> None:
    """With pytest-httpx, key and signature can be looked at, and answers be given."""
    httpx_mock.add_response(url=f"{URL}?{SIGNED}", json=[])

    assert [] == balance(client()).parsed

    [request] = httpx_mock.get_requests()
    assert API_KEY == request.headers["X-MBX-APIKEY"]


@pytest.mark.parametrize("status", [500, 429])
def test_recovery_is_seen(status: int, httpx_mock: HTTPXMock) -> None:
    """Each try of a call is a request of the mock."""
    httpx_mock.add_response(status_code=status, headers={"Retry-After": "0"})
    httpx_mock.add_response(json=[])

    assert [] == asyncio.run(futures_account_balance.asyncio(client=client()))

    assert 2 == len(httpx_mock.get_requests())
