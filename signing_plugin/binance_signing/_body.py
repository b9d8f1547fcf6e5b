"""Read a body up to a limit, in its decoded form too: a few kilobytes of gzip can become gigabytes."""

import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import httpx
from binance_coinm.errors import ResponseError

# What a client asks for, and all that this module decodes.
ACCEPT_ENCODING = "gzip, deflate"

# Digits that a number of bytes has at most.
_DIGITS = 18
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


def is_plain(headers: Mapping[str, str], limit: int) -> bool:
    """Say whether a body is as it comes, and tells a length within the limit, so that it may be read as a whole."""
    length = headers.get("content-length", "")
    return (
        "content-encoding" not in headers
        and "transfer-encoding" not in headers
        and len(length) <= _DIGITS
        and length.isdecimal()
        and int(length) <= limit
    )


@contextmanager
def described(status_code: int, headers: Mapping[str, str]) -> Generator[None]:
    """Let the error of a body that cannot be read tell status and headers of its answer."""
    try:
        yield
    except ResponseError as error:
        error.status_code, error.headers = status_code, httpx.Headers(headers)
        raise


class Body:
    """A body that is fed chunk by chunk, decoded, and taken as a whole.

    Raises `ResponseError` for one above the limit or of an unknown encoding, `httpx.DecodingError` for a broken one.
    Source: RFC 9110, section 8.4.
    """

    def __init__(self, content_encoding: str, limit: int) -> None:
        encoding = content_encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise ResponseError(f"expected a body encoded as {ACCEPT_ENCODING}, got another encoding")
        self._decompressor = None if encoding in ("", "identity") else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._limit = limit
        self._content = bytearray()
        self._is_empty = True

    def feed(self, chunk: bytes | bytearray) -> None:
        """Take the next chunk as it came over the wire."""
        self._is_empty = False
        if self._decompressor is not None:
            try:
                # One byte above the limit is enough to know that it is exceeded.
                chunk = self._decompressor.decompress(chunk, self._limit - len(self._content) + 1)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            if self._decompressor.unused_data:
                raise httpx.DecodingError("something follows the end of the compressed body")
        if len(self._content) + len(chunk) > self._limit:
            raise ResponseError(f"expected a body of at most {self._limit} bytes (max_answer_bytes), got more")
        self._content += chunk

    def whole(self) -> bytes:
        """Give the body, which has come to its end."""
        if self._decompressor and not self._is_empty and not self._decompressor.eof:
            raise httpx.DecodingError("the compressed body is not complete")
        return bytes(self._content)
