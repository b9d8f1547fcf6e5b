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
# # It requires a version of certifi that not every index has; its other dependencies are listed above.
# without-dependencies = ["binance-common==4.7.0", "binance-sdk-derivatives-trading-coin-futures==14.1.0"]
# ///
"""The exchange's own SDK for this product; sync only."""

import json
from typing import Any

from account import WRITE, Account, Client


def connect(account: Account) -> Client:
    """Return a client; data() returns the models. Its connections cannot be closed."""
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_derivatives_trading_coin_futures.derivatives_trading_coin_futures import (
        DerivativesTradingCoinFutures,
    )

    configuration = ConfigurationRestAPI(api_key=account.api_key, api_secret=account.secret, base_path=account.url)
    api = DerivativesTradingCoinFutures(config_rest_api=configuration).rest_api
    return Client(
        lambda: api.futures_account_balance().data(),
        lambda: api.change_initial_leverage(**WRITE).data(),
        lambda: None,
    )


def balances(response: Any) -> list[Any]:
    """Return the rows' balances."""
    return [row.balance for row in response]


def parse_long(kind: str, body: bytes) -> object:
    """Parse another long response as its `data()` does; there are no models of candles."""
    from binance_sdk_derivatives_trading_coin_futures.rest_api import models

    parsed = json.loads(body)
    if kind == "candles":
        return parsed
    model = {"orders": models.AllOrdersResponse, "contracts": models.ExchangeInformationResponse}[kind]
    return model.from_dict(parsed)
