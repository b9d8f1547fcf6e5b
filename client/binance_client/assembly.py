"""The parts that `connect` puts together: server, shared state, connection pool and signer of a client."""

import os
import ssl
from collections.abc import Callable

import httpx
from binance_signing import Credentials, Signer
from binance_signing.credentials import credentials_problem
from binance_signing.errors import bounded_repr
from binance_signing.origin import is_loopback, origin_of, parse_server_url, shown_url

from .connections.pool import Pool
from .connections.proxies import load_proxies
from .connections.tls_settings import load_tls_settings
from .errors import ConfigurationError
from .lifetime import Lifetime
from .messages.log_filter import redact_logs
from .policy.client_state import NO_SERVER_TIME, ClientState, Settings
from .policy.clock import Clock
from .policy.rate_limit import RateLimit, shared_rate_limit
from .policy.retry_quota import RetryQuota
from .policy.validators import is_sync_function
from .spec import ExchangeSpec

__all__ = [
    "Settings",
    "build_pool",
    "build_signer",
    "build_state",
    "load_server",
    "require_credentials",
    "require_transport",
]

_SERVER = "BINANCE_SERVER"


def require_credentials(credentials: object) -> None:
    """Raise `ConfigurationError` for a value that is neither credentials nor None."""
    problem = None if credentials is None else credentials_problem(credentials)
    # The exception's traceback keeps this frame, and the value may be a secret.
    del credentials
    if problem:
        raise ConfigurationError(problem)


def require_transport(transport: object) -> httpx.BaseTransport | httpx.AsyncBaseTransport:
    """Return a transport of httpx; raise `ConfigurationError` for anything else."""
    if isinstance(transport, httpx.BaseTransport | httpx.AsyncBaseTransport):
        return transport
    raise ConfigurationError(
        f"transport: expected an httpx.BaseTransport or httpx.AsyncBaseTransport, got {type(transport).__name__}"
    )


def load_server(spec: ExchangeSpec, server: object) -> httpx.URL:
    """Return the URL of a server: the given one, that of the environment, or else the document's first.

    Raises `ConfigurationError` if it is invalid.
    """
    if server is None:
        server = _default_server(spec)
    elif isinstance(server, str) and server.upper() in spec.servers.__members__:
        server = spec.servers.from_name(server)
    try:
        url = parse_server_url(server)
    finally:
        # An exception's traceback keeps this frame, and the URL may hold a secret.
        del server
    _require_no_operation_path(spec, url)
    return url


def _default_server(spec: ExchangeSpec) -> str:
    """Return the server of the environment, or else the document's first."""
    # An empty variable counts as unset.
    name = os.environ.get(_SERVER) or next(iter(spec.servers))
    try:
        return spec.servers.from_name(name)
    except ValueError as error:
        problem = f"{_SERVER} is {shown_url(name)}; {error}"
    # An exception's traceback keeps this frame, and the URL may hold a secret.
    del name
    raise ConfigurationError(problem)


def _require_no_operation_path(spec: ExchangeSpec, url: httpx.URL) -> None:
    """Raise `ConfigurationError` for a URL that ends as the paths of operations begin, such as in `/dapi`."""
    path = url.path.rstrip("/")
    if not path or spec.server_time is None:
        return
    _, *segments, _ = str(spec.server_time().build_request()["url"]).split("/")
    for count in range(len(segments), 0, -1):
        prefix = "/" + "/".join(segments[:count])
        if path.endswith(prefix):
            base = str(url).rstrip("/").removesuffix(prefix)
            raise ConfigurationError(
                f"server is {shown_url(url)}, but the paths of operations begin with {prefix}; write {base}"
            )


def build_state(spec: ExchangeSpec, settings: Settings, url: httpx.URL, clock: Callable[[], int]) -> ClientState:
    """Return what the clients of a server share, and keep signatures out of httpx's logs from now on."""
    if settings.sync_clock and spec.server_time is None:
        raise ConfigurationError(f"sync_clock: {NO_SERVER_TIME}")
    if not is_sync_function(clock):
        raise ConfigurationError(
            f"clock: expected a function, not async, that returns milliseconds, got {bounded_repr(clock)}"
        )
    redact_logs()
    # A loopback port may belong to another server later, so clients do not share its rate limit.
    is_shared = not is_loopback(url)
    return ClientState(
        spec=spec,
        settings=settings,
        clock=Clock(clock),
        rate_limit=shared_rate_limit(origin_of(url), spec.error_map) if is_shared else RateLimit(spec.error_map),
        retry_quota=RetryQuota(settings.retry_quota),
        lifetime=Lifetime(),
    )


def build_pool(
    state: ClientState,
    url: httpx.URL,
    *,
    proxy: str | httpx.URL | httpx.Proxy | None,
    verify: bool | str | ssl.SSLContext,
) -> Pool:
    """Return the connection pool for a server."""
    # The environment's proxies are not for requests to this machine, the only ones that may go over http.
    trust_env = state.settings.trust_env and url.scheme == "https"
    try:
        proxies = load_proxies(proxy, url, trust_env=trust_env)
    finally:
        # An exception's traceback keeps this frame, and the URL may hold a password.
        del proxy
    return Pool(
        load_tls_settings(verify=verify, trust_env=trust_env),
        proxies,
        state.lifetime,
        max_idle=state.settings.max_connections,
        keepalive_expiry=state.settings.keepalive_expiry,
    )


def build_signer(credentials: Credentials | None, url: httpx.URL, clock: Clock, recv_window: int | None) -> Signer:
    """Return the request hook that signs, with the environment's credentials if none are given."""
    return Signer(credentials or Credentials.from_env(), str(url), clock=clock, recv_window=recv_window)
