"""The fast engine: pyreqwest, a client in Rust. It takes the place of all of httpx, whose own part costs the most."""

from typing import Any

from binance_coinm import engines
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import SyncRequestBuilder

from ._exchange import Exchange, closed
from ._interruptible import interruptible
from ._reqwest_messages import Answer, Reading, Request, built, failure_of, request_of
from ._reqwest_pools import POOLS, PoolSettings, SyncPool, pool_settings
from ._sync_driver import SyncDriver


class ReqwestEngine:
    """Sends sync calls, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange, base_url: str, settings: PoolSettings) -> None:
        self._exchange = exchange
        self._base_url = base_url
        self._pool: SyncPool | None = POOLS.pool(settings)
        self._driver = SyncDriver(exchange, self)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._pool is None

    def close(self) -> None:
        """Let go of the pool, which is closed unless others use it."""
        self._pool = None

    def prepare(self, request: dict[str, Any]) -> Request:
        """Give the request whose arguments these are."""
        return request_of(self._base_url, **request)

    def request(self, **request: Any) -> engines.Answer:
        """Send the request whose arguments these are, as `httpx.Client.request` does."""
        prepared = self.prepare(request)
        call = self._exchange.call(prepared.method, prepared.extensions, is_repeatable=prepared.body is not None)
        return self._driver.answer(prepared, call, {})

    def attempt(self, request: Request, deadline: float, settings: dict[str, Any]) -> Answer:  # noqa: ARG002, httpx's
        """Sign the request, send it and give the answer until the deadline."""
        pool = self._pool
        if pool is None:
            raise closed()
        builder = built(pool.client.request, request, deadline)
        try:
            return interruptible(lambda: self._answer(builder))
        except PyreqwestError as error:
            failure = failure_of(error)
        raise failure

    def _answer(self, builder: SyncRequestBuilder) -> Answer:
        with builder.build_streamed() as response:
            reading = Reading(response, self._exchange.max_answer_bytes)
            if reading.is_plain:
                return reading.answer(response.body_reader.bytes())
            with reading.body() as body:
                while (chunk := response.body_reader.read_chunk()) is not None:
                    body.feed(bytes(chunk))
        return reading.answer(body.whole())


def prepared(settings: dict[str, Any]) -> dict[str, Any]:
    """Give a client's settings as this engine takes them; raise `ConfigurationError` for what it cannot do."""
    return {"base_url": settings["base_url"], "settings": pool_settings(settings)}


def engine(exchange: Exchange, settings: dict[str, Any]) -> ReqwestEngine:
    """Make what sync calls are sent through."""
    return ReqwestEngine(exchange, **settings)


def async_engine(exchange: Exchange, settings: dict[str, Any]) -> engines.AsyncEngine:
    """Make what the async calls of one event loop are sent through."""
    from ._reqwest_async_engine import ReqwestAsyncEngine  # noqa: PLC0415, see there

    return ReqwestAsyncEngine(exchange, **settings)
