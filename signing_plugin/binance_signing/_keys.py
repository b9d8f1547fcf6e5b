"""Keys: what a payload is signed with."""

import hmac
import re
from typing import NoReturn, Protocol

from binance_coinm.errors import ConfigurationError


class Key(Protocol):
    """Whatever signs: `HmacKey`, `Ed25519Key`, `RsaKey`, or a key of one's own, such as one in a vault.

    Source: General Info, "SIGNED Endpoint security".
    """

    def sign(self, payload: bytes) -> bytes:
        """Give the signature of query and body as they are on the wire, as it stands in a query, percent-encoded."""
        ...


class Secret:
    """A value whose text shows nothing, and which does not leave the process by pickling."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the kind alone."""
        return f"{type(self).__name__}(hidden)"

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle is a file or a message, and neither is a place for a secret."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled: make it anew where it is needed")


class HmacKey(Secret):
    """A secret for HMAC-SHA256, the exchange's "system generated" kind of key.

    Raises `ConfigurationError` if the secret is no line of visible ASCII characters. Source: General Info, "SIGNED
    Endpoint security".
    """

    __slots__ = ("_hmac",)

    def __init__(self, secret: str) -> None:
        wrong = what_is_wrong_with(secret)
        if wrong:
            # The frame goes along with the exception, and its variables must not.
            del secret
            raise ConfigurationError(f"secret {wrong}; give it as argument or in BINANCE_API_SECRET")
        # Made once: for each signature OpenSSL would look up the hash and take in the secret, the most of its work.
        self._hmac = hmac.new(secret.encode(), digestmod="sha256")

    def sign(self, payload: bytes) -> bytes:
        """Give the signature of a payload, HMAC-SHA256 in 64 hexadecimal digits."""
        signature = self._hmac.copy()
        signature.update(payload)
        return signature.hexdigest().encode()


def what_is_wrong_with(value: object) -> str | None:
    """Say why a value cannot be a secret or an API key, which are one line of visible ASCII characters."""
    if not isinstance(value, str):
        return f"is {type(value).__name__}, not str"
    if not value:
        return "is empty"
    if "-----BEGIN" in value:
        return "is a PEM, which is loaded with Ed25519Key.from_pem or RsaKey.from_pem"
    if not re.fullmatch("[!-~]+", value):
        return "has white space or other characters in it that no key has; was it copied with something around it?"
    return None
