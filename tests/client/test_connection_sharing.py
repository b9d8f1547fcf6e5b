"""Many clients over the same connections: one for each account, and how many connections there are."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ClientClosedError, ConfigurationError, ExchangeError, RateLimitError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Account, Connection, Fault, Response, Sandbox
from support.concurrency import ConcurrentRunner, aliases, in_each_way
from support.constants import API_KEY, SECRET
from support.recording_proxy import RecordingProxy

HEADER = "X-MBX-APIKEY"
MINUTE = 60_000

Balance = Callable[[Client], list[FuturesAccountBalance]]


@pytest.fixture(params=["sync", "async"])
def balance(request: pytest.FixtureRequest) -> Iterator[Balance]:
    """Return a call that leaves its client open: sync, or async, all calls in one event loop."""
    with asyncio.Runner() as runner:
        if request.param == "sync":
            yield lambda client: futures_account_balance.sync(client=client)
        else:
            yield lambda client: runner.run(futures_account_balance.asyncio(client=client))


def an_account(sandbox: Sandbox, alias: str) -> Account:
    """Open an account whose rows have this alias."""
    row = sandbox.balances[0] | {"accountAlias": alias}
    return sandbox.add_account(responses={"futuresAccountBalance": [row]})


def keys(sandbox: Sandbox) -> list[str]:
    """Return the API keys of the requests so far."""
    return [request.headers[HEADER] for request in sandbox.received_requests]


def test_client_of_another_account(sandbox: Sandbox, relay: RecordingProxy, balance: Balance) -> None:
    """A client of another account signs with its own key, over the connection of the original."""
    account = an_account(sandbox, "other")
    with connect(sandbox.credentials, server=relay.url) as client:
        other = client.with_credentials(account.credentials)

        rows = [balance(one)[0].account_alias for one in (client, other, client, other)]

    assert [sandbox.balances[0]["accountAlias"], "other"] * 2 == rows
    assert [sandbox.account.api_key, account.api_key] * 2 == keys(sandbox)
    assert 1 == relay.accepted


def test_clients_of_several_accounts_share_clock_and_weight(sandbox: Sandbox, balance: Balance) -> None:
    """Clients of several accounts share the clock, and the weight that the IP address has used."""
    sandbox.clock_offset_ms = 60 * MINUTE
    with connect(sandbox.credentials, server=sandbox.url) as client:
        other = client.with_credentials(an_account(sandbox, "other").credentials)
        balance(client)

        balance(other)

        assert client.clock is other.clock
        assert [400, 200, 200, 200] == [request.status for request in sandbox.received_requests]
        assert client.used_weight == other.used_weight == sandbox.used_weight


def test_weight_of_all_accounts(balance: Balance) -> None:
    """With a client-side limit, the weight that one account has used is not available to another."""
    with Sandbox(clock=lambda: MINUTE) as sandbox:
        client = connect(
            sandbox.credentials, server=sandbox.url, clock=lambda: MINUTE, max_weight_per_minute=2, retry=None
        )
        with client:
            other = client.with_credentials(an_account(sandbox, "other").credentials)
            balance(client)
            balance(other)

            with pytest.raises(RateLimitError, match="the weight of this minute, 2, is used up"):
                balance(other)

    assert 2 == len(sandbox.received_requests)


@pytest.mark.parametrize("closed", ["the first", "the other"])
def test_clients_of_several_accounts_close_together(
    sandbox: Sandbox, relay: RecordingProxy, balance: Balance, closed: str
) -> None:
    """Closing any of them closes all connections, and none of them makes a call afterwards."""
    client = connect(sandbox.credentials, server=relay.url)
    other = client.with_credentials(an_account(sandbox, "other").credentials)
    options = client.with_options(timeout=3)
    for one in (client, other, options):
        balance(one)

    asyncio.run((client if closed == "the first" else other).aclose())

    assert relay.settles_at(0)
    for one in (client, other, options):
        with pytest.raises(ClientClosedError, match="^the client is closed; create a new one$") as caught:
            balance(one)
        assert "not_executed" == caught.value.execution
    assert 3 == len(sandbox.received_requests)


def test_credentials_are_replaced_in_one_client_alone(sandbox: Sandbox, balance: Balance) -> None:
    """Replacing the credentials of one client leaves the other one its own."""
    accounts = [sandbox.account, *(an_account(sandbox, alias) for alias in ("other", "third", "fourth"))]
    first, second, third, fourth = [account.credentials for account in accounts]
    with connect(first, server=sandbox.url) as client:
        other = client.with_credentials(second)

        other.credentials = third
        balance(client)
        balance(other)
        client.credentials = fourth
        balance(client)
        balance(other)

        assert (fourth, third) == (client.credentials, other.credentials)
    assert [accounts[place].api_key for place in (0, 2, 3, 2)] == keys(sandbox)


@pytest.mark.parametrize("junk", ["junk", None, ("key", SECRET), HmacKey(SECRET)], ids=lambda it: type(it).__name__)
def test_invalid_credentials(sandbox: Sandbox, junk: Any) -> None:
    """A value that is not credentials is an error, and is not shown."""
    with (
        connect(sandbox.credentials, server=sandbox.url) as client,
        pytest.raises(ConfigurationError) as caught,
    ):
        client.with_credentials(junk)

    expected = f"credentials: expected Credentials(api_key, key), got {type(junk).__name__}"
    assert expected == str(caught.value)


def test_options_and_accounts(sandbox: Sandbox, balance: Balance) -> None:
    """Options leave a client its account, and an account leaves it its options, in either order."""
    account = an_account(sandbox, "other")
    with connect(sandbox.credentials, server=sandbox.url, timeout=7) as client:
        sandbox.respond_next(503, times=4)
        single = client.with_options(timeout=3, retry=None)
        for other in (
            single.with_credentials(account.credentials),
            client.with_credentials(account.credentials).with_options(timeout=3, retry=None),
        ):
            assert (Client, 3) == (type(other), other.timeout)
            with pytest.raises(ExchangeError, match="HTTP 503"):
                balance(other)
        assert (7, 3) == (client.with_credentials(account.credentials).timeout, single.timeout)

    assert [account.api_key] * 2 == keys(sandbox)


def test_clients_with_options_have_one_account(sandbox: Sandbox, balance: Balance) -> None:
    """A client and those derived with options keep the same credentials when these are replaced."""
    account = an_account(sandbox, "other")
    with connect(sandbox.credentials, server=sandbox.url) as client:
        other = client.with_credentials(sandbox.credentials)
        options = other.with_options(timeout=3)

        options.credentials = account.credentials
        for one in (client, other, options):
            balance(one)

    assert [sandbox.account.api_key, account.api_key, account.api_key] == keys(sandbox)


def test_text_of_a_client_of_another_account() -> None:
    """A client of another account shows no more than the original."""
    client = connect(Credentials("key", HmacKey("secret")), server="http://127.0.0.1:1")

    other = client.with_credentials(Credentials(API_KEY, HmacKey(SECRET)))

    assert "Client('http://127.0.0.1:1')" == repr(other) == str(other)


@in_each_way
def test_twenty_accounts_at_once(sandbox: Sandbox, relay: RecordingProxy, at_once: ConcurrentRunner) -> None:
    """Twenty accounts that call concurrently over the same connections each get their own rows."""
    accounts = [an_account(sandbox, str(number)) for number in range(20)]
    client = connect(sandbox.credentials, server=relay.url, max_connections=5, recv_window=MINUTE, timeout=30)
    clients = [client.with_credentials(account.credentials) for account in accounts]

    outcomes = at_once([(one, MINUTE) for _ in range(5) for one in clients])

    assert [str(number) for number in range(20)] * 5 == aliases(outcomes)
    assert {account.api_key: 5 for account in accounts} == Counter(keys(sandbox))
    assert 5 >= relay.accepted
    assert relay.settles_at(0)


class PairedResponses:
    """Responses that the sandbox sends to two callers at a time; counts how many calls wait at most."""

    def __init__(self) -> None:
        """Begin without a caller."""
        self._arrivals = 0
        self._waiting = 0
        self.most = 0

    def fault(self) -> Fault:
        """Return the fault to inject into the sandbox."""
        return Fault("in pairs", self._transmit)

    async def _transmit(self, response: Response, connection: Connection) -> None:
        self._arrivals += 1
        self._waiting += 1
        self.most = max(self.most, self._waiting)
        arrival = self._arrivals
        while arrival % 2 and arrival == self._arrivals:
            if await connection.wait_closed(0.01):
                return
        self._waiting -= 1
        await connection.send(response)


@in_each_way
def test_max_connections(sandbox: Sandbox, relay: RecordingProxy, at_once: ConcurrentRunner) -> None:
    """No more calls than allowed are in flight, whatever their accounts, and they share connections."""
    pairs = PairedResponses()
    sandbox.inject_fault(pairs.fault(), times=20)
    client = connect(
        sandbox.credentials, server=relay.url, max_connections=2, retry=RetryPolicy(max_attempts=1), timeout=30
    )
    other = client.with_credentials(an_account(sandbox, "other").credentials)

    outcomes = at_once([(client, MINUTE), (other, MINUTE)] * 10)

    assert [sandbox.balances[0]["accountAlias"], "other"] * 10 == aliases(outcomes)
    assert 2 == pairs.most
    assert 2 == relay.accepted
