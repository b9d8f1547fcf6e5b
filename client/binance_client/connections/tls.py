"""TLS in memory, over a socket or over TLS, because the buffers of an `ssl.SSLSocket` cannot be inspected."""

import errno
import ssl
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from .flows import Flow

T = TypeVar("T")

_MAX_BYTES = 64 * 1024


class Layer(Protocol):
    """A socket, or TLS over another layer."""

    def receive(self, max_bytes: int) -> Flow[bytes]:
        """Return what is available, at least a byte; nothing if the peer has ended the connection."""
        ...

    def send(self, data: bytes | memoryview) -> Flow[None]:
        """Send all data."""
        ...

    def is_clean(self) -> bool:
        """Return True if nothing waits to be read."""
        ...


class TLSLayer:
    """TLS over another layer of a connection."""

    def __init__(self, below: Layer, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        except (UnicodeError, ValueError) as error:
            raise ssl.SSLError(errno.EINVAL, f"{server_hostname!r} is not a valid host name: {error}") from None

    def handshake(self) -> Flow[None]:
        """Perform the handshake; raises ssl.SSLError if the peer cannot be trusted."""
        yield from self._perform(self.object.do_handshake)

    def receive(self, max_bytes: int) -> Flow[bytes]:
        """Return what is available, decrypted, at least a byte; nothing if the peer has ended the connection."""
        # Empty after close_notify, too: ssl raises SSLZeroReturnError only for those who have sent one themselves.
        return (yield from self._perform(partial(self.object.read, max_bytes)))

    def send(self, data: bytes | memoryview) -> Flow[None]:
        """Send all data."""
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[(yield from self._perform(partial(self.object.write, remaining))) :]

    def is_clean(self) -> bool:
        """Return True if nothing waits to be read: decrypted, encrypted, or in the layers below."""
        return not self.object.pending() and not self._incoming.pending and self._below.is_clean()

    def _perform(self, operation: Callable[[], T]) -> Flow[T]:
        while True:
            try:
                result = [operation()]
            except ssl.SSLWantReadError:
                result = []
            if self._outgoing.pending:
                yield from self._below.send(self._outgoing.read())
            if result:
                return result[0]
            data = yield from self._below.receive(_MAX_BYTES)
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
