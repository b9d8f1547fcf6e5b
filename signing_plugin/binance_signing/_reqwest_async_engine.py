"""The fast engine's async side, on asyncio. Imported when it is first needed, as its driver."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Generic, TypeVar

from binance_coinm import engines
from binance_coinm.errors import ConfigurationError
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import RequestBuilder

from ._async_driver import AsyncDriver
from ._exchange import Exchange, closed
from ._reqwest_messages import Answer, Reading, Request, built, failure_of, request_of
from ._reqwest_pools import ASYNC_POOLS, AsyncPool, PoolSettings

T = TypeVar("T")


class ReqwestAsyncEngine:
    """Sends async calls, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange, base_url: str, settings: PoolSettings) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError("engine='reqwest' runs on asyncio alone; use engine='httpx' for trio") from None
        self._exchange = exchange
        self._base_url = base_url
        self._pool: AsyncPool | None = ASYNC_POOLS.pool(settings)
        self._driver = AsyncDriver(exchange, self)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._pool is None

    async def aclose(self) -> None:
        """Let go of the pool, which is closed unless others use it."""
        self._pool = None

    def prepare(self, request: dict[str, Any]) -> Request:
        """Give the request whose arguments these are."""
        return request_of(self._base_url, **request)

    def request(self, **request: Any) -> Coroutine[Any, Any, engines.Answer]:
        """Send the request whose arguments these are, as `httpx.AsyncClient.request` does."""
        prepared = self.prepare(request)
        call = self._exchange.call(prepared.method, prepared.extensions, is_repeatable=prepared.body is not None)
        return self._driver.answer(prepared, call, {})

    async def attempt(self, request: Request, deadline: float, settings: dict[str, Any]) -> Answer:  # noqa: ARG002, httpx's
        """Sign the request, send it and give the answer until the deadline."""
        pool = self._pool
        if pool is None:
            raise closed()
        builder = built(pool.client.request, request, deadline)
        try:
            return await _Cancellable(self._answer(builder))
        except PyreqwestError as error:
            failure = failure_of(error)
        raise failure

    async def _answer(self, builder: RequestBuilder) -> Answer:
        async with builder.build_streamed() as response:
            reading = Reading(response, self._exchange.max_answer_bytes)
            if reading.is_plain:
                return reading.answer(await response.body_reader.bytes())
            with reading.body() as body:
                while (chunk := await response.body_reader.read_chunk()) is not None:
                    body.feed(bytes(chunk))
        return reading.answer(body.whole())


class _Cancellable(Generic[T]):
    """Await what answers a cancellation by one of its own, and raise the cancellation itself instead.

    Whoever cancelled knows its own again by what it holds, a scope of anyio for one.
    """

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._steps = awaitable.__await__()

    def __await__(self) -> Generator[Any, Any, T]:
        """Do step after step."""
        try:
            waited_for = next(self._steps)
            while True:
                try:
                    sent = yield waited_for
                except BaseException as cancellation:
                    with suppress(asyncio.CancelledError, StopIteration):
                        self._steps.throw(cancellation)
                    raise
                waited_for = self._steps.send(sent)
        except StopIteration as end:
            result: T = end.value
            return result
