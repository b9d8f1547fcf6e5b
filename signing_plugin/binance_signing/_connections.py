"""The engines under a client: one for sync calls, and one for each event loop.

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

from . import _forks, _httpx_engine
from ._exchange import Exchange


class _OutsideOfLoops:
    """What stands for an event loop where none runs."""


_OUTSIDE_OF_LOOPS = _OutsideOfLoops()


class Connections:
    """Makes each engine when it is first needed."""

    def __init__(self, exchange: Exchange, settings: dict[str, Any]) -> None:
        self._exchange = exchange
        self._settings = _httpx_engine.prepared(settings)
        self._is_closed = False
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a connection, at first and after a fork."""
        self._making = Lock()
        self._engine: httpx.Client | None = None
        self._async_engines: dict[object, httpx.AsyncClient] = {}
        self._ends: dict[object, AsyncGenerator[None]] = {}

    def engine(self) -> httpx.Client:
        """Give the engine of sync calls of this process."""
        if self._is_closed:
            raise _closed()
        if self._engine is not None:
            return self._engine
        with self._making:
            if self._engine is None:
                self._engine = _httpx_engine.engine(self._exchange, self._settings)
            return self._engine

    def async_engine(self) -> httpx.AsyncClient:
        """Give the engine of async calls of the running event loop, at whose end it is closed, if not before."""
        if self._is_closed:
            raise _closed()
        loop = _running_loop()
        engine = self._async_engines.get(loop)
        if engine is not None:
            return engine
        with self._making:
            if loop not in self._async_engines:
                self._async_engines[loop] = _httpx_engine.async_engine(self._exchange, self._settings)
                if loop is not _OUTSIDE_OF_LOOPS:
                    end = self._ends[loop] = self._until_the_end(loop)
                    with suppress(StopIteration):
                        # It begins, and comes to its yield at once.
                        anext(end).send(None)
            return self._async_engines[loop]

    async def _until_the_end(self, loop: object) -> AsyncGenerator[None]:
        # asyncio and trio close the generators that are left when a loop ends, which is the only sign of it.
        try:
            yield
        finally:
            await self._end(loop)

    async def _end(self, loop: object) -> None:
        self._ends.pop(loop, None)
        async_engine = self._async_engines.pop(loop, None)
        if async_engine is not None:
            await async_engine.aclose()

    def close(self) -> None:
        """Close what sync calls opened; no call can be made any more."""
        self._is_closed = True
        if self._engine is not None:
            self._engine.close()

    async def aclose(self) -> None:
        """Close what sync calls and those of the running event loop opened; no call can be made any more."""
        self.close()
        loop = _running_loop()
        if loop in self._ends:
            await self._ends[loop].aclose()
        await self._end(loop)


def _closed() -> ConfigurationError:
    return ConfigurationError("this client is closed; connect again, or close it later")


def _running_loop() -> object:
    # Where a library of event loops is not even imported, none of its loops runs.
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            pass
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    return _OUTSIDE_OF_LOOPS
