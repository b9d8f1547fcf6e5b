"""Where a response ends. Source: RFC 9112, sections 6 and 7."""

import re
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

# A scan yields whenever it needs more bytes.
_Scan = Generator[None, None, T]

# The limit of httpcore's parser.
_MAX_HEAD_BYTES = 100 * 1024
_CRLF = b"\r\n"
_status = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])[ \r]").match
_lengths = re.compile(rb"(?<=\n)(content-length|transfer-encoding):([^\n]*)\r", re.IGNORECASE).findall
_is_length = re.compile(rb"[0-9]{1,18}").fullmatch
_chunk_size = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?").fullmatch


class ResponseFraming:
    """Follows the bytes of one response to find its end.

    `is_complete` is true if the response has ended and nothing beyond it was read. httpcore's parser decides what the
    response says; this decides only whether its connection may be kept, so everything unusual (1xx, HTTP/1.0, a body
    that ends with the connection, two lengths, folded headers) is never complete.
    """

    def __init__(self, method: str) -> None:
        self.is_complete = False
        self._buffer = b""
        self._scan: _Scan[bool] | None = self._scan_response(method)

    def feed(self, data: bytes) -> None:
        """Add the next bytes that were read."""
        self.is_complete = False
        if self._scan is None:
            # These bytes follow the end, where nothing may.
            return
        if len(self._buffer) <= _MAX_HEAD_BYTES:
            self._buffer += data
        try:
            next(self._scan)
        except StopIteration as end:
            self._scan = None
            self.is_complete = end.value and not self._buffer

    def _scan_response(self, method: str) -> _Scan[bool]:
        head = (yield from self._read_until(_CRLF * 2)) + _CRLF
        status = _status(head)
        # httpcore's parser sees other lines than this, if one ends in LF alone or is folded.
        if status is None or head.count(b"\n") != head.count(_CRLF) or b"\n " in head or b"\n\t" in head:
            return False
        if method == "HEAD" or status[1] in (b"204", b"304"):
            return True
        lengths = _lengths(head)
        if len(lengths) != 1:
            return False
        [(name, value)] = lengths
        value = value.strip(b" \t")
        if name.lower() == b"content-length" and _is_length(value):
            yield from self._skip(int(value))
            return True
        return value.lower() == b"chunked" and (yield from self._scan_chunks())

    def _scan_chunks(self) -> _Scan[bool]:
        while match := _chunk_size((yield from self._read_until(_CRLF))):
            size = int(match[1], 16)
            if size:
                yield from self._skip(size + len(_CRLF))
                continue
            while trailer := (yield from self._read_until(_CRLF)):
                if b"\n" in trailer:
                    return False
            return True
        return False

    def _read_until(self, separator: bytes) -> _Scan[bytes]:
        while separator not in self._buffer:
            while len(self._buffer) > _MAX_HEAD_BYTES:
                # Too long: the separator is no longer looked for.
                yield
            yield
        found, _, self._buffer = self._buffer.partition(separator)
        return found

    def _skip(self, number: int) -> _Scan[None]:
        while len(self._buffer) < number:
            number -= len(self._buffer)
            self._buffer = b""
            yield
        self._buffer = self._buffer[number:]
