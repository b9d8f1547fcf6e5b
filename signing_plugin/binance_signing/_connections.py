"""What clients share that come from one `connect`: the connection pool, or the user's transport, and the drivers."""

from typing import Any

import httpx
from binance_coinm.errors import ConfigurationError

from ._exchange import Exchange
from ._httpx_engine import HttpxEngine
from ._network.pool import Pool
from ._network.sync_transport import PoolTransport
from ._options import CallOptions
from ._sync_driver import SyncDriver

Transport = httpx.BaseTransport | httpx.AsyncBaseTransport


class Connections:
    """Makes the engines of clients, sync and async, which send over the same connections."""

    def __init__(self, exchange: Exchange, over: Pool | Transport) -> None:
        self._exchange = exchange
        self._over = over
        self._driver = SyncDriver(exchange)
        # Made when it is first needed, because it imports asyncio.
        self._async_driver: Any = None

    def engine(self, options: CallOptions, settings: dict[str, Any]) -> HttpxEngine:
        """Make what the sync calls of a client go through."""
        self._exchange.lifetime.require_open()
        transport = PoolTransport(self._over) if isinstance(self._over, Pool) else self._over
        if not isinstance(transport, httpx.BaseTransport):
            raise _other_transport(transport, "BaseTransport, which a sync call needs")
        return HttpxEngine(self._exchange, self._driver, options, {**settings, "transport": transport})

    def async_engine(self, options: CallOptions, settings: dict[str, Any]) -> httpx.AsyncClient:
        """Make what the async calls of a client go through, in all event loops."""
        from ._async_driver import AsyncDriver  # noqa: PLC0415, see there
        from ._httpx_async_engine import HttpxAsyncEngine  # noqa: PLC0415, see there
        from ._network.async_transport import AsyncPoolTransport  # noqa: PLC0415, see there

        self._exchange.lifetime.require_open()
        transport = AsyncPoolTransport(self._over) if isinstance(self._over, Pool) else self._over
        if not isinstance(transport, httpx.AsyncBaseTransport):
            raise _other_transport(transport, "AsyncBaseTransport, which an async call needs")
        if self._async_driver is None:
            self._async_driver = AsyncDriver(self._exchange)
        return HttpxAsyncEngine(self._exchange, self._async_driver, options, {**settings, "transport": transport})

    def close(self) -> None:
        """Close all connections, idle or not; over a transport of the user's, those of sync calls."""
        self._exchange.lifetime.is_closed = True
        if isinstance(self._over, Pool | httpx.BaseTransport):
            self._over.close()

    async def aclose(self) -> None:
        """Close all connections, idle or not."""
        self.close()
        if isinstance(self._over, httpx.AsyncBaseTransport):
            await self._over.aclose()


def _other_transport(transport: Transport, expected: str) -> ConfigurationError:
    return ConfigurationError(f"transport: {type(transport).__name__} is no httpx.{expected}")
