"""Clients of the exchange: what the functions in `api` send their requests with."""

import ssl
from threading import Lock
from typing import Any, Self

import httpx
from attrs import define, field

from .engines import Answer, AsyncEngine, Engine
from .errors import ClientClosedError, from_failure

DEFAULT_TIMEOUT = 10.0
USER_AGENT = "binance-coinm/0.1.0"


def _closed() -> ClientClosedError:
    return ClientClosedError("the client is closed; create a new one", "failed")


@define(eq=False, repr=False, slots=False)
class Client:
    """A client for operations that need no credentials.

    `base_url` is the exchange's server, `timeout` in seconds or an `httpx.Timeout`; the other arguments, and those in
    `httpx_args`, are handed on to `httpx.Client` and `httpx.AsyncClient`. Each of these two is made when it is first
    needed. Use it with `with` or `async with`, or close it by hand.
    """

    base_url: str
    headers: dict[str, str] = field(factory=dict, kw_only=True)
    cookies: dict[str, str] = field(factory=dict, kw_only=True)
    timeout: float | httpx.Timeout = field(default=DEFAULT_TIMEOUT, kw_only=True)
    verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True)
    follow_redirects: bool = field(default=False, kw_only=True)
    httpx_args: dict[str, Any] = field(factory=dict, kw_only=True)
    _client: httpx.Client | None = field(default=None, init=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False)
    _making: Lock = field(factory=Lock, init=False)

    def __repr__(self) -> str:
        """Show the server alone: headers and httpx_args may hold secrets."""
        return f"{type(self).__name__}({self.base_url!r})"

    def request(self, request: dict[str, Any]) -> Answer:
        """Send what `httpx.Client.request` takes as arguments, and give the answer, whatever its status.

        Raises `NetworkError` if no whole answer comes (`ClientClosedError` if the client is closed), and
        `ResponseError` if it cannot be decoded.
        """
        engine = self.engine()
        if engine.is_closed:
            raise _closed()
        try:
            return engine.request(**self.prepared(request))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as failure:
            error = from_failure(failure)
        raise error

    async def request_async(self, request: dict[str, Any]) -> Answer:
        """Do the same as `request` without blocking."""
        engine = self.async_engine()
        if engine.is_closed:
            raise _closed()
        try:
            return await engine.request(**self.prepared(request))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as failure:
            error = from_failure(failure)
        raise error

    def prepared(self, request: dict[str, Any]) -> dict[str, Any]:
        """Give a request as it goes to the engine: here as it is."""
        return request

    def engine(self) -> Engine:
        """Give what sync calls are sent through."""
        return self.get_httpx_client()

    def async_engine(self) -> AsyncEngine:
        """Give what async calls are sent through."""
        return self.get_async_httpx_client()

    def get_httpx_client(self) -> httpx.Client:
        """Give the one client that all sync calls go through."""
        if self._client is None:
            with self._making:
                if self._client is None:
                    self._client = httpx.Client(**self._settings())
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Give the one client that all async calls go through."""
        if self._async_client is None:
            with self._making:
                if self._async_client is None:
                    self._async_client = httpx.AsyncClient(**self._settings())
        return self._async_client

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Take a client of one's own for sync calls, with all its settings."""
        self._client = client
        return self

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Take a client of one's own for async calls, with all its settings."""
        self._async_client = async_client
        return self

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "headers": {"User-Agent": USER_AGENT, **self.headers},
            "cookies": self.cookies,
            "timeout": self.timeout,
            "verify": self.verify_ssl,
            "follow_redirects": self.follow_redirects,
            **self.httpx_args,
        }

    def close(self) -> None:
        """Close the connections of sync calls."""
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Close the connections of async calls, and of sync ones."""
        self.close()
        if self._async_client is not None:
            await self._async_client.aclose()

    def __enter__(self) -> Self:
        """Give the client; its end closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections of sync calls."""
        self.close()

    async def __aenter__(self) -> Self:
        """Give the client; its end closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections of async calls, and of sync ones."""
        await self.aclose()


class AuthenticatedClient(Client):
    """A client for all operations, among its request hooks one that signs.

    It is a type of its own so that a type checker refuses a signed call by a client that cannot sign.
    """
