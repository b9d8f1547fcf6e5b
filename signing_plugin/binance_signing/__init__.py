"""Sign requests to Binance's COIN-M futures exchange: `connect` gives a client that does."""

from binance_coinm.servers import Server

from ._client import SigningClient
from ._connect import connect
from ._credentials import Credentials
from ._keys import HmacKey
from ._private_keys import Ed25519Key, RsaKey
from ._recovery import Recovery
from ._signer import Signer

__all__ = [
    "Credentials",
    "Ed25519Key",
    "HmacKey",
    "Recovery",
    "RsaKey",
    "Server",
    "Signer",
    "SigningClient",
    "connect",
]
