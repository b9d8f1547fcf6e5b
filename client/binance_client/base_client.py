"""The base of clients: what the generated functions send their requests with."""

import ssl
from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar, Self, TypeVar

import httpx
from attrs import define, field
from binance_signing.origin import parse_url, shown_url

from .connections.tls_settings import load_tls_settings
from .errors import BinanceError, ConfigurationError, ResponseError
from .lifetime import closed_before_call
from .messages.error_map import from_httpx_error
from .messages.failures import ARGUMENT_ERRORS
from .messages.http import HTTPResponse
from .messages.queries import QUERIED_BY, with_query
from .spec import ExchangeSpec

T = TypeVar("T")
# The client of generated methods; it decides which operations type checkers accept.
ClientT_co = TypeVar("ClientT_co", bound="BaseClient", covariant=True)

DEFAULT_TIMEOUT = 10.0


@define(eq=False, repr=False, slots=False)
class BaseClient:
    """A client for operations that need no credentials.

    `base_url` is the exchange's server, `timeout` in seconds or an `httpx.Timeout`; the other arguments, and those in
    `httpx_args`, are passed to `httpx.Client` and `httpx.AsyncClient`. Each of these two is built when it is first
    needed. Use it with `with` or `async with`, or close it by hand.
    """

    spec: ClassVar[ExchangeSpec | None] = None

    # Private, because what httpx's clients were built with cannot be changed.
    _base_url: str = field(alias="base_url")
    _headers: dict[str, str] = field(factory=dict[str, str], kw_only=True, alias="headers")
    _timeout: float | httpx.Timeout = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify")
    _httpx_args: dict[str, Any] = field(factory=dict[str, Any], kw_only=True, alias="httpx_args")
    _client: httpx.Client | None = field(default=None, init=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False)
    _building: Lock = field(factory=Lock, init=False)

    def __repr__(self) -> str:
        """Return the server alone, because headers and httpx_args may hold secrets."""
        return f"{type(self).__name__}({self.base_url!r})"

    @property
    def base_url(self) -> str:
        """The server's URL."""
        return self._base_url

    @property
    def timeout(self) -> float | httpx.Timeout:
        """The timeout of a call, in seconds, or an `httpx.Timeout`."""
        return self._timeout

    def request(self, request: dict[str, Any]) -> HTTPResponse:
        """Send a request, given as arguments of `httpx.Client.request`; return the response, whatever its status.

        Raises `NetworkError` without a whole response (`ClientClosedError` if the client is closed), and
        `ResponseError` if it cannot be decoded.
        """
        client = self.get_httpx_client()
        if client.is_closed:
            raise closed_before_call()
        try:
            return _with_query(client.request(**request), request)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ResponseError) as failure:
            error = _error_of(failure, request)
        raise error

    async def request_async(self, request: dict[str, Any]) -> HTTPResponse:
        """Send a request like `request`, without blocking."""
        client = self.get_async_httpx_client()
        if client.is_closed:
            raise closed_before_call()
        try:
            return _with_query(await client.request(**request), request)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ResponseError) as failure:
            error = _error_of(failure, request)
        raise error

    def get_httpx_client(self) -> httpx.Client:
        """Return the one client that all sync calls go through; the first call builds it."""
        if self._client is None:
            with self._building:
                if self._client is None:
                    self._client = self._build(httpx.Client)
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the one client that all async calls go through; the first call builds it."""
        if self._async_client is None:
            with self._building:
                if self._async_client is None:
                    self._async_client = self._build(httpx.AsyncClient)
        return self._async_client

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use a custom client, with all its settings, for sync calls."""
        self._client = client
        return self

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use a custom client, with all its settings, for async calls."""
        self._async_client = async_client
        return self

    def _settings(self) -> dict[str, Any]:
        user_agent = {"User-Agent": self.spec.user_agent} if self.spec else {}
        return {
            "base_url": self.base_url,
            "headers": {**user_agent, **self._headers},
            "timeout": self.timeout,
            **self._httpx_args,
        }

    def _build(self, kind: type[T]) -> T:
        """Return a client of httpx; raise `ConfigurationError` if it rejects a setting."""
        if parse_url(self._base_url) is None:
            raise ConfigurationError(f"base_url: expected a URL, got {shown_url(self._base_url)}")
        try:
            tls: dict[str, Any] = {}
            if not {"verify", "transport"} & {*self._httpx_args}:
                trust_env = self._httpx_args.get("trust_env", True)
                # Not shared with the connection pool, because httpx changes the protocols of the context.
                tls["verify"] = load_tls_settings(verify=self._verify, trust_env=trust_env, is_shared=False).context
            return kind(**tls, **self._settings())
        except ConfigurationError:
            raise
        except ARGUMENT_ERRORS as error:
            # The text of an invalid URL may hold a proxy's password.
            text = "" if isinstance(error, httpx.InvalidURL) else f": {error}"
            problem = f"httpx.{kind.__name__} rejects the settings of this client, {type(error).__name__}{text}"
        raise ConfigurationError(problem)

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
        """Return the client; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections of sync calls."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections of async calls, and of sync ones."""
        await self.aclose()


def _with_query(response: httpx.Response, request: dict[str, Any]) -> HTTPResponse:
    """Return a response that keeps how to find out what became of its request, for the error that it may become."""
    response.extensions[QUERIED_BY] = _extensions_of(request).get(QUERIED_BY)
    return response


def _error_of(
    failure: httpx.HTTPError | httpx.StreamError | httpx.InvalidURL | ResponseError, request: dict[str, Any]
) -> BinanceError:
    error = failure if isinstance(failure, ResponseError) else from_httpx_error(failure)
    return with_query(error, _extensions_of(request))


def _extensions_of(request: dict[str, Any]) -> Mapping[str, Any]:
    return request.get("extensions") or {}


class AuthenticatedClient(BaseClient):
    """A client for all operations; one of its request hooks signs.

    It is a type of its own so that type checkers reject a signed call with a client that cannot sign.
    """
