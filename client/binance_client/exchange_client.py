"""What the clients of `connect` and of `public` have in common: retries, rate limit, deadline, and their lifetime."""

import copy
import inspect
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import httpx
from attrs import define, evolve

from .base_client import BaseClient
from .errors import ConfigurationError
from .messages.decompression import ACCEPT_ENCODING
from .messages.redirects import raise_on_redirect
from .policy.call import CallOptions
from .policy.retry_policy import RetryPolicy
from .types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from binance_signing import Signer

    from .policy.client_state import ClientState
    from .policy.clock import Clock
    from .sending.shared_transport import SharedTransport
    from .spec import ExchangeSpec


@define(eq=False)
class _Built:
    """Options, and the httpx clients that are built with them when they are needed.

    It is replaced as a whole, so that no thread that builds a client meanwhile brings former options back.
    """

    options: CallOptions
    client: httpx.Client | None = None
    async_client: httpx.AsyncClient | None = None


class ExchangeClient(BaseClient):
    """The base of clients with retries and limits.

    It serves threads, tasks, several event loops (of asyncio and trio) and forks of the process at the same time.
    """

    spec: ClassVar["ExchangeSpec"]  # pyright: ignore[reportIncompatibleVariableOverride]  # here it is always set

    def __init__(self, base_url: str, state: "ClientState", options: CallOptions, transport: "SharedTransport") -> None:
        super().__init__(
            base_url,
            headers={"Accept-Encoding": ACCEPT_ENCODING},
            # The pool, or the custom transport, already has what httpx would read from the environment.
            httpx_args={"trust_env": False},
        )
        self._state = state
        self._transport = transport
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
    def connect(cls) -> Self:
        """Return a client; the derived classes have its options."""
        raise NotImplementedError

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
        return self._copy(options)

    def _copy(self, options: CallOptions) -> Self:
        """Return a copy with these options, without the operations, which belong to this client."""
        client = copy.copy(self)
        client._built = _Built(options)  # noqa: SLF001, a client of this very class
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

    @property
    def _request_hooks(self) -> list["Signer"]:
        """The hooks of each request."""
        return []

    @property
    def _response_hooks(self) -> "list[Callable[[httpx.Response], Awaitable[None]]]":
        """The hooks of each response."""
        return [raise_on_redirect]

    def _settings_with(self, options: CallOptions) -> dict[str, Any]:
        hooks = {"request": self._request_hooks, "response": self._response_hooks}
        return {**self._settings(), "timeout": options.timeout, "event_hooks": hooks}


def _custom_client_error() -> ConfigurationError:
    return ConfigurationError("the client builds its own httpx clients; use connect(transport=…), or Signer as a hook")
