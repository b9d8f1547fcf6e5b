"""The client that `connect` gives: a generated one that signs, and makes its calls in tries."""

import copy
from typing import Any, NoReturn, Self

import httpx
from binance_coinm.client import AuthenticatedClient
from binance_coinm.errors import ConfigurationError
from binance_coinm.types import UNSET, Unset

from ._clock import Clock
from ._connections import Connections
from ._credentials import Credentials
from ._exchange import Exchange
from ._options import CallOptions, call_options
from ._recovery import Recovery
from ._redaction import redact_logs
from ._signer import Signer, refuse_redirect


class SigningClient(AuthenticatedClient):
    """A generated client, ready to sign; `connect` makes it.

    It serves threads, tasks, several event loops (of asyncio and trio) and forks of the process at the same time.
    """

    def __init__(
        self,
        base_url: str,
        signer: Signer,
        exchange: Exchange,
        options: CallOptions,
        connections: Connections,
        **settings: Any,
    ) -> None:
        self._options = options
        super().__init__(base_url, timeout=options.timeout, **settings)
        self._signer = signer
        self._exchange = exchange
        self._connections = connections
        redact_logs()

    @property
    def timeout(self) -> float:
        """The seconds that a call may take; setting it raises `ConfigurationError` for what is no such number."""
        return self._options.timeout

    @timeout.setter
    def timeout(  # pyright: ignore[reportIncompatibleVariableOverride]  # it can be read and set, as there
        self, timeout: float
    ) -> None:
        self._set_options(call_options(timeout, self._options.recovery))

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

        `timeout` is in seconds, `recovery=None` is a single try, a stale connection aside. It shares connections,
        credentials and clock with this one. Closing either closes both; do not use a derived client in `with`. Raises
        `ConfigurationError` for a timeout or a recovery that is none.
        """
        options = call_options(
            timeout=self._options.timeout if isinstance(timeout, Unset) else timeout,
            recovery=self._options.recovery if isinstance(recovery, Unset) else recovery,
        )
        client = copy.copy(self)
        client._set_options(options)  # noqa: SLF001, a client of this very class
        return client

    def with_credentials(self, credentials: Credentials) -> Self:
        """Give a client of another account, which shares connections, clock and all settings with this one.

        Closing either closes both; do not use a derived client in `with`. Raises `ConfigurationError` for what are no
        credentials.
        """
        client = copy.copy(self)
        try:
            client._signer = self._signer.of(credentials)  # noqa: SLF001, a client of this very class
            client._client = client._async_client = None  # noqa: SLF001, the same
        finally:
            # The frame goes along with an exception, and its variables must not.
            del credentials
        return client

    def get_httpx_client(self) -> httpx.Client:
        """Give what all sync calls of this client go through; raise `ClientClosedError` if it is closed."""
        self._exchange.lifetime.require_open()
        client = self._client
        if client is None:
            client = self._client = self._connections.engine(self._options, self._settings())
        return client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Give what all async calls of this client go through; raise `ClientClosedError` if it is closed."""
        self._exchange.lifetime.require_open()
        client = self._async_client
        if client is None:
            client = self._async_client = self._connections.async_engine(self._options, self._settings())
        return client

    def set_httpx_client(self, client: httpx.Client) -> NoReturn:  # noqa: ARG002, as in the class above
        """Refuse: a client of one's own would not sign, nor make its calls in tries."""
        raise _no_other_client()

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> NoReturn:  # noqa: ARG002, the same
        """Refuse: a client of one's own would not sign, nor make its calls in tries."""
        raise _no_other_client()

    def close(self) -> None:
        """Close the connections, those of all event loops too; calls that are on their way end in `ClientClosedError`.

        An async transport that was given is closed by `aclose` alone.
        """
        self._connections.close()

    async def aclose(self) -> None:
        """Close the connections, as `close` does, and an async transport that was given."""
        await self._connections.aclose()

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "event_hooks": {"request": [self._signer], "response": [refuse_redirect]}}

    def _set_options(self, options: CallOptions) -> None:
        self._options = options
        # They are made once more, with these.
        self._client = self._async_client = None


def _no_other_client() -> ConfigurationError:
    return ConfigurationError("this client has its own of httpx; give connect(transport=…), or use Signer as a hook")
