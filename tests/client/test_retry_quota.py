"""The retry quota, which bounds the retries of all calls of a client together."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
from binance_client.policy.retry_quota import RetryQuota
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect, errors
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET

EXHAUSTED = "not retried, because the client's retry quota is used up"
LOGGED = (
    "binance_client",
    logging.WARNING,
    "the retry quota is used up, failed calls are not retried until others succeed",
)
FOREVER = 10_000
NO_WAIT = RetryPolicy(initial_backoff=0)


# The tokens.


@pytest.mark.parametrize(("size", "retries"), [(1, 0), (4, 0), (5, 1), (9, 1), (10, 2), (500, 100)])
def test_retry_takes_five_tokens(size: int, retries: int) -> None:
    """Each retry takes 5 tokens, and there is none without them."""
    quota = RetryQuota(size)

    assert [True] * retries + [False, False] == [quota.take() for _ in range(retries + 2)]


def test_success_gives_one_token_back() -> None:
    """Five successes allow another retry."""
    quota = RetryQuota(5)
    assert quota.take()

    for _ in range(4):
        quota.give_back()
        assert not quota.take()
    quota.give_back()

    assert quota.take()


def test_tokens_do_not_accumulate() -> None:
    """However many calls succeed, there are never more tokens than at first."""
    quota = RetryQuota(10)
    for _ in range(100):
        quota.give_back()

    assert [True, True, False] == [quota.take() for _ in range(3)]


def test_no_quota() -> None:
    """Without a quota each retry is allowed."""
    quota = RetryQuota(None)
    quota.give_back()

    assert all(quota.take() for _ in range(1000))


def test_threads_share_tokens() -> None:
    """Threads that take tokens at once get as many as there are."""
    quota = RetryQuota(500)
    with ThreadPoolExecutor(20) as threads:
        taken = [*threads.map(lambda _: quota.take(), range(2000))]

    assert 100 == sum(taken)


def test_exhaustion_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The exhaustion is logged once, and again only after all tokens had come back."""
    quota = RetryQuota(6)
    for _ in range(3):
        quota.take()
    assert [LOGGED] == caplog.record_tuples

    for _ in range(4):
        quota.give_back()
    assert quota.take()
    assert not quota.take()
    assert [LOGGED] == caplog.record_tuples

    for _ in range(6):
        quota.give_back()
    assert quota.take()
    assert not quota.take()
    assert [LOGGED] * 2 == caplog.record_tuples


def test_lock_in_a_fork() -> None:
    """A fork keeps the tokens, and has a lock of its own, because another thread may have held its parent's."""
    quota = RetryQuota(10)
    quota.take()
    quota._lock.acquire()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # what a fork would inherit

    quota.reset_after_fork()

    assert [True, False] == [quota.take() for _ in range(2)]


# Calls over sockets.


def failures_of(client: Client, calls: int, side: str) -> list[errors.BinanceError]:
    """Return the errors of calls at once, which all have to fail."""
    failures: list[errors.BinanceError] = []

    def call(_: int) -> None:
        with pytest.raises(errors.BinanceError) as caught:
            client.account.futures_account_balance()
        failures.append(caught.value)

    async def call_async() -> None:
        with pytest.raises(errors.BinanceError) as caught:
            await client.aio.account.futures_account_balance()
        failures.append(caught.value)

    async def main() -> None:
        async with client, anyio.create_task_group() as tasks:
            for _ in range(calls):
                tasks.start_soon(call_async)

    if side == "sync":
        with client, ThreadPoolExecutor(20) as threads:
            assert [None] * calls == [*threads.map(call, range(calls))]
    else:
        asyncio.run(main())
    return failures


