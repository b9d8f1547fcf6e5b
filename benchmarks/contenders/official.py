# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "aiohttp==3.14.5",
#     "certifi",
#     "pycryptodome==4.4.0",
#     "pydantic==2.14.3",
#     "requests==2.34.2",
#     "urllib3==2.8.0",
# ]
# [tool.bench]
# title = "official"
# import = """
# from binance_common.configuration import ConfigurationRestAPI
# from binance_sdk_derivatives_trading_coin_futures.derivatives_trading_coin_futures import (
#     DerivativesTradingCoinFutures,
# )
# """
# # It asks for a certifi that cannot be had everywhere, so that what it depends on is listed above.
# without-dependencies = ["binance-common==4.7.0", "binance-sdk-derivatives-trading-coin-futures==14.1.0"]
# ///
"""The exchange's own SDK for this product; it has no async half."""

from typing import TYPE_CHECKING, Any

from account import WRITE, Account

if TYPE_CHECKING:
    from binance_sdk_derivatives_trading_coin_futures.rest_api import DerivativesTradingCoinFuturesRestAPI


def connect(account: Account) -> "DerivativesTradingCoinFuturesRestAPI":
    """Make a client for the server that `base_path` names."""
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_derivatives_trading_coin_futures.derivatives_trading_coin_futures import (
        DerivativesTradingCoinFutures,
    )

    configuration = ConfigurationRestAPI(api_key=account.api_key, api_secret=account.secret, base_path=account.url)
    return DerivativesTradingCoinFutures(config_rest_api=configuration).rest_api


def call(client: "DerivativesTradingCoinFuturesRestAPI") -> Any:
    """Call; the models are made when the data is asked for."""
    return client.futures_account_balance().data()


def write(client: "DerivativesTradingCoinFuturesRestAPI") -> Any:
    """Send a write."""
    return client.change_initial_leverage(**WRITE).data()


def close(_client: "DerivativesTradingCoinFuturesRestAPI") -> None:
    """Do nothing: it offers no way to close its connections."""


def balances(answer: Any) -> list[Any]:
    """Give the rows' balances."""
    return [row.balance for row in answer]
