"""Credentials: who calls, and the key by which the exchange believes it."""

from binance_coinm.errors import ConfigurationError

from ._keys import Key, Secret, what_is_wrong_with


class Credentials(Secret):
    """An API key, and the key that signs for it.

    Both are of one server: the exchange's servers do not know each other's. The key is an `HmacKey`, `Ed25519Key`,
    `RsaKey`, or whatever has their `sign`. Raises `ConfigurationError` if either is malformed. Their text shows
    neither, and they cannot be pickled. Source: General Info, "Endpoint Security Type".
    """

    __slots__ = ("_api_key", "_key")

    def __init__(self, api_key: str, key: Key) -> None:
        wrong = what_is_wrong_with(api_key)
        wrong = f"api_key {wrong}; give it as argument or in BINANCE_API_KEY" if wrong else _what_is_no_key(key)
        if wrong:
            # The frame goes along with the exception, and its variables must not.
            del api_key, key
            raise ConfigurationError(wrong)
        self._api_key = api_key
        self._key = key

    @property
    def api_key(self) -> str:
        """The API key, as the exchange gave it."""
        return self._api_key

    @property
    def key(self) -> Key:
        """The key that signs."""
        return self._key


def what_is_no_credentials(value: object) -> str | None:
    """Say why a value is no credentials, without showing it; None if it is."""
    if isinstance(value, Credentials):
        return None
    return f"credentials: expected Credentials(api_key, key), got {type(value).__name__}"


def _what_is_no_key(key: object) -> str | None:
    if callable(getattr(key, "sign", None)) and not isinstance(key, type):
        return None
    expected = "HmacKey(secret), Ed25519Key.from_pem(pem) or RsaKey.from_pem(pem)"
    return f"key is {type(key).__name__}; expected {expected}"
