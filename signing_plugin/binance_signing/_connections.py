"""The clients of httpx under one of ours: one for sync calls, and one for each event loop.

A connection belongs to the process and to the event loop that opened it. A fork of the process and a second event loop
get connections of their own, for an answer on a shared one could reach the wrong caller.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from threading import Lock
from typing import Any

import httpx
from binance_coinm.errors import ConfigurationError

from . import _forks
from ._exchange import Exchange
from ._sync_driver import TryingClient


class _OutsideOfLoops:
    """What stands for an event loop where none runs."""


_OUTSIDE_OF_LOOPS = _OutsideOfLoops()


class Connections:
    """Makes each client of httpx when it is first needed."""

    def __init__(self, exchange: Exchange, settings: dict[str, Any]) -> None:
        self._exchange = exchange
        self._settings = settings
        self._is_closed = False
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a connection, at first and after a fork."""
        self._making = Lock()
        self._client: httpx.Client | None = None
        self._async_clients: dict[object, httpx.AsyncClient] = {}
        self._ends: dict[object, AsyncGenerator[None]] = {}

    def _require_open(self) -> None:
        if self._is_closed:
            raise ConfigurationError("this client is closed; connect again, or close it later")

    def client(self) -> httpx.Client:
        """Give the client of sync calls of this process."""
        self._require_open()
        with self._making:
            if self._client is None:
                _require_transport(self._settings["transport"], httpx.BaseTransport)
                self._client = TryingClient(self._exchange, **self._settings)
            return self._client

    def async_client(self) -> httpx.AsyncClient:
        """Give the client of async calls of the running event loop."""
        self._require_open()
        loop = _running_loop()
        with self._making:
            if loop not in self._async_clients:
                from ._async_driver import TryingAsyncClient  # noqa: PLC0415, see there

                _require_transport(self._settings["transport"], httpx.AsyncBaseTransport)
                self._async_clients[loop] = TryingAsyncClient(self._exchange, **self._settings)
            return self._async_clients[loop]

    async def end_with_the_loop(self) -> None:
        """See to it that the connections of the running event loop are closed at its end, if not before."""
        loop = _running_loop()
        if loop not in self._ends:
            self._ends[loop] = self._until_the_end(loop)
            await anext(self._ends[loop])

    async def _until_the_end(self, loop: object) -> AsyncGenerator[None]:
        # asyncio and trio close the generators that are left when a loop ends, which is the only sign of it.
        try:
            yield
        finally:
            await self._end(loop)

    async def _end(self, loop: object) -> None:
        self._ends.pop(loop, None)
        async_client = self._async_clients.pop(loop, None)
        if async_client is not None:
            await async_client.aclose()

    def close(self) -> None:
        """Close what sync calls opened; no call can be made any more."""
        self._is_closed = True
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Close what sync calls and those of the running event loop opened; no call can be made any more."""
        self.close()
        loop = _running_loop()
        if loop in self._ends:
            await self._ends[loop].aclose()
        await self._end(loop)


def _require_transport(transport: object, kind: type) -> None:
    if transport is not None and not isinstance(transport, kind):
        raise ConfigurationError(
            f"transport: {type(transport).__name__} is no httpx.{kind.__name__}, which this call needs"
        )


def _running_loop() -> object:
    # Where a library of event loops is not even imported, none of its loops runs.
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if asyncio is not None:
        with suppress(RuntimeError):
            return asyncio.get_running_loop()
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    return _OUTSIDE_OF_LOOPS
