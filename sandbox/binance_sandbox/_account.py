"""Accounts of the sandbox."""

import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from binance_sandbox._signature import hmac_check, public_key_check

if TYPE_CHECKING:
    from binance_signing import Credentials

_CHARACTERS = string.ascii_letters + string.digits
KEY_LENGTH = 64


class Account:
    """An account: an API key, what its signatures are checked with, and what it is answered.

    `answers` holds by operationId what is answered with status 200: bytes and text go out as they are, everything else
    as JSON. An operation that is not in it is answered with the first example of the document. Like this the sandbox
    needs to know nothing of any one operation.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        secret: str | None = None,
        public_key_pem: str | bytes | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        """Open an account; an API key and an HMAC secret that are not given are made up at random.

        With the public key of an RSA or Ed25519 pair it has no secret. Raises ValueError if both are given.
        """
        if secret is not None and public_key_pem is not None:
            raise ValueError("an account has a secret or a public key, not both; give one of them")
        self.api_key = api_key if api_key is not None else _random_text()
        self.secret = secret if secret is not None or public_key_pem is not None else _random_text()
        self.answers = dict(answers or {})
        self.is_signature = public_key_check(public_key_pem) if public_key_pem else hmac_check(self.secret or "")

    def __repr__(self) -> str:
        """Show neither key nor secret."""
        return f"Account({'public key' if self.secret is None else 'HMAC secret'}, answers to {sorted(self.answers)})"

    @property
    def credentials(self) -> "Credentials":
        """What a client signs with; RuntimeError if the account has a public key, as its private key is elsewhere."""
        # Only here does the sandbox know of the plugin; it runs without it.
        from binance_signing import Credentials, HmacKey  # noqa: PLC0415

        if self.secret is None:
            raise RuntimeError("the sandbox knows only this account's public key; sign with the private key you have")
        return Credentials(self.api_key, HmacKey(self.secret))


def _random_text() -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(KEY_LENGTH))
