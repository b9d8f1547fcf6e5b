"""The client that `connect` gives: a generated one that signs, and makes its calls in tries."""

import copy
from typing import Any, NoReturn, Self

import httpx
from binance_coinm.client import AuthenticatedClient
from binance_coinm.engines import AsyncEngine, Engine
from binance_coinm.errors import ConfigurationError
from binance_coinm.types import UNSET, Unset

from ._clock import Clock
from ._connections import Connections
from ._credentials import Credentials
from ._exchange import Exchange
from ._options import call_options
from ._recovery import Recovery
from ._signer import Signer


class SigningClient(AuthenticatedClient):
    """A generated client, ready to sign; `connect` makes it.

    It serves threads, tasks, several event loops (of asyncio and trio) and forks of the process at the same time.
    """

    def __init__(self, base_url: str, signer: Signer, exchange: Exchange, **settings: Any) -> None:
        super().__init__(base_url, **settings)
        self._signer = signer
        self._exchange = exchange
        self._options = exchange.options
        self._connections = Connections(exchange, self._settings())

    @property
    def credentials(self) -> Credentials:
        """What calls are signed with; it may be exchanged at any time, and each call's next try has the new one.

        Setting it raises `ConfigurationError` for what are no credentials.
        """
        return self._signer.credentials

    @credentials.setter
    def credentials(self, credentials: Credentials) -> None:
        try:
            self._signer.credentials = credentials
        finally:
            # The frame goes along with an exception, and its variables must not.
            del credentials

    @property
    def clock(self) -> Clock:
        """The exchange's clock; `clock.offset_ms` tells how far this machine's is behind it."""
        return self._exchange.rules.clock

    @property
    def used_weight(self) -> int | None:
        """The weight that this IP address had used of its minute at the last answer; None before the first one.

        Source: General Info, "LIMITS".
        """
        return self._exchange.rules.rate_limit.used_weight

    def with_options(self, *, timeout: float | Unset = UNSET, recovery: Recovery | Unset | None = UNSET) -> Self:
        """Give this client with another timeout or recovery, for a single call: `sync(client=client.with_options(…))`.

        `timeout` is in seconds, `recovery=None` is a single try. It shares connections, credentials and clock with this
        one, and is closed with it. Raises `ConfigurationError` for a timeout or a recovery that is none.
        """
        options = call_options(
            timeout=self._options.timeout if isinstance(timeout, Unset) else timeout,
            recovery=self._options.recovery if isinstance(recovery, Unset) else recovery,
        )
        client = copy.copy(self)
        client.timeout, client._options = options.timeout, options  # noqa: SLF001, a client of this very class
        return client

    def with_credentials(self, credentials: Credentials) -> Self:
        """Give a client of another account, which shares connections, clock and all settings with this one.

        It is closed with this one. Raises `ConfigurationError` for what are no credentials.
        """
        client = copy.copy(self)
        try:
            client._signer = self._signer.of(credentials)  # noqa: SLF001, a client of this very class
        finally:
            # The frame goes along with an exception, and its variables must not.
            del credentials
        return client

    def engine(self) -> Engine:
        """Give what all sync calls go through; raise `ConfigurationError` if the client is closed."""
        return self._connections.engine()

    def async_engine(self) -> AsyncEngine:
        """Give what all async calls of the running event loop go through.

        Raises `ConfigurationError` if the client is closed.
        """
        return self._connections.async_engine()

    def get_httpx_client(self) -> httpx.Client:
        """Give the engine of sync calls, which is a client of httpx."""
        return self._connections.engine()

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Give the engine of the running event loop, which is a client of httpx."""
        return self._connections.async_engine()

    def set_httpx_client(self, client: httpx.Client) -> NoReturn:  # noqa: ARG002, as in the class above
        """Refuse: a client of one's own would not sign, nor make its calls in tries."""
        raise _no_other_client()

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> NoReturn:  # noqa: ARG002, the same
        """Refuse: a client of one's own would not sign, nor make its calls in tries."""
        raise _no_other_client()

    def prepared(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let a request bring along what it is sent with, for other clients may share the engine."""
        extensions = {**request.get("extensions", {}), "options": self._options, "signer": self._signer}
        return {**request, "extensions": extensions}

    def close(self) -> None:
        """Close the connections of sync calls; no call can be made any more."""
        self._connections.close()

    async def aclose(self) -> None:
        """Close the connections of sync calls and of the running event loop; no call can be made any more."""
        await self._connections.aclose()


def _no_other_client() -> ConfigurationError:
    return ConfigurationError("this client has its own of httpx; give connect(transport=…), or use Signer as a hook")
