"""What the sync and the async httpx client of an account have in common, beside their base classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from binance_client.errors import ConfigurationError
from binance_client.messages.failures import ARGUMENT_ERRORS
from binance_client.policy.permission import forbidden
from binance_client.redaction import redacted

from .cookies import NoCookies
from .httpx_utils import resolve_url

if TYPE_CHECKING:
    from binance_client.policy.call import CallOptions
    from binance_client.policy.client_state import ClientState

_UNKNOWN_AUTH = "auth: expected httpx's BasicAuth or DigestAuth, for a gateway; others could send further requests"


class AccountClient:
    """A mixin before `httpx.Client` or `httpx.AsyncClient`: settings, URLs, and no cookies.

    `honors_deadline` is whether the client's transport obeys the deadlines of requests.
    """

    def __init__(
        self, state: ClientState, runner: Any, options: CallOptions, settings: dict[str, Any], *, honors_deadline: bool
    ) -> None:
        super().__init__(**settings)
        self._shared_state = state
        self._no_cookies = NoCookies()
        self._runner = runner
        self._options = options
        self._base = str(settings["base_url"])
        self._honors_deadline = honors_deadline

    def require_permitted(self, request: httpx.Request, settings: dict[str, Any]) -> None:
        """Raise `ConfigurationError` for a request, or settings of one, that this client does not send."""
        client: Any = self
        auth = settings.get("auth", httpx.USE_CLIENT_DEFAULT)
        auth = client.auth if auth is httpx.USE_CLIENT_DEFAULT else auth
        is_known = auth is None or type(auth) in (tuple, httpx.BasicAuth, httpx.DigestAuth)
        problem = forbidden(request, self._shared_state.settings) if is_known else _UNKNOWN_AUTH
        if problem:
            raise ConfigurationError(problem)

    def require_no_ban(self) -> None:
        """Raise the error of a ban during one, for requests that no runner sends."""
        ban = self._shared_state.ban_error()
        if ban is not None:
            raise ban

    @property
    def cookies(self) -> httpx.Cookies:
        """No cookies, even if a response sets some."""
        return self._no_cookies

    @cookies.setter
    def cookies(self, cookies: object) -> None:  # noqa: ARG002, as in httpx
        raise ConfigurationError("no cookie is sent or kept; the exchange identifies callers by their API key")

    def build_request(self, method: str, url: httpx.URL | str, **content: Any) -> httpx.Request:
        """Build a request as httpx does, which would parse each URL twice."""
        client: Any = super()
        try:
            request: httpx.Request = client.build_request(method, resolve_url(self._base, url), **content)
        except ARGUMENT_ERRORS as error:
            problem = f"httpx cannot build the request, {type(error).__name__}: {redacted(str(error))}"
        else:
            return request
        raise ConfigurationError(problem)
