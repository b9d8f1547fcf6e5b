"""HTTP messages: received requests and the responses to them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import cast

import attrs

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Headers(Mapping[str, str]):
    """Headers, looked up case-insensitively. Source: RFC 9110, section 5.1."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        """Build from pairs of name and value; of duplicate names the last one counts."""
        self._items = {name.lower(): (name, value) for name, value in items}

    def __getitem__(self, name: str) -> str:
        """Return the value of a header."""
        return self._items[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names as they were written."""
        return (name for name, _ in self._items.values())

    def __len__(self) -> int:
        """Return the number of headers."""
        return len(self._items)


@attrs.frozen
class ReceivedRequest:
    """A request as it was received; its `repr` omits all that could hold a key, a signature or account data."""

    method: str
    path: str
    query: bytes = attrs.field(default=b"", repr=False)
    """The query string, byte for byte as it was sent, without the question mark."""
    headers: Headers = attrs.field(factory=Headers, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    client_ip: str = "127.0.0.1"
    status: int | None = None
    """The status code of the response, also if a fault kept it from arriving."""


@attrs.frozen
class Response:
    """A response of the exchange: status code, headers without Content-Length, and body."""

    status: int
    headers: Headers
    body: bytes = attrs.field(repr=False)

    @property
    def reason(self) -> str:
        """The reason phrase, empty for a status code that HTTP does not define."""
        return HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""

    def head(self, framing: str | None = None) -> bytes:
        """Return status line and headers as sent; `framing` replaces the Content-Length header."""
        lines = [
            f"HTTP/1.1 {self.status} {self.reason}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            framing or f"content-length: {len(self.body)}",
            "connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def diagnostic(status: HTTPStatus, text: str) -> Response:
    """Return a response with a message of the sandbox, not of the exchange, to the developer.

    It has the form of the exchange's errors, so that a client shows the message.
    """
    return Response(status, Headers([("content-type", JSON)]), encode({"code": 0, "msg": f"binance_sandbox: {text}"}))


def encode(body: object) -> bytes:
    """Return `body` as it is sent: bytes and text as they are, everything else as JSON, a Decimal with all its digits.

    Raises ValueError for a value that JSON does not have.
    """
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else _to_json(body)).encode()


def _to_json(value: object) -> str:
    # The encoder of the standard library has no way to write a Decimal as a number.
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return "{" + ",".join(f"{_name(name)}:{_to_json(member)}" for name, member in members.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_to_json, cast("Sequence[object]", value))) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(f"body: expected a value that JSON has, got {value!r}") from None


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise ValueError(f"body: expected a string as the name of a member, got {name!r}")  # noqa: TRY004, see _arguments.py
    return json.dumps(name, ensure_ascii=False)
