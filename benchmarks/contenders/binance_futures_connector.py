# /// script
# requires-python = ">=3.11"
# dependencies = ["binance-futures-connector==4.2.0"]
# [tool.bench]
# title = "binance-futures-connector (deprecated)"
# import = "from binance.cm_futures import CMFutures"
# ///
"""The exchange's former library for its futures, deprecated; sync only."""

from account import WRITE, Account, Client


def connect(account: Account) -> Client:
    """Return a client."""
    from binance.cm_futures import CMFutures

    client = CMFutures(key=account.api_key, secret=account.secret, base_url=account.url)
    return Client(client.balance, lambda: client.change_leverage(**WRITE), client.session.close)
