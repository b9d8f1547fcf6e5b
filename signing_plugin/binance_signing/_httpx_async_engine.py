"""The async engine: httpx's async client, whose `send` makes each call in tries. See the sync one.

Imported when it is first needed, as its driver.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, cast

import anyio
import httpx
from binance_coinm.engines import Answer
from binance_coinm.errors import ConfigurationError, ResponseError

from ._async_driver import AsyncDriver
from ._body import described, is_plain
from ._cookies import NoCookies
from ._exchange import Exchange, without_frames
from ._httpx_messages import body_of, is_error, is_repeatable, once, require_in_time, whole
from ._network.async_transport import AsyncPoolTransport
from ._options import CallOptions
from ._origin import absolute

# The transport's own timeouts know what was waited for, so they get the time to go off before the call is cancelled.
_GRACE = 0.05


class HttpxAsyncEngine(httpx.AsyncClient):
    """httpx's async client of one account, each call of which is as many tries as it needs."""

    def __init__(self, exchange: Exchange, driver: AsyncDriver, options: CallOptions, settings: dict[str, Any]) -> None:
        super().__init__(**settings)
        self._exchange = exchange
        self._no_cookies = NoCookies()
        self._driver = driver
        self._options = options
        self._base = str(self.base_url)
        self._keeps_time = isinstance(settings["transport"], AsyncPoolTransport)

    @property
    def cookies(self) -> httpx.Cookies:
        """None, whatever a response says."""
        return self._no_cookies

    @cookies.setter
    def cookies(self, cookies: object) -> None:  # noqa: ARG002, as in the class above
        raise ConfigurationError("no cookie is sent or kept; the exchange knows callers by their signature")

    def build_request(self, method: str, url: httpx.URL | str, **content: Any) -> httpx.Request:
        """Build a request as httpx does, which would parse the URL of each request twice."""
        return super().build_request(method, absolute(self._base, str(url)), **content)

    async def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.AsyncClient.send` does, in tries; a streamed answer is the caller's own."""
        if stream:
            outer = sys.exception()
            try:
                response = await super().send(
                    once(request, self._exchange.write_keepalive_expiry), stream=True, **settings
                )
            except BaseException as failure:  # noqa: BLE001, it is raised again
                raise without_frames(failure, request, outer) from failure.__cause__
            response.request = request
            return response
        call = self._exchange.call(request, self._options, is_repeatable=is_repeatable(request))

        async def ask_for_time(max_idle_age: float) -> Answer:
            question = self.build_request(**self._exchange.question_for_the_time())
            return await self._attempt(question, max_idle_age, call.deadline, {})

        async def attempt(max_idle_age: float) -> Answer:
            return await self._attempt(request, max_idle_age, call.deadline, settings)

        return cast("httpx.Response", await self._driver.answer(call, attempt, ask_for_time))

    async def _attempt(
        self, request: httpx.Request, max_idle_age: float, deadline: float, settings: dict[str, Any]
    ) -> httpx.Response:
        outer = sys.exception()
        try:
            with self._scope(deadline):
                response = await super().send(once(request, max_idle_age, deadline), stream=True, **settings)
                try:
                    return await self._whole(response, deadline, request)
                except (httpx.HTTPError, ResponseError):
                    if is_error(response):
                        return whole(response, b"", request)
                    raise
                finally:
                    await response.aclose()
        except BaseException as failure:  # noqa: BLE001, it is raised again
            raise without_frames(failure, request, outer) from failure.__cause__
        # The scope has swallowed its own cancellation.
        raise httpx.ReadTimeout("the call's deadline has passed", request=request)

    def _scope(self, deadline: float) -> AbstractContextManager[object]:
        """Return what bounds a try over a transport of the user's; ours keeps the deadline itself."""
        return nullcontext() if self._keeps_time else anyio.move_on_after(max(deadline - time.monotonic(), 0) + _GRACE)

    async def _whole(self, response: httpx.Response, deadline: float, request: httpx.Request) -> httpx.Response:
        if self._keeps_time and is_plain(response.headers, self._exchange.max_answer_bytes):
            await response.aread()
            response.request = request
            return response
        with described(response.status_code, response.headers):
            body = body_of(response, self._exchange.max_answer_bytes)
            if response.is_closed:
                body.feed(response.content)
                return whole(response, body.whole(), request)
            chunks = response.aiter_raw()
            try:
                async for chunk in chunks:
                    require_in_time(deadline)
                    body.feed(chunk)
            except (httpx.HTTPError, ResponseError):
                await _abandon(response, chunks)
                raise
            return whole(response, body.whole(), request)


async def _abandon(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """Let the generators that read a body come to their end; trio warns of those that garbage collection has to end."""
    stream = response.extensions.get("network_stream")
    if stream is not None:
        await stream.aclose()
        with suppress(httpx.HTTPError):
            async for _ in chunks:
                pass
