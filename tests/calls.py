"""The balance call as a function of one client, sync and async alike, so that one test is for both."""

import asyncio
from typing import Any, Protocol

from binance_coinm import AuthenticatedClient
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.types import Response


class Balance(Protocol):
    """A whole life of a client: one call, and its end."""

    def __call__(self, client: AuthenticatedClient, **arguments: Any) -> Response[list[FuturesAccountBalance]]:
        """Call, close the client, and give the answer with status and headers."""
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
