"""Custom transports, with httpx's errors for those that they let through, against its contract."""

from types import TracebackType
from typing import Self

import httpx

from binance_client.messages.failures import httpx_errors


class CustomTransport(httpx.BaseTransport):
    """A custom transport for sync calls."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        with httpx_errors():
            return self._transport.handle_request(request)

    def __enter__(self) -> Self:
        """Enter the transport."""
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Leave the transport."""
        self._transport.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()


class AsyncCustomTransport(httpx.AsyncBaseTransport):
    """A custom transport for async calls."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        with httpx_errors():
            return await self._transport.handle_async_request(request)

    async def __aenter__(self) -> Self:
        """Enter the transport."""
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Leave the transport."""
        await self._transport.__aexit__(kind, error, traceback)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()
