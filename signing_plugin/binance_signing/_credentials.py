"""Credentials: who calls, and the key by which the exchange believes it."""

from typing import Any

from attrs import field, frozen
from binance_coinm.errors import ConfigurationError

from ._keys import Key, Secret, require_visible


def _require_api_key(_: object, __: object, value: Any) -> None:
    require_visible(value, "api_key", variable="BINANCE_API_KEY")


def _require_key(_: object, __: object, value: Any) -> None:
    if not callable(getattr(value, "sign", None)):
        raise ConfigurationError(
            f"key is {type(value).__name__}; expected HmacKey(secret), Ed25519Key.from_pem(pem) or RsaKey.from_pem(pem)"
        )


@frozen(repr=False, eq=False)
class Credentials(Secret):
    """An API key, and the key that signs for it.

    Both are of one server: the exchange's servers do not know each other's. Raises `ConfigurationError` if either is
    malformed. Their text shows neither, and they cannot be pickled.
    """

    api_key: str = field(validator=_require_api_key)
    key: Key = field(validator=_require_key)
