"""A socket as flows: generators that do no waiting of their own, but yield what is to be waited for.

The sockets do not block, and belong to no event loop, so that the same flows serve threads, asyncio and trio.
"""

import errno
import os
import socket
from collections.abc import Generator
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Ready(NamedTuple):
    """Wait until a socket has something to read or has ended, or takes something; at most for a share of the time."""

    socket: socket.socket
    is_to_read: bool
    share: int = 1


class Resolve(NamedTuple):
    """Look up the addresses of a host, as `socket.getaddrinfo` gives them."""

    host: str
    port: int
    share: int = 1


Wait = Ready | Resolve
# A wait whose time is up raises TimeoutError within the flow.
Flow = Generator[Wait, Any, T]

_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)


class PlainLayer:
    """The socket of a connection."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.was_opened = False
        # Bytes that the system has taken since the present call began.
        self.sent = 0
        self._awaits_response = False

    def connect(self, host: str, port: int) -> Flow[None]:
        """Connect to one of the host's addresses, which are tried one after another.

        Each has an equal share of the time that is left.
        """
        try:
            addresses = socket.getaddrinfo(host.encode(), port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        except OSError:
            addresses = yield Resolve(host, port)
        failure = OSError(f"{host} has no address")
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                yield from self._connect_to(family, kind, protocol, address, len(addresses) - index)
            except OSError as error:
                self.close()
                failure = error
            else:
                return
        raise failure

    def _connect_to(self, family: int, kind: int, protocol: int, address: Any, share: int) -> Flow[None]:
        self.socket = connecting = socket.socket(family, kind, protocol)
        self.was_opened = True
        connecting.settimeout(0)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = connecting.connect_ex(address)
        if code in _UNDER_WAY:
            yield Ready(connecting, is_to_read=False, share=share)
            code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def receive(self, max_bytes: int) -> Flow[bytes]:
        """Return what is there, at least a byte; nothing if the peer has ended the connection."""
        opened = self._opened()
        if self._awaits_response:
            # Right after a request nothing is there yet, and to be told so would cost as much as to wait.
            self._awaits_response = False
            yield Ready(opened, is_to_read=True)
        while True:
            try:
                return opened.recv(max_bytes)
            except BlockingIOError:
                yield Ready(opened, is_to_read=True)

    def send(self, data: bytes | memoryview) -> Flow[None]:
        """Send all."""
        opened = self._opened()
        rest = memoryview(data)
        self._awaits_response = True
        while rest:
            try:
                count = opened.send(rest)
            except BlockingIOError:
                yield Ready(opened, is_to_read=False)
            else:
                self.sent += count
                rest = rest[count:]

    def is_clean(self) -> bool:
        """Return True if nothing waits to be read, and the peer has not ended the connection."""
        try:
            self._opened().recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def interrupt(self) -> None:
        """Let whoever waits for the socket, in any thread, find it ended."""
        opened = self.socket
        if opened is not None:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket at once."""
        opened, self.socket = self.socket, None
        if opened is not None:
            opened.close()

    def _opened(self) -> socket.socket:
        if self.socket is None:
            raise ConnectionAbortedError("the connection was closed")
        return self.socket
