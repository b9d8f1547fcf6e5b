"""Requests and responses of httpx: what the sync and the async client do alike."""

from functools import lru_cache
from typing import Any

import httpx
from binance_signing.origin import parse_url

from binance_client.messages.decompression import BoundedDecoder
from binance_client.policy.deadline import httpx_timeouts

# Headers of one hop, which no longer describe the decoded body.
_HOP_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")
_FIRST_ERROR_STATUS = 400


@lru_cache(maxsize=256)
def resolve_url(base_url: str, url: str | httpx.URL) -> httpx.URL:
    """Return a URL, joined to the base if it is a path; cached, because there are few and parsing them is slow.

    Raises httpx.InvalidURL and TypeError.
    """
    parsed = httpx.URL(url)
    if parsed.is_relative_url:
        return httpx.URL(f"{base_url.rstrip('/')}/{str(url).lstrip('/')}")
    if parse_url(parsed) is None:
        raise httpx.InvalidURL("invalid host or port")
    return parsed


def copy_for_attempt(request: httpx.Request, max_idle_age: float, deadline: float | None = None) -> httpx.Request:
    """Return a copy of a request for one attempt, with the transport's limits in its extensions.

    `max_idle_age` is how many seconds its connection may have been idle; `deadline` is monotonic, in seconds.
    """
    extensions: dict[str, Any] = {**request.extensions, "max_idle_age": max_idle_age}
    if deadline is not None:
        extensions["timeout"] = httpx_timeouts(deadline)
        extensions["deadline"] = deadline
    copy = httpx.Request(
        request.method, request.url, headers=request.headers, stream=request.stream, extensions=extensions
    )
    if isinstance(request.stream, httpx.ByteStream):
        copy.read()
    return copy


def decoder_for(response: httpx.Response, limit: int) -> BoundedDecoder:
    """Return the decoder of a response's body."""
    # A mock transport may return a whole response, which is decoded already.
    encoding = "" if response.is_closed else response.headers.get("content-encoding", "")
    return BoundedDecoder(encoding, limit)


def rebuild_response(response: httpx.Response, content: bytes, request: httpx.Request) -> httpx.Response:
    """Return a response with its decoded body and its unsigned request."""
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _HOP_HEADERS]
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=content,
        request=request,
        extensions=response.extensions,
    )


def is_error(response: httpx.Response) -> bool:
    """Return True if the status is an error, which is reported even if the body cannot be read."""
    return response.status_code >= _FIRST_ERROR_STATUS
