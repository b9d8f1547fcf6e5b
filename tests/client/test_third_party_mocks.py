"""Libraries that mock httpx see the signed request, as it would be sent."""

import httpx
import pytest
import respx
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, Server, connect, errors
from pytest_httpx import HTTPXMock
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET

URL = f"{Server.DEMO}/dapi/v1/balance"
SIGNED = "timestamp=1578963600000&signature=d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"


def client() -> Client:
    """Return a client whose clock is stopped at the time of a published signature."""
    credentials = Credentials(API_KEY, HmacKey(SECRET))
    return connect(credentials, server=Server.DEMO, clock=lambda: 1578963600000, retry=RetryPolicy(initial_backoff=0))


def test_respx(balance: Balance, respx_mock: respx.MockRouter) -> None:
    """With respx, key and signature can be inspected, and responses be mocked."""
    route = respx_mock.get(URL).respond(json=[])

    assert [] == balance(client()).parsed

    [call] = route.calls
    assert SIGNED == call.request.url.query.decode()
    assert API_KEY == call.request.headers["X-MBX-APIKEY"]


def test_pytest_httpx(balance: Balance, httpx_mock: HTTPXMock) -> None:
    """With pytest-httpx, key and signature can be inspected, and responses be mocked."""
    httpx_mock.add_response(url=f"{URL}?{SIGNED}", json=[])

    assert [] == balance(client()).parsed

    [request] = httpx_mock.get_requests()
    assert API_KEY == request.headers["X-MBX-APIKEY"]


@pytest.mark.parametrize("status", [500, 429])
def test_retries_are_visible(balance: Balance, status: int, httpx_mock: HTTPXMock) -> None:
    """Each attempt of a call is a request of the mock."""
    httpx_mock.add_response(status_code=status, headers={"Retry-After": "0"})
    httpx_mock.add_response(json=[])

    assert [] == balance(client()).parsed

    assert 2 == len(httpx_mock.get_requests())


def test_failure_by_respx(balance: Balance, respx_mock: respx.MockRouter) -> None:
    """A failure mocked by respx is an error of the tree, after all attempts."""
    route = respx_mock.get(URL).mock(side_effect=httpx.ConnectError)

    with pytest.raises(errors.NetworkError) as caught:
        balance(client())

    assert ("not_executed", 4) == (caught.value.execution, route.call_count)


def test_failure_by_pytest_httpx(balance: Balance, httpx_mock: HTTPXMock) -> None:
    """A failure mocked by pytest-httpx is an error of the tree, after all attempts."""
    httpx_mock.add_exception(httpx.ReadTimeout("late"), is_reusable=True)

    with pytest.raises(errors.TimeoutError) as caught:
        balance(client())

    assert ("unknown", 4) == (caught.value.execution, len(httpx_mock.get_requests()))
