"""Requests, answers and failures of the fast engine: what goes to pyreqwest, and what comes from it."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol, TypeVar

import httpx
from attrs import define, field
from binance_coinm.errors import ConfigurationError
from pyreqwest.bytes import Bytes
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import HeaderMap, Url
from pyreqwest.request import BaseRequestBuilder

from ._body import Body, described, is_plain
from ._origin import Origin, absolute, origin_of
from ._signer import Authorized, Signer

B = TypeVar("B", bound=BaseRequestBuilder)

# Arguments of httpx.Client.request that are none of the message, and that pyreqwest has no place for.
_OF_HTTPX_ALONE = ("auth", "follow_redirects", "timeout")
# Headers that httpx writes by itself, as pyreqwest does.
_WRITTEN_BY_THE_ENGINE = ("host", "content-length", "transfer-encoding")
# The least status of an answer that no other one follows.
_FINAL = 200
# Bytes, as many as httpx takes.
_MAX_HEADERS = 100 * 1024
# How pyreqwest says that there was no connection yet.
_CONNECTING = "client error (Connect)"


@define(repr=False)
class Request:
    """A request that is not signed yet; `url` is without its query, and a body that can only be streamed is None."""

    method: str
    origin: Origin
    url: str
    query: bytes
    extensions: dict[str, Any]
    headers: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    body: bytes | None = b""


@define(repr=False)
class Answer:
    """A whole answer, as `binance_coinm.engines` has it."""

    status_code: int
    headers: HeaderMap
    content: bytes
    extensions: dict[str, Any] = field(factory=dict[str, Any])


class HasHead(Protocol):
    """What a response of pyreqwest, sync or async, has before its body."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> HeaderMap:
        """The headers."""
        ...


class Reading:
    """An answer whose chunks are still coming."""

    def __init__(self, response: HasHead, limit: int) -> None:
        self._limit = limit
        self._status_code = response.status
        self._headers = _readable(response.headers)
        if self._status_code < _FINAL or self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise httpx.RemoteProtocolError("an answer in a protocol that was not asked for")

    @property
    def is_plain(self) -> bool:
        """Whether the answer may come as a whole."""
        return is_plain(self._headers, self._limit)

    def answer(self, content: Bytes | bytes) -> Answer:
        """Give the whole answer."""
        return Answer(self._status_code, self._headers, bytes(content))

    @contextmanager
    def body(self) -> Generator[Body]:
        """Give what the chunks of any other answer are fed to."""
        with described(self._status_code, self._headers):
            yield Body(self._headers.get("content-encoding", ""), self._limit)


def _readable(headers: HeaderMap) -> HeaderMap:
    try:
        pairs = list(headers.items())
    except ValueError:
        # A value that is no ASCII is none that is asked for here, and pyreqwest gives it to nobody.
        for name in {*headers}:
            try:
                headers.getall(name)
            except ValueError:
                del headers[name]
                headers[name] = "?"
        pairs = list(headers.items())
    if sum(map(len, chain.from_iterable(pairs))) > _MAX_HEADERS:
        raise httpx.RemoteProtocolError(f"more than {_MAX_HEADERS} bytes of headers")
    if headers.keys_len() < len(pairs):
        # A header that comes more than once is a list. Source: RFC 9110, section 5.3.
        for name in {*headers}:
            headers[name] = ", ".join(headers.getall(name))
    return headers


@lru_cache(maxsize=256)
def _target(base_url: str, url: str) -> tuple[Origin, str, bytes]:
    # There are few, and each takes its time.
    found = absolute(base_url, url)
    target = str(found.copy_with(query=None, fragment=None))
    if Url(target).path.encode() != found.raw_path.partition(b"?")[0]:
        raise ConfigurationError(
            f"engine='reqwest' would send another path than that of {target}; write it as it is to go"
        )
    return origin_of(found), target, found.query


def request_of(
    base_url: str,
    *,
    method: str,
    url: str | httpx.URL,
    params: dict[str, Any] | None = None,
    extensions: dict[str, Any] | None = None,
    **content: Any,
) -> Request:
    """Give the request whose arguments these are; they mean what they mean to `httpx.Client.request`."""
    origin, target, query = _target(base_url, str(url))
    if not query and not content:
        query = str(httpx.QueryParams(params)).encode() if params else b""
        return Request(method.upper(), origin, target, query, extensions or {})
    for name in _OF_HTTPX_ALONE:
        if name in content:
            raise ConfigurationError(f"engine='reqwest' takes no {name}= of a request, but engine='httpx' does")
    # Whatever is less common is encoded by httpx.
    request = httpx.Request(method, httpx.URL(target, query=query or None), params=params or None, **content)
    given = httpx.Headers(content.get("headers"))
    headers = [
        pair for pair in request.headers.multi_items() if pair[0] in given or pair[0] not in _WRITTEN_BY_THE_ENGINE
    ]
    body = request.read() if isinstance(request.stream, httpx.ByteStream) else None
    # The engine would encode an apostrophe behind the signer's back, which httpx does not.
    query = request.url.query.replace(b"'", b"%27")
    return Request(request.method, origin, target, query, extensions or {}, headers, body)


def _authorized(request: Request) -> Authorized | None:
    security, signer = request.extensions.get("security"), request.extensions.get("signer")
    if isinstance(signer, Signer) and security is not None:
        content_type = httpx.Headers(request.headers).get("content-type") if request.headers else None
        return signer.authorize(security, request.origin, request.query, request.body, content_type)
    if getattr(security, "api_key_header", None) is None:
        return None
    raise ConfigurationError("a request that needs credentials goes through the client that has them")


def built(begin: Callable[[str, str], B], request: Request, deadline: float) -> B:
    """Sign a request, and give it to a client of pyreqwest, whose method `request` is given."""
    authorized = _authorized(request) or Authorized({}, request.query, request.body)
    if authorized.body is None:
        raise ConfigurationError(
            "engine='reqwest' cannot send a body that can only be streamed, but engine='httpx' can; give it as bytes"
        )
    try:
        return _builder(begin, request, authorized).timeout(timedelta(seconds=max(deadline - time.monotonic(), 0.001)))
    except ValueError:
        # Its words may hold the URL, and its frames what is signed.
        del authorized
        wrong = ConfigurationError(f"this cannot be sent: a {request.method} of {request.url} with these headers")
    raise wrong


def _builder(begin: Callable[[str, str], B], request: Request, authorized: Authorized) -> B:
    more, query, body = authorized
    builder = begin(request.method, f"{request.url}?{query.decode()}" if query else request.url)
    for name, value in [*request.headers, *more.items()]:
        builder = builder.header(name, value, is_sensitive=True)
    return builder.body_bytes(body) if body else builder


def causes_of(error: PyreqwestError) -> list[str]:
    """Give what an error says of its causes, from the outermost to the innermost."""
    details: dict[str, list[dict[str, str]] | None] = getattr(error, "details", {})
    return [cause["message"] for cause in details.get("causes") or []]


def failure_of(error: PyreqwestError) -> httpx.HTTPError:
    """Give the failure of httpx that one of pyreqwest is, without the URL, which holds the signature."""
    if isinstance(error, RequestTimeoutError):
        return httpx.ReadTimeout("the call's deadline has passed")
    causes = causes_of(error)
    # The outermost cause is the request, with its URL.
    words = causes[-1] if len(causes) > 1 else error.message
    return httpx.ConnectError(words) if _CONNECTING in causes else httpx.RemoteProtocolError(words)
