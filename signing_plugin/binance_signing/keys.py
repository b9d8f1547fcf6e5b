"""Keys: what a payload is signed with."""

import hmac
import re
from typing import NoReturn, Protocol

from .errors import ConfigurationError


class SigningKey(Protocol):
    """Anything that signs: `HmacKey`, `Ed25519Key`, `RsaKey`, or a custom key, such as one in a vault.

    Source: General Info, "SIGNED Endpoint security".
    """

    def sign(self, payload: bytes) -> bytes:
        """Return the signature of query and body as they are on the wire, percent-encoded for a query."""
        ...


class Secret:
    """A value whose `repr` hides it, and which cannot be pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the name of the class alone."""
        return f"{type(self).__name__}(hidden)"

    def __reduce__(self) -> NoReturn:
        """Raise TypeError: a pickle is stored or sent, and a secret must not be."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled: create it where it is needed")


class HmacKey(Secret):
    """A secret for HMAC-SHA256, the exchange's "system generated" kind of key.

    Raises `ConfigurationError` if the secret is not one line of visible ASCII characters. Source: General Info, "SIGNED
    Endpoint security".
    """

    __slots__ = ("_hmac",)

    def __init__(self, secret: str) -> None:
        problem = secret_problem(secret)
        if problem:
            del secret  # an exception's traceback keeps this frame
            raise ConfigurationError(f"secret {problem}; pass it as an argument or set BINANCE_API_SECRET")
        # Built once, because looking up the hash and preparing the secret is most of the work of signing.
        self._hmac = hmac.new(secret.encode(), digestmod="sha256")

    def sign(self, payload: bytes) -> bytes:
        """Return the HMAC-SHA256 of a payload as 64 hexadecimal digits."""
        signature = self._hmac.copy()
        signature.update(payload)
        return signature.hexdigest().encode()


def secret_problem(value: object) -> str | None:
    """Return why a value is not a valid secret or API key, which is one line of visible ASCII; None if it is valid."""
    if not isinstance(value, str):
        return f"is {type(value).__name__}, not str"
    if not value:
        return "is empty"
    if "-----BEGIN" in value:
        return "is a PEM; load it with Ed25519Key.from_pem or RsaKey.from_pem, or set BINANCE_PRIVATE_KEY_FILE"
    if problem := enclosure_problem(value):
        return problem
    if not re.fullmatch("[!-~]+", value):
        return "contains whitespace or other characters that a key never has; check how it was copied"
    return None


def enclosure_problem(value: str) -> str | None:
    """Return what surrounds a value by mistake: quotation marks, as in env files of Docker, or whitespace."""
    if value != value.strip():
        return "contains whitespace at its beginning or end, such as a line break; remove it"
    if value[:1] in ("'", '"') or value[-1:] in ("'", '"'):
        return "is in quotation marks, which are not part of it; remove them"
    return None
