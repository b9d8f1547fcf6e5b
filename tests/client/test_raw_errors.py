"""Errors of the system and of libraries below httpx: a call ends in an exception of the tree, sync and async."""

import asyncio
import errno
import socket
import sys
import threading
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import Any
from unittest.mock import ANY, MagicMock

import anyio
import h11
import httpcore
import httpx
import pytest
from binance_client.errors import ClientClosedError, Execution
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.errors import ConfigurationError, NetworkError
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET
from support.httpx_distribution import with_httpx_alone
from support.name_resolution import addresses_of_localhost

UNKNOWN = "; it is unknown whether the exchange executed the request"


def a_client(**settings: Any) -> Client:
    """Return a client of a port of this machine at which nothing listens."""
    chosen: dict[str, Any] = {"server": "https://localhost:1", "retry": None} | settings
    return connect(Credentials(API_KEY, HmacKey(SECRET)), **chosen)


class RaisingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that lets an exception through that httpx's contract does not allow."""

    def __init__(self, error: BaseException) -> None:
        """Store the exception."""
        self._error = error
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002, httpx's
        """Raise it."""
        self.requests += 1
        raise self._error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise it, too."""
        return self.handle_request(request)


def test_client_enters_a_custom_transport() -> None:
    """The httpx clients of a custom transport enter and leave it, as httpx does, and pass on what ended the block."""
    failure = RuntimeError("r")
    transport = MagicMock(spec=httpx.HTTPTransport)
    async_transport = MagicMock(spec=httpx.AsyncHTTPTransport)

    def enter() -> None:
        with a_client(transport=transport).get_httpx_client():
            transport.__enter__.assert_called_once()
            raise failure

    with pytest.raises(RuntimeError):
        enter()
    transport.__exit__.assert_called_once_with(RuntimeError, failure, ANY)
    assert transport.__exit__.call_args.args[2] is not None

    async def enter_async() -> None:
        async with a_client(transport=async_transport).get_async_httpx_client():
            async_transport.__aenter__.assert_awaited_once()
            raise failure

    with pytest.raises(RuntimeError):
        asyncio.run(enter_async())
    async_transport.__aexit__.assert_awaited_once_with(RuntimeError, failure, ANY)
    assert async_transport.__aexit__.await_args.args[2] is not None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "OSError: [Errno 24] Too many open files"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "ConnectionResetError: [Errno 104] reset"),
        (OSError(errno.EIO, "https://a/?b=1&signature=c"), "OSError: [Errno 5] https://a/?[redacted]"),
        (anyio.BrokenResourceError(), "BrokenResourceError: "),
        (anyio.ClosedResourceError(), "ClosedResourceError: "),
        (anyio.EndOfStream(), "EndOfStream: "),
        (h11.LocalProtocolError("state"), "LocalProtocolError: state"),
        (httpcore.ReadError("reset"), "ReadError: reset"),
        (ExceptionGroup("both", [OSError(errno.EHOSTUNREACH, "No route")]), "OSError: [Errno 113] No route"),
    ],
    ids=["system", "reset", "signed", "broken", "closed", "end", "h11", "httpcore", "group"],
)
def test_exceptions_of_a_transport(balance: Balance, error: Exception, text: str) -> None:
    """What a custom transport lets through of the system and of libraries is a failure of the network."""
    transport = RaisingTransport(error)

    with pytest.raises(NetworkError) as caught:
        balance(a_client(transport=transport, retry=RetryPolicy(2, 0)))

    assert f"no response, or only part of one, NetworkError: {text}{UNKNOWN}" == str(caught.value)
    assert ("unknown", 2) == (caught.value.execution, transport.requests)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("bug"),
        TimeoutError("of a signal handler"),
        MemoryError(),
        KeyboardInterrupt(),
        ExceptionGroup("both", [OSError(errno.EIO, "a"), RuntimeError("bug")]),
    ],
    ids=["bug", "signal handler", "memory", "interrupt", "group"],
)
def test_other_exceptions_of_a_transport(balance: Balance, error: BaseException) -> None:
    """Any other exception of a custom transport, or one of a signal handler, leaves the call as it is."""
    transport = RaisingTransport(error)

    with pytest.raises(type(error)) as caught:
        balance(a_client(transport=transport, retry=RetryPolicy(2, 0)))

    assert error is caught.value
    assert 1 == transport.requests


@pytest.mark.parametrize(
    "error",
    [
        LookupError("unknown encoding: idna"),
        UnicodeEncodeError("idna", "a", 0, 1, "label too long"),
        ValueError("embedded null character"),
        OverflowError("port must be 0-65535"),
        OSError(errno.EMFILE, "Too many open files"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures_of_name_resolution(monkeypatch: pytest.MonkeyPatch, balance: Balance, error: Exception) -> None:
    """Whatever the system's resolver raises is a failed connection."""

    def resolve() -> list[str]:
        raise error

    addresses_of_localhost(monkeypatch, resolve)

    with pytest.raises(NetworkError) as caught:
        balance(a_client())

    assert "not_executed" == caught.value.execution
    assert str(error) in str(caught.value)


