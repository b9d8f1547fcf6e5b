"""Bodies: decoded, whole, and never larger than the limit."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import httpx
import pytest
from binance_coinm.errors import ResponseError
from binance_signing._body import ACCEPT_ENCODING, Body

CONTENT = b'[{"asset":"BTC"}]' * 60
TOO_LARGE = "expected a body of at most {} bytes (max_answer_bytes), got more"
INCOMPLETE = "the compressed body is not complete"
FOLLOWED = "something follows the end of the compressed body"


def plain(content: bytes) -> bytes:
    """Give a body as it is."""
    return content


# What a body can be encoded as, and how that is done.
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
compressed_ones = pytest.mark.parametrize("encoding", COMPRESSED)


def a_body(encoding: str, *chunks: bytes, limit: int = 10_000) -> Body:
    """Give a body that was fed."""
    body = Body(encoding, limit)
    for chunk in chunks:
        body.feed(chunk)
    return body


def test_accepted_encodings() -> None:
    """What is asked for is what can be decoded."""
    assert "gzip, deflate" == ACCEPT_ENCODING
    for encoding in ACCEPT_ENCODING.split(", "):
        assert CONTENT == a_body(encoding, ENCODINGS[encoding](CONTENT)).whole()


@every_encoding
def test_bodies_are_decoded(encoding: str) -> None:
    """A body comes out as it was before it was encoded, however the encoding is written."""
    assert CONTENT == a_body(encoding, ENCODINGS[encoding](CONTENT)).whole()


@every_encoding
def test_bodies_that_drip(encoding: str) -> None:
    """A body may come byte by byte."""
    encoded = ENCODINGS[encoding](CONTENT)

    assert CONTENT == a_body(encoding, *[bytes([byte]) for byte in encoded]).whole()


@every_encoding
@pytest.mark.parametrize("limit", [1, 17, len(CONTENT) - 1])
def test_limit_is_not_exceeded(encoding: str, limit: int) -> None:
    """A body of as many bytes as are allowed is whole, and one more is refused, with the limit and what sets it."""
    encode = ENCODINGS[encoding]

    assert CONTENT[:limit] == a_body(encoding, encode(CONTENT[:limit]), limit=limit).whole()
    with pytest.raises(ResponseError) as caught:
        a_body(encoding, encode(CONTENT[: limit + 1]), limit=limit)
    assert TOO_LARGE.format(limit) == str(caught.value)


@every_encoding
def test_limit_counts_all_chunks(encoding: str) -> None:
    """The limit is for all chunks together."""
    encoded = ENCODINGS[encoding](CONTENT)
    chunks = [encoded[at : at + 7] for at in range(0, len(encoded), 7)]

    assert CONTENT == a_body(encoding, *chunks, limit=len(CONTENT)).whole()
    with pytest.raises(ResponseError) as caught:
        a_body(encoding, *chunks, limit=len(CONTENT) - 1)
    assert TOO_LARGE.format(len(CONTENT) - 1) == str(caught.value)


@compressed_ones
@pytest.mark.parametrize("first", [b"", b"[]"])
def test_bomb_is_not_unpacked(encoding: str, first: bytes) -> None:
    """Of a small body that would become a large one no more is decoded than tells that it is too large."""
    bomb = ENCODINGS[encoding](first + bytes(8_000_000))
    body = Body(encoding, 1000)
    tracemalloc.start()

    try:
        with pytest.raises(ResponseError):
            body.feed(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # What is not decoded any more is kept as it came, beside the error and its traceback.
    assert peak < len(bomb) + 50_000


@compressed_ones
def test_truncated_bodies(encoding: str) -> None:
    """A compressed body that ends early is broken, wherever it ends."""
    encoded = ENCODINGS[encoding](b"[1, 2, 3]")

    for end in range(1, len(encoded)):
        body = a_body(encoding, encoded[:end])
        with pytest.raises(httpx.DecodingError) as caught:
            body.whole()
        assert INCOMPLETE == str(caught.value)


@compressed_ones
@pytest.mark.parametrize("is_apart", [True, False])
def test_something_behind_the_end(encoding: str, *, is_apart: bool) -> None:
    """A compressed body that something follows is broken, in the same chunk or in one of its own."""
    encoded = ENCODINGS[encoding](b"[]")

    with pytest.raises(httpx.DecodingError) as caught:
        a_body(encoding, *([encoded, b"\0"] if is_apart else [encoded + b"\0"]))

    assert FOLLOWED == str(caught.value)


@compressed_ones
@pytest.mark.parametrize("content", [b"[]", b"<html>", b"\x1f\x8b\xff\xff\xff"])
def test_broken_bodies(encoding: str, content: bytes) -> None:
    """A body that is not of the encoding that it claims is broken, and the decoder's words tell why."""
    with pytest.raises(httpx.DecodingError, match="^Error -3 while decompressing data: ") as caught:
        a_body(encoding, content)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@compressed_ones
def test_broken_checksum(encoding: str) -> None:
    """A compressed body whose content was changed on the way is broken."""
    encoded = bytearray(ENCODINGS[encoding](b"[]"))
    encoded[-5 if encoding == "deflate" else -9] ^= 1

    with pytest.raises(httpx.DecodingError):
        a_body(encoding, bytes(encoded)).whole()


@every_encoding
def test_nothing_at_all(encoding: str) -> None:
    """An answer without a body has none, whatever it would be encoded as."""
    assert b"" == Body(encoding, 10).whole()


@compressed_ones
def test_compressed_nothing(encoding: str) -> None:
    """A compressed body of nothing is nothing."""
    assert b"" == a_body(encoding, ENCODINGS[encoding](b"")).whole()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip;q=1", "deflate64", "é", "compress"])
def test_unknown_encodings(encoding: str) -> None:
    """A body of another encoding is refused, before anything of it is read, and what it names is not shown."""
    with pytest.raises(ResponseError) as caught:
        Body(encoding, 10)

    assert "expected a body encoded as gzip, deflate, got another encoding" == str(caught.value)


@compressed_ones
def test_what_follows_the_end_is_not_kept(encoding: str) -> None:
    """A gigabyte behind the end of a small compressed body is not kept."""
    encoded = ENCODINGS[encoding](b"[]")
    chunk = bytes(100_000)
    tracemalloc.start()

    try:
        with pytest.raises(httpx.DecodingError):
            a_body(encoding, encoded, *[chunk] * 20, limit=1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 500_000
