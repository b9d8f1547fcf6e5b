"""httpx's async client, with a `send` that retries: the counterpart of `sync_client`.

Imported when it is first needed, because it imports asyncio.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx

from binance_client.errors import ResponseError
from binance_client.messages.decompression import is_identity_within, response_context
from binance_client.messages.failures import httpx_errors
from binance_client.policy.call import Call
from binance_client.policy.deadline import deadline_error, require_in_time, seconds_left
from binance_client.redaction import strip_traceback

from .account_client import AccountClient
from .httpx_utils import copy_for_attempt, decoder_for, is_error, rebuild_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from binance_client.messages.http import HTTPResponse

    from .async_runner import AsyncRunner

# Seconds by which a cancellation is delayed, so that the transport's own timeouts, which are more specific, come first.
_CANCELLATION_DELAY = 0.05


class AsyncRetryingClient(AccountClient, httpx.AsyncClient):
    """The async client of one account."""

    _runner: AsyncRunner

    async def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.AsyncClient.send` does, with retries; a streamed one in a single attempt."""
        self.require_permitted(request, settings)
        expiry = self._shared_state.settings.write_keepalive_expiry
        if stream:
            self.require_no_ban()
            outer = sys.exception()
            try:
                response = await super().send(copy_for_attempt(request, expiry), stream=True, **settings)
            except BaseException as failure:  # noqa: BLE001, it is raised again
                raise strip_traceback(failure, request, outer) from failure.__cause__
            response.request = request
            return response
        call = Call.begin(request, self._options, expiry)

        async def request_time(max_idle_age: float) -> HTTPResponse:
            time_request = self.build_request(**self._shared_state.server_time_request())
            return await self._send_once(time_request, max_idle_age, call.deadline, {})

        async def send_once(max_idle_age: float) -> HTTPResponse:
            return await self._send_once(request, max_idle_age, call.deadline, settings)

        return cast("httpx.Response", await self._runner.run(call, send_once, request_time))

    async def _send_once(
        self, request: httpx.Request, max_idle_age: float, deadline: float, settings: dict[str, Any]
    ) -> httpx.Response:
        outer = sys.exception()
        try:
            with self._deadline_scope(deadline):
                response = await super().send(
                    copy_for_attempt(request, max_idle_age, deadline), stream=True, **settings
                )
                try:
                    with httpx_errors():
                        return await self._read(response, deadline, request)
                except (httpx.HTTPError, ResponseError):
                    if is_error(response):
                        return rebuild_response(response, b"", request)
                    raise
                finally:
                    await response.aclose()
        except BaseException as failure:  # noqa: BLE001, it is raised again
            raise strip_traceback(failure, request, outer) from failure.__cause__
        # The deadline scope has ended the attempt, and suppressed its own cancellation.
        raise deadline_error(request)

    def _deadline_scope(self, deadline: float) -> AbstractContextManager[object]:
        """Return a context that cancels an attempt over a custom transport; the pool's obeys the deadline itself."""
        return (
            nullcontext()
            if self._honors_deadline
            else anyio.move_on_after(seconds_left(deadline) + _CANCELLATION_DELAY)
        )

    async def _read(self, response: httpx.Response, deadline: float, request: httpx.Request) -> httpx.Response:
        limit = self._shared_state.settings.max_response_bytes
        if self._honors_deadline and is_identity_within(response.headers, limit):
            await response.aread()
            response.request = request
            return response
        with response_context(response.status_code, response.headers):
            decoder = decoder_for(response, limit)
            if response.is_closed:
                decoder.feed(response.content)
                return rebuild_response(response, decoder.finish(), request)
            chunks = response.aiter_raw()
            try:
                async for chunk in chunks:
                    require_in_time(deadline)
                    decoder.feed(chunk)
            except (httpx.HTTPError, ResponseError):
                await _discard_body(response, chunks)
                raise
            return rebuild_response(response, decoder.finish(), request)


async def _discard_body(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """Exhaust the generators that read a body, because trio warns about those that garbage collection closes."""
    stream = response.extensions.get("network_stream")
    if stream is not None:
        await stream.aclose()
        with suppress(httpx.HTTPError):
            async for _ in chunks:
                pass
