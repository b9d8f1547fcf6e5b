"""A socket as flows. It does not block, and belongs to no event loop."""

import errno
import math
import os
import socket
from contextlib import suppress
from typing import Any

from .flows import Flow, OutOfTimeError, Ready, Resolve, is_of_the_system

_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)
# Seconds for one of several addresses, so that a dead one does not take half of a long timeout.
_MOST_FOR_ONE_ADDRESS = 2.0


class PlainLayer:
    """The socket of a connection."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.was_opened = self._is_interrupted = False
        # Bytes that the system has taken since the present exchange began, or may have.
        self.sent = 0
        self._awaits_response = False

    def connect(self, host: str, port: int) -> Flow[None]:
        """Connect to one of the host's addresses, which are tried one after another.

        Each has an equal share of the time that is left, and no more than two seconds if another one follows.
        """
        try:
            addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            addresses = yield Resolve(host, port)
        failure: Exception = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                yield from self._connect_to(family, kind, protocol, address, len(addresses) - index)
            except OutOfTimeError as error:
                failure = error
            except OSError as error:
                if not is_of_the_system(error):
                    raise
                failure = error
            else:
                return
            self.close()
        raise failure

    def _connect_to(self, family: int, kind: int, protocol: int, address: Any, share: int) -> Flow[None]:
        self._require_not_interrupted()
        self.socket = connecting = socket.socket(family, kind, protocol)
        self.was_opened = True
        connecting.settimeout(0)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = connecting.connect_ex(address)
        if code in _UNDER_WAY:
            most = _MOST_FOR_ONE_ADDRESS if share > 1 else math.inf
            yield Ready(connecting, is_to_read=False, share=share, most=most)
            code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self._require_not_interrupted()

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
            # Counted beforehand: a signal's exception may come after the system has taken them.
            before, self.sent = self.sent, self.sent + len(rest)
            try:
                count = opened.send(rest)
            except BlockingIOError:
                self.sent = before
                yield Ready(opened, is_to_read=False)
            except OSError as error:
                if is_of_the_system(error):
                    self.sent = before
                raise
            else:
                self.sent = before + count
                rest = rest[count:]

    def is_clean(self) -> bool:
        """Return True if nothing waits to be read, and the peer has not ended the connection."""
        try:
            self._opened().recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError as error:
            if not is_of_the_system(error):
                raise
        return False

    def interrupt(self) -> None:
        """Let whoever waits for the socket, in any thread, find it ended."""
        self._is_interrupted = True
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
            raise ConnectionAbortedError(errno.ECONNABORTED, "the connection was closed")
        return self.socket

    def _require_not_interrupted(self) -> None:
        if self._is_interrupted:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the connection was interrupted")
