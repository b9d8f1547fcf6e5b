"""Decode bodies up to a limit, because a few kilobytes of gzip can become gigabytes."""

import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import httpx

from binance_client.errors import ResponseError

# The encodings that a client requests, which are all that this module decodes.
ACCEPT_ENCODING = "gzip, deflate"

# A longer Content-Length is not converted, because that may take very long.
_MAX_LENGTH_DIGITS = 18
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


def is_identity_within(headers: Mapping[str, str], limit: int) -> bool:
    """Return True if a body is not encoded and its Content-Length is within a limit."""
    length = headers.get("content-length", "")
    return (
        "content-encoding" not in headers
        and "transfer-encoding" not in headers
        and len(length) <= _MAX_LENGTH_DIGITS
        and length.isdecimal()
        and int(length) <= limit
    )


@contextmanager
def response_context(status_code: int, headers: Mapping[str, str]) -> Generator[None]:
    """Add status and headers of the response to the error of a body that cannot be read."""
    try:
        yield
    except ResponseError as error:
        error.status_code, error.headers = status_code, httpx.Headers(headers)
        raise


class BoundedDecoder:
    """Decodes a body chunk by chunk, up to a limit.

    Raises `ResponseError` for a longer body or an unknown encoding, `httpx.DecodingError` for a broken body.
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
        """Decode the next chunk, as it was received."""
        self._is_empty = False
        if self._decompressor is not None:
            try:
                # One byte above the limit is enough to know that it is exceeded.
                chunk = self._decompressor.decompress(chunk, self._limit - len(self._content) + 1)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            if self._decompressor.unused_data:
                raise httpx.DecodingError("data follows the end of the compressed body")
        if len(self._content) + len(chunk) > self._limit:
            raise ResponseError(f"expected a body of at most {self._limit} bytes (max_response_bytes), got more")
        self._content += chunk

    def finish(self) -> bytes:
        """Return the whole body after its last chunk."""
        if self._decompressor and not self._is_empty and not self._decompressor.eof:
            raise httpx.DecodingError("the compressed body is not complete")
        return bytes(self._content)
