"""The clients that `connect` and `public` return: one signs its calls, the other has no credentials."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Self

import httpx
from binance_signing import Credentials, Signer
from binance_signing.signer import system_clock

from .base_client import DEFAULT_TIMEOUT, AuthenticatedClient
from .errors import ConfigurationError
from .exchange_client import ExchangeClient
from .policy.call import CallOptions
from .policy.order_counts import OrderCounts
from .policy.retry_policy import OnRetry, RetryPolicy

if TYPE_CHECKING:
    from .policy.client_state import ClientState, Settings
    from .sending.shared_transport import SharedTransport
    from .spec import ExchangeSpec

# Tokens, as in the AWS SDKs: enough for 100 retries.
_RETRY_QUOTA = 500
_MAX_RESPONSE_BYTES = 16 * 1024 * 1024
# The same number as httpx's default.
_MAX_CONNECTIONS = 100
# Seconds. If the server has already closed the connection, a read is simply sent again over a new one.
_KEEPALIVE_EXPIRY = 60.0
# Seconds. Shorter, because a write is not sent again if its connection turns out to be closed.
_WRITE_KEEPALIVE_EXPIRY = 5.0


# `spec` is always set, as in the first of them.
class SigningClient(ExchangeClient, AuthenticatedClient):  # pyright: ignore[reportIncompatibleVariableOverride]
    """The base of generated clients for all operations; `connect` builds one."""

    def __init__(
        self,
        base_url: str,
        signer: Signer,
        state: "ClientState",
        options: CallOptions,
        transport: "SharedTransport",
    ) -> None:
        super().__init__(base_url, state, options, transport)
        self._signer = signer
        self._order_counts = OrderCounts(self.spec.error_map)

    @classmethod
    def connect(  # noqa: PLR0913, all but the first are keyword-only, as in httpx
        cls,
        credentials: Credentials | None = None,
        *,
        server: str | None = None,
        read_only: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        recv_window: int | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008, it is frozen
        retry_quota: int | None = _RETRY_QUOTA,
        on_retry: OnRetry | None = None,
        clock: Callable[[], int] = system_clock,
        sync_clock: bool = False,
        max_weight_per_minute: int | None = None,
        max_response_bytes: int = _MAX_RESPONSE_BYTES,
        max_connections: int = _MAX_CONNECTIONS,
        keepalive_expiry: float = _KEEPALIVE_EXPIRY,
        write_keepalive_expiry: float = _WRITE_KEEPALIVE_EXPIRY,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: bool | str | ssl.SSLContext = True,
        trust_env: bool = True,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
    ) -> Self:
        """Return a client that signs its calls; use it with `with` or `async with`, or close it by hand.

        What is not given comes from the environment: the credentials from BINANCE_API_KEY and BINANCE_API_SECRET or
        BINANCE_PRIVATE_KEY_FILE (and BINANCE_PRIVATE_KEY_PASSWORD), the server (a `Server`, its name or a URL) from
        BINANCE_SERVER; without that it is the document's first server, production.

        * `read_only` is whether calls that may change the account, those of the security type TRADE, raise
          `ConfigurationError` before anything is sent, and so do writes that are built by hand.
        * `timeout` bounds each call, with all its attempts and waits, in seconds.
        * `recv_window`, in milliseconds, is sent with calls that do not set their own.
        * `retry` is the retry policy; None is a single attempt, even after a rejected timestamp, except that a stale
          connection is replaced.
        * `retry_quota` bounds the retries of all calls together, because they multiply the requests to an exchange that
          is down: a retry takes 5 of these tokens, a success gives 1 back. Without tokens a call ends in its error.
          None is no bound.
        * `on_retry` is called with `RetryDetails` before each retry; it must not block; its exceptions end the call.
        * `clock` returns this machine's time in milliseconds since the epoch. When the exchange rejects a timestamp,
          the clock is synchronized with the exchange's; with `sync_clock` already before the first signed call.
        * `max_weight_per_minute` is a client-side rate limit: calls beyond it wait for the next minute, instead of
          running into a 429.
        * `max_response_bytes` bounds the body of a response, decompressed.
        * `max_connections` is the maximum number of sync calls in flight, and of async calls in each event loop; others
          wait in order. It is also the maximum number of idle connections that are kept.
        * `keepalive_expiry` is how many seconds an idle connection may be reused, unless the server allows fewer;
          `write_keepalive_expiry` is the same for a write, which is not sent again if the server closes the connection
          at that moment. With 0, each call, or each write, opens a new connection.
        * `proxy`, `verify`, `trust_env` and `transport` are as in httpx. A transport serves sync calls, async calls or
          both, depending on its type. It opens its own connections: `proxy`, `verify` and the settings above for
          connections do not apply to them, and a sync transport that ignores its timeouts cannot be interrupted.

        Raises `ConfigurationError` for missing or invalid settings; nothing is sent.
        """
        try:
            # Imported here, because it takes time, and not every process that imports this module makes a call.
            from .assembly import Settings, build_signer, require_credentials

            require_credentials(credentials)
            options = CallOptions(timeout, retry)
            settings = Settings(
                has_credentials=True,
                read_only=read_only,
                sync_clock=sync_clock,
                max_weight_per_minute=max_weight_per_minute,
                max_response_bytes=max_response_bytes,
                max_connections=max_connections,
                keepalive_expiry=keepalive_expiry,
                write_keepalive_expiry=write_keepalive_expiry,
                trust_env=trust_env,
                retry_quota=retry_quota,
                on_retry=on_retry,
            )
            url, state, shared = _assemble(
                cls.spec, settings, server=server, clock=clock, proxy=proxy, verify=verify, transport=transport
            )
            signer = build_signer(credentials, url, state.clock, recv_window)
            return cls(str(url), signer, state, options, shared)
        except OSError as error:
            problem = _os_error_problem(error)
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold secrets.
            del credentials, proxy, server
        raise ConfigurationError(problem)

    @property
    def credentials(self) -> Credentials:
        """What calls are signed with; when it is replaced, the next attempt of each call uses the new ones.

        Setting it raises `ConfigurationError` for anything but `Credentials`.
        """
        return self._signer.credentials

    @credentials.setter
    def credentials(self, credentials: Credentials) -> None:
        try:
            self._signer.credentials = credentials
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold a secret.
            del credentials
        # They may be those of another account.
        self._order_counts.clear()

    @property
    def order_counts(self) -> Mapping[str, int]:
        """How many orders the account has placed, by interval: `10S` and `1M`; a mapping that cannot be changed.

        It is what the last response that reported it says, as the exchange does in responses to orders. It is empty
        before the first of them, and again when the credentials are replaced.

        Source: General Info, "LIMITS".
        """
        return self._order_counts.by_interval

    def with_credentials(self, credentials: Credentials) -> Self:
        """Return a client of another account, which shares connections, clock and all settings with this one.

        Closing either closes both; do not use a derived client in `with`. Raises `ConfigurationError` for anything but
        `Credentials`.
        """
        client = self._copy(self._built.options)
        try:
            client._signer = self._signer.with_credentials(credentials)  # noqa: SLF001, a client of this very class
            client._order_counts = OrderCounts(self.spec.error_map)  # noqa: SLF001, the same
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold a secret.
            del credentials
        return client

    @property
    def _request_hooks(self) -> list[Signer]:
        return [self._signer]

    @property
    def _response_hooks(self) -> list[Callable[[httpx.Response], Awaitable[None]]]:
        return [*super()._response_hooks, self._order_counts]


class UnsignedClient(ExchangeClient):
    """The base of generated clients without credentials; `public` builds one."""

    @classmethod
    def connect(  # noqa: PLR0913, all are keyword-only, as in httpx
        cls,
        *,
        server: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008, it is frozen
        retry_quota: int | None = _RETRY_QUOTA,
        on_retry: OnRetry | None = None,
        clock: Callable[[], int] = system_clock,
        max_weight_per_minute: int | None = None,
        max_response_bytes: int = _MAX_RESPONSE_BYTES,
        max_connections: int = _MAX_CONNECTIONS,
        keepalive_expiry: float = _KEEPALIVE_EXPIRY,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: bool | str | ssl.SSLContext = True,
        trust_env: bool = True,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
    ) -> Self:
        """Return a client without credentials, for the operations that need none.

        Its options are those of `connect`; BINANCE_SERVER is the only variable of the environment that it reads. All
        other operations raise `ConfigurationError` before anything is sent, and type checkers reject them.

        Raises `ConfigurationError` for invalid settings; nothing is sent.
        """
        try:
            from .assembly import Settings

            options = CallOptions(timeout, retry)
            settings = Settings(
                has_credentials=False,
                read_only=True,
                sync_clock=False,
                max_weight_per_minute=max_weight_per_minute,
                max_response_bytes=max_response_bytes,
                max_connections=max_connections,
                keepalive_expiry=keepalive_expiry,
                write_keepalive_expiry=_WRITE_KEEPALIVE_EXPIRY,
                trust_env=trust_env,
                retry_quota=retry_quota,
                on_retry=on_retry,
            )
            url, state, shared = _assemble(
                cls.spec, settings, server=server, clock=clock, proxy=proxy, verify=verify, transport=transport
            )
            return cls(str(url), state, options, shared)
        except OSError as error:
            problem = _os_error_problem(error)
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold secrets.
            del proxy, server
        raise ConfigurationError(problem)


def _assemble(  # noqa: PLR0913, all but the first two are keyword-only
    spec: "ExchangeSpec",
    settings: "Settings",
    *,
    server: str | None,
    clock: Callable[[], int],
    proxy: str | httpx.URL | httpx.Proxy | None,
    verify: bool | str | ssl.SSLContext,
    transport: object,
) -> "tuple[httpx.URL, ClientState, SharedTransport]":
    """Return the server's URL, and what clients of it share."""
    from .assembly import build_pool, build_state, load_server, require_transport
    from .sending.shared_transport import SharedTransport

    try:
        url = load_server(spec, server)
        state = build_state(spec, settings, url, clock)
        pool = build_pool(state, url, proxy=proxy, verify=verify) if transport is None else require_transport(transport)
        return url, state, SharedTransport(state, pool)
    finally:
        # An exception's traceback keeps this frame, whose variables must not hold secrets.
        del proxy, server


def _os_error_problem(error: OSError) -> str:
    """Return why a client cannot be created; raise the exception again if it is that of a signal handler."""
    if error.errno is None:
        raise error
    return f"the client cannot be created: {error}"
