"""What type checkers are to infer of the SDK's use, and to refuse of its misuse. Nobody runs this file.

`make check` has three of them read it. Each line of misuse carries the comment that silences its error, and a comment
that silences nothing is an error too: a checker that let the misuse pass would find one.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

import asyncio
from decimal import Decimal
from typing import Any, assert_type

import binance_coinm
import httpx
from binance_coinm import AuthenticatedClient, Client, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import server_time
from binance_coinm.models import FuturesAccountBalance, ServerTime
from binance_coinm.types import Response
from binance_sandbox import Account, Fault, ReceivedRequest, Sandbox, gzip_bomb
from binance_signing import (
    Credentials,
    Ed25519Key,
    HmacKey,
    Recovery,
    RsaKey,
    Server,
    Signer,
    SigningClient,
    connect,
)


def use_client(client: SigningClient) -> None:
    """Call sync functions."""
    rows = futures_account_balance.sync(client=client)
    assert_type(rows, list[FuturesAccountBalance])
    assert_type(rows[0].asset, str)
    assert_type(rows[0].available_balance, Decimal)
    assert_type(rows[0].available_balance + Decimal(1), Decimal)
    assert_type(sum((row.balance for row in rows), Decimal()), Decimal)
    assert_type(rows[0].update_time, int)
    assert_type(rows[0].to_dict(), dict[str, Any])
    assert_type(FuturesAccountBalance.from_dict({}), FuturesAccountBalance)
    answer = futures_account_balance.sync_detailed(client=client, recv_window=3000)
    assert_type(answer, Response[list[FuturesAccountBalance]])
    assert_type(answer.parsed, list[FuturesAccountBalance])
    assert_type(answer.status_code, int)
    assert_type(answer.headers["Date"], str)
    assert_type(server_time.sync(client=client), ServerTime)
    assert_type(server_time.sync(client=Client("https://localhost")).server_time, int)
    assert_type(client.with_options(timeout=1, recovery=None), SigningClient)
    assert_type(client.with_credentials(client.credentials), SigningClient)
    assert_type(client.credentials, Credentials)
    assert_type(client.credentials.api_key, str)
    assert_type(client.clock.offset_ms, int | None)
    assert_type(client.used_weight, int | None)
    assert_type(client.timeout, float)
    client.timeout = 5
    assert_type(client.get_httpx_client(), httpx.Client)
    assert_type(client.get_async_httpx_client(), httpx.AsyncClient)


async def use_client_async(client: SigningClient) -> None:
    """Call async functions."""
    assert_type(await futures_account_balance.asyncio(client=client), list[FuturesAccountBalance])
    assert_type(
        await futures_account_balance.asyncio_detailed(client=client, recv_window=3000),
        Response[list[FuturesAccountBalance]],
    )
    assert_type((await server_time.asyncio(client=client)).server_time, int)
    async with connect() as another:
        assert_type(another, SigningClient)
        both = await asyncio.gather(
            futures_account_balance.asyncio(client=client), futures_account_balance.asyncio(client=another)
        )
        assert_type(both[1], list[FuturesAccountBalance])


def make_client(pem: bytes) -> None:
    """Make clients in each way that there is."""
    with connect() as client:
        assert_type(client, SigningClient)
    hmac = Credentials("key", HmacKey("secret"))
    assert_type(connect(hmac, server=Server.DEMO, package=binance_coinm), SigningClient)
    connect(Credentials("key", Ed25519Key.from_pem(pem)), server="https://localhost", timeout=0.5, recovery=None)
    connect(Credentials("key", RsaKey.from_pem(pem, password="password")), recovery=Recovery(tries=2, backoff=0.1))
    connect(max_connections=5, keepalive_expiry=30, write_keepalive_expiry=0.5)
    connect(pacing=2000, recv_window=3000, sync_clock=True, clock=lambda: 0)
    assert_type(Ed25519Key.from_pem(pem), Ed25519Key)
    assert_type(RsaKey.from_pem(pem), RsaKey)
    hooks = {"event_hooks": {"request": [Signer(hmac, Server.DEMO)]}}
    futures_account_balance.sync(client=AuthenticatedClient(Server.DEMO, httpx_args=hooks))


def handle_errors(client: SigningClient) -> None:
    """Look at what errors tell."""
    try:
        futures_account_balance.sync(client=client)
    except errors.TimestampError as error:
        assert_type(error.clock_offset_ms, int | None)
    except (errors.RateLimitError, errors.IpBannedError) as error:
        assert_type(error.banned_until, int | None)
        assert_type(error.retry_after, int | None)
    except errors.ApiError as error:
        assert_type(error.status_code, int)
        assert_type(error.code, int | None)
        assert_type(error.msg, str | None)
    except errors.ResponseError as error:
        assert_type(error.path, tuple[str | int, ...])
    except errors.ClientClosedError as error:
        assert_type(error.outcome, errors.Outcome)
        assert_type(errors.from_failure(error), errors.NetworkError | errors.ResponseError)
    except errors.NetworkError as error:
        assert_type(error.outcome, errors.Outcome)


def use_sandbox(sandbox: Sandbox) -> None:
    """Tell the sandbox things, and look at what arrived."""
    assert_type(sandbox.rows, list[dict[str, Any]])
    sandbox.rows = [{"asset": "BTC"}]
    sandbox.answer_next(429, headers={"Retry-After": "1"}, times=2, path="/dapi/v1/balance")
    sandbox.answer_next(200, body=gzip_bomb(1 << 20), fault=Fault.cut_body())
    sandbox.fail_next(Fault.delay(0.5), times=2)
    assert_type(sandbox.requests, list[ReceivedRequest])
    assert_type(sandbox.take_requests()[0].query, bytes)
    assert_type(sandbox.requests[0].status, int | None)
    assert_type(sandbox.account, Account)
    assert_type(sandbox.add_account(answers={"futuresAccountBalance": []}), Account)
    assert_type(sandbox.credentials, Credentials)
    with Sandbox(weight_limit=10, clock_offset_ms=-1000.5) as another:
        assert_type(another.url, str)


def misuse_client(client: SigningClient, plain: Client, row: FuturesAccountBalance) -> None:
    """Call as one cannot."""
    futures_account_balance.sync(client=plain)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=Client(Server.DEMO))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-positional-argument]
    futures_account_balance.sync()  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    futures_account_balance.sync(client=client, recv_window="3000")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=client, recv_window=3000.5)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.sync(client=client, asset="BTC")  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    str(futures_account_balance.sync(client=client).asset)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    row.available = Decimal(1)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    row.balance = 0.5  # type: ignore[assignment]  # pyrefly: ignore[bad-assignment]
    abs(row.balance + 0.5)  # type: ignore[operator]  # pyrefly: ignore[unsupported-operation]
    str(row.balance < "1")  # type: ignore[operator]  # pyrefly: ignore[unsupported-operation]
    FuturesAccountBalance(account_alias="SgsR", asset="BTC")  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    client.timeout = "1"  # type: ignore[assignment]  # pyrefly: ignore[bad-argument-type]
    client.with_options(timeout="1")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.with_options(retries=3)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    client.credentials = ("key", "secret")  # type: ignore[assignment]  # pyrefly: ignore[bad-argument-type]
    client.with_credentials("key")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    client.used_weight = 0  # type: ignore[misc]  # pyrefly: ignore[read-only]


async def misuse_client_async(client: SigningClient, plain: Client) -> None:
    """Call as one cannot in async code."""
    await futures_account_balance.sync(client=client)  # type: ignore[misc]  # pyrefly: ignore[not-async]
    await futures_account_balance.asyncio(client=plain)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    futures_account_balance.asyncio(client=client)  # type: ignore[unused-coroutine]  # pyrefly: ignore[unused-coroutine]
    list(futures_account_balance.asyncio(client=client))  # type: ignore[call-overload]  # pyrefly: ignore[bad-argument-type]
    str((await futures_account_balance.asyncio(client=client)).asset)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]


def misuse_connect(hmac: Credentials, pem: str) -> None:
    """Make clients as one cannot."""
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
    connect(hmac, package="binance_coinm")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, timeout=Decimal(5))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, timeout=None)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, recv_window=3000.5)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, recovery=3)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, recovery=Recovery(attempts=3))  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    connect(hmac, recovery=Recovery(tries=1.5))  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, clock=0)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, pacing="2000")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, keepalive_expiry=None)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, write_keepalive_expiry="5")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    connect(hmac, retries=3)  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    Recovery().tries = 5  # type: ignore[misc]  # pyrefly: ignore[read-only]
    Signer("key", Server.DEMO)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    str(Signer(hmac, Server.DEMO).hook)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    Signer(hmac)  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]


def misuse_errors(error: errors.ApiError, broken: errors.ResponseError) -> None:
    """Ask errors for what they do not tell."""
    str(error.banned_until)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    abs(error.code + 1)  # type: ignore[operator]  # pyrefly: ignore[unsupported-operation]
    errors.ClientClosedError("message")  # type: ignore[call-arg]  # pyrefly: ignore[missing-argument]
    errors.ClientClosedError("message", "perhaps")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    str(broken.code)  # type: ignore[attr-defined]  # pyrefly: ignore[missing-attribute]
    errors.ApiError("message")  # type: ignore[arg-type, call-arg]  # pyrefly: ignore[missing-argument, unexpected-positional-argument]


def misuse_sandbox(sandbox: Sandbox) -> None:
    """Tell the sandbox what it does not take."""
    sandbox.answer_next("429")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.answer_next(429, times="2")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.answer_next(429, header={})  # type: ignore[call-arg]  # pyrefly: ignore[unexpected-keyword]
    sandbox.fail_next("disconnect")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.fail_next(Fault.disconnect)  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
    sandbox.rows = {"asset": "BTC"}  # type: ignore[assignment]  # pyrefly: ignore[bad-argument-type]
    sandbox.requests = []  # type: ignore[misc]  # pyrefly: ignore[read-only]
    Sandbox(8080)  # type: ignore[arg-type, call-arg]  # pyrefly: ignore[bad-argument-count]
    Fault.delay("1")  # type: ignore[arg-type]  # pyrefly: ignore[bad-argument-type]
