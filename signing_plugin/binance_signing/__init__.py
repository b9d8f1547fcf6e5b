"""Sign requests to Binance's COIN-M futures exchange: `connect` gives a client that does."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from binance_coinm.servers import Server

from ._connect import connect
from ._credentials import Credentials
from ._keys import HmacKey
from ._recovery import Recovery

if TYPE_CHECKING:
    from ._client import SigningClient
    from ._private_keys import Ed25519Key, RsaKey
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
# Not every program needs them, so that they are imported when they are asked for.
_MODULES = {
    "Ed25519Key": "._private_keys",
    "RsaKey": "._private_keys",
    "Signer": "._signer",
    "SigningClient": "._client",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
