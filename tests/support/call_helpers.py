"""Calls as functions of a client, sync and async alike, so that one test covers both."""

import asyncio
from typing import Any, Protocol

from binance_client.base_client import AuthenticatedClient
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.types import Response


class Balance(Protocol):
    """The whole life of a client: one call, then close."""

    def __call__(self, client: AuthenticatedClient, **arguments: Any) -> Response[list[FuturesAccountBalance]]:
        """Call, close the client, and return the response as a whole."""
        ...


def balance_sync(client: AuthenticatedClient, **arguments: Any) -> Response[list[FuturesAccountBalance]]:
    """Call by the sync function."""
    with client:
        return futures_account_balance.sync_detailed(client=client, **arguments)


def balance_async(client: AuthenticatedClient, **arguments: Any) -> Response[list[FuturesAccountBalance]]:
    """Call by the async function, in an event loop of its own."""

    async def call() -> Response[list[FuturesAccountBalance]]:
        async with client:
            return await futures_account_balance.asyncio_detailed(client=client, **arguments)

    return asyncio.run(call())


class Call(Protocol):
    """One call of an operation, given as its module, which leaves the client open."""

    def __call__(self, operation: Any, client: AuthenticatedClient, **arguments: Any) -> Any:
        """Call, and return the response's content."""
        ...


def call_sync(operation: Any, client: AuthenticatedClient, **arguments: Any) -> Any:
    """Call by the sync function."""
    return operation.sync(client=client, **arguments)


def call_async(operation: Any, client: AuthenticatedClient, **arguments: Any) -> Any:
    """Call by the async function, in an event loop of its own."""
    return asyncio.run(operation.asyncio(client=client, **arguments))
