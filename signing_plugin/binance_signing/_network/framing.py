"""Where a response ends. Source: RFC 9112, sections 6 and 7."""

import re
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

# Waits for the next bytes each time that it yields.
_Scan = Generator[None, None, T]

# Bytes, as many as httpcore's parser takes.
_MAX_HEAD = 100 * 1024
_CRLF = b"\r\n"
_status = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])[ \r]").match
_lengths = re.compile(rb"(?<=\n)(content-length|transfer-encoding):([^\n]*)\r", re.IGNORECASE).findall
_is_length = re.compile(rb"[0-9]{1,18}").fullmatch
_chunk_size = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?").fullmatch


class ResponseFraming:
    """Counts the bytes of one response where they come in.

    `is_complete` is true when the response has ended, until anything beyond it is read. The parser decides what a
    response says; this decides only whether its connection may be kept, so that everything unusual (1xx, HTTP/1.0, a
    body that ends with the connection, two lengths, folded headers) is never complete.
    """

    def __init__(self, method: str) -> None:
        self.is_complete = False
        self._rest = b""
        self._scan: _Scan[bool] | None = self._response(method)

    def feed(self, data: bytes) -> None:
        """Count the next bytes that were read."""
        self.is_complete = False
        if self._scan is None:
            # Nothing may follow the end.
            return
        if len(self._rest) <= _MAX_HEAD:
            self._rest += data
        try:
            next(self._scan)
        except StopIteration as end:
            self._scan = None
            self.is_complete = end.value and not self._rest

    def _response(self, method: str) -> _Scan[bool]:
        head = (yield from self._until(_CRLF * 2)) + _CRLF
        status = _status(head)
        # The parser would see other lines where a line ends in LF alone, or goes on in the next one.
        if status is None or head.count(b"\n") != head.count(_CRLF) or b"\n " in head or b"\n\t" in head:
            return False
        if method == "HEAD" or status[1] in (b"204", b"304"):
            return True
        [(name, value), *others] = _lengths(head) or [(b"", b"")]
        if others:
            return False
        value = value.strip(b" \t")
        if name.lower() == b"content-length" and _is_length(value):
            yield from self._skip(int(value))
            return True
        return value.lower() == b"chunked" and (yield from self._chunks())

    def _chunks(self) -> _Scan[bool]:
        while size := _chunk_size((yield from self._until(_CRLF))):
            if int(size[1], 16):
                yield from self._skip(int(size[1], 16) + len(_CRLF))
                continue
            while trailer := (yield from self._until(_CRLF)):
                if b"\n" in trailer:
                    return False
            return True
        return False

    def _until(self, separator: bytes) -> _Scan[bytes]:
        while separator not in self._rest:
            while len(self._rest) > _MAX_HEAD:
                # It is not found any more.
                yield
            yield
        found, _, self._rest = self._rest.partition(separator)
        return found

    def _skip(self, number: int) -> _Scan[None]:
        while len(self._rest) < number:
            number -= len(self._rest)
            self._rest = b""
            yield
        self._rest = self._rest[number:]
