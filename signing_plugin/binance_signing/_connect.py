"""`connect`: a generated client, ready to sign."""

import math
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
from binance_coinm.client import DEFAULT_TIMEOUT, AuthenticatedClient
from binance_coinm.errors import ConfigurationError

from ._credentials import Credentials
from ._drivers import TryingAsyncClient, TryingClient
from ._environment import credentials_from, server_from
from ._origin import server_url
from ._signer import Signer


def connect(  # noqa: PLR0913, what httpx has as settings are settings here
    credentials: Credentials | None = None,
    *,
    server: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    recv_window: int | None = None,
    clock: Callable[[], int] | None = None,
    proxy: str | httpx.URL | httpx.Proxy | None = None,
    verify: bool | str | ssl.SSLContext = True,
    trust_env: bool = True,
    transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
) -> AuthenticatedClient:
    """Give a client that signs, for `with`, for `async with`, or to be closed by hand.

    What is not given comes from the environment: the credentials from BINANCE_API_KEY and BINANCE_API_SECRET, the
    server (a `Server` or a URL) from BINANCE_SERVER, else it is production. `timeout` is in seconds; `recv_window`, in
    milliseconds, is for calls that are given none; `clock` gives the exchange's time in milliseconds since the epoch,
    by default this machine's. `proxy`, `verify`, `trust_env` and `transport` are those of httpx; a transport serves
    sync calls, async calls or both, as its type does.

    Raises `ConfigurationError` for what is missing or wrong; nothing is sent.
    """
    _require_seconds(timeout)
    url = server_url(server_from() if server is None else server)
    signer = Signer(
        credentials_from() if credentials is None else credentials, str(url), clock=clock, recv_window=recv_window
    )
    return SigningClient(
        str(url),
        timeout=timeout,
        verify_ssl=verify if isinstance(verify, ssl.SSLContext) else _tls_context(verify=verify, trust_env=trust_env),
        httpx_args={
            "event_hooks": {"request": [signer]},
            "proxy": proxy,
            # The environment's proxies are for the world outside; what is for this machine does not go through them.
            "trust_env": trust_env and url.scheme == "https",
            "transport": transport,
        },
    )


class SigningClient(AuthenticatedClient):
    """A generated client whose calls are made in tries."""

    def make_httpx_client(self, **settings: Any) -> httpx.Client:
        """Make the client of sync calls."""
        return TryingClient(**_for(httpx.BaseTransport, "sync", settings))

    def make_async_httpx_client(self, **settings: Any) -> httpx.AsyncClient:
        """Make the client of async calls."""
        return TryingAsyncClient(**_for(httpx.AsyncBaseTransport, "async", settings))


def _require_seconds(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise ConfigurationError(f"timeout: expected a positive number of seconds, got {timeout!r}")


def _for(kind: type, word: str, settings: dict[str, Any]) -> dict[str, Any]:
    transport = settings["transport"]
    if transport is not None and not isinstance(transport, kind):
        raise ConfigurationError(
            f"transport: {type(transport).__name__} serves no {word} calls; give an httpx.{kind.__name__}"
        )
    return settings


@cache
def _tls_context(*, verify: bool | str, trust_env: bool) -> ssl.SSLContext:
    # It takes longer to make than all the rest of a client, and all clients can have the same.
    return httpx.create_ssl_context(verify=verify, trust_env=trust_env)
