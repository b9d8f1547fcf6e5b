"""Accounts of the sandbox."""

import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from binance_sandbox._signature import hmac_verifier, public_key_verifier

if TYPE_CHECKING:
    from binance_signing import Credentials

_CHARACTERS = string.ascii_letters + string.digits
API_KEY_LENGTH = 64


class Account:
    """An account: an API key, the key that its signatures are verified with, and its responses.

    `responses` maps an operationId to the body of the response with status 200: bytes and text are sent as they are,
    everything else as JSON. The response of an operation without an entry is the first example in the document, so the
    sandbox has no code for a particular operation.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        secret: str | None = None,
        public_key_pem: str | bytes | None = None,
        responses: Mapping[str, Any] | None = None,
    ) -> None:
        """Create an account; API key and HMAC secret are random by default.

        With the public key of an RSA or Ed25519 pair it has no secret. Raises ValueError if both are given.
        """
        if secret is not None and public_key_pem is not None:
            raise ValueError("an account has a secret or a public key, not both; pass one of them")
        self.api_key = api_key if api_key is not None else _random_text()
        self.secret = secret if secret is not None or public_key_pem is not None else _random_text()
        self.responses = dict(responses or {})
        self.verify_signature = (
            public_key_verifier(public_key_pem) if public_key_pem else hmac_verifier(self.secret or "")
        )

    def __repr__(self) -> str:
        """Return a text without key and secret."""
        kind = "public key" if self.secret is None else "HMAC secret"
        return f"Account({kind}, responses of {sorted(self.responses)})"

    @property
    def credentials(self) -> "Credentials":
        """Credentials for a client; RuntimeError if the account has a public key, whose private key is elsewhere."""
        # Imported here because the sandbox runs without the plugin.
        from binance_signing import Credentials, HmacKey  # noqa: PLC0415

        if self.secret is None:
            raise RuntimeError("the sandbox has only this account's public key; sign with the private key you have")
        return Credentials(self.api_key, HmacKey(self.secret))


def _random_text() -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(API_KEY_LENGTH))
