"""The transport of all clients that derive from one `connect`: the connection pool, or a custom transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from binance_client.connections.pool import Pool
from binance_client.connections.sync_transport import PoolTransport
from binance_client.errors import ConfigurationError
from binance_client.imports import import_errors

from .custom_transport import AsyncCustomTransport, CustomTransport
from .sync_client import RetryingClient
from .sync_runner import SyncRunner

if TYPE_CHECKING:
    from binance_client.policy.call import CallOptions
    from binance_client.policy.client_state import ClientState

Transport = httpx.BaseTransport | httpx.AsyncBaseTransport


class SharedTransport:
    """Builds the httpx clients of several accounts, sync and async, over one pool or one custom transport."""

    def __init__(self, state: ClientState, transport: Pool | Transport) -> None:
        self._state = state
        self._transport = transport
        self._runner = SyncRunner(state)
        # Built when it is first needed, because its module imports asyncio.
        self._async_runner: Any = None

    def build_client(self, options: CallOptions, settings: dict[str, Any]) -> RetryingClient:
        """Build the httpx client of a client's sync calls."""
        honors_deadline = isinstance(self._transport, Pool)
        if isinstance(self._transport, Pool):
            transport: httpx.BaseTransport = PoolTransport(self._transport)
        elif isinstance(self._transport, httpx.BaseTransport):
            transport = CustomTransport(self._transport)
        else:
            raise _wrong_transport(self._transport, "BaseTransport, which a sync call needs")
        settings = {**settings, "transport": transport}
        return RetryingClient(self._state, self._runner, options, settings, honors_deadline=honors_deadline)

    def build_async_client(self, options: CallOptions, settings: dict[str, Any]) -> httpx.AsyncClient:
        """Build the httpx client of a client's async calls, in all event loops."""
        with import_errors:
            from binance_client.connections.async_transport import (  # noqa: PLC0415, it imports asyncio
                AsyncPoolTransport,
            )

            from .async_client import AsyncRetryingClient  # noqa: PLC0415, it imports asyncio
            from .async_runner import AsyncRunner  # noqa: PLC0415, it imports asyncio

        honors_deadline = isinstance(self._transport, Pool)
        if isinstance(self._transport, Pool):
            transport: httpx.AsyncBaseTransport = AsyncPoolTransport(self._transport)
        elif isinstance(self._transport, httpx.AsyncBaseTransport):
            transport = AsyncCustomTransport(self._transport)
        else:
            raise _wrong_transport(self._transport, "AsyncBaseTransport, which an async call needs")
        if self._async_runner is None:
            self._async_runner = AsyncRunner(self._state)
        settings = {**settings, "transport": transport}
        return AsyncRetryingClient(self._state, self._async_runner, options, settings, honors_deadline=honors_deadline)

    def close(self) -> None:
        """Close all connections, idle or not; those of a custom async transport are left to `aclose`."""
        self._state.lifetime.is_closed = True
        if isinstance(self._transport, Pool | httpx.BaseTransport):
            self._transport.close()

    async def aclose(self) -> None:
        """Close all connections, idle or not."""
        self.close()
        if isinstance(self._transport, httpx.AsyncBaseTransport):
            await self._transport.aclose()


def _wrong_transport(transport: Transport, expected: str) -> ConfigurationError:
    return ConfigurationError(f"transport: {type(transport).__name__} is not an httpx.{expected}")
