"""The parts of a response that decoding needs, and what statuses and methods mean."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol

# Milliseconds since the epoch, in the years 2001 and 5138. A time outside of them is not in milliseconds.
MIN_TIME_MS, MAX_TIME_MS = 10**12, 10**14
# The first digit of the status.
_SUCCESS = 2


class HTTPResponse(Protocol):
    """A whole response, such as `httpx.Response`."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; their names are case-insensitive."""
        ...

    @property
    def content(self) -> bytes:
        """The decoded body."""
        ...

    @property
    def extensions(self) -> MutableMapping[str, Any]:
        """What the client that sent the request adds, such as the number of attempts."""
        ...


def is_success(response: HTTPResponse) -> bool:
    """Return True if the status is one of success. Source: RFC 9110, section 15.3."""
    return response.status_code // 100 == _SUCCESS


def is_safe(method: str) -> bool:
    """Return True for a method that changes nothing. Source: RFC 9110, section 9.2.1, safe methods."""
    return method in ("GET", "HEAD")
