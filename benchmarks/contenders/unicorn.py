# /// script
# requires-python = ">=3.11"
# dependencies = ["unicorn-binance-rest-api==2.12.0"]
# [tool.bench]
# title = "unicorn-binance-rest-api"
# import = "from unicorn_binance_rest_api import BinanceRestApiManager"
# ///
"""unicorn-binance-rest-api; sync only. A new client requests the time of the spot server."""

from account import WRITE, Account, Client


def connect(account: Account) -> Client:
    """Return a client; its URLs are class attributes, and are kept only if `tld` is given."""
    from unicorn_binance_rest_api import BinanceRestApiManager

    BinanceRestApiManager.API_URL = f"{account.url}/api"
    BinanceRestApiManager.FUTURES_COIN_URL = f"{account.url}/dapi"
    client = BinanceRestApiManager(account.api_key, account.secret, tld="com", warn_on_update=False)
    return Client(
        client.futures_coin_account_balance, lambda: client.futures_coin_change_leverage(**WRITE), client.stop_manager
    )
