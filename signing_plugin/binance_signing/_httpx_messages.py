"""Requests and responses of httpx, as its sync and its async engine deal with them."""

import time

import httpx

from ._body import Body
from ._exchange import Exchange

# They tell how a body came over the wire, and are not true of the decoded one.
_HEADERS_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")


def limits(exchange: Exchange) -> httpx.Limits:
    """Give the limits of a client's pool."""
    return httpx.Limits(max_connections=exchange.max_connections, max_keepalive_connections=20)


def is_repeatable(request: httpx.Request) -> bool:
    """Say whether a request can be sent again: its body is not one that can only be streamed."""
    return isinstance(request.stream, httpx.ByteStream)


def set_timeouts(request: httpx.Request, deadline: float) -> None:
    """Give each operation of a request what is left of the call, and a moment at least, so that it ends in httpx."""
    left = max(deadline - time.monotonic(), 0.001)
    request.extensions = {**request.extensions, "timeout": dict.fromkeys(("connect", "read", "write", "pool"), left)}


def body_of(response: httpx.Response, limit: int) -> Body:
    """Give what the chunks of a response are fed to."""
    # A transport without a network gives whole responses, which are decoded already.
    encoding = "" if response.is_closed else response.headers.get("content-encoding", "")
    return Body(encoding, limit)


def whole(response: httpx.Response, content: bytes) -> httpx.Response:
    """Give a response with its body, which is decoded."""
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _HEADERS_OF_THE_WIRE]
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=content,
        request=response.request,
        extensions=response.extensions,
        history=response.history,
    )
