"""A socket as flows. It does not block, and belongs to no event loop."""

import errno
import math
import os
import socket
from contextlib import suppress
from typing import Any

from .flows import Flow, Ready, Resolve, WaitTimeoutError, is_system_error

_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)
# So that one unreachable address does not use up half of a long timeout.
_MAX_SECONDS_PER_ADDRESS = 2.0


class PlainLayer:
    """The socket of a connection."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.was_opened = self._is_interrupted = False
        # The bytes that the system has accepted, or may have accepted, since the current request began.
        self.sent = 0
        self._awaits_response = False

    def connect(self, host: str, port: int) -> Flow[None]:
        """Connect to one of the host's addresses, which are tried one after another.

        Each gets an equal share of the time that is left, and at most two seconds if another one follows.
        """
        try:
            addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        except (OSError, ValueError, OverflowError, LookupError):
            addresses = yield Resolve(host, port)
        failure: Exception = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                yield from self._connect_to(family, kind, protocol, address, len(addresses) - index)
            except WaitTimeoutError as error:
                failure = error
            except OSError as error:
                if not is_system_error(error):
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
        if code in _IN_PROGRESS:
            max_seconds = _MAX_SECONDS_PER_ADDRESS if share > 1 else math.inf
            yield Ready(connecting, for_reading=False, share=share, max_seconds=max_seconds)
            code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self._require_not_interrupted()

    def receive(self, max_bytes: int) -> Flow[bytes]:
        """Return what is available, at least a byte; nothing if the peer has ended the connection."""
        opened = self._require_socket()
        if self._awaits_response:
            # Right after a request nothing has arrived yet, and a call to find that out would be wasted.
            self._awaits_response = False
            yield Ready(opened, for_reading=True)
        while True:
            try:
                return opened.recv(max_bytes)
            except BlockingIOError:
                yield Ready(opened, for_reading=True)

    def send(self, data: bytes | memoryview) -> Flow[None]:
        """Send all data."""
        opened = self._require_socket()
        remaining = memoryview(data)
        self._awaits_response = True
        while remaining:
            # Counted before they are sent, because a signal handler may raise after the system has accepted them.
            before, self.sent = self.sent, self.sent + len(remaining)
            try:
                count = opened.send(remaining)
            except BlockingIOError:
                self.sent = before
                yield Ready(opened, for_reading=False)
            except OSError as error:
                if is_system_error(error):
                    self.sent = before
                raise
            else:
                self.sent = before + count
                remaining = remaining[count:]

    def is_clean(self) -> bool:
        """Return True if nothing waits to be read, and the peer has not ended the connection."""
        try:
            self._require_socket().recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError as error:
            if not is_system_error(error):
                raise
        return False

    def interrupt(self) -> None:
        """Shut the socket down, so that a wait for it ends, in whichever thread."""
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

    def _require_socket(self) -> socket.socket:
        if self.socket is None:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the connection was closed")
        return self.socket

    def _require_not_interrupted(self) -> None:
        if self._is_interrupted:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the connection was interrupted")
