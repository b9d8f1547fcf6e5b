"""The order counts of a client: what the exchange has reported of how many orders its account has placed."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from binance_coinm import Client, connect, errors, models
from binance_coinm.api.trade import new_order, place_multiple_orders, query_order
from binance_coinm.error_map import ERROR_MAP
from binance_sandbox import Sandbox
from support.call_helpers import Call

MINUTE = 1_700_000_040_000
ORDER: dict[str, Any] = {
    "symbol": "BTCUSD_PERP",
    "side": models.OrderSide.BUY,
    "type_": models.OrderType.LIMIT,
    "time_in_force": models.TimeInForce.GTC,
    "quantity": Decimal(1),
    "price": Decimal(30_000),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return an exchange whose clock stands at the beginning of a minute."""
    with Sandbox(clock=lambda: MINUTE) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Return a client of the sandbox."""
    settings: dict[str, Any] = {"server": sandbox.url, "clock": lambda: sandbox.now_ms, "retry": None}
    with connect(sandbox.credentials, **settings) as client:
        yield client


def test_order_counts(sandbox: Sandbox, client: Client, call: Call) -> None:
    """The order counts are those of the last response that reported any, and none before the first one."""
    batch = [models.BatchOrder(**ORDER) for _ in range(5)]
    counts = [client.order_counts]
    for operation, arguments, now_ms in (
        (new_order, ORDER, MINUTE),
        (new_order, ORDER, MINUTE + 9_999),
        (query_order, {"symbol": "BTCUSD_PERP", "order_id": 1}, MINUTE + 10_000),
        (place_multiple_orders, {"batch_orders": batch}, MINUTE + 10_000),
        (new_order, ORDER, MINUTE + 60_000),
    ):
        sandbox.clock_offset_ms = now_ms - MINUTE
        call(operation, client, **arguments)
        counts.append(client.order_counts)

    assert [
        {},
        {"10S": 1, "1M": 1},
        {"10S": 2, "1M": 2},
        {"10S": 2, "1M": 2},
        {"10S": 5, "1M": 7},
        {"10S": 1, "1M": 1},
    ] == counts


def test_order_counts_are_of_an_account(sandbox: Sandbox, client: Client, call: Call) -> None:
    """Clients with other options have the same order counts, and clients of other accounts their own."""
    other = client.with_credentials(sandbox.add_account().credentials)
    derived = client.with_options(timeout=3)

    call(new_order, client, **ORDER)
    call(new_order, derived, **ORDER)
    assert 2 == client.order_counts["1M"] == derived.order_counts["1M"]
    assert {} == other.order_counts
    call(new_order, other.with_options(timeout=3), **ORDER)

    assert (2, 1) == (client.order_counts["1M"], other.order_counts["1M"])


def test_order_counts_of_replaced_credentials(sandbox: Sandbox, client: Client, call: Call) -> None:
    """With other credentials, which may be another account's, nothing is known of its orders."""
    call(new_order, client, **ORDER)

    client.credentials = sandbox.add_account().credentials
    assert {} == client.order_counts
    call(new_order, client, **ORDER)

    assert 1 == client.order_counts["1M"]


def test_order_counts_of_sync_and_async_calls(client: Client) -> None:
    """Sync and async calls of an account have the same order counts."""
    client.trade.new_order(**ORDER)
    asyncio.run(client.aio.trade.new_order(**ORDER))

    assert 2 == client.order_counts["1M"]


def test_order_counts_are_read_only(client: Client) -> None:
    """What the exchange has reported cannot be changed, and does not change with the next response."""
    client.trade.new_order(**ORDER)
    counts: Any = client.order_counts

    with pytest.raises(TypeError):
        counts["1M"] = 0
    with pytest.raises(AttributeError):
        client.order_counts = {}  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # the mistake
    client.trade.new_order(**ORDER)

    assert (1, 2) == (counts["1M"], client.order_counts["1M"])


def test_order_counts_of_a_rejection(sandbox: Sandbox, client: Client, call: Call) -> None:
    """A rejected order may report the counts too; its error says what to do, and has the headers."""
    headers = {"X-MBX-ORDER-COUNT-10S": "301", "X-MBX-ORDER-COUNT-1M": "310", "Retry-After": "7"}
    sandbox.respond_next(429, body={"code": -1015, "msg": "Too many new orders."}, headers=headers)

    with pytest.raises(errors.OrderRateLimitError) as caught:
        call(new_order, client, **ORDER)

    error = caught.value
    assert {"10S": 301, "1M": 310} == client.order_counts == ERROR_MAP.order_counts(error.headers)
    assert (7, None) == (error.retry_after, error.banned_until)
    assert str(error).startswith("HTTP 429, code -1015: Too many new orders. (place no orders until the interval is ")


def test_order_rate_limit_leaves_the_weight(sandbox: Sandbox, call: Call) -> None:
    """A client with a limit of its own goes on with other requests after an error about its account's orders."""
    settings: dict[str, Any] = {"server": sandbox.url, "clock": lambda: MINUTE, "retry": None}
    with connect(sandbox.credentials, **settings, max_weight_per_minute=1) as client:
        sandbox.respond_next(429, body={"code": -1015, "msg": "Too many new orders."})
        with pytest.raises(errors.OrderRateLimitError):
            call(new_order, client, **ORDER)

        assert call(query_order, client, symbol="BTCUSD_PERP", order_id=1)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([], None),
        (["0"], 0),
        ([" 7 "], 7),
        (["7, 12", "9"], 12),
        (["x, 5"], 5),
        (["-1"], None),
        (["1.5"], None),
        (["999999999"], 999_999_999),
        (["1000000000"], None),
        (["9" * 5000], None),
    ],
)
def test_order_counts_in_headers(values: list[str], count: int | None) -> None:
    """An order count is the largest that a header reports, with at most nine digits; others are left out."""
    headers = httpx.Headers([("x-mbx-order-count-1m", value) for value in values])

    assert ({} if count is None else {"1M": count}) == ERROR_MAP.order_counts(headers)


@pytest.mark.parametrize("value", ["much", "9" * 5000, ""])
def test_invalid_order_counts(sandbox: Sandbox, client: Client, call: Call, value: str) -> None:
    """An invalid header changes nothing, and fails no call."""
    call(new_order, client, **ORDER)
    sandbox.respond_next(200, headers={"X-MBX-ORDER-COUNT-1M": value, "X-MBX-ORDER-COUNT-10S": value})

    call(new_order, client, **ORDER)

    assert {"10S": 1, "1M": 1} == client.order_counts


def test_document_without_order_counts(kinds: Any) -> None:
    """A document whose responses have no such headers has a client without order counts."""
    assert {} == kinds.package.error_map.ERROR_MAP.order_counts({"X-MBX-ORDER-COUNT-1M": "1"})
    with Sandbox(document=kinds.document) as sandbox:
        assert {} == kinds.package.connect(sandbox.credentials, server=sandbox.url).order_counts
