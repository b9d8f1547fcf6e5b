"""The deadline of sync calls: what each operation on a socket may still take."""

import socket
import ssl
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import httpcore
import httpx
import pytest
from attrs import define
from binance_signing import _deadline
from binance_signing._deadline import _Backend, _left, _Stream, bound, until

NOW = 100.0
PASSED = "the call's deadline has passed"


@define
class Time:
    """The monotonic clock, which stands still until it is set."""

    now: float = NOW


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Let time stand still."""
    time = Time()
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=lambda: time.now))
    return time


class InnerStream(httpcore.NetworkStream):
    """A connection that remembers what was asked of it."""

    def __init__(self) -> None:
        """Begin without a question."""
        self.asked: list[object] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give something."""
        self.asked.append(("read", max_bytes, timeout))
        return b"answer"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Take something."""
        self.asked.append(("write", buffer, timeout))

    def close(self) -> None:
        """Close."""
        self.asked.append("close")

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Give the connection that is encrypted."""
        self.asked.append(("start_tls", ssl_context, server_hostname, timeout))
        return InnerStream()

    def get_extra_info(self, info: str) -> str:
        """Tell something."""
        return f"the {info}"


class InnerBackend(httpcore.NetworkBackend):
    """A network that remembers what was asked of it; each connection takes a second, and then ends as is said."""

    def __init__(self, time: Time, *ends: httpcore.NetworkStream | Exception) -> None:
        """Take the ends of the connections that will be asked for."""
        self.time = time
        self.ends = list(ends)
        self.asked: list[object] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, or do not."""
        self.asked.append((host, port, timeout, local_address, socket_options))
        self.time.now += 1
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Connect."""
        self.asked.append((path, timeout, socket_options))
        return InnerStream()

    def sleep(self, seconds: float) -> None:
        """Remember alone."""
        self.asked.append(seconds)


def known_as(monkeypatch: pytest.MonkeyPatch, *addresses: str | int) -> None:
    """Let the exchange have these addresses."""

    def getaddrinfo(host: str, port: int, *, type: int) -> list[object]:  # noqa: A002, the name of the standard library
        assert ("exchange.example", 443, socket.SOCK_STREAM) == (host, port, type)
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


# What is left.


@pytest.mark.parametrize("timeout", [None, 0.0, 5.0])
def test_no_deadline(timeout: float | None) -> None:
    """Outside of a call an operation's timeout is its own."""
    assert timeout == _left(timeout, httpcore.ReadTimeout)


@pytest.mark.parametrize(
    ("timeout", "left"), [(None, 3.0), (2.0, 2.0), (3.0, 3.0), (5.0, 3.0)], ids=["none", "less", "same", "more"]
)
def test_less_of_timeout_and_deadline(timeout: float | None, left: float) -> None:
    """Within a call an operation may take its own timeout, but no more than what is left."""
    with until(NOW + 3):
        assert left == _left(timeout, httpcore.ReadTimeout)


@pytest.mark.parametrize("deadline", [NOW, NOW - 1])
@pytest.mark.parametrize("timeout", [None, 5.0])
@pytest.mark.parametrize("error", [httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.ConnectTimeout])
def test_nothing_left(deadline: float, timeout: float | None, error: type[Exception]) -> None:
    """From the deadline on an operation times out before it begins, by the exception of its kind."""
    with until(deadline), pytest.raises(error) as caught:
        _left(timeout, error)

    assert error is type(caught.value)
    assert PASSED == str(caught.value)


def test_a_moment_left() -> None:
    """Until the deadline there is something left, however little."""
    with until(NOW + 1 / 1024):
        assert 1 / 1024 == _left(None, httpcore.ReadTimeout)


def test_deadlines_nest() -> None:
    """After a call, whatever its end, the deadline is the one of before."""
    with until(NOW + 10):
        with until(NOW + 5):
            assert 5 == _left(None, httpcore.ReadTimeout)
        assert 10 == _left(None, httpcore.ReadTimeout)
        with pytest.raises(RuntimeError, match="^end$"), until(NOW + 5):
            raise RuntimeError("end")
        assert 10 == _left(None, httpcore.ReadTimeout)
    assert _left(None, httpcore.ReadTimeout) is None


# Connecting.


