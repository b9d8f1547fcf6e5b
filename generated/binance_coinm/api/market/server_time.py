"""The operation `GET /dapi/v1/time`."""

from typing import Any

import httpx

from ... import reading
from ...client import Client
from ...engines import Answer
from ...facts import REFUSALS
from ...models.server_time import ServerTime
from ...security import Security
from ...types import Response


def build_request() -> dict[str, Any]:
    """Give the request as arguments of `httpx.Client.request`; raise `ConfigurationError` if an argument is wrong."""
    return {
        "method": "GET",
        "url": "/dapi/v1/time",
        "extensions": {"security": Security.NONE, "weight": 1},
    }


_STATUSES = range(200, 201)
_read: reading.Reader[ServerTime] = reading.model(ServerTime.from_dict)


def read_response(response: Answer) -> Response[ServerTime]:
    """Give what the answer says; raise the exception that it is, if it is none that was asked for."""
    parsed = reading.answer(response, REFUSALS, _STATUSES, _read)
    return Response(response.status_code, response.content, httpx.Headers(response.headers), parsed)


def sync_detailed(
    *,
    client: Client,
) -> Response[ServerTime]:
    """Check Server Time (NONE)

    The exchange's clock (获取服务器时间), for clients that have to know how far theirs is off. It needs no API
    key. The time in the answer of `exchangeInfo` is no substitute: its own page says to ignore it.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Returns:
        Response[ServerTime]
    """

    return read_response(client.request(build_request()))


def sync(
    *,
    client: Client,
) -> ServerTime:
    """Check Server Time (NONE)

    The exchange's clock (获取服务器时间), for clients that have to know how far theirs is off. It needs no API
    key. The time in the answer of `exchangeInfo` is no substitute: its own page says to ignore it.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Returns:
        ServerTime
    """

    response = client.request(build_request())
    return reading.answer(response, REFUSALS, _STATUSES, _read)


async def asyncio_detailed(
    *,
    client: Client,
) -> Response[ServerTime]:
    """Check Server Time (NONE)

    The exchange's clock (获取服务器时间), for clients that have to know how far theirs is off. It needs no API
    key. The time in the answer of `exchangeInfo` is no substitute: its own page says to ignore it.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Returns:
        Response[ServerTime]
    """

    return read_response(await client.request_async(build_request()))


async def asyncio(
    *,
    client: Client,
) -> ServerTime:
    """Check Server Time (NONE)

    The exchange's clock (获取服务器时间), for clients that have to know how far theirs is off. It needs no API
    key. The time in the answer of `exchangeInfo` is no substitute: its own page says to ignore it.

    Raises:
        ConfigurationError: If an argument is wrong; nothing was sent.
        ApiError: If the exchange says no.
        ResponseError: If the answer is not what openapi.yaml describes.
        NetworkError: If there is no answer, or not all of it, within the client's timeout.

    Returns:
        ServerTime
    """

    response = await client.request_async(build_request())
    return reading.answer(response, REFUSALS, _STATUSES, _read)
