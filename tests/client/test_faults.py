"""Faults over real sockets: what a call ends in, and how many requests that takes.

These are the cases of support/fault_cases.py whose time does not matter; test_timeouts.py has the others.
"""

import asyncio
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from binance_client.messages.http import HTTPResponse
from binance_client.policy.retry_policy import RetryDetails
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.security import Security
from binance_coinm.spec import SPEC
from binance_sandbox import Sandbox
from support.call_helpers import Balance
from support.constants import ROOT, SECRET
from support.fault_cases import (
    BALANCE,
    CASES_BY_HEADING,
    FAULTS,
    FOREVER,
    HOUR_MS,
    MINUTE_ENDS,
    MINUTE_STARTS,
    ORDER,
    TIME,
    Case,
    end_of,
    faults_of,
    kind_of,
)
from support.name_resolution import addresses_of_localhost

TEST_FILES = ("test_faults.py", "test_timeouts.py")
DOCUMENT = ROOT / "docs" / "reference" / "failure-modes.md"
# The most that a call may allocate, in bytes, if a body is a gigabyte, compressed or not.
MEMORY = 64 << 20


class Calls:
    """Calls of clients that stay open, sync or, in one event loop, async."""

    def __init__(self, runner: asyncio.Runner, *, is_async: bool) -> None:
        """Store a runner, whose event loop the async calls share."""
        self._runner = runner
        self._is_async = is_async
        self._clients: list[Client] = []

    def connect(self, sandbox: Sandbox, **settings: Any) -> Client:
        """Connect to a sandbox, with retries that do not wait."""
        chosen: dict[str, Any] = {"server": sandbox.url, "retry": RetryPolicy(initial_backoff=0)} | settings
        client = connect(sandbox.credentials, **chosen)
        self._clients.append(client)
        return client

    def balance(self, client: Client) -> list[FuturesAccountBalance]:
        """Request the balance."""
        if self._is_async:
            return self._runner.run(futures_account_balance.asyncio(client=client))
        return futures_account_balance.sync(client=client)

    def write(self, client: Client) -> HTTPResponse:
        """Send a write."""
        request = {"method": "POST", "url": ORDER, "extensions": {"security": Security.TRADE}}
        return self._runner.run(client.request_async(request)) if self._is_async else client.request(request)

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            self._runner.run(client.aclose())


@pytest.fixture(params=["sync", "async"])
def calls(request: pytest.FixtureRequest) -> Iterator[Calls]:
    """Return calls, once sync and once async."""
    with asyncio.Runner() as runner:
        calls = Calls(runner, is_async=request.param == "async")
        yield calls
        calls.close()


class StoppedClock:
    """A clock of the exchange and of this machine alike, which is stopped until it is moved or started."""

    def __init__(self, now: int = MINUTE_STARTS) -> None:
        """Stop at a time in milliseconds since the epoch."""
        self.now = now
        self._started: float | None = None

    def __call__(self) -> int:
        """Return the time."""
        return self.now + (0 if self._started is None else int((time.monotonic() - self._started) * 1000))

    def start(self) -> None:
        """Run from now on."""
        self._started = time.monotonic()


@faults_of("test_fault")
def test_fault(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A call that meets a fault ends as the table says, after as many requests."""
    settings: dict[str, Any] = {"server": sandbox.url, "retry": RetryPolicy(initial_backoff=0)} | dict(case.settings)
    case.arrange(sandbox)

    ended_in, text_of_end = end_of(
        lambda: balance(connect(sandbox.credentials, **settings).with_options(**case.options)).parsed
    )

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.received_requests))
    assert case.says in text_of_end


@faults_of("test_clock")
def test_clock(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A wrong clock costs one time call and one repeated call, and no wider window."""
    case.arrange(sandbox)

    ended_in, _ = end_of(lambda: balance(connect(sandbox.credentials, server=sandbox.url)).parsed)

    assert case.ends_in == ended_in
    assert [BALANCE, TIME, BALANCE] == [request.path for request in sandbox.received_requests]
    assert case.sent == len(sandbox.received_requests)
    assert not any(b"recvWindow" in request.query for request in sandbox.received_requests)


@faults_of("test_drift")
def test_drift(calls: Calls, case: Case) -> None:
    """A clock that goes wrong is synchronized after a rejected timestamp, and before the next one if it has jumped."""
    clock = StoppedClock()
    with Sandbox(clock=clock) as sandbox:
        sandbox.clock_drift = 1000
        client = calls.connect(sandbox, clock=clock)
        for _ in range(3):
            assert case.ends_in == end_of(lambda: calls.balance(client))[0]
            clock.now += 20_000

    assert [BALANCE, BALANCE, TIME, BALANCE, TIME, BALANCE] == [request.path for request in sandbox.received_requests]
    assert case.sent == len(sandbox.received_requests)


@faults_of("test_step")
def test_step(calls: Calls, case: Case) -> None:
    """A step of this machine's clock, after it was synchronized, costs no more than a request for the time."""
    clock = StoppedClock()
    with Sandbox(clock=lambda: MINUTE_STARTS) as sandbox:
        client = calls.connect(sandbox, clock=clock, sync_clock=True)
        for _ in range(2):
            assert case.ends_in == end_of(lambda: calls.balance(client))[0]
            clock.now += HOUR_MS

    assert [TIME, BALANCE, TIME, BALANCE] == [request.path for request in sandbox.received_requests]
    assert case.sent == len(sandbox.received_requests)


@faults_of("test_names")
def test_names(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """A failed name resolution is a failed connection, and is retried."""
    failures = iter(range(1 if "once" in case.name else FOREVER))

    def resolve() -> list[str]:
        if next(failures, None) is None:
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    addresses_of_localhost(monkeypatch, resolve)
    url = httpx.URL(sandbox.url).copy_with(host="localhost")
    client = connect(sandbox.credentials, server=str(url), retry=RetryPolicy(initial_backoff=0))

    assert case.ends_in == end_of(lambda: balance(client).parsed)[0]
    assert case.sent == len(sandbox.received_requests)


@faults_of("test_write")
def test_write(sandbox: Sandbox, calls: Calls, case: Case) -> None:
    """A write is sent again if it is known not to have been executed, and never if that is unknown."""
    case.arrange(sandbox)
    client = calls.connect(sandbox)

    try:
        response = calls.write(client)
        ended_in = "response" if response.status_code == 200 else kind_of(SPEC.error_map.from_response(response))
    except errors.BinanceError as error:
        ended_in = kind_of(error)

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.received_requests))


