"""The exchange's check of a signature.

It shares no code with the one that signs, so that a mistake cannot stand on both sides.
"""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

Check = Callable[[bytes, bytes], bool]
"""Says whether a signature, its percent-encoding removed, is that of some bytes."""


def split_signature(query: bytes, body: bytes, name: str) -> tuple[bytes, bytes] | None:
    """Split a request into the bytes that were signed and the signature, its percent-encoding removed.

    What was signed is the query string immediately followed by the body. None if the signature is not the last
    parameter of the one or of the other. Source: COIN-M Futures, General Info, "Endpoint security type", SIGNED.
    """
    marker = f"{name}=".encode()
    rest, _, last = query.rpartition(b"&")
    if last.startswith(marker):
        return rest + body, _unquote(last.removeprefix(marker))
    rest, _, last = body.rpartition(b"&")
    if last.startswith(marker):
        return query + rest, _unquote(last.removeprefix(marker))
    return None


def hmac_check(secret: str) -> Check:
    """Return the check of HMAC-SHA256 in hexadecimal digits of either case."""

    def check(payload: bytes, signature: bytes) -> bool:
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(expected, signature.lower())

    return check


def public_key_check(pem: str | bytes) -> Check:
    """Return the check of an RSA (PKCS #1 v1.5, SHA-256) or Ed25519 signature in base64, by the kind of the public key.

    Raises ValueError if it is neither, and ImportError without the package cryptography.
    """
    try:
        # Who uses HMAC needs no package for it.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError("RSA and Ed25519 accounts need cryptography: pip install 'binance-coinm[keys]'") from error
    key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
    if not isinstance(key, Ed25519PublicKey | RSAPublicKey):
        # It is an object of a proper type with the wrong content.
        raise ValueError(f"the public key of an account is Ed25519 or RSA, not {type(key).__name__}")  # noqa: TRY004

    def check(payload: bytes, signature: bytes) -> bool:
        try:
            raw = b64decode(signature, validate=True)
            if isinstance(key, Ed25519PublicKey):
                key.verify(raw, payload)
            else:
                key.verify(raw, payload, PKCS1v15(), SHA256())
        except (Base64Error, InvalidSignature):
            return False
        return True

    return check


def _unquote(value: bytes) -> bytes:
    # A plus sign that was not percent-encoded means a space, which is how forgotten encoding of base64 shows.
    return unquote_to_bytes(value.replace(b"+", b" "))
