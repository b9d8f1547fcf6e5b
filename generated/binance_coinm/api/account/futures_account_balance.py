from typing import Any

import httpx

from ... import arguments, reading
from ...client import AuthenticatedClient
from ...models.futures_account_balance import FuturesAccountBalance
from ...security import Security
from ...types import UNSET, Response, Unset


def build_request(
    *,
    recv_window: int | Unset = UNSET,
) -> dict[str, Any]:
    """Give the request as arguments of `httpx.Client.request`; raise `ConfigurationError` if an argument is wrong."""
    arguments.integer("recv_window", recv_window, 1)

    params: dict[str, Any] = {}

    params["recvWindow"] = recv_window

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "GET",
        "url": "/dapi/v1/balance",
        "params": params,
        "extensions": {"security": Security.USER_DATA, "weight": 1},
    }

    return _kwargs


def read_response(response: httpx.Response) -> Response[list[FuturesAccountBalance]]:
    """Give what the answer says; raise the exception that it is, if it is none that was asked for."""
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=reading.answer(response, range(200, 201), reading.array(reading.model(FuturesAccountBalance.from_dict))),
    )


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
            accepts the request. The exchange takes 5000 when it is not sent. No maximum is documented
            for this product; its sister products stop at 60000.

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
            accepts the request. The exchange takes 5000 when it is not sent. No maximum is documented
            for this product; its sister products stop at 60000.

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

    return sync_detailed(
        client=client,
        recv_window=recv_window,
    ).parsed


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
            accepts the request. The exchange takes 5000 when it is not sent. No maximum is documented
            for this product; its sister products stop at 60000.

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
            accepts the request. The exchange takes 5000 when it is not sent. No maximum is documented
            for this product; its sister products stop at 60000.

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

    return (
        await asyncio_detailed(
            client=client,
            recv_window=recv_window,
        )
    ).parsed