def test_each_attempt_is_signed_anew(balance: Balance) -> None:
    """Each attempt has a timestamp and a signature of its own, by the credentials of that moment."""
    times = count(MINUTE_STARTS)
    with Sandbox(clock=lambda: MINUTE_STARTS) as sandbox:
        sandbox.respond_next(503, times=3)
        balance(
            connect(
                sandbox.credentials,
                server=sandbox.url,
                clock=lambda: next(times),
                retry=RetryPolicy(initial_backoff=0),
            )
        )

    queries = [httpx.QueryParams(request.query.decode()) for request in sandbox.received_requests]
    timestamps = [int(query["timestamp"]) for query in queries]
    assert sorted(set(timestamps)) == timestamps
    assert 4 == len({query["signature"] for query in queries})
    assert [503, 503, 503, 200] == [request.status for request in sandbox.received_requests]


def test_credentials_replaced_between_attempts(balance: Balance) -> None:
    """An attempt that follows a replacement of the credentials has the new key, and signs in the thread of the call."""
    threads: list[int] = []

    class Key:
        def sign(self, payload: bytes) -> bytes:
            threads.append(threading.get_ident())
            return HmacKey(SECRET).sign(payload)

    def replace(_: RetryDetails) -> None:
        client.credentials = Credentials(second.api_key, HmacKey(second.secret or ""))

    with Sandbox() as sandbox:
        second = sandbox.add_account()
        sandbox.respond_next(503)
        client = connect(
            Credentials(sandbox.account.api_key, Key()),
            server=sandbox.url,
            retry=RetryPolicy(initial_backoff=0),
            on_retry=replace,
        )
        balance(client)

        keys = [request.headers["X-MBX-APIKEY"] for request in sandbox.received_requests]

    assert [sandbox.account.api_key, second.api_key] == keys
    assert [threading.get_ident()] == threads


@faults_of("test_ban")
def test_ban(sandbox: Sandbox, calls: Calls, case: Case) -> None:
    """After a ban the next call is not sent, and its error says how long the ban lasts."""
    case.arrange(sandbox)
    client = calls.connect(sandbox, **case.settings)
    first = end_of(lambda: calls.balance(client))[0]

    ended_in, text_of_end = end_of(lambda: calls.balance(client))

    assert (case.ends_in, case.ends_in, case.sent) == (first, ended_in, len(sandbox.received_requests))
    assert case.says in text_of_end


@faults_of("test_limit")
def test_limit(calls: Calls, case: Case) -> None:
    """A call does not wait for a Retry-After that exceeds its timeout."""
    clock = StoppedClock()
    with Sandbox(clock=clock, weight_limit=1) as sandbox:
        client = calls.connect(sandbox, clock=clock)
        calls.balance(client)

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.received_requests)


@faults_of("test_limit_ignored")
def test_limit_ignored(calls: Calls, case: Case) -> None:
    """If calls go on after a 429 until the exchange bans the IP address, the client stops them from then on."""
    clock = StoppedClock()
    with Sandbox(clock=clock, weight_limit=1) as sandbox:
        client = calls.connect(sandbox, clock=clock)
        ends = [end_of(lambda: calls.balance(client))[0] for _ in range(8)]

        assert ["rows", *["RateLimitError"] * 5, case.ends_in, case.ends_in] == ends
        assert case.sent == len(sandbox.received_requests)


