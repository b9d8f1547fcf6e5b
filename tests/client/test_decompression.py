"""Decompression: bodies are decoded, complete, and never larger than the limit."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import httpx
import pytest
from binance_client.messages.decompression import ACCEPT_ENCODING, BoundedDecoder, is_identity_within
from binance_coinm.errors import ResponseError

CONTENT = b'[{"asset":"BTC"}]' * 60
TOO_LARGE = "expected a body of at most {} bytes (max_response_bytes), got more"
INCOMPLETE = "the compressed body is not complete"
FOLLOWED = "data follows the end of the compressed body"


def plain(content: bytes) -> bytes:
    """Return a body unchanged."""
    return content


# Each content encoding, and the function that encodes.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": plain,
    "identity": plain,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    " GZip ": gzip.compress,
    "\tDEFLATE": zlib.compress,
    "Identity ": plain,
}
COMPRESSED = ["gzip", "x-gzip", "deflate"]
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS)
every_compression = pytest.mark.parametrize("encoding", COMPRESSED)


def decoder_fed(encoding: str, *chunks: bytes, limit: int = 10_000) -> BoundedDecoder:
    """Return a decoder that was fed these chunks."""
    decoder = BoundedDecoder(encoding, limit)
    for chunk in chunks:
        decoder.feed(chunk)
    return decoder


def test_accepted_encodings() -> None:
    """The encodings that are requested can be decoded."""
    assert "gzip, deflate" == ACCEPT_ENCODING
    for encoding in ACCEPT_ENCODING.split(", "):
        assert CONTENT == decoder_fed(encoding, ENCODINGS[encoding](CONTENT)).finish()


@every_encoding
def test_bodies_are_decoded(encoding: str) -> None:
    """A body is the same after encoding and decoding, however the name of the encoding is written."""
    assert CONTENT == decoder_fed(encoding, ENCODINGS[encoding](CONTENT)).finish()


@every_encoding
def test_bodies_byte_by_byte(encoding: str) -> None:
    """A body may arrive byte by byte."""
    encoded = ENCODINGS[encoding](CONTENT)

    assert CONTENT == decoder_fed(encoding, *[bytes([byte]) for byte in encoded]).finish()


@every_encoding
@pytest.mark.parametrize("limit", [1, 17, len(CONTENT) - 1])
def test_limit_is_not_exceeded(encoding: str, limit: int) -> None:
    """A body as long as the limit is complete, and one more byte is an error that names limit and setting."""
    encode = ENCODINGS[encoding]

    assert CONTENT[:limit] == decoder_fed(encoding, encode(CONTENT[:limit]), limit=limit).finish()
    with pytest.raises(ResponseError) as caught:
        decoder_fed(encoding, encode(CONTENT[: limit + 1]), limit=limit)
    assert TOO_LARGE.format(limit) == str(caught.value)


@every_encoding
def test_limit_counts_all_chunks(encoding: str) -> None:
    """The limit is for all chunks together."""
    encoded = ENCODINGS[encoding](CONTENT)
    chunks = [encoded[at : at + 7] for at in range(0, len(encoded), 7)]

    assert CONTENT == decoder_fed(encoding, *chunks, limit=len(CONTENT)).finish()
    with pytest.raises(ResponseError) as caught:
        decoder_fed(encoding, *chunks, limit=len(CONTENT) - 1)
    assert TOO_LARGE.format(len(CONTENT) - 1) == str(caught.value)


@every_compression
@pytest.mark.parametrize("first", [b"", b"[]"])
def test_bomb_is_not_decompressed(encoding: str, first: bytes) -> None:
    """A small body that decompresses to a large one is decoded only until it exceeds the limit."""
    bomb = ENCODINGS[encoding](first + bytes(8_000_000))
    decoder = BoundedDecoder(encoding, 1000)
    tracemalloc.start()

    try:
        with pytest.raises(ResponseError):
            decoder.feed(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The rest of the chunk is kept encoded, beside the error and its traceback.
    assert peak < len(bomb) + 50_000


@every_compression
def test_bomb_among_chunks_is_not_decompressed(encoding: str) -> None:
    """What was decoded of earlier chunks counts before a chunk is decompressed."""
    bomb = ENCODINGS[encoding](bytes(8_000_000))
    decoder = decoder_fed(encoding, bomb[:900], limit=1_000_000)
    tracemalloc.start()

    try:
        with pytest.raises(ResponseError):
            decoder.feed(bomb[900:])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


@every_compression
def test_truncated_bodies(encoding: str) -> None:
    """A compressed body that ends early is broken, wherever it ends."""
    encoded = ENCODINGS[encoding](b"[1, 2, 3]")

    for end in range(1, len(encoded)):
        decoder = decoder_fed(encoding, encoded[:end])
        with pytest.raises(httpx.DecodingError) as caught:
            decoder.finish()
        assert INCOMPLETE == str(caught.value)


@every_compression
@pytest.mark.parametrize("is_separate", [True, False])
def test_data_after_the_end(encoding: str, *, is_separate: bool) -> None:
    """A compressed body followed by more data is broken, in the same chunk or in a separate one."""
    encoded = ENCODINGS[encoding](b"[]")

    with pytest.raises(httpx.DecodingError) as caught:
        decoder_fed(encoding, *([encoded, b"\0"] if is_separate else [encoded + b"\0"]))

    assert FOLLOWED == str(caught.value)


@every_compression
@pytest.mark.parametrize("content", [b"[]", b"<html>", b"\x1f\x8b\xff\xff\xff"])
def test_broken_bodies(encoding: str, content: bytes) -> None:
    """A body that is not encoded as it claims is broken, and zlib's message tells why."""
    with pytest.raises(httpx.DecodingError, match="^Error -3 while decompressing data: ") as caught:
        decoder_fed(encoding, content)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@every_compression
