"""The client that `connect` returns: it signs, retries, and limits its rate."""

import copy
import inspect
import ssl
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import httpx
from attrs import define, evolve
from binance_signing import Credentials, Signer
from binance_signing.signer import system_clock

from .base_client import DEFAULT_TIMEOUT, AuthenticatedClient
from .errors import ConfigurationError
from .messages.decompression import ACCEPT_ENCODING
from .messages.redirects import raise_on_redirect
from .policy.call import CallOptions
from .policy.retry_policy import OnRetry, RetryPolicy
from .types import UNSET, Unset

if TYPE_CHECKING:
    from .connections.pool import Pool
    from .policy.client_state import ClientState
    from .policy.clock import Clock
    from .sending.shared_transport import Transport
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


@define(eq=False)
class _Built:
    """Options, and the httpx clients that are built with them when they are needed.

    It is replaced as a whole, so that no thread that builds a client meanwhile brings former options back.
    """

    options: CallOptions
    client: httpx.Client | None = None
    async_client: httpx.AsyncClient | None = None


class SigningClient(AuthenticatedClient):
    """The base of generated clients; `connect` builds one.

    It serves threads, tasks, several event loops (of asyncio and trio) and forks of the process at the same time.
    """

    spec: ClassVar["ExchangeSpec"]  # pyright: ignore[reportIncompatibleVariableOverride]  # here it is always set

    def __init__(
        self, base_url: str, signer: Signer, state: "ClientState", options: CallOptions, transport: "Pool | Transport"
    ) -> None:
        from .sending.shared_transport import SharedTransport

        super().__init__(
            base_url,
            headers={"Accept-Encoding": ACCEPT_ENCODING},
            # The pool, or the custom transport, already has what httpx would read from the environment.
            httpx_args={"trust_env": False},
        )
        self._signer = signer
        self._state = state
        self._transport = SharedTransport(state, transport)
        self._built = _Built(options)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; raise `ConfigurationError` for a setting that only `connect` takes."""
        is_built = "_transport" in vars(self)
        try:
            if is_built and not name.startswith("_") and name in inspect.signature(self.connect).parameters:
                setting = getattr(type(self), name, None)
                if getattr(setting, "fset", None) is None:
                    raise ConfigurationError(f"{name}: a client keeps the one of connect; build another client")
            super().__setattr__(name, value)
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold a secret.
            del value

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
            from .assembly import (
                Settings,
                build_pool,
                build_signer,
                build_state,
                load_server,
                require_credentials,
                require_transport,
            )

            require_credentials(credentials)
            options = CallOptions(timeout, retry)
            settings = Settings(
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
            url = load_server(cls.spec, server)
            state = build_state(cls.spec, settings, url, clock)
            pool = (
                build_pool(state, url, proxy=proxy, verify=verify)
                if transport is None
                else require_transport(transport)
            )
            signer = build_signer(credentials, url, state.clock, recv_window)
            return cls(str(url), signer, state, options, pool)
        except OSError as error:
            # A signal handler's exception has no error number.
            if error.errno is None:
                raise
            problem = f"the client cannot be created: {error}"
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold secrets.
            del credentials, proxy, server
        raise ConfigurationError(problem)

    @property
    def timeout(self) -> float:
        """The seconds that a call may take; setting it raises `ConfigurationError` for an invalid number."""
        return self._built.options.timeout

    @timeout.setter
    def timeout(self, timeout: float) -> None:
        # The next sync and the next async call build their httpx clients again.
        self._built = _Built(evolve(self._built.options, timeout=timeout))

    @property
    def retry(self) -> RetryPolicy | None:
        """The retry policy; setting it raises `ConfigurationError` for anything but a `RetryPolicy` or None."""
        return self._built.options.retry

    @retry.setter
    def retry(self, retry: RetryPolicy | None) -> None:
        self._built = _Built(evolve(self._built.options, retry=retry))

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

    @property
    def clock(self) -> "Clock":
        """The exchange's clock; `clock.offset_ms` is how far it is ahead of this machine's."""
        return self._state.clock

    @property
    def used_weight(self) -> int | None:
        """The used weight of the minute, per IP address, that the last response reported; None before the first one.

        Source: General Info, "LIMITS".
        """
        return self._state.rate_limit.used_weight

    def clear_ban(self) -> None:
        """Forget a ban of this IP address, so that calls are sent again, those of this server's other clients too.

        Do this only if the ban is a mistake, because requests during a ban make it longer.
        """
        self._state.rate_limit.clear_ban()

    def with_options(self, *, timeout: float | Unset = UNSET, retry: RetryPolicy | Unset | None = UNSET) -> Self:
        """Return a client with another timeout or retry policy, such as for one call: `client.with_options(…).account`.

        `timeout` is in seconds; `retry=None` is a single attempt, except that a stale connection is replaced. The new
        client shares connections, credentials and clock with this one. Closing either closes both; do not use a
        derived client in `with`. Raises `ConfigurationError` for an invalid timeout or policy.
        """
        current = self._built.options
        options = CallOptions(
            timeout=current.timeout if isinstance(timeout, Unset) else timeout,
            retry=current.retry if isinstance(retry, Unset) else retry,
        )
        client = self._copy()
        client._built = _Built(options)  # noqa: SLF001, a client of this very class
        return client

    def with_credentials(self, credentials: Credentials) -> Self:
        """Return a client of another account, which shares connections, clock and all settings with this one.

        Closing either closes both; do not use a derived client in `with`. Raises `ConfigurationError` for anything but
        `Credentials`.
        """
        client = self._copy()
        try:
            client._signer = self._signer.with_credentials(credentials)  # noqa: SLF001, a client of this very class
            client._built = _Built(self._built.options)  # noqa: SLF001, the same
        finally:
            # An exception's traceback keeps this frame, whose variables must not hold a secret.
            del credentials
        return client

    def _copy(self) -> Self:
        """Return a copy without the operations, which belong to this client."""
        client = copy.copy(self)
        for name in [*vars(client)]:
            if isinstance(getattr(type(client), name, None), cached_property):
                del vars(client)[name]
        return client

    def get_httpx_client(self) -> httpx.Client:
        """Return the httpx client of all sync calls; raise `ClientClosedError` if this client is closed."""
        self._state.lifetime.require_open()
        built = self._built
        client = built.client
        if client is None:
            settings = self._settings_with(built.options)
            client = built.client = self._transport.build_client(built.options, settings)
        return client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the httpx client of all async calls; raise `ClientClosedError` if this client is closed."""
        self._state.lifetime.require_open()
        built = self._built
        client = built.async_client
        if client is None:
            settings = self._settings_with(built.options)
            client = built.async_client = self._transport.build_async_client(built.options, settings)
        return client

    def set_httpx_client(self, client: httpx.Client) -> NoReturn:  # noqa: ARG002, as in the class above
        """Raise `ConfigurationError`: a custom client would bypass signing and retries."""
        raise _custom_client_error()

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> NoReturn:  # noqa: ARG002, the same
        """Raise `ConfigurationError`: a custom client would bypass signing and retries."""
        raise _custom_client_error()

    def close(self) -> None:
        """Close the connections, including those of all event loops; calls in flight raise `ClientClosedError`.

        A custom async transport is closed only by `aclose`.
        """
        self._transport.close()

    async def aclose(self) -> None:
        """Close the connections, as `close` does, and a custom async transport."""
        await self._transport.aclose()

    def _settings_with(self, options: CallOptions) -> dict[str, Any]:
        hooks = {"request": [self._signer], "response": [raise_on_redirect]}
        return {**self._settings(), "timeout": options.timeout, "event_hooks": hooks}


def _custom_client_error() -> ConfigurationError:
    return ConfigurationError("the client builds its own httpx clients; use connect(transport=…), or Signer as a hook")
