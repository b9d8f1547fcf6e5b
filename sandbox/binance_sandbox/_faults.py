"""What can go wrong on the wire, and a compressed body that becomes a huge one."""

import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, Self

import attrs

from binance_sandbox._messages import Answer


class Wire(Protocol):
    """The connection of one request, as faults need it."""

    def write(self, data: bytes) -> None:
        """Send bytes that are no HTTP of uvicorn's."""

    def close(self, *, reset: bool = False) -> None:
        """End the connection after what was written, or by a reset at once."""

    async def is_lost(self, seconds: float | None = None) -> bool:
        """Wait for the end of the connection, `seconds` at most; return whether it has ended."""
        ...

    async def send(self, answer: Answer, chunks: Iterator[bytes] | None = None) -> None:
        """Send a proper answer, its body streamed if there are `chunks`."""


@attrs.frozen
class Fault:
    """Something that goes wrong on the wire; `Sandbox.fail_next` takes it.

    It has a name, and a function that transmits an answer over a connection, for faults of one's own. Seconds are real
    ones: the sandbox's clock has nothing to do with them.
    """

    name: str
    transmit: Callable[[Answer, Wire], Awaitable[None]] = attrs.field(repr=False)

    @classmethod
    def disconnect(cls, *, reset: bool = False) -> Self:
        """End the connection before any answer; with `reset` by TCP's RST instead of FIN."""

        async def transmit(_answer: Answer, wire: Wire) -> None:
            wire.close(reset=reset)

        return cls("disconnect", transmit)

    @classmethod
    def cut_headers(cls, after: int = 20) -> Self:
        """End the connection in the middle of the headers, after so many bytes, status line included."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            head = answer.head()
            wire.write(head[: min(after, len(head) - 1)])
            wire.close()

        return cls("cut_headers", transmit)

    @classmethod
    def cut_body(cls, after: int = 10) -> Self:
        """End the connection in the middle of the body, after so many bytes; Content-Length announces more."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            wire.write(answer.head(f"content-length: {len(answer.body) + 1}") + answer.body[:after])
            wire.close()

        return cls("cut_body", transmit)

    @classmethod
    def drip_headers(cls, interval: float = 0.05) -> Self:
        """Send status line and headers byte by byte, one every `interval` seconds, then the body at once."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            if await _drip(answer.head(), interval, wire):
                wire.write(answer.body)
                wire.close()

        return cls("drip_headers", transmit)

    @classmethod
    def drip_body(cls, interval: float = 0.05) -> Self:
        """Send the body byte by byte, one every `interval` seconds."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            wire.write(answer.head())
            if await _drip(answer.body, interval, wire):
                wire.close()

        return cls("drip_body", transmit)

    @classmethod
    def silence(cls) -> Self:
        """Send nothing, and leave the connection open until the client or the sandbox closes it."""

        async def transmit(_answer: Answer, wire: Wire) -> None:
            await wire.is_lost()

        return cls("silence", transmit)

    @classmethod
    def delay(cls, seconds: float) -> Self:
        """Send the answer after so many seconds."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            if not await wire.is_lost(seconds):
                await wire.send(answer)

        return cls("delay", transmit)

    @classmethod
    def garbage(cls, data: bytes = b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n") -> Self:
        """Send something that is not HTTP instead of an answer, then end the connection."""

        async def transmit(_answer: Answer, wire: Wire) -> None:
            wire.write(data)
            wire.close()

        return cls("garbage", transmit)

    @classmethod
    def huge_body(cls, size: int = 1 << 30) -> Self:
        """Follow the body by spaces, which JSON allows, until it has `size` bytes, by default a gibibyte."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            await wire.send(answer, _pad(answer.body, size))

        return cls("huge_body", transmit)

    @classmethod
    def broken_chunks(cls) -> Self:
        """Send the body in chunks, the second of which has a length that is no number."""

        async def transmit(answer: Answer, wire: Wire) -> None:
            head = answer.head("transfer-encoding: chunked")
            wire.write(head + b"1\r\n" + answer.body[:1] + b"\r\nnumber\r\n")
            wire.close()

        return cls("broken_chunks", transmit)


def gzip_bomb(size: int) -> bytes:
    """Return about a thousandth of `size` bytes that gzip makes `size` bytes of.

    For `Sandbox.answer_next(200, body=gzip_bomb(1 << 30), headers={"Content-Encoding": "gzip"})`.
    """
    compressor = zlib.compressobj(wbits=31)  # 31 is gzip with the largest window
    return b"".join(compressor.compress(chunk) for chunk in _pad(b"", size)) + compressor.flush()


async def _drip(data: bytes, interval: float, wire: Wire) -> bool:
    """Send bytes one by one; return whether the connection held out."""
    for byte in data:
        wire.write(bytes([byte]))
        if await wire.is_lost(interval):
            return False
    return True


def _pad(body: bytes, size: int) -> Iterator[bytes]:
    yield body
    spaces = b" " * (1 << 16)
    for left in range(size - len(body), 0, -len(spaces)):
        yield spaces[:left]
