"""The pools of connections of the fast engine, and its settings.

To make a client of pyreqwest takes 10 ms for TLS alone, so that engines with the same settings share one. It knows
nothing of accounts: credentials come with each request, and no cookie is kept.
"""

import atexit
import os
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from attrs import field, frozen
from binance_coinm.errors import ConfigurationError
from pyreqwest.client import BaseClientBuilder, Client, ClientBuilder, SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.proxy import ProxyBuilder

from . import _forks
from ._environment import CERTIFICATES
from ._reqwest_messages import causes_of

C = TypeVar("C", Client, SyncClient)
B = TypeVar("B", bound=BaseClientBuilder)

# As long as httpx keeps a connection that nobody uses.
_IDLE = timedelta(seconds=5)
# Seconds; it takes microseconds.
_LAST_MOMENT = 0.02
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_ENVIRONMENT = (*CERTIFICATES, *_PROXIES, *map(str.lower, _PROXIES))


@frozen
class PoolSettings:
    """All that pools can differ in."""

    headers: tuple[tuple[str, str], ...]
    is_encrypted: bool
    is_verified: bool
    # None, or what pyreqwest reads of the environment.
    environment: tuple[str | None, ...] | None = field(repr=False)
    proxy: str | None
    proxy_headers: tuple[tuple[str, str], ...]
    # User and password.
    proxy_auth: tuple[str, str] | None = field(repr=False)


def pool_settings(settings: dict[str, Any]) -> PoolSettings:
    """Give what a client's settings are to a pool; raise `ConfigurationError` for what pyreqwest cannot do."""
    verify, trust_env = settings["verify"], settings["trust_env"]
    if not isinstance(verify, bool):
        given = "an SSLContext" if isinstance(verify, ssl.SSLContext) else "certificates"
        raise _refused(
            f"verify: it takes True or False, and not {given}; name certificates in SSL_CERT_FILE or SSL_CERT_DIR"
        )
    if settings["transport"] is not None:
        raise _refused("transport: it sends by itself")
    is_encrypted = settings["base_url"].startswith("https:")
    if is_encrypted and verify and not trust_env and any(map(os.environ.get, CERTIFICATES)):
        raise _refused(f"trust_env=False: it obeys {' and '.join(CERTIFICATES)} nevertheless; unset them")
    proxy = settings["proxy"]
    if proxy is not None and proxy.ssl_context is not None:
        raise _refused("proxy: it takes none with an SSLContext")
    return PoolSettings(
        headers=tuple(settings["headers"].items()),
        is_encrypted=is_encrypted,
        is_verified=verify,
        environment=tuple(map(os.environ.get, _ENVIRONMENT)) if trust_env else None,
        proxy=None if proxy is None else str(proxy.url),
        proxy_headers=() if proxy is None else tuple(proxy.headers.multi_items()),
        proxy_auth=None if proxy is None else proxy.auth,
    )


def _refused(what: str) -> ConfigurationError:
    return ConfigurationError(f"engine='reqwest' cannot do this, but engine='httpx' can; {what}")


class Pool(Generic[C]):
    """A client of pyreqwest; when nobody holds the pool any more, its connections are closed."""

    def __init__(self, client: C) -> None:
        self.client: C = client


SyncPool = Pool[SyncClient]
AsyncPool = Pool[Client]


class _Runtime:
    """Where pyreqwest does its work: threads of this process, which are not in a fork of it."""

    def __init__(self) -> None:
        self._is_used = False
        _forks.begin(self)

    def begin(self) -> None:
        """Begin unused; in a fork of a process that used it, it is lost for good."""
        self._is_lost = self._is_used

    def use(self) -> None:
        """Begin to use it; raise `ConfigurationError` if it is lost."""
        if self._is_lost:
            raise ConfigurationError(
                "engine='reqwest' does not work in a fork of a process that has used it; make the first call after the"
                " fork, start the process by spawn, or use engine='httpx'"
            )
        if not self._is_used:
            # A thread that has just handed over an answer is not done yet, and must not find Python at its end.
            atexit.register(time.sleep, _LAST_MOMENT)
        self._is_used = True


_RUNTIME = _Runtime()


class Pools(Generic[C]):
    """The pools that are in use in this process."""

    def __init__(self, make: Callable[[PoolSettings], C]) -> None:
        self._make: Callable[[PoolSettings], C] = make
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a pool, at first and after a fork."""
        self._making = Lock()
        self._pools: WeakValueDictionary[PoolSettings, Pool[C]] = WeakValueDictionary()

    def pool(self, settings: PoolSettings) -> Pool[C]:
        """Give the pool of these settings."""
        _RUNTIME.use()
        with self._making:
            pool = self._pools.get(settings)
            if pool is None:
                pool = self._pools[settings] = Pool(self._client(settings))
            return pool

    def _client(self, settings: PoolSettings) -> C:
        try:
            return self._make(settings)
        except PyreqwestError as error:
            words = "; ".join(causes_of(error)) or error.message
        raise ConfigurationError(f"engine='reqwest' cannot begin: {words}")


def _built(builder: B, settings: PoolSettings) -> B:
    builder = (
        builder.default_headers(dict(settings.headers))
        .follow_redirects(enable=False)
        .pool_idle_timeout(_IDLE)
        # Bodies are decoded up to a limit, which this library does not have.
        .gzip(enable=False)
        .deflate(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
    )
    if not settings.is_encrypted or not settings.is_verified:
        # Certificates take time to load; where nothing is encrypted they are not needed.
        builder = builder.danger_accept_invalid_certs(enable=True)
    if settings.proxy is not None:
        proxy = ProxyBuilder.all(settings.proxy)
        if settings.proxy_auth is not None:
            proxy = proxy.basic_auth(*settings.proxy_auth)
        return builder.proxy(proxy.headers(settings.proxy_headers) if settings.proxy_headers else proxy)
    return builder if settings.environment else builder.no_proxy()


POOLS = Pools(lambda settings: _built(SyncClientBuilder(), settings).build())
ASYNC_POOLS = Pools(lambda settings: _built(ClientBuilder(), settings).build())
