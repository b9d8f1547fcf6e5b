"""Requests and responses of httpx, as its sync and its async engine deal with them."""

import time

import httpx

from ._body import Body

# They tell how a body came over the wire, and are not true of the decoded one.
_HEADERS_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
_FIRST_ERROR_STATUS = 400


def is_repeatable(request: httpx.Request) -> bool:
    """Say whether a request can be sent again: its body is not one that can only be streamed."""
    return isinstance(request.stream, httpx.ByteStream)


def once(request: httpx.Request, max_idle_age: float, deadline: float | None = None) -> httpx.Request:
    """Return a copy of a request for one try, with what the transport is to know of it.

    `max_idle_age` is how many seconds its connection may have been idle. Each operation is given what is left until the
    deadline, which is monotonic, in seconds, and a moment at least, so that it ends in httpx.
    """
    extensions = {**request.extensions, "max_idle_age": max_idle_age}
    if deadline is not None:
        left = max(deadline - time.monotonic(), 0.001)
        extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
        extensions["deadline"] = deadline
    copy = httpx.Request(
        request.method, request.url, headers=request.headers, stream=request.stream, extensions=extensions
    )
    if is_repeatable(request):
        copy.read()
    return copy


def require_in_time(deadline: float) -> None:
    """Raise httpx.ReadTimeout after the deadline, which a transport of the user's may not know."""
    if time.monotonic() >= deadline:
        raise httpx.ReadTimeout("the call's deadline has passed")


def body_of(response: httpx.Response, limit: int) -> Body:
    """Give what the chunks of a response are fed to."""
    # A transport without a network gives whole responses, which are decoded already.
    encoding = "" if response.is_closed else response.headers.get("content-encoding", "")
    return Body(encoding, limit)


def whole(response: httpx.Response, content: bytes, request: httpx.Request) -> httpx.Response:
    """Give a response with its body, decoded, and with the request that it answers, as it was before it was signed."""
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _HEADERS_OF_THE_WIRE]
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=content,
        request=request,
        extensions=response.extensions,
    )


def is_error(response: httpx.Response) -> bool:
    """Return True if the status says no, which holds whatever the body is, and whether or not it can be read."""
    return response.status_code >= _FIRST_ERROR_STATUS
