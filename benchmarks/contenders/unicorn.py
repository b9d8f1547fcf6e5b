# /// script
# requires-python = ">=3.11"
# dependencies = ["unicorn-binance-rest-api==2.12.0"]
# [tool.bench]
# title = "unicorn-binance-rest-api"
# import = "from unicorn_binance_rest_api import BinanceRestApiManager"
# ///
"""unicorn-binance-rest-api; it has no async half, and asks for the spot server's time when it is made."""

from typing import TYPE_CHECKING, Any

from account import WRITE, Account

if TYPE_CHECKING:
    from unicorn_binance_rest_api import BinanceRestApiManager


def connect(account: Account) -> "BinanceRestApiManager":
    """Make a client; its URLs are attributes of the class, which it keeps only when it is told a top level domain."""
    from unicorn_binance_rest_api import BinanceRestApiManager

    BinanceRestApiManager.API_URL = f"{account.url}/api"
    BinanceRestApiManager.FUTURES_COIN_URL = f"{account.url}/dapi"
    return BinanceRestApiManager(account.api_key, account.secret, tld="com", warn_on_update=False)


def call(client: "BinanceRestApiManager") -> Any:
    """Call."""
    return client.futures_coin_account_balance()


def write(client: "BinanceRestApiManager") -> Any:
    """Send a write."""
    return client.futures_coin_change_leverage(**WRITE)


def close(client: "BinanceRestApiManager") -> None:
    """Close the connections."""
    client.stop_manager()
