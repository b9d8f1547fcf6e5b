"""Sign requests to the exchange: `Signer` is a request hook for any client of httpx, sync or async."""

from .credentials import Credentials
from .errors import BinanceError, ConfigurationError
from .keys import HmacKey, SigningKey
from .private_keys import Ed25519Key, RsaKey
from .signer import Security, Signer

__all__ = [
    "BinanceError", "ConfigurationError", "Credentials", "Ed25519Key", "HmacKey", "RsaKey", "Security", "Signer",
    "SigningKey",
]  # fmt: skip


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__]