@pytest.mark.parametrize(("timeout", "shares"), [(None, [4, 5.5, 10]), (6.0, [2, 3, 6]), (30.0, [4, 5.5, 10])])
def test_addresses_share_what_is_left(
    monkeypatch: pytest.MonkeyPatch, time: Time, timeout: float | None, shares: list[float]
) -> None:
    """Each address gets an equal share of what is left, so that a silent one leaves the next its own."""
    known_as(monkeypatch, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    stream = InnerStream()
    inner = InnerBackend(time, httpcore.ConnectTimeout(), httpcore.ConnectError(), stream)

    with until(NOW + 12):
        connected = _Backend(inner).connect_tcp("exchange.example", 443, timeout, "198.51.100.1", [(1, 2, 3)])

    assert [
        (f"192.0.2.{index}", 443, share, "198.51.100.1", [(1, 2, 3)]) for index, share in enumerate(shares, start=1)
    ] == inner.asked
    connected.close()
    assert ["close"] == stream.asked


@pytest.mark.parametrize(("timeout", "shares"), [(None, [None, None]), (6.0, [3, 6])])
def test_addresses_without_a_deadline(
    monkeypatch: pytest.MonkeyPatch, time: Time, timeout: float | None, shares: list[float | None]
) -> None:
    """Outside of a call the addresses share the timeout, if there is one."""
    known_as(monkeypatch, "192.0.2.1", "192.0.2.2")
    inner = InnerBackend(time, httpcore.ConnectError(), InnerStream())

    _Backend(inner).connect_tcp("exchange.example", 443, timeout)

    assert [("192.0.2.1", 443, shares[0], None, None), ("192.0.2.2", 443, shares[1], None, None)] == inner.asked


def test_first_address_that_answers(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    """Where an address answers, those behind it are left alone; one that is a number is text for the network."""
    known_as(monkeypatch, 7, "192.0.2.2")
    inner = InnerBackend(time, InnerStream())

    with until(NOW + 12):
        _Backend(inner).connect_tcp("exchange.example", 443)

    assert [("7", 443, 6, None, None)] == inner.asked


def test_no_address_answers(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    """Where no address answers, the last one's failure is the connection's."""
    known_as(monkeypatch, "192.0.2.1", "192.0.2.2")
    last = httpcore.ConnectTimeout("last")

    with until(NOW + 12), pytest.raises(httpcore.ConnectTimeout) as caught:
        _Backend(InnerBackend(time, httpcore.ConnectError("first"), last)).connect_tcp("exchange.example", 443)

    assert last is caught.value


def test_no_time_for_the_next_address(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    """Where the deadline passes between two addresses, the second is not tried."""
    known_as(monkeypatch, "192.0.2.1", "192.0.2.2")
    inner = InnerBackend(time, httpcore.ConnectError("first"))

    with until(NOW + 1), pytest.raises(httpcore.ConnectTimeout) as caught:
        _Backend(inner).connect_tcp("exchange.example", 443)

    assert PASSED == str(caught.value)
    assert [("192.0.2.1", 443, 0.5, None, None)] == inner.asked


def test_other_failures_are_not_for_the_next_address(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    """What is no failure to connect goes through."""
    known_as(monkeypatch, "192.0.2.1", "192.0.2.2")
    failure = httpcore.ReadError("other")

    with pytest.raises(httpcore.ReadError) as caught:
        _Backend(InnerBackend(time, failure)).connect_tcp("exchange.example", 443)

    assert failure is caught.value


def test_no_address(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    """A host without an address cannot be connected to."""
    known_as(monkeypatch)

    with pytest.raises(httpcore.ConnectError) as caught:
        _Backend(InnerBackend(time)).connect_tcp("exchange.example", 443)

    assert "exchange.example has no address" == str(caught.value)


def failing(error: Exception) -> Callable[..., object]:
    """Give a name resolution that fails."""

    def getaddrinfo(*_: object, **__: object) -> object:
        raise error

    return getaddrinfo


def test_unknown_host(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    """A host whose name nobody knows cannot be connected to, and the system's words tell why."""
    monkeypatch.setattr(socket, "getaddrinfo", failing(socket.gaierror(-2, "Name or service not known")))

    with pytest.raises(httpcore.ConnectError) as caught:
        _Backend(InnerBackend(time)).connect_tcp("exchange.example", 443)

    assert "[Errno -2] Name or service not known" == str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "exchange..example"])
def test_host_that_can_be_none(time: Time, host: str) -> None:
    """A host whose name cannot be one cannot be connected to."""
    with pytest.raises(httpcore.ConnectError, match="label"):
        _Backend(InnerBackend(time)).connect_tcp(host, 443)


@pytest.mark.parametrize(("timeout", "left"), [(None, 3.0), (2.0, 2.0), (5.0, 3.0)])
def test_unix_sockets(time: Time, timeout: float | None, left: float) -> None:
    """A connection to a socket of this machine may take what is left, and so may what is done with it."""
    inner = InnerBackend(time)

    with until(NOW + 3):
        stream = _Backend(inner).connect_unix_socket("/run/exchange", timeout, [(1, 2, 3)])
    with until(NOW), pytest.raises(httpcore.ReadTimeout):
        stream.read(1)
    with until(NOW), pytest.raises(httpcore.ConnectTimeout):
        _Backend(inner).connect_unix_socket("/run/exchange")

    assert [("/run/exchange", left, [(1, 2, 3)])] == inner.asked


def test_sleep(time: Time) -> None:
    """A sleep is the network's own."""
    inner = InnerBackend(time)

    _Backend(inner).sleep(0.5)

    assert [0.5] == inner.asked


# Connections.


@pytest.fixture
def tls() -> ssl.SSLContext:
    """Give a TLS context that trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.parametrize(("timeout", "left"), [(None, 3.0), (2.0, 2.0), (5.0, 3.0)])
def test_operations_take_what_is_left(tls: ssl.SSLContext, timeout: float | None, left: float) -> None:
    """Each operation on a connection may take what is left of the call."""
    inner = InnerStream()
    stream = _Stream(inner)

    with until(NOW + 3):
        assert b"answer" == stream.read(7, timeout)
        stream.write(b"request", timeout)
        stream.start_tls(tls, "exchange.example", timeout)

    assert [
        ("read", 7, left),
        ("write", b"request", left),
        ("start_tls", tls, "exchange.example", left),
    ] == inner.asked


def test_operations_without_a_deadline(tls: ssl.SSLContext) -> None:
    """Outside of a call an operation that is given no timeout has none."""
    inner = InnerStream()
    stream = _Stream(inner)

    stream.read(7)
    stream.write(b"request")
    stream.start_tls(tls)

    assert [("read", 7, None), ("write", b"request", None), ("start_tls", tls, None, None)] == inner.asked


@pytest.mark.parametrize(
    ("size", "pieces"),
    [(0, []), (1, [1]), (65_536, [65_536]), (65_537, [65_536, 1]), (200_000, [65_536, 65_536, 65_536, 3392])],
)
def test_writes_are_in_pieces(size: int, pieces: list[int]) -> None:
    """What is written goes out in pieces, each of which may take what is left then."""
    inner = InnerStream()
    buffer = bytes(index % 251 for index in range(size))

    with until(NOW + 3):
        _Stream(inner).write(buffer, 2.0)

    starts = [sum(pieces[:index]) for index in range(len(pieces))]
    assert [
        ("write", buffer[start : start + length], 2.0) for start, length in zip(starts, pieces, strict=True)
    ] == inner.asked


def test_deadline_between_two_pieces(time: Time) -> None:
    """Of what is written nothing goes out after the deadline."""

    class SlowStream(InnerStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            super().write(buffer, timeout)
            time.now += 2

    inner = SlowStream()
    with until(NOW + 3), pytest.raises(httpcore.WriteTimeout) as caught:
        _Stream(inner).write(bytes(200_000))

    assert PASSED == str(caught.value)
    assert [("write", bytes(65_536), 3.0), ("write", bytes(65_536), 1.0)] == inner.asked


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (lambda stream, _: stream.read(7), httpcore.ReadTimeout),
        (lambda stream, _: stream.write(b"request"), httpcore.WriteTimeout),
        (lambda stream, tls: stream.start_tls(tls), httpcore.ConnectTimeout),
    ],
    ids=["read", "write", "start_tls"],
)
def test_operations_after_the_deadline(
    tls: ssl.SSLContext, operation: Callable[[_Stream, ssl.SSLContext], object], error: type[Exception]
) -> None:
    """After the deadline nothing is done on a connection, and the timeout is of the operation's kind."""
    inner = InnerStream()

    with until(NOW), pytest.raises(error) as caught:
        operation(_Stream(inner), tls)

    assert error is type(caught.value)
    assert [] == inner.asked


def test_encrypted_connections_keep_the_deadline(tls: ssl.SSLContext) -> None:
    """What is done on a connection after its handshake is bounded too."""
    stream = _Stream(InnerStream()).start_tls(tls)

    with until(NOW), pytest.raises(httpcore.ReadTimeout):
        stream.read(7)


def test_what_takes_no_time() -> None:
    """A connection can be closed and asked about after the deadline too."""
    inner = InnerStream()
    stream = _Stream(inner)

    with until(NOW):
        stream.close()
        assert "the socket" == stream.get_extra_info("socket")

    assert ["close"] == inner.asked


# Transports.


def network_of(transport: httpx.HTTPTransport) -> Any:
    """Give the network under a transport."""
    return transport._pool._network_backend  # noqa: SLF001, there is no public way


def test_bound_transports(tls: ssl.SSLContext, time: Time) -> None:
    """Under each of httpx's transports the network keeps the deadline, and is the one of before."""
    transports = [httpx.HTTPTransport(verify=tls), httpx.HTTPTransport(verify=tls, proxy="http://proxy.example")]
    inner = [InnerBackend(time), InnerBackend(time)]
    for transport, backend in zip(transports, inner, strict=True):
        transport._pool._network_backend = backend  # noqa: SLF001, see above

    bound(transports)

    for transport, backend in zip(transports, inner, strict=True):
        assert isinstance(network_of(transport), _Backend)
        network_of(transport).sleep(0.5)
        assert [0.5] == backend.asked


def test_other_transports_are_left_alone(tls: ssl.SSLContext) -> None:
    """A transport that is not httpx's own keeps time by itself, and where there is none, nothing is done."""
    foreign = httpx.MockTransport(lambda _: httpx.Response(200))
    before = dict(vars(foreign))
    own = httpx.HTTPTransport(verify=tls)

    bound([None, foreign, own])

    assert before == vars(foreign)
    assert isinstance(network_of(own), _Backend)
