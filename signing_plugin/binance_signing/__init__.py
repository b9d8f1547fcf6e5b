"""Sign requests to Binance's COIN-M futures exchange: `connect` gives a client that does."""

from binance_coinm.servers import Server

from ._connect import connect
from ._credentials import Credentials
from ._keys import HmacKey
from ._signer import Signer

__all__ = [
    "Credentials",
    "HmacKey",
    "Server",
    "Signer",
    "connect",
]
