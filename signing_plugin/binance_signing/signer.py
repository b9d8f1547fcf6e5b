"""The request hook that signs: an adapter between requests of httpx and the signing of bytes."""

import copy
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol, Self

import httpx

from .credentials import Credentials, credentials_problem
from .errors import ConfigurationError, bounded_repr
from .origin import Origin, origin_of, parse_server_url
from .signature import sign_params

_FORM = "application/x-www-form-urlencoded"


class Security(Protocol):
    """An operation's security type: the name of the header for the API key, if it needs one, and whether it signs.

    Source: General Info, "Endpoint Security Type".
    """

    @property
    def api_key_header(self) -> str | None:
        """The name of the header that carries the API key; None if the operation needs none."""
        ...

    @property
    def signed(self) -> bool:
        """Whether the operation needs a timestamp and a signature."""
        ...


class Signer:
    """A request hook that adds what an operation's security type requires: API key, timestamp, signature.

    It serves sync and async clients alike: `httpx.Client(event_hooks={"request": [signer]})`. What a request requires
    is read from its extensions, where the generated functions put it (`{"security": Security.USER_DATA}`); a request
    without that is sent unchanged. Key and signature go only to the origin of `server`; for any other origin, and for
    a body that can only be streamed and therefore not be signed, `ConfigurationError` is raised and nothing is sent.

    `clock` returns the exchange's time in milliseconds since the epoch, by default this machine's. `recv_window`, in
    milliseconds, is for requests without one. `credentials` may be replaced at any time. Invalid arguments raise
    `ConfigurationError`.

    Everything that handles the request after this hook sees the signature: other hooks, transports, httpx's log (which
    writes each URL) and `repr(request)`.
    """

    def __init__(
        self,
        credentials: Credentials,
        server: str,
        *,
        clock: Callable[[], int] | None = None,
        recv_window: int | None = None,
    ) -> None:
        try:
            self.credentials = credentials
        finally:
            del credentials  # an exception's traceback keeps this frame
        if recv_window is not None and (type(recv_window) is not int or not 1 <= recv_window < 2**63):
            shown = bounded_repr(recv_window)
            raise ConfigurationError(f"recv_window: expected a positive number of milliseconds, got {shown}")
        if not (clock is None or callable(clock)):
            raise ConfigurationError(f"clock: expected a function that returns milliseconds, got {bounded_repr(clock)}")
        self._origin: Origin = origin_of(parse_server_url(server))
        self._clock = system_clock if clock is None else clock
        self._recv_window = recv_window

    def __repr__(self) -> str:
        """Return the server alone; in the traceback of a failed constructor there may be none yet."""
        return f"Signer({_format_origin(self._origin)!r})" if hasattr(self, "_origin") else "Signer()"

    @property
    def credentials(self) -> Credentials:
        """What requests are signed with; setting it raises `ConfigurationError` for anything but `Credentials`."""
        return self._credentials

    @credentials.setter
    def credentials(self, credentials: Credentials) -> None:
        problem = credentials_problem(credentials)
        if problem:
            del credentials
            raise ConfigurationError(problem)
        self._credentials = credentials

    def with_credentials(self, credentials: Credentials) -> Self:
        """Return a signer like this one with other credentials; raise `ConfigurationError` if they are invalid."""
        other = copy.copy(self)
        try:
            other.credentials = credentials
        finally:
            del credentials
        return other

    def __call__(self, request: httpx.Request) -> Awaitable[None]:
        """Sign a request in place; the result is for async clients to await, and does nothing."""
        security = request.extensions.get("security")
        if security is None:
            return DONE
        try:
            api_key_header, is_signed = security.api_key_header, security.signed
        except AttributeError:
            raise ConfigurationError(
                f'extensions["security"]: expected a member of the generated Security, got {bounded_repr(security)}'
            ) from None
        if api_key_header is None:
            return DONE
        self._require_own_origin(request)
        credentials = self._credentials
        if is_signed:
            self._sign(request, credentials)
        # Set last, so that a request that cannot be signed does not hold the key.
        request.headers[api_key_header] = credentials.api_key
        return DONE

    def _require_own_origin(self, request: httpx.Request) -> None:
        origin = origin_of(request.url)
        if origin != self._origin:
            raise ConfigurationError(
                f"a request to {_format_origin(origin)} needs credentials, which are for"
                f" {_format_origin(self._origin)} alone; pass a path instead of a URL, and do not follow redirects"
            )

    def _sign(self, request: httpx.Request, credentials: Credentials) -> None:
        if not isinstance(request.stream, httpx.ByteStream):
            raise ConfigurationError("a body that can only be streamed cannot be signed; pass a form as data=")
        content = request.read()
        if content and request.headers.get("Content-Type", _FORM).partition(";")[0].strip().lower() != _FORM:
            raise ConfigurationError(f"the body of a signed request has to be a form ({_FORM}); pass it as data=")
        timestamp = self._clock()
        if type(timestamp) is not int or not 0 <= timestamp < 2**63:
            raise ConfigurationError(f"clock: expected milliseconds as an int, got {bounded_repr(timestamp)}")
        query, body = sign_params(request.url.query, content, credentials.key, timestamp, self._recv_window)
        request.url = _with_query(request.url, query)
        if body != content:
            _replace_body(request, body)


def system_clock() -> int:
    """Return this machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class _Done:
    """An awaitable that does nothing."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


DONE = _Done()


def _replace_body(request: httpx.Request, body: bytes) -> None:
    """Replace the body in place by building the request again, because httpx keeps the content that was read."""
    headers = [(name, value) for name, value in request.headers.multi_items() if name != "content-length"]
    if "Content-Type" not in request.headers:
        headers.append(("Content-Type", _FORM))
    method, url, extensions = request.method, request.url, request.extensions
    rebuilt: Any = request
    rebuilt.__dict__.clear()
    rebuilt.__init__(method, url, headers=headers, content=body, extensions=extensions)


def _with_query(url: httpx.URL, query: bytes) -> httpx.URL:
    # In two thirds of the time of `copy_with`. A fragment is never sent.
    path = str(url).partition("#")[0].partition("?")[0]
    return httpx.URL(f"{path}?{query.decode()}" if query else path)


def _format_origin(origin: Origin) -> str:
    scheme, host, port = origin
    return f"{scheme}://{host}" + (f":{port}" if port else "")
