# /// script
# requires-python = ">=3.11"
# dependencies = ["binance-coinm[curl]"]
# [tool.bench]
# title = "this SDK, engine curl"
# import = """
# from binance_signing import connect, Credentials, HmacKey
# from binance_coinm.api.account import futures_account_balance
# """
# ///
"""This SDK with its fast engine: all but the engine's name is as with the default one."""

from typing import TYPE_CHECKING

from account import Account

from contenders import sdk
from contenders.sdk import balances, call, call_async, close, close_async

if TYPE_CHECKING:
    from contenders.sdk import Client

__all__ = ["balances", "call", "call_async", "close", "close_async", "connect", "connect_async"]


def connect(account: Account) -> "Client":
    """Make a client."""
    return sdk.connect(account, engine="curl")


async def connect_async(account: Account) -> "Client":
    """Make a client: the same as for sync code."""
    return connect(account)
