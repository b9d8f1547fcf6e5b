"""A server every byte of which a test decides: what it responds to a request, in which segments, records and order."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, NamedTuple, Self

from binance_coinm import Client, Credentials, HmacKey, connect
from binance_coinm.models import FuturesAccountBalance
from cryptography import x509

from support.certificates import Authority
from support.constants import SECRET


class Request(NamedTuple):
    """A received request; `number` and `connection` count from 0."""

    number: int
    connection: int
    method: str
    target: str
    api_key: str


class Reply(NamedTuple):
    """What to send: segments, each of one or more TLS records; then the connection may end.

    Each segment is sent before the next one is requested, so that a generator can wait between them.
    """

    segments: Iterable[list[bytes]]
    closes: bool = False
    resets: bool = False


def rows_of(owner: str) -> bytes:
    """Return rows whose accountAlias is their owner."""
    zero = "0.00000000"
    names = (
        "balance withdrawAvailable crossWalletBalance crossUnPnl availableBalance".split()  # noqa: SIM905, shorter
    )
    return json.dumps([{"accountAlias": owner, "asset": "BTC", **dict.fromkeys(names, zero), "updateTime": 1}]).encode()


def response(body: bytes, status: str = "200 OK", version: str = "HTTP/1.1", **headers: str) -> bytes:
    """Return a response with a Content-Length; underscores in names of headers become hyphens."""
    fields = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"{version} {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return head.encode() + b"\r\n" + body


def chunked(body: bytes, trailers: bytes = b"", extension: bytes = b"") -> bytes:
    """Return a response in two chunks."""
    first, second = body[:7], body[7:]
    parts = [b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in (first, second)]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


Respond = Callable[[Request], Reply | bytes | None]


class ScriptedServer:
    """Responds to each request by a function; None is silence until the server ends."""

    def __init__(self, respond: Respond, *, tls: bool = False) -> None:
        """Listen on a free port of this machine; for TLS, create a certificate."""
        self._respond = respond
        self._stack = ExitStack()
        self._lock = threading.Condition()
        self.requests: list[Request] = []
        self._replies = 0
        self.open: set[socket.socket] = set()
        self.accepted = 0
        self._context: ssl.SSLContext | None = None
        self.authority = ""
        if tls:
            self._context = self._create_context()
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _create_context(self) -> ssl.SSLContext:
        from ipaddress import ip_address  # noqa: PLC0415, few servers use TLS

        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        authority = Authority()
        (folder / "authority.pem").write_bytes(authority.certificate)
        (folder / "server.pem").write_bytes(authority.server(x509.IPAddress(ip_address("127.0.0.1"))))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.authority = str(folder / "authority.pem")
        return context

    def __enter__(self) -> Self:
        """Accept connections, each in a thread of its own."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Close everything."""
        self.die()
        self._stack.close()

    def die(self) -> None:
        """Accept no more connections, and end all of them, as a killed server does."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()

    def close_connections(self) -> None:
        """End all connections, as a server does with idle ones."""
        with self._lock:
            connections = [*self.open]
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def end_connections(self) -> None:
        """End all connections, and wait until the ends have been sent."""
        self.close_connections()
        assert self.settles_at(0)

    def has_sent_all(self) -> bool:
        """Wait until the replies to all requests are sent, which on this machine means that they have arrived."""
        with self._lock:
            return self._lock.wait_for(lambda: self._replies == len(self.requests), timeout=10)

    def settles_at(self, number: int) -> bool:
        """Wait until this many connections are open; return False after 10 seconds."""
        with self._lock:
            return self._lock.wait_for(lambda: len(self.open) == number, timeout=10)

    def settles_at_most(self, number: int) -> bool:
        """Wait until no more than this many connections are open; return False after 10 seconds."""
        with self._lock:
            return self._lock.wait_for(lambda: len(self.open) <= number, timeout=10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self.open.add(connection)
                    number = self.accepted
                    self.accepted += 1
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        wire = _Wire(connection, self._context)
        try:
            with connection, suppress(OSError):
                while (head := wire.read_head()) is not None:
                    with self._lock:
                        request = _parsed(head, len(self.requests), number)
                        self.requests.append(request)
                    reply = self._respond(request)
                    if reply is None:
                        wire.read_head()
                        return
                    if isinstance(reply, bytes):
                        reply = Reply([[reply]])
                    for segment in reply.segments:
                        wire.send(segment)
                    with self._lock:
                        self._replies += 1
                        self._lock.notify_all()
                    if reply.resets:
                        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    if reply.closes or reply.resets:
                        return
        finally:
            with self._lock:
                self.open.discard(connection)
                self._lock.notify_all()


class _Wire:
    """A connection's bytes, plain or by TLS in memory, so that several records can go into one segment."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = None if context is None else context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._received = b""

    def read_head(self) -> bytes | None:
        """Return the head of the next request, whose body is read too; None if the connection has ended."""
        while b"\r\n\r\n" not in self._received:
            data = self._read()
            if not data:
                return None
            self._received += data
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(self._received) < length:
            self._received += self._read()
        self._received = self._received[length:]
        return head

    def send(self, records: Iterable[bytes]) -> None:
        """Send records in one segment."""
        if self._tls is None:
            self._connection.sendall(b"".join(records))
            return
        for record in records:
            self._tls.write(record)
        self._connection.sendall(self._outgoing.read())

    def _read(self) -> bytes:
        while True:
            if self._tls is None:
                return self._connection.recv(65536)
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                data = b""
            except ssl.SSLError:
                return b""
            if self._outgoing.pending:
                self._connection.sendall(self._outgoing.read())
            data = self._connection.recv(65536)
            if not data:
                return b""
            self._incoming.write(data)


def _parsed(head: bytes, number: int, connection: int) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(number, connection, method, target, fields.get("x-mbx-apikey", ""))


def client_of(server: ScriptedServer, **settings: Any) -> Client:
    """Return a client of a server, whose authority is trusted if it has one; by default it makes a single attempt."""
    settings = {"retry": None, "verify": server.authority or True, "timeout": 10} | settings
    return connect(Credentials("first", HmacKey(SECRET)), server=server.url, **settings)


def owner_of(rows: list[FuturesAccountBalance]) -> str:
    """Return the owner of rows."""
    return str(rows[0].account_alias) if rows else "nobody"
