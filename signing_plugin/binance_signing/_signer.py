"""The request hook that signs: an adapter between httpx's requests and the signing of bytes."""

import copy
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Self

import httpx
from binance_coinm.errors import ConfigurationError
from binance_coinm.refusals import from_redirect

from ._clock import system_clock
from ._credentials import Credentials, what_is_no_credentials
from ._origin import Origin, origin_of, server_url
from ._signing import signed

_FORM = "application/x-www-form-urlencoded"


class Signer:
    """A request hook that gives each request what its operation's security type asks for.

    It serves sync and async clients alike: `httpx_args={"event_hooks": {"request": [signer]}}` on a generated client,
    `event_hooks={"request": [signer]}` on one of httpx. What a request needs stands in its extensions, where the
    generated functions put it (`{"security": Security.USER_DATA}`); a request without goes out as it is. Key and
    signature go to the origin of `server` alone; for any other, `ConfigurationError` is raised and nothing is sent.
    The same for a body that can only be streamed, since it has to be signed first.

    `clock` gives the exchange's time in milliseconds since the epoch, by default this machine's. `recv_window`, in
    milliseconds, is for requests that have none. `credentials` may be exchanged at any time. `ConfigurationError` is
    raised for arguments that are none of this.

    What it cannot promise: whatever else sees the request sees the signature too, other hooks, transports, the log of
    httpx (which writes each URL, unless `connect` was called in the process) and `repr(request)` among them.
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
            # The frame goes along with an exception, and its variables must not.
            del credentials
        if recv_window is not None and (type(recv_window) is not int or recv_window < 1):
            raise ConfigurationError(f"recv_window: expected a positive number of milliseconds, got {recv_window!r}")
        self._origin: Origin = origin_of(server_url(server))
        self._clock = clock or system_clock
        self._recv_window = recv_window

    def __repr__(self) -> str:
        """Show the server alone, if it is known yet: a traceback of the constructor shows the signer too."""
        return f"Signer({_text(self._origin)!r})" if hasattr(self, "_origin") else "Signer()"

    @property
    def credentials(self) -> Credentials:
        """What requests are signed with from now on; setting it raises `ConfigurationError` for what are none."""
        return self._credentials

    @credentials.setter
    def credentials(self, credentials: Credentials) -> None:
        wrong = what_is_no_credentials(credentials)
        if wrong:
            del credentials
            raise ConfigurationError(wrong)
        self._credentials = credentials

    def of(self, credentials: Credentials) -> Self:
        """Give a signer like this one, with other credentials; raise `ConfigurationError` for what are none."""
        other = copy.copy(self)
        try:
            other.credentials = credentials
        finally:
            del credentials
        return other

    def __call__(self, request: httpx.Request) -> Awaitable[None]:
        """Sign a request in place; what is returned is for async clients to await, and does nothing."""
        security = request.extensions.get("security")
        if security is None:
            return _DONE
        try:
            api_key_header, is_signed = security.api_key_header, security.signed
        except AttributeError:
            raise ConfigurationError(
                f'extensions["security"]: expected a member of the generated Security, got {security!r}'
            ) from None
        if api_key_header is None:
            return _DONE
        origin = origin_of(request.url)
        if origin != self._origin:
            raise ConfigurationError(
                f"a request to {_text(origin)} needs credentials, which are for {_text(self._origin)} alone;"
                " call by a path, and do not follow redirects"
            )
        credentials = self._credentials
        if is_signed:
            self._sign(request, credentials)
        # Last, so that a request that cannot be signed does not hold the key.
        request.headers[api_key_header] = credentials.api_key
        return _DONE

    def _sign(self, request: httpx.Request, credentials: Credentials) -> None:
        if not isinstance(request.stream, httpx.ByteStream):
            raise ConfigurationError("a body that can only be streamed cannot be signed; give a form as data=")
        content = request.read()
        if content and request.headers.get("Content-Type", _FORM).partition(";")[0].strip().lower() != _FORM:
            raise ConfigurationError(f"a signed request's body has to be a form ({_FORM}); give it as data=")
        query, body = signed(request.url.query, content, credentials.key, self._clock(), self._recv_window)
        if body == content:
            request.url = _with_query(request.url, query)
            return
        # A hook cannot hand back another request, so that this one is made once more, of another body and its length.
        headers = [(name, value) for name, value in request.headers.multi_items() if name != "content-length"]
        if "Content-Type" not in request.headers:
            headers.append(("Content-Type", _FORM))
        url = _with_query(request.url, query)
        method, extensions = request.method, request.extensions
        again: Any = request
        # Else it would keep the content that it has read.
        again.__dict__.clear()
        again.__init__(method, url, headers=headers, content=body, extensions=extensions)


def refuse_redirect(response: httpx.Response) -> Awaitable[None]:
    """Raise the error that a redirect is: a response hook, for httpx reads where it leads even if it does not go."""
    if response.has_redirect_location:
        raise from_redirect(response)
    return _DONE


class _Done:
    """An awaitable that does nothing."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_DONE = _Done()


def _with_query(url: httpx.URL, query: bytes) -> httpx.URL:
    if url.fragment:
        return url.copy_with(query=query or None)
    # The same, at two thirds of the time.
    path = str(url).partition("?")[0]
    return httpx.URL(f"{path}?{query.decode()}" if query else path)


def _text(origin: Origin) -> str:
    scheme, host, port = origin
    return f"{scheme}://{host}" + (f":{port}" if port else "")