@faults_of("test_client_side_limit")
def test_client_side_limit(calls: Calls, case: Case) -> None:
    """With `max_weight_per_minute`, a call beyond the weight of this minute waits for the next, and meets no 429."""
    clock = StoppedClock(MINUTE_ENDS)
    with Sandbox(clock=clock, weight_limit=3) as sandbox:
        client = calls.connect(sandbox, clock=clock, max_weight_per_minute=3)
        for _ in range(3):
            calls.balance(client)
        clock.start()

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.received_requests)


@faults_of("test_client_side_limit_of_all_processes")
def test_client_side_limit_of_all_processes(calls: Calls, case: Case) -> None:
    """Weight that other processes of this IP address use counts, because each response reports it."""
    clock = StoppedClock(MINUTE_ENDS)
    with Sandbox(clock=clock, weight_limit=3) as sandbox:
        # Clients of an exchange on this machine share no rate limit, so that the other one stands for another process.
        client, other = (
            calls.connect(sandbox, clock=clock, max_weight_per_minute=3),
            calls.connect(sandbox, clock=clock),
        )
        for one in (other, other, client):
            calls.balance(one)
        clock.start()

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.received_requests)


@faults_of("test_client_side_limit_after_429")
def test_client_side_limit_after_429(calls: Calls, case: Case) -> None:
    """After a 429 in spite of the client-side limit, this minute's weight counts as used up."""
    clock = StoppedClock(MINUTE_ENDS)
    with Sandbox(clock=clock) as sandbox:
        client = calls.connect(sandbox, clock=clock, max_weight_per_minute=3)
        case.arrange(sandbox)
        clock.start()

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.received_requests)


@faults_of("test_client_side_limit_without_time")
def test_client_side_limit_without_time(calls: Calls, case: Case) -> None:
    """A call that has no time to wait for the next minute ends at once, before it is sent."""
    clock = StoppedClock()
    with Sandbox(clock=clock) as sandbox:
        client = calls.connect(sandbox, clock=clock, max_weight_per_minute=1)
        calls.balance(client)

        ended_in, text_of_end = end_of(lambda: calls.balance(client))

        assert (case.ends_in, case.sent) == (ended_in, len(sandbox.received_requests))
        assert case.says in text_of_end


def test_used_weight(sandbox: Sandbox, calls: Calls) -> None:
    """`used_weight` is that of the last response, an error included, and None before the first one."""
    client = calls.connect(sandbox)
    weights = [client.used_weight]

    calls.balance(client)
    weights.append(client.used_weight)
    sandbox.respond_next(403, headers={"X-MBX-USED-WEIGHT-1M": "77"})
    end_of(lambda: calls.balance(client))
    weights.append(client.used_weight)

    assert [None, 1, 77] == weights


@faults_of("test_huge_body")
def test_huge_body(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A body of a gigabyte, compressed or not, is abandoned at the limit, and never held in memory."""
    case.arrange(sandbox)
    tracemalloc.start()
    try:
        ended_in, text_of_end = end_of(lambda: balance(connect(sandbox.credentials, server=sandbox.url)).parsed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.received_requests))
    assert case.says in text_of_end
    assert peak < MEMORY


def document() -> str:
    """Return the generated part of docs/reference/failure-modes.md, which begins with its figures."""
    parts = [f"Faults tested: {len(FAULTS)}. Handled: {len(FAULTS)}."]
    for heading, cases in CASES_BY_HEADING.items():
        rows = [f"| {case.name} | {case.ends_in} | {case.sent} | `{case.test}[{case.name}]` |" for case in cases]
        head = ["| fault | what the call ends in | requests sent | test |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {heading}", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def test_document_shows_the_faults() -> None:
    """The tables in docs/reference/failure-modes.md are the list of faults, in its order, each of which has a test."""
    text = DOCUMENT.read_text(encoding="utf-8")
    tests = "".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in TEST_FILES)

    assert document() == text[text.index("Faults tested:") : text.index("\n## Attacks")]
    assert len(FAULTS) == len({case.name for case in FAULTS})
    assert [] == [case.name for case in FAULTS if f"\ndef {case.test}(" not in tests]


def test_document_names_tests_that_exist() -> None:
    """Each attack in docs/reference/failure-modes.md, and each promise of SECURITY.md, names existing tests."""
    text = DOCUMENT.read_text(encoding="utf-8")
    attacks = re.findall(r"^\| [GW]\d+ .*$", text, re.MULTILINE)
    named = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", attack) for attack in attacks]
    files = re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))

    assert attacks
    assert all(named)
    for file, name in (one for names in named for one in names):
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), name
    assert [] == [file for file in files if not (ROOT / file).is_file()]
