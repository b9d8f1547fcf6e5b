"""What the errors of a call without a whole response say, sync and async."""

import pickle
import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from binance_coinm import RetryPolicy, connect, errors
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance
from support.name_resolution import addresses_of_localhost
from support.scripted_server import Reply, Request, ScriptedServer, client_of, response, rows_of

NO_RETRY: dict[str, Any] = {"retry": None}


def error_of(call: Callable[[], object]) -> errors.NetworkError:
    """Return the network error that a call ends in, after it has survived pickling."""
    with pytest.raises(errors.NetworkError) as caught:
        call()
    error: errors.NetworkError = pickle.loads(pickle.dumps(caught.value))  # noqa: S301, the test wrote it
    assert (str(caught.value), caught.value.execution) == (str(error), error.execution)
    return error


def closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_refused_connection(sandbox: Sandbox, balance: Balance) -> None:
    """A refused connection is named in the system's words, and the request was not executed."""
    client = connect(sandbox.credentials, server=f"http://127.0.0.1:{closed_port()}", **NO_RETRY)

    error = error_of(lambda: balance(client))

    assert "ConnectError: " in str(error)
    assert "Connection refused" in str(error)
    assert "not_executed" == error.execution


def test_host_without_addresses(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that returns no addresses is an error that names the host."""
    addresses_of_localhost(monkeypatch, list)
    client = connect(sandbox.credentials, server="http://localhost:9", **NO_RETRY)

    error = error_of(lambda: balance(client))

    assert "localhost has no address" in str(error)
    assert "not_executed" == error.execution


def test_silent_server(sandbox: Sandbox, balance: Balance) -> None:
    """A response that does not come in time is told by the deadline of the call."""
    sandbox.inject_fault(Fault.silence())
    client = connect(sandbox.credentials, server=sandbox.url, timeout=0.2, **NO_RETRY)

    error = error_of(lambda: balance(client))

    assert "the call timed out, ReadTimeout: the call's deadline has passed" in str(error)
    assert "unknown" == error.execution


@pytest.mark.parametrize("kind", ["ConnectError", "ConnectTimeout"])
def test_handshake_that_fails(sandbox: Sandbox, balance: Balance, kind: str) -> None:
    """A TLS handshake that ends or stalls is a failure to connect: the request was not executed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                if kind == "ConnectTimeout":
                    connection.settimeout(10)
                    connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        client = connect(sandbox.credentials, server=url, timeout=0.5, trust_env=False, **NO_RETRY)
        error = error_of(lambda: balance(client))
        thread.join(10)

    assert f", {kind}: " in str(error)
    assert "not_executed" == error.execution
    assert (kind == "ConnectTimeout") == isinstance(error, errors.TimeoutError)
    assert isinstance(error, httpx.TransportError)


def test_proxy_that_stalls(sandbox: Sandbox, balance: Balance) -> None:
    """A proxy that does not answer CONNECT is a failure to connect: the request was not executed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = connect(sandbox.credentials, server="https://localhost:1", proxy=proxy, timeout=0.2, **NO_RETRY)

        error = error_of(lambda: balance(client))

    assert "the call timed out, ConnectTimeout: the call's deadline has passed" in str(error)
    assert "not_executed" == error.execution


def test_stale_connection() -> None:
    """A write whose idle connection ends without a response is told so: it is unknown whether it was executed."""

    def respond(request: Request) -> Reply | bytes:
        return response(rows_of("first")) if request.number == 0 else Reply([], closes=True)

    with ScriptedServer(respond) as server, client_of(server, retry=RetryPolicy(1)) as client:
        client.account.futures_account_balance()
        error = error_of(lambda: client.request({"method": "POST", "url": "/dapi/v1/order"}))

    assert "the server closed the connection, which had been idle, without a response" in str(error)
    assert "unknown" == error.execution


class OneSided(httpx.AsyncBaseTransport):
    """An async transport that is never reached."""


def test_async_transport_and_a_sync_call(sandbox: Sandbox) -> None:
    """A sync call over an async transport names what it needs."""
    client = connect(sandbox.credentials, server=sandbox.url, transport=OneSided())

    with pytest.raises(
        errors.ConfigurationError,
        match=r"^transport: OneSided is not an httpx\.BaseTransport, which a sync call needs$",
    ):
        client.account.futures_account_balance()


def test_repr_and_arguments() -> None:
    """An error of the exchange shows status, code and message also in its repr, and keeps them as arguments."""
    error = errors.SignatureError(status_code=400, code=-1022, msg="Signature", headers={})

    assert (400, -1022, "Signature") == error.args
    assert "SignatureError('HTTP 400, code -1022: Signature')" == repr(error)