def test_no_threads_left(monkeypatch: pytest.MonkeyPatch, balance: Balance) -> None:
    """Without a thread for the name resolution a call is not executed."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    client = a_client()
    monkeypatch.setattr(threading.Thread, "start", start)

    with pytest.raises(NetworkError, match="can't start new thread$") as caught:
        balance(client)

    assert "not_executed" == caught.value.execution


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        pytest.param("https://xn--a-/", "InvalidURL: invalid host or port$", marks=with_httpx_alone),
        ("https://a:65536/", "InvalidURL: invalid host or port$"),
        ("https://[::1", "InvalidURL: "),
        ("/\ud800", "UnicodeEncodeError: "),
        ("/\0", "InvalidURL: "),
        (7, "TypeError: "),
        (None, "TypeError: "),
        (b"/", "TypeError: "),
    ],
)
def test_invalid_urls_of_requests(url: Any, problem: str) -> None:
    """A request by hand with an invalid URL is rejected before anything is sent, and the error says what is wrong."""
    client = a_client()
    requests: list[Callable[[], object]] = [
        lambda: client.request({"method": "GET", "url": url}),
        lambda: asyncio.run(client.request_async({"method": "GET", "url": url})),
        lambda: client.get_httpx_client().get(url),
    ]
    for request in requests:
        with pytest.raises(ConfigurationError, match=f"^httpx cannot build the request, {problem}"):
            request()


def test_no_memory_left(monkeypatch: pytest.MonkeyPatch, balance: Balance) -> None:
    """A MemoryError leaves a call as it is, because nothing that a caller does about the exchange would help."""

    def getaddrinfo(*_: object) -> list[Any]:
        raise MemoryError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    with pytest.raises(MemoryError):
        balance(a_client())


@pytest.mark.parametrize("kind", [NetworkError, ClientClosedError])
@pytest.mark.parametrize(("execution", "more"), [("unknown", UNKNOWN), ("not_executed", "")])
def test_text_says_that_the_execution_is_unknown(
    kind: Callable[[str, Execution], NetworkError], execution: Execution, more: str
) -> None:
    """The text of a failure of the network says so if the exchange may have executed the request."""
    assert f"no response{more}" == str(kind("no response", execution))


class RaisingFinder(MetaPathFinder):
    """A finder that fails for one module, as the file system does without free descriptors."""

    def __init__(self, module: str, error: OSError) -> None:
        """Store the name and the exception."""
        self._module = module
        self._error = error

    def find_spec(self, name: str, *_: object) -> None:
        """Raise the exception for the module, and leave others to other finders."""
        if name == self._module:
            raise self._error


def fail_to_import(monkeypatch: pytest.MonkeyPatch, module: str, error: OSError) -> None:
    """Let the import of a module fail until the end of the test."""
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [RaisingFinder(module, error), *sys.meta_path])


def test_unreadable_module_of_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """If `connect` cannot read a module, no client is created, and the error says why."""
    fail_to_import(monkeypatch, "binance_client.assembly", OSError(errno.EMFILE, "Too many open files"))

    with pytest.raises(ConfigurationError) as caught:
        a_client()

    assert f"the client cannot be created: [Errno {errno.EMFILE}] Too many open files" == str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_unreadable_module_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a call cannot read a module, nothing was sent, and the error says why; a later call may succeed."""
    client = a_client()
    module = "binance_client.connections.async_transport"
    with monkeypatch.context() as patch:
        fail_to_import(patch, module, OSError(errno.EMFILE, "Too many open files"))

        with pytest.raises(NetworkError) as caught:
            client.get_async_httpx_client()

    expected = f"a module of the client cannot be imported: [Errno {errno.EMFILE}] Too many open files"
    assert (expected, "not_executed") == (str(caught.value), caught.value.execution)
    assert isinstance(client.get_async_httpx_client(), httpx.AsyncClient)


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("binance_client.assembly", lambda _: a_client()),
        ("binance_client.connections.async_transport", lambda client: client.get_async_httpx_client()),
    ],
    ids=["connect", "call"],
)
def test_signal_handlers_that_raise_during_an_import(
    monkeypatch: pytest.MonkeyPatch, module: str, use: Callable[[Client], object]
) -> None:
    """An exception of a signal handler, which has no error number, is raised unchanged."""
    client, error = a_client(), TimeoutError("alarm")
    fail_to_import(monkeypatch, module, error)

    with pytest.raises(TimeoutError) as caught:
        use(client)

    assert error is caught.value