@pytest.mark.parametrize("side", ["sync", "async"])
@pytest.mark.parametrize(("quota", "requests"), [(50, 110), (None, 400)])
def test_exchange_that_is_down(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, side: str, quota: int | None, requests: int
) -> None:
    """100 calls at once make at most 10 retries with a quota of 50, and 300 without one."""
    sandbox.respond_next(503, times=FOREVER)
    client = connect(sandbox.credentials, server=sandbox.url, retry=NO_WAIT, timeout=60, retry_quota=quota)

    failures = failures_of(client, 100, side)

    assert requests == len(sandbox.received_requests)
    assert {errors.ExchangeError} == {type(failure) for failure in failures}
    # The 10 retries are enough for all attempts of 3 calls.
    ended_by_quota = sum(EXHAUSTED in str(failure) for failure in failures)
    assert ended_by_quota == 0 if quota is None else 97 <= ended_by_quota <= 100
    logged = [record for record in caplog.record_tuples if record[1] == logging.WARNING]
    assert ([] if quota is None else [LOGGED]) == logged


def test_default_quota(sandbox: Sandbox, balance: Balance) -> None:
    """By default the quota is enough for 100 retries."""
    sandbox.respond_next(503, times=FOREVER)

    with pytest.raises(errors.ExchangeError, match="client's retry quota is used up"):
        balance(connect(sandbox.credentials, server=sandbox.url, retry=RetryPolicy(1000, 0), timeout=60))

    assert 101 == len(sandbox.received_requests)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault.disconnect(), "NetworkError: no response, or only part of one, "),
        (Fault.cut_body(), "NetworkError: no response, or only part of one, "),
    ],
    ids=["no response", "part of a response"],
)
def test_failures_without_a_response(sandbox: Sandbox, balance: Balance, fault: Fault, text: str) -> None:
    """A call that gets no response ends in its own error, which says that the quota was used up."""
    sandbox.inject_fault(fault, times=FOREVER)

    with pytest.raises(errors.NetworkError) as caught:
        balance(connect(sandbox.credentials, server=sandbox.url, retry=NO_WAIT, retry_quota=5))

    assert 2 == len(sandbox.received_requests)
    shown = f"{type(caught.value).__name__}: {caught.value}"
    assert shown.startswith(text)
    assert f"; {EXHAUSTED}" in shown


def test_derived_clients_share_the_quota(sandbox: Sandbox) -> None:
    """Clients with other options or credentials take from the same tokens."""
    sandbox.respond_next(503, times=FOREVER)
    with connect(sandbox.credentials, server=sandbox.url, retry=NO_WAIT, retry_quota=10) as client:
        clients = [client, client.with_options(timeout=5), client.with_credentials(sandbox.credentials)]
        sent: list[int] = []
        for one in clients:
            with pytest.raises(errors.ExchangeError):
                one.account.futures_account_balance()
            sent.append(len(sandbox.pop_requests()))

    assert [3, 1, 1] == sent


def test_success_over_sockets(sandbox: Sandbox) -> None:
    """Successful calls give tokens back, of which a later call takes."""
    with connect(sandbox.credentials, server=sandbox.url, retry=RetryPolicy(2, 0), retry_quota=5) as client:
        for _ in range(2):
            sandbox.respond_next(503)
            client.account.futures_account_balance()
            for _ in range(4):
                client.account.futures_account_balance()


def test_what_costs_no_tokens(sandbox: Sandbox) -> None:
    """A stale connection that is replaced, and a rejected timestamp, cost none."""
    with connect(sandbox.credentials, server=sandbox.url, retry_quota=1) as client:
        sandbox.clock_offset_ms = 60_000
        client.account.futures_account_balance()
        sandbox.inject_fault(Fault.disconnect())
        client.account.futures_account_balance()

    assert [400, 200, 200, 200, 200] == [request.status for request in sandbox.received_requests]


def test_error_of_another_client_without_quota(balance: Balance) -> None:
    """A custom transport's failure says it too, and stays of its type for those who use httpx themselves."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut off", request=request)

    client = connect(
        Credentials(API_KEY, HmacKey(SECRET)), transport=httpx.MockTransport(fail), retry=NO_WAIT, retry_quota=1
    )

    with pytest.raises(httpx.ReadError, match="^cut off\n") as caught:
        client.get_httpx_client().get("/dapi/v1/time")
    assert [EXHAUSTED] == caught.value.__notes__
    with pytest.raises(errors.NetworkError, match=f"ReadError: cut off; {EXHAUSTED};"):
        balance(client)
