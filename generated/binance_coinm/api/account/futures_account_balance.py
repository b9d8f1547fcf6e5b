"""The operation `GET /dapi/v1/balance`."""

from typing import Any

import httpx

from ... import reading, writing
from ...client import AuthenticatedClient
from ...engines import Answer
from ...facts import REFUSALS
from ...models.futures_account_balance import FuturesAccountBalance
from ...security import Security
from ...types import UNSET, Response, Unset


def build_request(
    *,
    recv_window: int | Unset = UNSET,
) -> dict[str, Any]:
    """Give the request as arguments of `httpx.Client.request`; raise `ConfigurationError` if an argument is wrong."""
    return {
        "method": "GET",
        "url": "/dapi/v1/balance",
        "params": writing.parameters(
            {
                "recvWindow": writing.optional(writing.within(writing.integer, 1, None), recv_window, "recv_window"),
            }
        ),
        "extensions": {"security": Security.USER_DATA, "weight": 1},
    }


_STATUSES = range(200, 201)
_read: reading.Reader[list[FuturesAccountBalance]] = reading.rows(FuturesAccountBalance)


def read_response(response: Answer) -> Response[list[FuturesAccountBalance]]:
    """Give what the answer says; raise the exception that it is, if it is none that was asked for."""
    parsed = reading.answer(response, REFUSALS, _STATUSES, _read)
    return Response(response.status_code, response.content, httpx.Headers(response.headers), parsed)


def sync_detailed(
    *,
    client: AuthenticatedClient,
    recv_window: int | Unset = UNSET,
) -> Response[list[FuturesAccountBalance]]:
    """Futures Account Balance (USER_DATA)

    Check the COIN-M futures account balance (账户余额): one row for every asset that the exchange supports,
    those without a balance included.

    Args:
        recv_window (int | Unset): How many milliseconds after `timestamp` the exchange still
            accepts the request. No maximum is documented for this product; its sister products stop
            at 60000. The exchange takes 5000 when it is not sent.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Source:
        https://developers.binance.com/docs/derivatives/coin-margined-futures/account/rest-api/Futures-Account-Balance

    Returns:
        Response[list[FuturesAccountBalance]]
    """

    return read_response(
        client.request(
            build_request(
                recv_window=recv_window,
            )
        )
    )


def sync(
    *,
    client: AuthenticatedClient,
    recv_window: int | Unset = UNSET,
) -> list[FuturesAccountBalance]:
    """Futures Account Balance (USER_DATA)

    Check the COIN-M futures account balance (账户余额): one row for every asset that the exchange supports,
    those without a balance included.

    Args:
        recv_window (int | Unset): How many milliseconds after `timestamp` the exchange still
            accepts the request. No maximum is documented for this product; its sister products stop
            at 60000. The exchange takes 5000 when it is not sent.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Source:
        https://developers.binance.com/docs/derivatives/coin-margined-futures/account/rest-api/Futures-Account-Balance

    Returns:
        list[FuturesAccountBalance]
    """

    response = client.request(
        build_request(
            recv_window=recv_window,
        )
    )
    return reading.answer(response, REFUSALS, _STATUSES, _read)


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    recv_window: int | Unset = UNSET,
) -> Response[list[FuturesAccountBalance]]:
    """Futures Account Balance (USER_DATA)

    Check the COIN-M futures account balance (账户余额): one row for every asset that the exchange supports,
    those without a balance included.

    Args:
        recv_window (int | Unset): How many milliseconds after `timestamp` the exchange still
            accepts the request. No maximum is documented for this product; its sister products stop
            at 60000. The exchange takes 5000 when it is not sent.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Source:
        https://developers.binance.com/docs/derivatives/coin-margined-futures/account/rest-api/Futures-Account-Balance

    Returns:
        Response[list[FuturesAccountBalance]]
    """

    return read_response(
        await client.request_async(
            build_request(
                recv_window=recv_window,
            )
        )
    )


async def asyncio(
    *,
    client: AuthenticatedClient,
    recv_window: int | Unset = UNSET,
) -> list[FuturesAccountBalance]:
    """Futures Account Balance (USER_DATA)

    Check the COIN-M futures account balance (账户余额): one row for every asset that the exchange supports,
    those without a balance included.

    Args:
        recv_window (int | Unset): How many milliseconds after `timestamp` the exchange still
            accepts the request. No maximum is documented for this product; its sister products stop
            at 60000. The exchange takes 5000 when it is not sent.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Source:
        https://developers.binance.com/docs/derivatives/coin-margined-futures/account/rest-api/Futures-Account-Balance

    Returns:
        list[FuturesAccountBalance]
    """

    response = await client.request_async(
        build_request(
            recv_window=recv_window,
        )
    )
    return reading.answer(response, REFUSALS, _STATUSES, _read)
