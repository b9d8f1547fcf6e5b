"""The connection pool: idle connections, and the rules by which they are handed out, kept and discarded."""

import math
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from weakref import ref

import httpcore
import httpx
from binance_signing.origin import Origin, origin_of

from binance_client import fork
from binance_client.lifetime import Lifetime, closed_during_call
from binance_client.stale_connection import StaleConnectionError, UnsentRequestError

from .connection import Connection
from .proxies import Proxies, is_socks_error
from .tls_settings import TLSSettings

_PORTS = {"http": 80, "https": 443}
_server_expiry = re.compile(r"\btimeout=([0-9]{1,9})\b", re.IGNORECASE).search


class ConnectionKinds(NamedTuple):
    """The classes of httpcore for a call over one connection, sync or async."""

    direct: Any
    http_proxy: Any
    socks_proxy: Any


class Pool:
    """The connections of the clients that share it, in all threads and event loops of this process.

    It knows nothing of accounts: each request carries its credentials, and no cookie is kept.
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
        fork.register(self)

    def reset_after_fork(self) -> None:
        """Start without connections."""
        # Weak references with a callback in C, because in one in Python a signal handler's exception would be lost.
        self._opened: dict[ref[Connection], None] = {}
        self._idle: dict[Origin, deque[Connection]] = {}

    def checkout(self, request: httpx.Request) -> Connection:
        """Return a connection for a request: an idle one that is clean and recently used, or a new one.

        The request's extensions have the call's `deadline` (monotonic, in seconds), and `max_idle_age`, the seconds
        that the connection may have been idle. Raises `ClientClosedError` if the client is closed.
        """
        origin = origin_of(request.url)
        if request.url.scheme not in _PORTS or not request.url.host:
            raise httpx.UnsupportedProtocol("expected an http or https URL with a host")
        connection = self._take_idle(origin, request.extensions.get("max_idle_age", 0.0))
        if connection is None:
            connection = Connection(origin)
            self._opened[ref(connection, self._opened.pop)] = None
        # Checked after the connection is registered: `close`, if it runs later, finds and interrupts it.
        self._lifetime.require_open()
        proxy = self._proxies.proxy_for(request.url)
        tls_layers = (request.url.scheme == "https") + (proxy is not None and proxy.url.scheme == "https")
        connection.begin(request.method, request.extensions.get("deadline"), tls_layers)
        return connection

    def _take_idle(self, origin: Origin, max_idle_age: float) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            try:
                # The most recently used connection, so that surplus ones expire.
                connection = idle.pop()
            except IndexError:
                break
            if connection.is_expired or not connection.is_clean:
                connection.close()
            elif connection.idle_seconds >= max_idle_age:
                self._keep(connection)
                break
            else:
                return connection
        return None

    def release(self, connection: Connection, headers: Mapping[str, str]) -> None:
        """Keep a connection whose response was read, if it is clean and complete; close it otherwise."""
        if not connection.is_complete:
            connection.close()
            return
        server_expiry = _server_expiry(headers.get("keep-alive", ""))
        connection.release(min(self._keepalive_expiry, int(server_expiry[1]) if server_expiry else math.inf))
        self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        idle = self._idle.setdefault(connection.origin, deque())
        idle.append(connection)
        # IndexError: other threads may take connections meanwhile.
        with suppress(IndexError):
            while len(idle) > self._max_idle or idle[0].is_expired:
                idle.popleft().close()
        # The client may have been closed while the connection was in use.
        if self._lifetime.is_closed:
            self._close_idle(connection.origin)

    def fail(self, connection: Connection, error: BaseException) -> BaseException:
        """Close the connection of a call that failed; return the error that the call ends in."""
        connection.close()
        if isinstance(error, Exception) and is_socks_error(error):
            return httpx.ProxyError(f"the proxy's SOCKS reply cannot be read: {error}")
        # Other exceptions, such as a signal handler's, are not failures of the connection.
        if not isinstance(error, httpx.TransportError):
            return error
        if self._lifetime.is_closed:
            return closed_during_call("unknown" if connection.has_sent else "not_executed")
        if connection.is_stale:
            # The server has most likely closed the others, too.
            self._close_idle(connection.origin)
            kind = StaleConnectionError if connection.has_sent else UnsentRequestError
            return kind("the server closed the connection, which had been idle, without a response")
        if connection.is_unsent and not isinstance(error, httpx.ProxyError):
            timed_out = isinstance(error, httpx.TimeoutException)
            return (httpx.ConnectTimeout if timed_out else httpx.ConnectError)(str(error))
        return error

    def http_connection(self, kinds: ConnectionKinds, url: httpx.URL, connection: Connection, backend: Any) -> Any:
        """Return httpcore's object for a request over a connection, which the backend opens if it is new."""
        proxy = self._proxies.proxy_for(url)
        is_socks = proxy is not None and proxy.url.scheme.startswith("socks")
        is_tunnel = is_socks or url.scheme == "https"
        if proxy is None or (is_tunnel and connection.has_served):
            origin = httpcore.Origin(url.raw_scheme, url.raw_host, url.port or _PORTS[url.scheme])
            return kinds.direct(origin, ssl_context=self._tls, network_backend=backend)
        settings: dict[str, Any] = {} if is_socks else {"proxy_headers": proxy.headers.raw}
        if self._proxies.tls is not None:
            settings["proxy_ssl_context"] = self._proxies.tls
        return (kinds.socks_proxy if is_socks else kinds.http_proxy)(
            proxy_url=str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=self._tls,
            network_backend=backend,
            **settings,
        )

    def close(self) -> None:
        """Close the idle connections, and interrupt the calls that use the others."""
        self._lifetime.is_closed = True
        for origin in [*self._idle]:
            self._close_idle(origin)
        for opened in [*self._opened]:
            connection = opened()
            if connection is not None:
                connection.interrupt()

    def _close_idle(self, origin: Origin) -> None:
        idle = self._idle.get(origin)
        # IndexError: other threads may take connections meanwhile.
        with suppress(IndexError):
            while idle:
                idle.pop().close()
