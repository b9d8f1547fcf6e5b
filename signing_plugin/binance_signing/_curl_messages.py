"""Requests and answers of the fast engine: what goes to libcurl, and what comes from it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import httpx
from attrs import define
from binance_coinm.errors import ConfigurationError

from ._body import Body, described
from ._origin import Origin, absolute, origin_of
from ._signer import Authorized, Signer

# Arguments of httpx.Client.request that are none of the message, and that libcurl has no place for.
_OF_HTTPX_ALONE = ("auth", "follow_redirects", "timeout")
# Headers that httpx writes by itself, as libcurl does.
_WRITTEN_BY_THE_ENGINE = (b"host", b"content-length", b"transfer-encoding")
# The least status of an answer that no other one follows.
_FINAL = 200
# Bytes, as many as httpx takes.
_MAX_HEADERS = 100 * 1024
# Libcurl sends what it is given. Source: RFC 9110, sections 5.5 and 5.6.2.
_is_token = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_is_value = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*").fullmatch


@define(repr=False)
class Request:
    """A request that is not signed yet; `server` is a URL without a path, a body that can only be streamed is None."""

    method: str
    origin: Origin
    server: str
    path: bytes
    query: bytes
    extensions: dict[str, Any]
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes | None = b""


class Headers(Mapping[str, str]):
    """The headers of an answer."""

    __slots__ = ("_values",)

    def __init__(self, lines: list[str]) -> None:
        self._values: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            # A header that comes more than once is a list. Source: RFC 9110, section 5.3.
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def get(self, name: str, default: Any = None) -> Any:
        """Give a header without an exception on the way, for most that are asked for are not there."""
        return self._values.get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        """Give a header."""
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._values)


@define(repr=False)
class Answer:
    """A whole answer, as `binance_coinm.engines` has it."""

    status_code: int
    headers: Headers
    content: bytes
    extensions: dict[str, Any]


def headers_of(head: bytearray) -> Headers:
    """Give the headers of an answer; what comes before it are hints, and what follows it is not asked for."""
    if len(head) > _MAX_HEADERS:
        raise httpx.RemoteProtocolError(f"more than {_MAX_HEADERS} bytes of headers")
    # A value that is no ASCII is none that is asked for here.
    text = head.decode("ascii", "replace").replace("\ufffd", "?").replace("\r\n", "\n")
    *blocks, rest = text.split("\n\n")
    if rest.startswith("HTTP/"):
        # Libcurl takes what it has for all.
        raise httpx.RemoteProtocolError("the connection ended within the headers")
    while not blocks[-1].startswith("HTTP/"):
        blocks.pop()
    return Headers(blocks[-1].split("\n")[1:])


def answer_of(status_code: int, head: bytearray, body: bytearray, limit: int) -> Answer:
    """Give the answer that came over the wire, decoded; `body` is within the limit."""
    headers = headers_of(head)
    if status_code < _FINAL:
        raise httpx.RemoteProtocolError("an answer in a protocol that was not asked for")
    encoding = headers.get("content-encoding")
    if encoding is None:
        return Answer(status_code, headers, bytes(body), {})
    with described(status_code, headers):
        decoded = Body(encoding, limit)
        if body:
            decoded.feed(body)
    return Answer(status_code, headers, decoded.whole(), {})


@lru_cache(maxsize=256)
def _target(base_url: str, url: str) -> tuple[Origin, str, bytes, bytes]:
    # There are few, and each takes its time.
    found = absolute(base_url, url)
    if found.userinfo:
        raise ConfigurationError("engine='curl' takes no user in the URL of a request, but engine='httpx' does")
    path, _, query = found.raw_path.partition(b"?")
    return origin_of(found), f"{found.scheme}://{found.netloc.decode()}", path, query


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
    origin, server, path, query = _target(base_url, str(url))
    if method == "GET" and not query and not content:
        query = str(httpx.QueryParams(params)).encode() if params else b""
        return Request(method, origin, server, path, query, extensions or {})
    for name in _OF_HTTPX_ALONE:
        if name in content:
            raise ConfigurationError(f"engine='curl' takes no {name}= of a request, but engine='httpx' does")
    # Whatever is less common is encoded by httpx.
    request = httpx.Request(method, absolute(base_url, str(url)), params=params or None, **content)
    given = httpx.Headers(content.get("headers"))
    headers = [
        (name, value)
        for name, value in request.headers.raw
        if name.decode() in given or name.lower() not in _WRITTEN_BY_THE_ENGINE
    ]
    if not _is_token(request.method.encode()) or not all(
        _is_token(name) and _is_value(value) for name, value in headers
    ):
        raise ConfigurationError(
            f"this cannot be sent: a {request.method} of {server}{path.decode()} with these headers"
        )
    body = request.read() if isinstance(request.stream, httpx.ByteStream) else None
    return Request(request.method, origin, server, path, request.url.query, extensions or {}, headers, body)


def authorized(request: Request) -> Authorized:
    """Sign a request, if it needs credentials."""
    security, signer = request.extensions.get("security"), request.extensions.get("signer")
    signed: Authorized | None = None
    if isinstance(signer, Signer) and security is not None:
        content_type = httpx.Headers(request.headers).get("content-type") if request.headers else None
        signed = signer.authorize(security, request.origin, request.query, request.body, content_type)
    elif getattr(security, "api_key_header", None) is not None:
        raise ConfigurationError("a request that needs credentials goes through the client that has them")
    if request.body is None:
        raise ConfigurationError(
            "engine='curl' cannot send a body that can only be streamed, but engine='httpx' can; give it as bytes"
        )
    return signed or Authorized({}, request.query, request.body)


def lines_of(defaults: dict[str, str], request: Request, more: dict[str, str]) -> list[bytes | str]:
    """Give the headers of a request as libcurl takes them."""
    if request.method == "GET" and not request.headers and not request.body:
        return [f"{name}: {value}" for name, value in (*defaults.items(), *more.items())]
    replaced = {name.lower() for name in more}
    lines: list[bytes | str] = [f"{name}: {value}" for name, value in more.items()]
    for name, value in request.headers:
        if name.decode().lower() not in replaced:
            lines.append(name + (b": " + value if value else b";"))
    replaced |= {name.decode().lower() for name, _ in request.headers}
    lines += [f"{name}: {value}" for name, value in defaults.items() if name.lower() not in replaced]
    # What libcurl would add to a body by itself is left out.
    return lines + [f"{name}:" for name in ("Content-Type", "Expect") if name.lower() not in replaced]
