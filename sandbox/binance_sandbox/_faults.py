"""Network faults, and a small compressed body that expands to a huge one."""

import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, Self

import attrs

from binance_sandbox._arguments import check_integer, check_number, check_type, invalid
from binance_sandbox._http import Response

_BYTES = "a number of bytes, at least 0"
_SECONDS = "a finite number of seconds, at least 0"


class Connection(Protocol):
    """The connection of one request, as a fault uses it."""

    def write(self, data: bytes) -> None:
        """Send raw bytes, which need not be valid HTTP."""

    def close(self, *, reset: bool = False) -> None:
        """Close the connection after all that was written; with `reset` close it at once by TCP's RST."""

    async def wait_closed(self, seconds: float | None = None) -> bool:
        """Wait until the connection is closed, for at most `seconds`; return whether it is closed."""
        ...

    async def send(self, response: Response, chunks: Iterator[bytes] | None = None) -> None:
        """Send a valid response; with `chunks` they are streamed in place of its body."""


@attrs.frozen
class Fault:
    """A network fault, for `Sandbox.inject_fault`.

    A custom fault has a name, and an async function that is called in place of `connection.send(response)`. Seconds are
    real seconds, independent of the sandbox's clock. Raises ValueError for invalid arguments.
    """

    name: str
    apply: Callable[[Response, Connection], Awaitable[None]] = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the arguments."""
        check_type("name", self.name, str, "the fault's name")
        if not callable(self.apply):
            raise invalid("apply", "an async function of a response and a connection", self.apply)

    @classmethod
    def disconnect(cls, *, reset: bool = False) -> Self:
        """Close the connection before the response; with `reset` by TCP's RST instead of FIN."""
        check_type("reset", reset, bool, "True or False")

        async def apply(_response: Response, connection: Connection) -> None:
            connection.close(reset=reset)

        return cls("disconnect", apply)

    @classmethod
    def cut_headers(cls, after: int = 20) -> Self:
        """Close the connection within the headers, after `after` bytes, status line included."""
        check_integer("after", after, _BYTES)

        async def apply(response: Response, connection: Connection) -> None:
            head = response.head()
            connection.write(head[: min(after, len(head) - 1)])
            connection.close()

        return cls("cut_headers", apply)

    @classmethod
    def cut_body(cls, after: int = 10) -> Self:
        """Close the connection within the body, after `after` bytes; Content-Length announces more."""
        check_integer("after", after, _BYTES)

        async def apply(response: Response, connection: Connection) -> None:
            connection.write(response.head(f"content-length: {len(response.body) + 1}") + response.body[:after])
            connection.close()

        return cls("cut_body", apply)

    @classmethod
    def drip_headers(cls, interval: float = 0.05) -> Self:
        """Send status line and headers byte by byte, one every `interval` seconds, then the body at once."""
        check_number("interval", interval, _SECONDS, minimum=0)

        async def apply(response: Response, connection: Connection) -> None:
            if await _drip(response.head(), interval, connection):
                connection.write(response.body)
                connection.close()

        return cls("drip_headers", apply)

    @classmethod
    def drip_body(cls, interval: float = 0.05) -> Self:
        """Send the body byte by byte, one every `interval` seconds."""
        check_number("interval", interval, _SECONDS, minimum=0)

        async def apply(response: Response, connection: Connection) -> None:
            connection.write(response.head())
            if await _drip(response.body, interval, connection):
                connection.close()

        return cls("drip_body", apply)

    @classmethod
    def silence(cls) -> Self:
        """Send nothing, and leave the connection open until the client or the sandbox closes it."""

        async def apply(_response: Response, connection: Connection) -> None:
            await connection.wait_closed()

        return cls("silence", apply)

    @classmethod
    def delay(cls, seconds: float) -> Self:
        """Send the response after `seconds`."""
        check_number("seconds", seconds, _SECONDS, minimum=0)

        async def apply(response: Response, connection: Connection) -> None:
            if not await connection.wait_closed(seconds):
                await connection.send(response)

        return cls("delay", apply)

    @classmethod
    def garbage(cls, data: bytes = b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n") -> Self:
        """Send `data`, by default bytes that are not HTTP, instead of the response, then close the connection."""
        check_type("data", data, bytes, "bytes")

        async def apply(_response: Response, connection: Connection) -> None:
            connection.write(data)
            connection.close()

        return cls("garbage", apply)

    @classmethod
    def huge_body(cls, size: int = 1 << 30) -> Self:
        """Pad the body with spaces, which JSON allows, to `size` bytes, by default a gibibyte."""
        check_integer("size", size, _BYTES)

        async def apply(response: Response, connection: Connection) -> None:
            await connection.send(response, _pad(response.body, size))

        return cls("huge_body", apply)

    @classmethod
    def broken_chunks(cls) -> Self:
        """Send the body in chunks, the second of which has an invalid length."""

        async def apply(response: Response, connection: Connection) -> None:
            head = response.head("transfer-encoding: chunked")
            connection.write(head + b"1\r\n" + response.body[:1] + b"\r\nnumber\r\n")
            connection.close()

        return cls("broken_chunks", apply)


def gzip_bomb(size: int) -> bytes:
    """Return gzip data that expands to `size` bytes; it has about a thousandth of that size.

    For `Sandbox.respond_next(200, body=gzip_bomb(1 << 30), headers={"Content-Encoding": "gzip"})`. Raises ValueError
    for an invalid size.
    """
    check_integer("size", size, _BYTES)
    compressor = zlib.compressobj(wbits=31)  # 31 is gzip with the largest window
    return b"".join(compressor.compress(chunk) for chunk in _pad(b"", size)) + compressor.flush()


async def _drip(data: bytes, interval: float, connection: Connection) -> bool:
    """Send bytes one by one; return False if the connection is closed before the last one."""
    for byte in data:
        connection.write(bytes([byte]))
        if await connection.wait_closed(interval):
            return False
    return True


def _pad(body: bytes, size: int) -> Iterator[bytes]:
    yield body
    spaces = b" " * (1 << 16)
    for remaining in range(size - len(body), 0, -len(spaces)):
        yield spaces[:remaining]
