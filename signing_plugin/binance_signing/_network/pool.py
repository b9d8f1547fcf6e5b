"""The connection pool: idle connections, and the rules by which they are handed out, kept and thrown away."""

import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from weakref import ref

import httpcore
import httpx

from binance_signing import _forks
from binance_signing._lifetime import Lifetime, interrupted
from binance_signing._origin import Origin, origin_of
from binance_signing._proxies import Proxies, is_of_socks
from binance_signing._tls_settings import TLSSettings

from .connection import Connection

_PORTS = {"http": 80, "https": 443}
_server_expiry = re.compile(r"\btimeout=([0-9]{1,9})\b", re.IGNORECASE).search


class StaleConnectionError(httpx.RemoteProtocolError):
    """A connection that had served calls before ended without a byte of a response.

    The server has closed it while it was idle, or died of this request, which looks the same.
    """


class UnsentRequestError(StaleConnectionError, httpx.ConnectError):
    """A connection that had served calls before ended before a byte of the request was sent."""


class ConnectionKinds(NamedTuple):
    """What httpcore has for a call over one connection, sync or async."""

    direct: Any
    http_proxy: Any
    socks_proxy: Any


class Pool:
    """Connections of the clients that share it, of all threads and event loops of this process.

    It knows nothing of accounts: credentials come with each request, and no cookie is kept.
    """

    def __init__(
        self,
        tls: TLSSettings,
        proxies: Proxies,
        lifetime: Lifetime,
        *,
        max_idle: int,
        keepalive_expiry: float,
    ) -> None:
        self._tls = tls
        self._proxies = proxies
        self._max_idle = max_idle
        self._keepalive_expiry = keepalive_expiry
        self._lifetime = lifetime
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a connection, at first and after a fork."""
        # Weakly, by a callback in which no exception of a signal's handler can be lost, as it would in one of Python.
        self._opened: dict[ref[Connection], None] = {}
        self._idle: dict[Origin, deque[Connection]] = {}

    def checkout(self, request: httpx.Request) -> Connection:
        """Return a connection for a request: an idle one that is clean and young enough, or a new one.

        The request's extensions tell its `deadline` (monotonic, in seconds), and as `max_idle_age` for how many seconds
        the connection may have been idle.
        """
        self._lifetime.require_open()
        connection = self._take_idle(origin_of(request.url), request.extensions.get("max_idle_age", 0.0))
        if connection is None:
            connection = Connection()
            self._opened[ref(connection, self._opened.pop)] = None
        connection.begin(request.method, request.extensions.get("deadline"), self._tls_layers(request.url))
        return connection

    def _tls_layers(self, url: httpx.URL) -> int:
        proxy = self._proxies.proxy_for(url)
        return (url.scheme == "https") + (proxy is not None and proxy.url.scheme == "https")

    def _take_idle(self, origin: Origin, max_idle_age: float) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            try:
                # The one that was used last: the others expire if they are not needed.
                connection = idle.pop()
            except IndexError:
                break
            if connection.is_expired or not connection.is_clean:
                connection.close()
            elif connection.idle_seconds > max_idle_age:
                idle.append(connection)
                break
            else:
                return connection
        return None

    def give_back(self, connection: Connection, request: httpx.Request, headers: Mapping[str, str]) -> None:
        """Keep a connection whose response was read, if it is clean; close it otherwise."""
        if self._lifetime.is_closed or not connection.is_complete:
            connection.close()
            return
        told = _server_expiry(headers.get("keep-alive", ""))
        connection.release(min(self._keepalive_expiry, int(told[1])) if told else self._keepalive_expiry)
        idle = self._idle.setdefault(origin_of(request.url), deque())
        idle.append(connection)
        # Other threads may take them meanwhile.
        with suppress(IndexError):
            while len(idle) > self._max_idle or idle[0].is_expired:
                idle.popleft().close()
        self._close_if_ended()

    def error_of(self, connection: Connection, request: httpx.Request, error: BaseException) -> BaseException:
        """Close the connection of a call that failed; return the error that the call ends in."""
        connection.close()
        if not isinstance(error, Exception):
            return error
        if self._lifetime.is_closed:
            return interrupted("unknown" if connection.has_sent else "failed")
        if connection.is_stale:
            # The others have most likely ended with it.
            self._close_idle(self._idle.get(origin_of(request.url), deque()))
            kind = StaleConnectionError if connection.has_sent else UnsentRequestError
            return kind("the server closed the connection, which had been idle, without a response")
        if is_of_socks(error):
            return httpx.ProxyError(f"the proxy speaks no SOCKS: {error}")
        if isinstance(error, httpx.TransportError) and connection.is_unsent:
            kind_of_unsent = httpx.ConnectTimeout if isinstance(error, httpx.TimeoutException) else httpx.ConnectError
            return kind_of_unsent(str(error))
        return error

    def connection_of(self, kinds: ConnectionKinds, url: httpx.URL, connection: Connection, backend: Any) -> Any:
        """Return what httpcore sends a request by: over a connection, which the network backend opens if it is new."""
        proxy = self._proxies.proxy_for(url)
        is_socks = proxy is not None and proxy.url.scheme.startswith("socks")
        is_tunnel = is_socks or url.scheme == "https"
        if proxy is None or (is_tunnel and connection.calls):
            origin = httpcore.Origin(url.raw_scheme, url.raw_host, url.port or _PORTS[url.scheme])
            return kinds.direct(origin, ssl_context=self._tls, network_backend=backend)
        settings: dict[str, Any] = {} if is_socks else {"proxy_headers": proxy.headers.raw}
        if self._proxies.tls is not None:
            settings["proxy_ssl_context"] = self._proxies.tls
        return (kinds.socks_proxy if is_socks else kinds.http_proxy)(
            proxy_url=str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=self._tls,
            max_connections=1,
            network_backend=backend,
            **settings,
        )

    def close(self) -> None:
        """Close the idle connections, and let the calls that use the others end."""
        self._lifetime.is_closed = True
        for idle in [*self._idle.values()]:
            self._close_idle(idle)
        for opened in [*self._opened]:
            connection = opened()
            if connection is not None:
                connection.interrupt()

    def _close_if_ended(self) -> None:
        # The client may have been closed while the connection was on its way back.
        if self._lifetime.is_closed:
            self.close()

    def _close_idle(self, idle: deque[Connection]) -> None:
        with suppress(IndexError):
            while True:
                idle.pop().close()
