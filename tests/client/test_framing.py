"""Framing: where a response ends, by its bytes alone, and which ones are never complete."""

from typing import Any

import pytest
from binance_client.connections.framing import ResponseFraming

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 3\r\n\r\nabc"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

COMPLETE = {
    "length": LENGTH,
    "length in other case, without a space": OK + b"content-LENGTH:3\r\n\r\nabc",
    "length with spaces": OK + b"Content-Length: \t 3 \t\r\n\r\nabc",
    "nothing": OK + b"Content-Length: 0\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    "no reason and no space": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304 with the length of a body that is not sent": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
    "an error": b"HTTP/1.1 418 I\x27m a teapot\r\nContent-Length: 3\r\n\r\nabc",
    "one chunk": CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
    "no chunk": CHUNKED + b"0\r\n\r\n",
    "chunks": CHUNKED + b"0A\r\n0123456789\r\n1 \r\n\n\r\n00\r\n\r\n",
    "extensions": CHUNKED + b"3;a=b;c\r\nabc\r\n0;d\r\n\r\n",
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nX: 1\r\nY: 2\r\n\r\n",
    "chunked in other case": OK + b"transfer-encoding:  Chunked\r\n\r\n0\r\n\r\n",
}
NEVER = {
    "HTTP/1.0": LENGTH.replace(b"1.1", b"1.0"),
    "an interim response": b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "until the connection closes": OK + b"\r\nabc",
    "two equal lengths": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "length and chunked": OK + b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n00000",
    "two encodings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a length with a sign": OK + b"Content-Length: +3\r\n\r\nabc",
    "a length after a vertical tab": OK + b"Content-Length:\x0b3\r\n\r\nabc",
    "an invalid length": OK + b"Content-Length: 0x3\r\n\r\nabc",
    "a huge length": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
    "a line that ends in LF": OK + b"X: 1\nContent-Length: 3\r\n\r\nabc",
    "a folded line": OK + b"X: 1\r\n Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a folded line by a tab": OK + b"X: 1\r\n\ty\r\nContent-Length: 3\r\n\r\nabc",
    "only LF": LENGTH.replace(b"\r\n", b"\n"),
    "no status": b"\r\n" + LENGTH,
    "a status of four digits": LENGTH.replace(b"200", b"2000"),
    "an invalid chunk": CHUNKED + b"g\r\nabc\r\n0\r\n\r\n",
    "a chunk with a sign": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "a huge chunk": CHUNKED + b"f" * 20 + b"\r\nabc\r\n0\r\n\r\n",
    "a trailer with LF": CHUNKED + b"0\r\nX: 1\n\r\n\r\n",
    "spaces without an end": OK + b"Content-Length:" + b" " * 50_000 + b"\rx\r\n\r\n",
    "a head without an end": OK + b"X: " + b"x" * 200_000,
}


def fed(data: bytes, step: int, method: str = "GET") -> ResponseFraming:
    """Return the framing of a response that was read in pieces."""
    framing = ResponseFraming(method)
    for start in range(0, len(data), step):
        framing.feed(data[start : start + step])
    return framing


@pytest.mark.parametrize("name", COMPLETE)
def test_complete_responses(name: str) -> None:
    """A response is complete with its last byte, not earlier, and not with a surplus byte."""
    data = COMPLETE[name]
    for step in (1, 2, 7, len(data)):
        assert fed(data, step).is_complete
        assert not fed(data + b"\n", step).is_complete
        assert not fed(data + LENGTH, step).is_complete
    for end in range(len(data)):
        assert not fed(data[:end], len(data)).is_complete
    framing = fed(data, len(data))
    framing.feed(b"\r")
    framing.feed(b"\n")
    assert not framing.is_complete


@pytest.mark.parametrize("name", NEVER)
def test_responses_that_are_never_complete(name: str) -> None:
    """A response that parsers may frame differently is complete at no byte, so that its connection is closed."""
    data = NEVER[name]
    framing: Any = ResponseFraming("GET")
    for start in range(0, len(data), max(1, len(data) // 500)):
        framing.feed(data[start : start + max(1, len(data) // 500)])
        assert not framing.is_complete
    assert not fed(data, len(data)).is_complete
    assert not fed(data + LENGTH, len(data)).is_complete


def test_responses_to_head() -> None:
    """A response to HEAD has a length and no body."""
    head = OK + b"Content-Length: 3\r\n\r\n"

    assert fed(head, 1, "HEAD").is_complete
    assert not fed(head + b"abc", 1, "HEAD").is_complete
    assert not fed(head, 1).is_complete
