"""The engine of async calls: httpx's async client, whose `send` makes each call in tries.

Imported when it is first needed, as its driver.
"""

import time
from typing import Any, cast

import anyio
import httpx

from ._async_driver import AsyncDriver
from ._body import described, is_plain
from ._exchange import Exchange
from ._httpx_messages import body_of, is_repeatable, limits, set_timeouts, whole
from ._origin import absolute

# httpx's own timeouts know what was waited for, so they get the time to go off before the call is cancelled.
_GRACE = 0.05


class HttpxAsyncEngine(httpx.AsyncClient):
    """httpx's async client, each call of which is as many tries as it needs."""

    def __init__(self, exchange: Exchange, settings: dict[str, Any]) -> None:
        super().__init__(limits=limits(exchange), **settings)
        self._exchange = exchange
        self._base = str(self.base_url)
        self._driver = AsyncDriver(exchange, self)

    def build_request(self, method: str, url: httpx.URL | str, **content: Any) -> httpx.Request:
        """Build a request as httpx does, which would parse the URL of each request twice."""
        return super().build_request(method, absolute(self._base, str(url)), **content)

    async def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.AsyncClient.send` does, in tries; a streamed answer is the caller's own."""
        if stream:
            return await super().send(request, stream=True, **settings)
        call = self._exchange.call(request.method, request.extensions, is_repeatable=is_repeatable(request))
        return cast("httpx.Response", await self._driver.answer(request, call, settings))

    def prepare(self, request: dict[str, Any]) -> httpx.Request:
        """Give the request whose arguments these are."""
        return self.build_request(**request)

    async def attempt(self, request: httpx.Request, deadline: float, settings: dict[str, Any]) -> httpx.Response:
        """Send the request once, through httpx's hooks, and read the answer."""
        set_timeouts(request, deadline)
        try:
            with anyio.fail_after(max(deadline - time.monotonic(), 0) + _GRACE):
                response = await super().send(request, stream=True, **settings)
                return await self._read(response)
        except TimeoutError:
            raise httpx.ReadTimeout("the call's deadline has passed") from None
        finally:
            if self.is_closed:
                # What was closed in the middle of a try gets back a connection that nobody would close.
                await self._transport.aclose()

    async def _read(self, response: httpx.Response) -> httpx.Response:
        limit = self._exchange.max_answer_bytes
        try:
            if not response.is_closed and is_plain(response.headers, limit):
                await response.aread()
                return response
            with described(response.status_code, response.headers):
                body = body_of(response, limit)
                if response.is_closed:
                    body.feed(response.content)
                else:
                    async for chunk in response.aiter_raw():
                        body.feed(chunk)
        finally:
            await response.aclose()
        return whole(response, body.whole())
