"""The engine of sync calls: httpx's client, whose `send` makes each call in tries.

Each try goes through httpx's own `send`, above its hooks, so that each is signed anew.
"""

import ssl
from typing import Any, cast

import httpx
from binance_coinm.errors import ConfigurationError

from . import _deadline
from ._body import described, is_plain
from ._certificates import tls_context
from ._environment import certificates_from, made_of
from ._exchange import Exchange
from ._httpx_messages import body_of, is_repeatable, limits, set_timeouts, whole
from ._origin import absolute
from ._sync_driver import SyncDriver


class HttpxEngine(httpx.Client):
    """httpx's client, each call of which is as many tries as it needs."""

    def __init__(self, exchange: Exchange, settings: dict[str, Any]) -> None:
        super().__init__(limits=limits(exchange), **settings)
        self._exchange = exchange
        self._base = str(self.base_url)
        self._driver = SyncDriver(exchange, self)
        _deadline.bound([self._transport, *self._mounts.values()])

    def build_request(self, method: str, url: httpx.URL | str, **content: Any) -> httpx.Request:
        """Build a request as httpx does, which would parse the URL of each request twice."""
        return super().build_request(method, absolute(self._base, str(url)), **content)

    def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.Client.send` does, in tries; a streamed answer is the caller's own, in one try."""
        if stream:
            return super().send(request, stream=True, **settings)
        call = self._exchange.call(request.method, request.extensions, is_repeatable=is_repeatable(request))
        return cast("httpx.Response", self._driver.answer(request, call, settings))

    def prepare(self, request: dict[str, Any]) -> httpx.Request:
        """Give the request whose arguments these are."""
        return self.build_request(**request)

    def attempt(self, request: httpx.Request, deadline: float, settings: dict[str, Any]) -> httpx.Response:
        """Send the request once, through httpx's hooks, and read the answer."""
        set_timeouts(request, deadline)
        try:
            with _deadline.until(deadline):
                response = super().send(request, stream=True, **settings)
                return self._read(response)
        finally:
            if self.is_closed:
                # What was closed in the middle of a try gets back a connection that nobody would close.
                self._transport.close()

    def _read(self, response: httpx.Response) -> httpx.Response:
        limit = self._exchange.max_answer_bytes
        try:
            if not response.is_closed and is_plain(response.headers, limit):
                response.read()
                return response
            with described(response.status_code, response.headers):
                body = body_of(response, limit)
                for chunk in [response.content] if response.is_closed else response.iter_raw():
                    body.feed(chunk)
        finally:
            response.close()
        return whole(response, body.whole())


def prepared(settings: dict[str, Any]) -> dict[str, Any]:
    """Give a client's settings as both engines take them."""
    verify = settings["verify"]
    if isinstance(verify, ssl.SSLContext):
        return settings
    environment = certificates_from() if settings["trust_env"] else None
    return {**settings, "verify": tls_context(verify, environment)}


def engine(exchange: Exchange, settings: dict[str, Any]) -> httpx.Client:
    """Make what sync calls are sent through."""
    _require_transport(settings["transport"], httpx.BaseTransport)
    return made_of(HttpxEngine, exchange, settings)


def async_engine(exchange: Exchange, settings: dict[str, Any]) -> httpx.AsyncClient:
    """Make what the async calls of one event loop are sent through."""
    _require_transport(settings["transport"], httpx.AsyncBaseTransport)
    from ._httpx_async_engine import HttpxAsyncEngine  # noqa: PLC0415, see there

    return made_of(HttpxAsyncEngine, exchange, settings)


def _require_transport(transport: object, kind: type) -> None:
    if transport is not None and not isinstance(transport, kind):
        raise ConfigurationError(
            f"transport: {type(transport).__name__} is no httpx.{kind.__name__}, which this call needs"
        )
