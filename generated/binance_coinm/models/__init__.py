"""Contains all the data models used in inputs/outputs"""

from .error import Error
from .futures_account_balance import FuturesAccountBalance
from .server_time import ServerTime

__all__ = (
    "Error",
    "FuturesAccountBalance",
    "ServerTime",
)
