"""The drivers of a call's tries, sync and async: httpx's clients, whose `send` does what `tries` decides.

Each try goes through `send` of httpx, above its hooks, so that each is signed anew.
"""

from typing import Any

import httpx

from ._tries import tries


class TryingClient(httpx.Client):
    """httpx's client, each call of which is as many tries as it needs."""

    def send(self, request: httpx.Request, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.Client.send` does, in tries."""
        steps = tries()
        next(steps)
        while True:
            answer = super().send(request, **settings)
            try:
                steps.send(answer)
            except StopIteration as end:
                response: httpx.Response = end.value
                return response


class TryingAsyncClient(httpx.AsyncClient):
    """httpx's async client, each call of which is as many tries as it needs."""

    async def send(self, request: httpx.Request, **settings: Any) -> httpx.Response:
        """Send a request as `httpx.AsyncClient.send` does, in tries."""
        steps = tries()
        next(steps)
        while True:
            answer = await super().send(request, **settings)
            try:
                steps.send(answer)
            except StopIteration as end:
                response: httpx.Response = end.value
                return response
