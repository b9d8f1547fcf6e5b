"""The timeout of a call bounds all of it, whatever drips, stays silent or fails again and again.

That bound is a contract in real time (a call with `timeout=1` ends within 1.5 s), so that here, and nowhere else, the
machine's time is measured. The half second that the contract leaves is the same for the shorter timeouts used here.
"""

import socket
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpcore
import httpx
import pytest
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from binance_signing import Recovery, connect
from binance_signing import _deadline as deadline
from calls import Balance
from test_connect import some_credentials
from test_faults import Case, addresses_of_localhost, end_of, faults_of

TIMEOUT = 0.4
# Async code tries the second address after a quarter of a second.
TIMEOUT_OF_TWO_ADDRESSES = 1
BEYOND = 0.5

several_loopback_addresses = pytest.mark.skipif(
    sys.platform != "linux", reason="needs many addresses on loopback, and a full queue that refuses nobody"
)


def end_in_time(call: Callable[[], list[FuturesAccountBalance]], timeout: float) -> str:
    """Give what a call ends in, which has to be in time."""
    begun = time.monotonic()
    ended_in, _ = end_of(call)
    assert time.monotonic() - begun < timeout + BEYOND
    return ended_in


@contextmanager
def silent(address: str, port: int = 0) -> Generator[int]:
    """Listen at an address without ever accepting, and give the port; whoever connects gets no answer at all."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((address, port), backlog=0))
        place = listener.getsockname()
        # The queue of those who wait to be accepted has at least one place, however short it is made.
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(place)
        yield place[1]


@faults_of("test_fault_in_time")
def test_fault_in_time(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """No fault makes a call last longer than its timeout, and a wait that does not fit is not begun."""
    case.tell(sandbox)
    settings: dict[str, Any] = {"timeout": TIMEOUT, "recovery": Recovery(backoff=0)} | dict(case.settings)
    client = connect(sandbox.credentials, server=sandbox.url, **settings)

    ended_in = end_in_time(lambda: balance(client).parsed, settings["timeout"])

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.requests))


@several_loopback_addresses
@faults_of("test_nobody_accepts")
def test_nobody_accepts(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A server that does not accept connections is given up in time, and nothing was carried out."""
    with silent("127.0.0.1") as port:
        client = connect(sandbox.credentials, server=f"http://127.0.0.1:{port}", timeout=TIMEOUT)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.requests)


def test_handshake_without_an_answer(balance: Balance) -> None:
    """A server that accepts a connection, and then does not answer the beginning of TLS, is given up in time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        client = connect(some_credentials(), server=url, timeout=TIMEOUT)

        assert "TimeoutError, failed" == end_in_time(lambda: balance(client).parsed, TIMEOUT)


@several_loopback_addresses
@faults_of("test_silent_addresses")
def test_silent_addresses(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Addresses that stay silent share the timeout, however many there are."""
    first, *others = addresses = [f"127.0.0.{number}" for number in range(2, 6)]
    addresses_of_localhost(monkeypatch, lambda: addresses)
    with ExitStack() as stack:
        port = stack.enter_context(silent(first))
        for address in others:
            stack.enter_context(silent(address, port))
        client = connect(sandbox.credentials, server=f"http://localhost:{port}", timeout=TIMEOUT)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT)

    assert case.sent == len(sandbox.requests)


@several_loopback_addresses
@faults_of("test_silent_address_before_another")
def test_silent_address_before_another(
    sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """An address that stays silent leaves enough of the timeout to the next one."""
    addresses_of_localhost(monkeypatch, lambda: ["127.0.0.2", "127.0.0.1"])
    url = httpx.URL(sandbox.url).copy_with(host="localhost")
    with silent("127.0.0.2", url.port or 0):
        client = connect(sandbox.credentials, server=str(url), timeout=TIMEOUT_OF_TWO_ADDRESSES)

        assert case.ends_in == end_in_time(lambda: balance(client).parsed, TIMEOUT_OF_TWO_ADDRESSES)

    assert case.sent == len(sandbox.requests)


def test_place_of_the_deadline() -> None:
    """The private place of httpx and httpcore under which the deadline of sync calls stands is still there."""
    transport = httpx.HTTPTransport()
    pool: Any = transport._pool  # noqa: SLF001, it is what the test is about
    before = pool._network_backend  # noqa: SLF001, the same

    deadline.bound([transport, None])

    assert isinstance(before, httpcore.NetworkBackend)
    assert before is not pool._network_backend  # noqa: SLF001, the same
    assert isinstance(pool._network_backend, httpcore.NetworkBackend)  # noqa: SLF001, the same