def test_broken_checksum(encoding: str) -> None:
    """A compressed body whose content was changed in transit is broken."""
    encoded = bytearray(ENCODINGS[encoding](b"[]"))
    encoded[-5 if encoding == "deflate" else -9] ^= 1

    with pytest.raises(httpx.DecodingError):
        decoder_fed(encoding, bytes(encoded)).finish()


@every_encoding
def test_no_body(encoding: str) -> None:
    """A response without a body has none, whatever encoding it claims."""
    assert b"" == BoundedDecoder(encoding, 10).finish()


@every_compression
def test_compressed_empty_body(encoding: str) -> None:
    """A compressed empty body is empty."""
    assert b"" == decoder_fed(encoding, ENCODINGS[encoding](b"")).finish()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip;q=1", "deflate64", "é", "compress"])
def test_unknown_encodings(encoding: str) -> None:
    """A body of another encoding is an error before any of it is read, and its name is not shown."""
    with pytest.raises(ResponseError) as caught:
        BoundedDecoder(encoding, 10)

    assert "expected a body encoded as gzip, deflate, got another encoding" == str(caught.value)


@every_compression
def test_data_after_the_end_is_not_kept(encoding: str) -> None:
    """A gigabyte after the end of a small compressed body is not kept."""
    encoded = ENCODINGS[encoding](b"[]")
    chunk = bytes(100_000)
    tracemalloc.start()

    try:
        with pytest.raises(httpx.DecodingError):
            decoder_fed(encoding, encoded, *[chunk] * 20, limit=1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 500_000


@pytest.mark.parametrize(
    ("headers", "is_within"),
    [
        ({"Content-Length": "10"}, True),
        ({"Content-Length": "11"}, False),
        ({"Content-Length": "10".zfill(18)}, True),
        ({"Content-Length": "10".zfill(19)}, False),
        ({"Content-Length": "ten"}, False),
        ({"Content-Length": "10", "Content-Encoding": "gzip"}, False),
        ({"Content-Length": "10", "Transfer-Encoding": "chunked"}, False),
        ({}, False),
    ],
)
def test_bodies_that_need_no_decoder(headers: dict[str, str], *, is_within: bool) -> None:
    """A body is read as it is if its headers say that it is not encoded, and not longer than the limit."""
    assert is_within is is_identity_within(httpx.Headers(headers), 10)
