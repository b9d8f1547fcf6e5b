"""The types that type checkers infer of the SDK, and the misuse that they have to reject. This file is never run.

`make check` runs three type checkers on it. Each line of misuse has the comment that silences its error, and an unused
comment is an error too: so a checker that accepts the misuse reports the comment.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_type

import binance_coinm
import httpx
from binance_client import RetryDetails
from binance_client.base_client import AuthenticatedClient, BaseClient
from binance_client.errors import Execution
from binance_coinm import (
    Client,
    Credentials,
    Ed25519Key,
    HmacKey,
    PublicClient,
    RetryPolicy,
    RsaKey,
    Server,
    connect,
    errors,
    public,
)
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import check_server_time
from binance_coinm.models import FuturesAccountBalance, Income, KlineInterval, ServerTime
from binance_coinm.types import Response
from binance_sandbox import Account, Fault, ReceivedRequest, Sandbox, gzip_bomb
from binance_signing import Signer


def use_methods(client: Client) -> None:
    """Call the methods of a client."""
    rows = client.account.futures_account_balance()
    assert_type(rows, list[FuturesAccountBalance])
    assert_type(client.account.futures_account_balance(recv_window=3000), list[FuturesAccountBalance])
    assert_type(rows[0].asset, str)
    assert_type(rows[0].available_balance, Decimal)
    assert_type(rows[0].available_balance + Decimal(1), Decimal)
    assert_type(sum((row.balance for row in rows), Decimal()), Decimal)
    assert_type(rows[0].update_time, int)
    assert_type(rows[0].additional_properties, dict[str, Any])
    assert_type(rows[0].to_dict(), dict[str, Any])
    assert_type(FuturesAccountBalance.from_dict({}), FuturesAccountBalance)
    assert_type(client.market.check_server_time(), ServerTime)
    assert_type(client.market.check_server_time().server_time, int)
    assert_type(client.with_options(timeout=1).account.futures_account_balance(), list[FuturesAccountBalance])
    assert_type(client.with_credentials(client.credentials).account.futures_account_balance()[0].asset, str)


async def use_methods_async(client: Client) -> None:
    """Await the methods of a client."""
    assert_type(await client.aio.account.futures_account_balance(), list[FuturesAccountBalance])
    assert_type(await client.aio.account.futures_account_balance(recv_window=3000), list[FuturesAccountBalance])
    assert_type((await client.aio.market.check_server_time()).server_time, int)
    assert_type(await client.with_options(retry=None).aio.market.check_server_time(), ServerTime)
    both = await asyncio.gather(client.aio.account.futures_account_balance(), client.aio.market.check_server_time())
    assert_type(both, tuple[list[FuturesAccountBalance], ServerTime])


async def use_public_client() -> None:
    """Call the methods and functions of a client without credentials."""
    with public(server="demo", timeout=1) as client:
        assert_type(client, PublicClient)
        assert_type(client.market.check_server_time(), ServerTime)
        assert_type(await client.aio.market.check_server_time(), ServerTime)
        assert_type(check_server_time.sync(client=client), ServerTime)
        assert_type(client.with_options(timeout=2).market.check_server_time().server_time, int)


async def use_iterators(client: Client) -> None:
    """Iterate over rows that come in pages."""
    for income in client.account.iterate_get_income_history(start_time=0, end_time=1, symbol="BTCUSD_PERP"):
        assert_type(income, Income)
    async for candle in client.aio.market.iterate_kline_candlestick_data(
        symbol="BTCUSD_PERP", interval=KlineInterval.HOUR_1, start_time=0, end_time=1
    ):
        assert_type(candle.close, Decimal)
    assert_type(next(client.market.iterate_old_trades_lookup(symbol="BTCUSD_PERP", from_id=0)).id, int)
    client.account.iterate_get_income_history()  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    client.account.iterate_get_income_history(start_time=0, end_time=1, page=1)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    public().market.iterate_old_trades_lookup(symbol="BTCUSD_PERP", from_id=0)  # type: ignore[misc]  # pyrefly: ignore[bad-argument-type]


async def misuse_public_client(client: PublicClient) -> None:
    """Call what needs credentials."""
    client.account.futures_account_balance()  # type: ignore[misc]  # pyrefly: ignore[bad-argument-type]
    client.market.old_trades_lookup(symbol="BTCUSD_PERP")  # type: ignore[misc]  # pyrefly: ignore[bad-argument-type]
    await client.aio.account.futures_account_balance()  # type: ignore[misc]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=client)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.with_credentials(client)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]


def use_functions(client: Client) -> None:
    """Call the sync functions."""
    assert_type(futures_account_balance.sync(client=client), list[FuturesAccountBalance])
    response = futures_account_balance.sync_detailed(client=client, recv_window=3000)
    assert_type(response, Response[list[FuturesAccountBalance]])
    assert_type(response.parsed, list[FuturesAccountBalance])
    assert_type(response.status_code, int)
    assert_type(response.attempts, int)
    assert_type(response.headers["Date"], str)
    assert_type(check_server_time.sync(client=client), ServerTime)
    assert_type(check_server_time.sync(client=BaseClient("https://localhost")).server_time, int)


async def use_functions_async(client: Client) -> None:
    """Call the async functions."""
    assert_type(await futures_account_balance.asyncio(client=client), list[FuturesAccountBalance])
    assert_type(
        await futures_account_balance.asyncio_detailed(client=client, recv_window=3000),
        Response[list[FuturesAccountBalance]],
    )
    assert_type((await check_server_time.asyncio(client=client)).server_time, int)


def use_client(client: Client) -> None:
    """Use the attributes of a client."""
    assert_type(client.with_options(timeout=1, retry=None), Client)
    assert_type(client.with_credentials(client.credentials), Client)
    assert_type(client.credentials, Credentials)
    assert_type(client.credentials.api_key, str)
    assert_type(client.clock(), int)
    assert_type(client.clock.offset_ms, int | None)
    assert_type(client.used_weight, int | None)
    assert_type(client.order_counts, Mapping[str, int])
    assert_type(client.timeout, float)
    assert_type(client.base_url, str)
    client.timeout = 5
    assert_type(client.get_httpx_client(), httpx.Client)
    assert_type(client.get_async_httpx_client(), httpx.AsyncClient)
    assert_type(client.close(), None)


def build_client(pem: bytes) -> None:
    """Build clients in every way."""
    with connect() as client:
        assert_type(client, Client)
    with connect().with_options(timeout=1) as client:
        assert_type(client, Client)
    hmac = Credentials("key", HmacKey("secret"))
    assert_type(connect(hmac, server=Server.DEMO), Client)
    assert_type(binance_coinm.connect(Credentials.from_env()), binance_coinm.Client)
    assert_type(Client.connect(hmac), Client)
    connect(Credentials("key", Ed25519Key.from_pem(pem)), server="https://localhost", timeout=0.5, retry=None)
    key = RsaKey.from_pem(pem, password="password")
    connect(Credentials("key", key), retry=RetryPolicy(max_attempts=2, initial_backoff=0.1), on_retry=log_retry)
    connect(max_connections=5, keepalive_expiry=30, write_keepalive_expiry=0.5)
    connect(max_weight_per_minute=2000, recv_window=3000, sync_clock=True, clock=lambda: 0)
    connect(max_response_bytes=1 << 20, proxy="http://localhost:8080", verify=False, trust_env=False)
    connect(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    assert_type(Ed25519Key.from_pem(pem), Ed25519Key)
    assert_type(RsaKey.from_pem(pem), RsaKey)
    hooks = {"event_hooks": {"request": [Signer(hmac, Server.DEMO)]}}
    futures_account_balance.sync(client=AuthenticatedClient(Server.DEMO, httpx_args=hooks))


async def build_client_async() -> None:
    """Build clients in async code."""
    async with connect() as client:
        assert_type(client, Client)
    async with connect().with_options(timeout=1) as client:
        assert_type(client, Client)
    assert_type(await client.aclose(), None)


def log_retry(details: RetryDetails) -> None:
    """Use the details of a retry."""
    assert_type(details.attempt, int)
    assert_type(details.wait, float)
    assert_type(details.error, errors.BinanceError)


def handle_errors(client: Client) -> None:
    """Use the attributes of errors."""
    try:
        client.account.futures_account_balance()
    except errors.TimestampError as error:
        assert_type(error.clock_offset_ms, int | None)
    except (errors.RateLimitError, errors.IpBannedError) as error:
        assert_type(error.banned_until, int | None)
        assert_type(error.retry_after, int | None)
    except errors.ExchangeError as error:
        assert_type(error.execution, Execution)
    except errors.ApiError as error:
        assert_type(error.status_code, int)
        assert_type(error.code, int | None)
        assert_type(error.msg, str | None)
        assert_type(error.hint, str | None)
    except errors.ResponseError as error:
        assert_type(error.path, tuple[str | int, ...])
    except errors.ClientClosedError as error:
        assert_type(error.execution, Execution)
    except errors.NetworkError as error:
        assert_type(error.execution, Execution)


def use_sandbox(sandbox: Sandbox) -> None:
    """Configure the sandbox, and read what arrived."""
    assert_type(sandbox.balances, list[dict[str, Any]])
    sandbox.balances = [{"asset": "BTC"}]
    sandbox.respond_next(429, headers={"Retry-After": "1"}, times=2, path="/dapi/v1/balance")
    sandbox.respond_next(200, body=gzip_bomb(1 << 20), fault=Fault.cut_body())
    sandbox.inject_fault(Fault.delay(0.5), times=2)
    assert_type(sandbox.received_requests, list[ReceivedRequest])
    assert_type(sandbox.pop_requests()[0].query, bytes)
    assert_type(sandbox.received_requests[0].status, int | None)
    assert_type(sandbox.account, Account)
    assert_type(sandbox.add_account(responses={"futuresAccountBalance": []}), Account)
    assert_type(sandbox.credentials, Credentials)
    with Sandbox(weight_limit=10, clock_offset_ms=-1000.5) as another:
        assert_type(another.url, str)


def misuse_client(client: Client, plain: BaseClient) -> None:
    """Misuse methods and attributes of a client."""
    client.account.futures_account_balance(3000)  # type: ignore[call-arg]  # pyrefly: ignore[bad-argument-count]
    client.account.futures_account_balance(recv_window="3000")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.account.futures_account_balance(recv_window=3000.5)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.account.futures_account_balance(recv_window=None)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.account.futures_account_balance(asset="BTC")  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    client.account.check_server_time()  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    client.futures_account_balance()  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    client.account = client.aio.account  # type: ignore[assignment]  # pyrefly: ignore[bad-assignment]
    plain.account.futures_account_balance()  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    client.timeout = "1"  # type: ignore[assignment]  # pyrefly: ignore[bad-argument-type]
    client.with_options(timeout="1")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.with_options(retries=3)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    client.credentials = ("key", "secret")  # type: ignore[assignment]  # pyrefly: ignore[bad-argument-type]
    client.with_credentials("key")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.used_weight = 0  # type: ignore[misc]  # pyrefly: ignore[read-only]


async def misuse_client_async(client: Client) -> None:
    """Misuse methods in async code."""
    await client.account.futures_account_balance()  # type: ignore[misc]  # pyrefly: ignore[not-async]
    client.aio.account.futures_account_balance()  # type: ignore[unused-coroutine]  # pyrefly: ignore[unused-coroutine]
    list(client.aio.account.futures_account_balance())  # type: ignore[call-overload]  # pyrefly: ignore[bad-argument-type]
    str((await client.aio.account.futures_account_balance()).asset)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    await client.aio.account.futures_account_balance(asset="BTC")  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]


def misuse_functions(client: Client, plain: BaseClient) -> None:
    """Misuse the sync functions."""
    futures_account_balance.sync(client=plain)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=BaseClient(Server.DEMO))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-positional-argument]
    futures_account_balance.sync()  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    futures_account_balance.sync(client=client, recv_window="3000")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=client, recv_window=3000.5)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=client, asset="BTC")  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    str(futures_account_balance.sync(client=client).asset)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]


async def misuse_functions_async(client: Client, plain: BaseClient) -> None:
    """Misuse the async functions."""
    await futures_account_balance.sync(client=client)  # type: ignore[misc]  # pyrefly: ignore[not-async]
    await futures_account_balance.asyncio(client=plain)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.asyncio(client=client)  # type: ignore[unused-coroutine]  # pyrefly: ignore[unused-coroutine]
    list(futures_account_balance.asyncio(client=client))  # type: ignore[call-overload]  # pyrefly: ignore[bad-argument-type]
    str((await futures_account_balance.asyncio(client=client)).asset)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]


def misuse_rows(row: FuturesAccountBalance) -> None:
    """Misuse a row."""
    str(row["asset"])  # type: ignore[index]  # pyrefly: ignore[bad-index]
    row["asset"] = "BTC"  # type: ignore[index]  # pyrefly: ignore[unsupported-operation]
    del row["asset"]  # type: ignore[attr-defined]  # pyrefly: ignore[unsupported-operation]
    str("asset" in row)  # type: ignore[operator]  # pyrefly: ignore[not-iterable]
    list(row)  # type: ignore[call-overload]  # pyrefly: ignore[bad-argument-type]
    row.available = Decimal(1)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    row.balance = 0.5  # type: ignore[assignment]  # pyrefly: ignore[bad-assignment]
    abs(row.balance + 0.5)  # type: ignore[operator]  # pyrefly: ignore[unsupported-operation]
    str(row.balance < "1")  # type: ignore[operator]  # pyrefly: ignore[unsupported-operation]
    FuturesAccountBalance(account_alias="SgsR", asset="BTC")  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]


def misuse_connect(hmac: Credentials, pem: str) -> None:
    """Misuse keys, credentials and `connect`."""
    Credentials("key", "secret")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    Credentials("key")  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    Credentials(b"key", HmacKey("secret"))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    HmacKey(b"secret")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    Ed25519Key(pem)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    RsaKey.from_pem(pem, "password")  # type: ignore[call-arg]  # pyrefly: ignore[bad-argument-count]
    connect("key", "secret")  # type: ignore[arg-type, call-arg]  # pyrefly: ignore[bad-argument-count, bad-argument-type]
    connect("key")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, Server.DEMO)  # type: ignore[call-arg]  # pyrefly: ignore[bad-argument-count]
    connect(hmac, server=Server.STAGING)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    connect(hmac, server=443)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, engine="aiohttp")  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    connect(hmac, package=binance_coinm)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    connect(hmac, timeout=Decimal(5))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, timeout=None)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, recv_window=3000.5)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, retry=3)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, retry=RetryPolicy(attempts=3))  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    connect(hmac, retry=RetryPolicy(max_attempts=1.5))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, on_retry=lambda: None)  # type: ignore[arg-type, misc]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, clock=0)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, max_weight_per_minute="2000")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, keepalive_expiry=None)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, write_keepalive_expiry="5")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, retries=3)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    RetryPolicy().max_attempts = 5  # type: ignore[misc]  # pyrefly: ignore[read-only]
    Signer("key", Server.DEMO)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    str(Signer(hmac, Server.DEMO).hook)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    Signer(hmac)  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]


def misuse_errors(error: errors.ApiError, broken: errors.ResponseError) -> None:
    """Misuse errors."""
    str(error.banned_until)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    str(error.execution)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    abs(error.code + 1)  # type: ignore[operator]  # pyrefly: ignore[unsupported-operation]
    errors.ClientClosedError("message")  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    errors.ClientClosedError("message", "perhaps")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    str(broken.code)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    errors.ApiError("message")  # type: ignore[arg-type, call-arg]  # pyrefly: ignore[missing-argument, unexpected-positional-argument]


def misuse_sandbox(sandbox: Sandbox) -> None:
    """Misuse the sandbox."""
    sandbox.respond_next("429")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.respond_next(429, times="2")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.respond_next(429, header={})  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    sandbox.inject_fault("disconnect")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.inject_fault(Fault.disconnect)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.balances = {"asset": "BTC"}  # type: ignore[assignment]  # pyrefly: ignore[bad-argument-type]
    sandbox.received_requests = []  # type: ignore[misc]  # pyrefly: ignore[read-only]
    Sandbox(8080)  # type: ignore[arg-type, call-arg]  # pyrefly: ignore[bad-argument-count]
    Fault.delay("1")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
