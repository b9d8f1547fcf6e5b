"""Accounts of the sandbox."""

import secrets
import string
from collections import UserDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from binance_sandbox._arguments import check_type
from binance_sandbox._signature import hmac_verifier, public_key_verifier

if TYPE_CHECKING:
    from binance_signing import Credentials

_CHARACTERS = string.ascii_letters + string.digits
API_KEY_LENGTH = 64


class Responses(UserDict[str, Any]):
    """Responses by operationId, each checked when it is set, as soon as there is a document to check it against."""

    def __init__(self, responses: Mapping[str, Any]) -> None:
        """Copy the responses."""
        self._check: Callable[[str, Any], object] | None = None
        super().__init__(responses)

    def check_with(self, check: Callable[[str, Any], object]) -> None:
        """Check all responses, and from now on each one that is set; `check` raises ValueError for an invalid one."""
        for operation_id, response in self.items():
            check(operation_id, response)
        self._check = check

    def __setitem__(self, operation_id: str, response: Any) -> None:
        """Set a response; raise ValueError for an invalid one."""
        if self._check:
            self._check(operation_id, response)
        super().__setitem__(operation_id, response)


class Account:
    """An account: an API key, the key that its signatures are verified with, and its responses.

    `responses` maps an operationId to the body of the response with status 200: bytes and text are sent as they are,
    everything else as JSON, after it was checked against the document: when the account is added to a sandbox, when a
    body is set, and, because it can be changed in place, when it is sent. The response of an operation without an entry
    is the first example in the document, so the sandbox has no code for a particular operation.

    Instead of a body there may be a function that returns one, which is checked and sent in the same way, or raises
    `RequestRejectedError`. It is called for each valid request that has no canned response, with one argument: a dict
    of the parameters that the request has, without those of the signature, by their names in the document. Their values
    have the types of the document, an amount is a Decimal. Functions are called one at a time, in the thread of the
    sandbox, which sends nothing meanwhile: they must not block, nor be async, nor call the sandbox over HTTP. If one
    raises anything else, the response has status 500 and says so, and the logger `binance_sandbox` has the traceback.
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

        With the public key of an RSA or Ed25519 pair it has no secret. Raises ValueError for invalid arguments, and if
        both are given.
        """
        _check_text("api_key", api_key)
        _check_text("secret", secret)
        if secret is not None and public_key_pem is not None:
            raise ValueError("an account has a secret or a public key, not both; pass one of them")
        self.api_key = api_key if api_key is not None else _random_text()
        self.secret = secret if secret is not None or public_key_pem is not None else _random_text()
        if responses is not None:
            check_type("responses", responses, Mapping, "bodies by operationId")
        self.responses = Responses(responses or {})
        self.verify_signature = (
            hmac_verifier(self.secret or "") if public_key_pem is None else public_key_verifier(public_key_pem)
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


def _check_text(name: str, value: object) -> None:
    if value is not None and not (isinstance(value, str) and value):
        # The value is not shown, because it may be a secret.
        raise ValueError(f"{name}: expected a string that is not empty, or None, got {type(value).__name__}")


def _random_text() -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(API_KEY_LENGTH))
