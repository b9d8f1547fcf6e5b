"""The fast engine: libcurl, by pycurl. It takes the place of all of httpx, whose own part costs the most."""

from typing import Any, Generic, TypeVar

from binance_coinm import engines

from ._curl_messages import Answer, Request, authorized, lines_of, request_of
from ._curl_settings import Settings, settings_of
from ._curl_transfer import POOLS, Pool
from ._exchange import Exchange, closed
from ._signer import Authorized
from ._sync_driver import SyncDriver

P = TypeVar("P")


class CurlBase(Generic[P]):
    """What the engines of sync and of async calls share."""

    def __init__(self, exchange: Exchange, base_url: str, headers: dict[str, str], pool: P) -> None:
        self._exchange = exchange
        self._base_url = base_url
        self._headers = headers
        self._pool: P | None = pool
        self.is_closed = False

    def prepare(self, request: dict[str, Any]) -> Request:
        """Give the request whose arguments these are."""
        return request_of(self._base_url, **request)

    def _open(self) -> P:
        if self._pool is None:
            raise closed()
        return self._pool

    def _signed(self, request: Request) -> tuple[Authorized, list[bytes | str], int]:
        signed = authorized(request)
        return signed, lines_of(self._headers, request, signed.headers), self._exchange.max_answer_bytes


class CurlEngine(CurlBase[Pool]):
    """Sends sync calls, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange, base_url: str, headers: dict[str, str], settings: Settings) -> None:
        super().__init__(exchange, base_url, headers, POOLS.pool(settings))
        self._driver = SyncDriver(exchange, self)

    def close(self) -> None:
        """Let go of the pool, which is closed unless others use it."""
        self._pool = None
        self.is_closed = True

    def request(self, **request: Any) -> engines.Answer:
        """Send the request whose arguments these are, as `httpx.Client.request` does."""
        prepared = request_of(self._base_url, **request)
        call = self._exchange.call(prepared.method, prepared.extensions, is_repeatable=prepared.body is not None)
        return self._driver.answer(prepared, call, {})

    def attempt(self, request: Request, deadline: float, settings: dict[str, Any]) -> Answer:  # noqa: ARG002, httpx's
        """Sign the request, send it and give the answer until the deadline."""
        pool = self._open()
        signed = self._signed(request)
        transfer = pool.taken()
        transfer.take(request, *signed, deadline)
        failed = transfer.perform()
        if failed is not None and transfer.begins_anew(failed, deadline):
            failed = transfer.perform()
        try:
            return transfer.answer(failed)
        finally:
            pool.give_back(transfer)


def prepared(settings: dict[str, Any]) -> dict[str, Any]:
    """Give a client's settings as this engine takes them; raise `ConfigurationError` for what it cannot do."""
    return {name: settings[name] for name in ("base_url", "headers")} | {"settings": settings_of(settings)}


def engine(exchange: Exchange, settings: dict[str, Any]) -> CurlEngine:
    """Make what sync calls are sent through."""
    return CurlEngine(exchange, **settings)


def async_engine(exchange: Exchange, settings: dict[str, Any]) -> engines.AsyncEngine:
    """Make what the async calls of one event loop are sent through."""
    from ._curl_async_engine import CurlAsyncEngine  # noqa: PLC0415, see there

    return CurlAsyncEngine(exchange, **settings)
