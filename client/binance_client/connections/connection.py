"""One connection: its layers, what its current call has sent and received, and whether it may be kept."""

import math
import ssl
import time

from binance_signing.origin import Origin

from .flows import Flow
from .framing import ResponseFraming
from .sockets import PlainLayer
from .tls import Layer, TLSLayer


class Connection:
    """A connection to a server, direct or through a proxy; it serves one call at a time.

    Its socket is closed with it, at the latest when it is garbage-collected. There is no `__del__`, because a signal
    handler's exception would be lost in it.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._plain = PlainLayer()
        self._top: Layer = self._plain
        self.has_served = False
        self._tls_layers = 0
        # `begin` sets the rest, for each call.

    def begin(self, method: str, deadline: float | None, tls_layers: int) -> None:
        """Begin a call, whose request is sent over `tls_layers` layers of TLS; `deadline` is monotonic, in seconds."""
        # Without a deadline, each operation has its own timeout.
        self.deadline = deadline
        self._method = method
        self._tls_layers_needed = tls_layers
        self._has_ended = False
        self._begin_exchange()

    def _begin_exchange(self) -> None:
        """Begin a request and its response: first those for a proxy, if there is one, then the call's."""
        self._framing = ResponseFraming(self._method)
        self._has_received = False
        self._plain.sent = 0

    def release(self, keepalive_expiry: float) -> None:
        """End a call after which the connection is kept for some seconds."""
        self.has_served = True
        self._idle_since = time.monotonic()
        self._keepalive_expiry = keepalive_expiry

    @property
    def idle_seconds(self) -> float:
        """The seconds since its last call ended."""
        return time.monotonic() - self._idle_since

    @property
    def is_expired(self) -> bool:
        """Whether it was idle for longer than allowed."""
        return self.idle_seconds >= self._keepalive_expiry

    @property
    def has_sent(self) -> bool:
        """Whether a byte of the current call's request has left this process."""
        return self._plain.sent > 0 and self._tls_layers == self._tls_layers_needed

    @property
    def is_unsent(self) -> bool:
        """Whether a socket was opened, and not a byte of the current call's request has left this process."""
        return self._plain.was_opened and not self.has_sent

    @property
    def is_stale(self) -> bool:
        """Whether it served a call before, and has ended without a byte of a response to the current one."""
        return self.has_served and self._has_ended and not self._has_received

    @property
    def is_complete(self) -> bool:
        """Whether the response has ended, and nothing beyond it was read or waits in any layer."""
        return self._framing.is_complete and self.is_clean

    @property
    def is_clean(self) -> bool:
        """Whether it is open, and nothing waits to be read in any of its layers."""
        return self._top.is_clean()

    def operation_deadline(self, timeout: float | None) -> float:
        """Return the deadline of an operation, monotonic, in seconds: the call's, or else by the timeout."""
        if self.deadline is not None:
            return self.deadline
        return math.inf if timeout is None else time.monotonic() + timeout

    def open(self, host: str, port: int) -> Flow[None]:
        """Connect to a host."""
        yield from self._plain.connect(host, port)

    def start_tls(self, context: ssl.SSLContext, server_hostname: str | None) -> Flow[None]:
        """Add a layer of TLS; what was sent before did not belong to the call's request."""
        self._top = layer = TLSLayer(self._top, context, server_hostname)
        yield from layer.handshake()
        self._tls_layers += 1
        self._begin_exchange()

    def read(self, max_bytes: int) -> Flow[bytes]:
        """Return what is available, at least a byte; nothing if the server has ended the connection."""
        try:
            data = yield from self._top.receive(max_bytes)
        except (ConnectionError, ssl.SSLEOFError):
            self._has_ended = True
            raise
        if data:
            self._has_received = True
            self._framing.feed(data)
        else:
            self._has_ended = True
        return data

    def write(self, data: bytes) -> Flow[None]:
        """Send all data."""
        if self._has_received:
            # The response that ended was a proxy's.
            self._begin_exchange()
        # If this fails, httpcore goes on to read, which finds that the connection has ended.
        yield from self._top.send(data)

    def interrupt(self) -> None:
        """Make the call that uses it fail; any thread may do this, but only that call closes it."""
        self._plain.interrupt()

    def close(self) -> None:
        """Close its socket at once, without TLS's close_notify, because a fork of this process may share the socket."""
        self._plain.close()
