"""The sync engine: httpx's client, whose `send` makes each call in tries.

Each try goes through httpx's own `send`, above its hooks, so that each is signed anew. What goes out is a copy of the
request, so that whoever made it, and the frames of what is raised, do not hold its signature.
"""

import sys
from typing import Any, cast

import httpx
from binance_coinm.engines import Answer
from binance_coinm.errors import ConfigurationError, ResponseError

from ._body import described, is_plain
from ._cookies import NoCookies
from ._exchange import Exchange, without_frames
from ._httpx_messages import body_of, is_error, is_repeatable, once, require_in_time, whole
from ._network.sync_transport import PoolTransport
from ._options import CallOptions
from ._origin import absolute
from ._sync_driver import SyncDriver


class HttpxEngine(httpx.Client):
    """httpx's client of one account, each call of which is as many tries as it needs."""

    def __init__(self, exchange: Exchange, driver: SyncDriver, options: CallOptions, settings: dict[str, Any]) -> None:
        super().__init__(**settings)
        self._exchange = exchange
        self._no_cookies = NoCookies()
        self._driver = driver
        self._options = options
        self._base = str(self.base_url)
        self._keeps_time = isinstance(settings["transport"], PoolTransport)

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

    def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.Client.send` does, in tries; a streamed answer is the caller's own, in one try."""
        if stream:
            outer = sys.exception()
            try:
                response = super().send(once(request, self._exchange.write_keepalive_expiry), stream=True, **settings)
            except BaseException as failure:  # noqa: BLE001, it is raised again
                raise without_frames(failure, request, outer) from failure.__cause__
            response.request = request
            return response
        call = self._exchange.call(request, self._options, is_repeatable=is_repeatable(request))

        def ask_for_time(max_idle_age: float) -> Answer:
            question = self.build_request(**self._exchange.question_for_the_time())
            return self._attempt(question, max_idle_age, call.deadline, {})

        def attempt(max_idle_age: float) -> Answer:
            return self._attempt(request, max_idle_age, call.deadline, settings)

        return cast("httpx.Response", self._driver.answer(call, attempt, ask_for_time))

    def _attempt(
        self, request: httpx.Request, max_idle_age: float, deadline: float, settings: dict[str, Any]
    ) -> httpx.Response:
        outer = sys.exception()
        try:
            response = super().send(once(request, max_idle_age, deadline), stream=True, **settings)
            try:
                return self._whole(response, deadline, request)
            except (httpx.HTTPError, ResponseError):
                if is_error(response):
                    return whole(response, b"", request)
                raise
            finally:
                response.close()
        except BaseException as failure:  # noqa: BLE001, it is raised again
            raise without_frames(failure, request, outer) from failure.__cause__

    def _whole(self, response: httpx.Response, deadline: float, request: httpx.Request) -> httpx.Response:
        if self._keeps_time and is_plain(response.headers, self._exchange.max_answer_bytes):
            response.read()
            response.request = request
            return response
        with described(response.status_code, response.headers):
            body = body_of(response, self._exchange.max_answer_bytes)
            for chunk in [response.content] if response.is_closed else response.iter_raw():
                require_in_time(deadline)
                body.feed(chunk)
            return whole(response, body.whole(), request)
