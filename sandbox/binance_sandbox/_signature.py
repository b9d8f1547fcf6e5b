"""Verification of signatures.

Shares no code with the signing plugin, so that a mistake cannot be on both sides.
"""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

Verifier = Callable[[bytes, bytes], bool]
"""Returns whether a payload (first argument) has a signature (second argument, without percent-encoding)."""


def split_signature(query: bytes, body: bytes, name: str) -> tuple[bytes, bytes] | None:
    """Return the bytes that were signed and the signature without percent-encoding.

    Signed is the query string immediately followed by the body. Returns None if the signature is not the last parameter
    of either. Source: COIN-M Futures, General Info, "Endpoint security type", SIGNED.
    """
    marker = f"{name}=".encode()
    rest, _, last = query.rpartition(b"&")
    if last.startswith(marker):
        return rest + body, _unquote(last.removeprefix(marker))
    rest, _, last = body.rpartition(b"&")
    if last.startswith(marker):
        return query + rest, _unquote(last.removeprefix(marker))
    return None


def hmac_verifier(secret: str) -> Verifier:
    """Return a verifier of HMAC-SHA256 in hexadecimal digits of either case."""

    def verify(payload: bytes, signature: bytes) -> bool:
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(expected, signature.lower())

    return verify


def public_key_verifier(pem: str | bytes) -> Verifier:
    """Return a verifier of base64 signatures: RSA (PKCS #1 v1.5, SHA-256) or Ed25519, by the type of the public key.

    Raises ValueError for anything else, and ImportError if the package cryptography is not installed.
    """
    try:
        # Imported here because HMAC does not need the package.
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError("RSA and Ed25519 accounts need cryptography: pip install 'binance-coinm[keys]'") from error
    try:
        key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"public_key_pem: expected an Ed25519 or RSA public key in PEM ({error})") from None
    if not isinstance(key, Ed25519PublicKey | RSAPublicKey):
        # ValueError because the type of the argument is right and its content is not.
        raise ValueError(f"public_key_pem: expected an Ed25519 or RSA public key, got {type(key).__name__}")  # noqa: TRY004

    def verify(payload: bytes, signature: bytes) -> bool:
        try:
            raw = b64decode(signature, validate=True)
            if isinstance(key, Ed25519PublicKey):
                key.verify(raw, payload)
            else:
                key.verify(raw, payload, PKCS1v15(), SHA256())
        except (Base64Error, InvalidSignature):
            return False
        return True

    return verify


def _unquote(value: bytes) -> bytes:
    # A plus sign stands for a space, so a base64 signature that was not percent-encoded is detected.
    return unquote_to_bytes(value.replace(b"+", b" "))
