"""What goes over the wire: requests that came in, answers that go out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

import attrs

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Headers(Mapping[str, str]):
    """Headers, looked up without regard to case. Source: RFC 9110, section 5.1."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        """Take pairs of name and value; of equal names the last one counts."""
        self._items = {name.lower(): (name, value) for name, value in items}

    def __getitem__(self, name: str) -> str:
        """Return the value of a header."""
        return self._items[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names as they were written."""
        return (name for name, _ in self._items.values())

    def __len__(self) -> int:
        """Count the headers."""
        return len(self._items)


@attrs.frozen
class ReceivedRequest:
    """A request as it came in; its `repr` shows nothing that could hold a key, a signature or an account's data."""

    method: str
    path: str
    query: bytes = attrs.field(default=b"", repr=False)
    """The query string, byte for byte as it was sent, without the question mark."""
    headers: Headers = attrs.field(factory=Headers, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    caller: str = "127.0.0.1"
    """The IP address that it came from."""
    status: int | None = None
    """The status of the answer, also where a fault kept it from arriving whole."""


@attrs.frozen
class Answer:
    """An answer of the exchange: HTTP status, headers without the length, and the body's bytes."""

    status: int
    headers: Headers
    body: bytes = attrs.field(repr=False)

    def head(self, framing: str | None = None) -> bytes:
        """Return status line and headers as sent; `framing` is a header that says otherwise where the body ends."""
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in self.headers.items())]
        framing = framing or f"content-length: {len(self.body)}"
        return "\r\n".join([*lines, framing, "connection: close", "", ""]).encode("latin-1")


def encode(body: object) -> bytes:
    """Return `body` as it is sent: bytes and text as they are, everything else as JSON."""
    if isinstance(body, bytes):
        return body
    if not isinstance(body, str):
        body = json.dumps(body, default=float, ensure_ascii=False, separators=(",", ":"))
    return body.encode()
