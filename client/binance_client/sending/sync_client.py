"""httpx's sync client, with a `send` that retries.

Each attempt goes through httpx's own `send` and its hooks, so that it is signed again. A copy of the request is sent,
so that neither the caller's request nor a traceback holds the signature.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import httpx

from binance_client.errors import ResponseError
from binance_client.messages.decompression import is_identity_within, response_context
from binance_client.messages.failures import httpx_errors
from binance_client.policy.call import Call
from binance_client.policy.deadline import require_in_time
from binance_client.redaction import strip_traceback

from .account_client import AccountClient
from .httpx_utils import copy_for_attempt, decoder_for, is_error, rebuild_response

if TYPE_CHECKING:
    from binance_client.messages.http import HTTPResponse

    from .sync_runner import SyncRunner


class RetryingClient(AccountClient, httpx.Client):
    """The sync client of one account."""

    _runner: SyncRunner

    def send(self, request: httpx.Request, *, stream: bool = False, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.Client.send` does, with retries; a streamed one in a single attempt."""
        self.require_permitted(request, settings)
        expiry = self._shared_state.settings.write_keepalive_expiry
        if stream:
            self.require_no_ban()
            outer = sys.exception()
            try:
                response = super().send(copy_for_attempt(request, expiry), stream=True, **settings)
            except BaseException as failure:  # noqa: BLE001, it is raised again
                raise strip_traceback(failure, request, outer) from failure.__cause__
            response.request = request
            return response
        call = Call.begin(request, self._options, expiry)

        def request_time(max_idle_age: float) -> HTTPResponse:
            time_request = self.build_request(**self._shared_state.server_time_request())
            return self._send_once(time_request, max_idle_age, call.deadline, {})

        def send_once(max_idle_age: float) -> HTTPResponse:
            return self._send_once(request, max_idle_age, call.deadline, settings)

        return cast("httpx.Response", self._runner.run(call, send_once, request_time))

    def _send_once(
        self, request: httpx.Request, max_idle_age: float, deadline: float, settings: dict[str, Any]
    ) -> httpx.Response:
        outer = sys.exception()
        try:
            response = super().send(copy_for_attempt(request, max_idle_age, deadline), stream=True, **settings)
            try:
                with httpx_errors():
                    return self._read(response, deadline, request)
            except (httpx.HTTPError, ResponseError):
                if is_error(response):
                    return rebuild_response(response, b"", request)
                raise
            finally:
                response.close()
        except BaseException as failure:  # noqa: BLE001, it is raised again
            raise strip_traceback(failure, request, outer) from failure.__cause__

    def _read(self, response: httpx.Response, deadline: float, request: httpx.Request) -> httpx.Response:
        limit = self._shared_state.settings.max_response_bytes
        if self._honors_deadline and is_identity_within(response.headers, limit):
            response.read()
            response.request = request
            return response
        with response_context(response.status_code, response.headers):
            decoder = decoder_for(response, limit)
            for chunk in [response.content] if response.is_closed else response.iter_raw():
                require_in_time(deadline)
                decoder.feed(chunk)
            return rebuild_response(response, decoder.finish(), request)
