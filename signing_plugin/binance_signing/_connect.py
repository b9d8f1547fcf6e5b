"""`connect`: a generated client, ready to sign.

What it needs of the rest of the plugin is imported when it is called: that takes time, and not every process that
imports a program makes a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import binance_coinm
from binance_coinm.client import DEFAULT_TIMEOUT
from binance_coinm.errors import ConfigurationError

from ._clock import Clock, system_clock
from ._recovery import Recovery

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import ModuleType

    import httpx

    from ._client import SigningClient
    from ._credentials import Credentials

_MAX_ANSWER_BYTES = 16 * 1024 * 1024
# As many as httpx has by itself.
_MAX_CONNECTIONS = 100
# Seconds. What a server has ended earlier costs a read nothing but one more request.
_KEEPALIVE_EXPIRY = 60.0
# Seconds. A write that meets the end of its connection cannot be sent again.
_WRITE_KEEPALIVE_EXPIRY = 5.0


def connect(  # noqa: PLR0913, what httpx has as settings are settings here
    credentials: Credentials | None = None,
    *,
    server: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    recv_window: int | None = None,
    recovery: Recovery | None = Recovery(),  # noqa: B008, it is frozen
    clock: Callable[[], int] = system_clock,
    sync_clock: bool = False,
    pacing: int | None = None,
    max_answer_bytes: int = _MAX_ANSWER_BYTES,
    max_connections: int = _MAX_CONNECTIONS,
    keepalive_expiry: float = _KEEPALIVE_EXPIRY,
    write_keepalive_expiry: float = _WRITE_KEEPALIVE_EXPIRY,
    package: ModuleType = binance_coinm,
    proxy: str | httpx.URL | httpx.Proxy | None = None,
    verify: bool | str | ssl.SSLContext = True,
    trust_env: bool = True,
    transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
) -> SigningClient:
    """Give a client that signs, for `with`, for `async with`, or to be closed by hand.

    What is not given comes from the environment: the credentials from BINANCE_API_KEY and BINANCE_API_SECRET or
    BINANCE_PRIVATE_KEY_FILE (and BINANCE_PRIVATE_KEY_PASSWORD), the server (a `Server` or a URL) from BINANCE_SERVER,
    else it is the document's first one, production.

    * `timeout` bounds each call, with all its tries and waits, in seconds.
    * `recv_window`, in milliseconds, is for calls that are given none.
    * `recovery` says how often a call is tried; None is one try, a stale connection aside, also
      after a refused timestamp.
    * `clock` gives this machine's time in milliseconds since the epoch. When the exchange refuses a timestamp, it is
      set by the exchange's; with `sync_clock` already before the first signed call.
    * `pacing` is the weight of a minute beyond which calls wait for the next one, instead of running into a 429.
    * `max_answer_bytes` bounds the body of an answer, decompressed.
    * `max_connections` is how many calls sync code may have on their way at once, and each event loop as many again;
      the others wait in their order. As many connections are kept while they are idle.
    * `keepalive_expiry` is within how many seconds an idle connection is used again, unless the server says less;
      `write_keepalive_expiry` is how long it may have been idle for a write, which cannot be sent again if the server
      closes it at that moment. 0 is a new connection for each call, or for each write.
    * `package` is the generated package whose functions are called, if it is another one than binance_coinm; the first
      server of its document is then the one that is taken when none is named.
    * `proxy`, `verify`, `trust_env` and `transport` are those of httpx; a transport serves sync calls, async calls or
      both, as its type does. Its connections are its own: `proxy`, `verify` and what is said of connections above do
      not apply to them, and an operation of it that ignores its timeouts is not ended in sync code.

    Raises `ConfigurationError` for what is missing or wrong; nothing is sent.
    """
    from ._body import ACCEPT_ENCODING
    from ._client import SigningClient
    from ._connections import Connections
    from ._credentials import what_is_no_credentials
    from ._environment import credentials_from, server_from
    from ._exchange import Exchange
    from ._lifetime import Lifetime
    from ._network.pool import Pool
    from ._options import call_options, require_seconds
    from ._origin import is_loopback, origin_of, server_url
    from ._package import package_of
    from ._proxies import proxies_of
    from ._rate_limit import RateLimit, rate_limit_of
    from ._signer import Signer
    from ._tls_settings import tls_settings
    from ._tries import Rules

    wrong = None if credentials is None else what_is_no_credentials(credentials)
    if wrong:
        # The frame goes along with the exception, and its variables must not.
        del credentials
        raise ConfigurationError(wrong)
    options = call_options(timeout, recovery)
    if pacing is not None:
        _require_positive("pacing", pacing)
    _require_positive("max_answer_bytes", max_answer_bytes)
    _require_positive("max_connections", max_connections)
    require_seconds("keepalive_expiry", keepalive_expiry)
    require_seconds("write_keepalive_expiry", write_keepalive_expiry)
    generated = package_of(package)
    if sync_clock and generated.time_module is None:
        raise ConfigurationError(f"sync_clock: {package.__name__} has no operation that tells the exchange's time")
    url = server_url(server_from(generated.servers) if server is None else server)
    exchange = Exchange(
        package=generated,
        rules=Rules(
            sync_clock=sync_clock,
            pacing=pacing,
            can_measure_clock=generated.time_module is not None,
            clock=Clock(clock),
            refusals=generated.refusals,
            # A port of this machine may be another server tomorrow, so that nobody else is to know of its limit.
            rate_limit=(
                RateLimit(generated.refusals) if is_loopback(url) else rate_limit_of(origin_of(url), generated.refusals)
            ),
        ),
        max_answer_bytes=max_answer_bytes,
        max_connections=max_connections,
        write_keepalive_expiry=write_keepalive_expiry,
        lifetime=Lifetime(),
    )
    # The environment's proxies are for the world outside; what is for this machine does not go through them.
    trust_env = trust_env and url.scheme == "https"
    over = transport or Pool(
        tls_settings(verify=verify, trust_env=trust_env),
        proxies_of(proxy, trust_env=trust_env),
        exchange.lifetime,
        max_idle=max_connections,
        keepalive_expiry=keepalive_expiry,
    )
    signer = Signer(
        credentials_from() if credentials is None else credentials,
        str(url),
        clock=exchange.rules.clock,
        recv_window=recv_window,
    )
    return SigningClient(
        str(url),
        signer,
        exchange,
        options,
        Connections(exchange, over),
        headers={"Accept-Encoding": ACCEPT_ENCODING},
        httpx_args={
            # What httpx would take from the environment is asked for above, and it makes no connection itself.
            "trust_env": False,
        },
    )


def _require_positive(name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{name}: expected a positive integer, got {value!r}")
