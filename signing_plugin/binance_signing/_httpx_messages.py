"""Requests and responses of httpx, as its sync and its async engine deal with them."""

import time
from collections.abc import Generator
from contextlib import contextmanager

import httpx
from binance_coinm import errors

from ._body import Body
from ._exchange import Exchange

# They tell how a body came, and are not true of the one that is decoded.
_HEADERS_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
# Digits that a number of bytes has at most.
_DIGITS = 18


def limits(exchange: Exchange) -> httpx.Limits:
    """Give the limits of a client's pool."""
    return httpx.Limits(max_connections=exchange.max_connections, max_keepalive_connections=20)


def is_repeatable(request: httpx.Request) -> bool:
    """Say whether a request can be sent again: its body is not one that can only be streamed."""
    return isinstance(request.stream, httpx.ByteStream)


def bound(request: httpx.Request, deadline: float) -> None:
    """Give each operation of a request what is left of the call, and a moment at least, so that it ends in httpx."""
    left = max(deadline - time.monotonic(), 0.001)
    request.extensions = {**request.extensions, "timeout": dict.fromkeys(("connect", "read", "write", "pool"), left)}


def is_plain(response: httpx.Response, limit: int) -> bool:
    """Say whether httpx may read a response by itself: it is as it comes, and tells a length within the limit."""
    headers = response.headers
    length = headers.get("content-length", "")
    return (
        not response.is_closed
        and "content-encoding" not in headers
        and "transfer-encoding" not in headers
        and len(length) <= _DIGITS
        and length.isdecimal()
        and int(length) <= limit
    )


def body_of(response: httpx.Response, limit: int) -> Body:
    """Give what the chunks of any other response are fed to."""
    # A transport without a network gives whole responses, which are decoded already.
    encoding = "" if response.is_closed else response.headers.get("content-encoding", "")
    return Body(encoding, limit)


@contextmanager
def described(response: httpx.Response) -> Generator[None]:
    """Tell of a body that is none whose answer's it is."""
    try:
        yield
    except errors.ResponseError as error:
        error.status_code, error.headers = response.status_code, response.headers
        raise


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
