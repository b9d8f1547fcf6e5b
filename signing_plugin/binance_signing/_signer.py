"""The request hook that signs: an adapter between httpx's requests and the signing of bytes."""

import copy
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Self

import httpx
from attrs import define
from binance_coinm.errors import ConfigurationError
from binance_coinm.refusals import from_redirect

from ._clock import system_clock
from ._credentials import Credentials, what_is_no_credentials
from ._origin import Origin, origin_of, server_url
from ._signing import signed

_FORM = "application/x-www-form-urlencoded"


@define
class Authorized:
    """What goes out of a request that needs credentials: more headers, and query and body as they are signed."""

    headers: dict[str, str]
    query: bytes
    body: bytes | None


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

    What it cannot promise: whatever else sees the request sees the signature too, other hooks and transports among
    them. The URL's text hides the query, from the log line of httpx for one; `request.url.query` holds it.
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

    def hook(self, request: httpx.Request) -> Awaitable[None]:
        """Sign a request by the signer that it brings along, which a client's calls do, and else by this one."""
        signer: Signer = request.extensions.get("signer", self)
        return signer(request)

    def authorize(
        self, security: Any, origin: Origin, query: bytes, body: bytes | None, content_type: str | None
    ) -> Authorized | None:
        """Give what a request of a security type goes out with; None if the type asks for nothing.

        A body that can only be streamed is given as None. Raises `ConfigurationError`.
        """
        try:
            api_key_header, is_signed = security.api_key_header, security.signed
        except AttributeError:
            raise ConfigurationError(
                f'extensions["security"]: expected a member of the generated Security, got {security!r}'
            ) from None
        if api_key_header is None:
            return None
        if origin != self._origin:
            raise ConfigurationError(
                f"a request to {_text(origin)} needs credentials, which are for {_text(self._origin)} alone;"
                " call by a path, and do not follow redirects"
            )
        credentials = self._credentials
        headers = {api_key_header: credentials.api_key}
        if not is_signed:
            return Authorized(headers, query, body)
        if body is None:
            raise ConfigurationError("a body that can only be streamed cannot be signed; give a form as data=")
        if body and content_type is None:
            headers["Content-Type"] = content_type = _FORM
        if body and content_type and content_type.partition(";")[0].strip().lower() != _FORM:
            raise ConfigurationError(f"a signed request's body has to be a form ({_FORM}); give it as data=")
        query, body = signed(query, body, credentials.key, self._clock(), self._recv_window)
        return Authorized(headers, query, body)

    def __call__(self, request: httpx.Request) -> Awaitable[None]:
        """Sign a request in place; what is returned is for async clients to await, and does nothing."""
        security = request.extensions.get("security")
        if security is None:
            return _DONE
        content = request.read() if isinstance(request.stream, httpx.ByteStream) else None
        content_type = request.headers.get("Content-Type") if content else None
        query = request.url.query
        authorized = self.authorize(security, origin_of(request.url), query, content, content_type)
        if authorized is None:
            return _DONE
        for name, value in authorized.headers.items():
            request.headers[name] = value
        if authorized.body != content:
            # A hook cannot hand back another request, so this one becomes the other, whose length is another too.
            headers = [(name, value) for name, value in request.headers.multi_items() if name != "content-length"]
            another = httpx.Request(
                request.method, request.url, headers=headers, content=authorized.body, extensions=request.extensions
            )
            vars(request).update(vars(another))
        if authorized.query != query:
            request.url = _SignedURL(request.url, authorized.query)
        return _DONE


class _SignedURL(httpx.URL):
    """A URL whose text leaves the query out, for httpx writes each request's URL into its log."""

    def __init__(self, url: httpx.URL, query: bytes) -> None:
        # The parts are encoded already. httpx has no public way to put them together without parsing each character
        # again, which takes a tenth of a call; tests fail when this one is gone.
        parts: Any = url._uri_reference  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._uri_reference = parts._replace(query=query.decode("ascii"))
        self._shown = url.copy_with(query=None) if url.query else url

    def copy_with(self, **parts: Any) -> httpx.URL:
        """Give the URL with other parts, which is not signed any more."""
        return httpx.URL(self).copy_with(**parts)

    def __str__(self) -> str:
        """Show all but the query."""
        return str(self._shown)

    def __repr__(self) -> str:
        """Show all but the query."""
        return repr(self._shown)

    def __eq__(self, other: object) -> bool:
        """Compare the query too, which the text leaves out."""
        return httpx.URL(self) == (httpx.URL(other) if isinstance(other, httpx.URL) else other)

    def __hash__(self) -> int:
        """Agree with the comparison."""
        return hash(httpx.URL(self))


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


def _text(origin: Origin) -> str:
    scheme, host, port = origin
    return f"{scheme}://{host}" + (f":{port}" if port else "")
