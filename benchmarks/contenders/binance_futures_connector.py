# /// script
# requires-python = ">=3.11"
# dependencies = ["binance-futures-connector==4.2.0"]
# [tool.bench]
# title = "binance-futures-connector (deprecated)"
# import = "from binance.cm_futures import CMFutures"
# ///
"""The exchange's former library for its futures, deprecated; it has no async half."""

from typing import TYPE_CHECKING, Any

from account import WRITE, Account

if TYPE_CHECKING:
    from binance.cm_futures import CMFutures


def connect(account: Account) -> "CMFutures":
    """Make a client for the server that `base_url` names."""
    from binance.cm_futures import CMFutures

    return CMFutures(key=account.api_key, secret=account.secret, base_url=account.url)


def call(client: "CMFutures") -> Any:
    """Call."""
    return client.balance()


def write(client: "CMFutures") -> Any:
    """Send a write."""
    return client.change_leverage(**WRITE)


def close(client: "CMFutures") -> None:
    """Close the connections."""
    client.session.close()
