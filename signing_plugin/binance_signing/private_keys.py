"""Private keys, Ed25519 and RSA, on the library `cryptography`, which is imported when the first one is loaded."""

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote_from_bytes

from .errors import ConfigurationError
from .keys import Secret

Pem = str | bytes | os.PathLike[str]

_MIN_RSA_BITS = 2048
_PLAIN = b"-----BEGIN PRIVATE KEY-----"
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PKCS1 = b"-----BEGIN RSA PRIVATE KEY-----"
_PUBLIC = b"-----BEGIN PUBLIC KEY-----"


class PrivateKey(Secret):
    """The common base of Ed25519 and RSA keys: a PKCS#8 PEM, and a signature in base64, percent-encoded."""

    __slots__ = ("_sign",)

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        if not _is_callable(sign):
            # The exception's traceback keeps this frame, whose variables must not hold the key.
            del sign
            raise ConfigurationError(f"a {type(self).__name__} is loaded with {type(self).__name__}.from_pem(pem)")
        self._sign = sign

    @classmethod
    def from_pem(cls, pem: Pem, *, password: str | bytes | None = None) -> Self:
        """Load a key from a PKCS#8 PEM: its text, its bytes, or the path of its file.

        Raises `ConfigurationError`, which does not show the key, if the PEM holds no such key, if the password is wrong
        or missing, or if `cryptography` is not installed.
        """
        key = load_private_key(pem, password)
        if isinstance(key, cls):
            return key
        # The exception's traceback keeps this frame, whose variables must not hold the key.
        del pem, password
        raise ConfigurationError(
            f"the private key {key if isinstance(key, str) else f'is an {type(key).__name__}'}; expected an"
            f" {cls.__name__} as PKCS#8 PEM: its text, its bytes, a pathlib.Path, or a file in BINANCE_PRIVATE_KEY_FILE"
        )

    def sign(self, payload: bytes) -> bytes:
        """Return the signature of a payload in base64, percent-encoded."""
        return quote_from_bytes(b64encode(self._sign(payload)), safe="").encode()


class Ed25519Key(PrivateKey):
    """A private Ed25519 key, the kind that the exchange recommends. Source: Spot API, "SIGNED Endpoint security"."""

    __slots__ = ()


class RsaKey(PrivateKey):
    """A private RSA key of at least 2048 bits; it signs with RSASSA-PKCS1-v1_5 and SHA-256.

    Source: Spot API, "SIGNED Endpoint security".
    """

    __slots__ = ()


class _KeyLoadError(Exception):
    """The reason why a key failed to load; it completes the sentence "the private key …"."""


def _is_callable(value: object) -> bool:
    """Return `callable(value)`; type checkers would call a branch on the typed argument itself unreachable."""
    return callable(value)


def load_private_key(pem: Pem, password: str | bytes | None) -> Ed25519Key | RsaKey | str:
    """Return the key in a PEM, or the reason why it cannot be loaded; that completes "the private key …"."""
    try:
        return _load(_read_pem(pem), None if password is None else _to_bytes(password))
    except _KeyLoadError as error:
        return str(error)


def _read_pem(pem: Pem) -> bytes:
    if not isinstance(pem, os.PathLike):
        return _to_bytes(pem).strip()
    try:
        return Path(pem).read_bytes().strip()
    except OSError as error:
        # The path is not shown, because it may be the key itself, given as a path by mistake.
        raise _KeyLoadError(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _KeyLoadError("cannot be read: invalid path") from None


def _to_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise _KeyLoadError(f"or its password is {type(value).__name__}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise _KeyLoadError("or its password cannot be encoded as UTF-8") from None


def _load(content: bytes, password: bytes | None) -> Ed25519Key | RsaKey:
    if content.startswith(_PKCS1):
        raise _KeyLoadError("is in PKCS#1 form; convert it with `openssl pkcs8 -topk8`")
    if content.startswith(_PUBLIC):
        raise _KeyLoadError("is a public key; load the private key that belongs to it")
    if not content.startswith((_PLAIN, _ENCRYPTED)):
        raise _KeyLoadError("is not a PKCS#8 PEM, which begins with -----BEGIN PRIVATE KEY----- or … ENCRYPTED …")
    if content.startswith(_ENCRYPTED) and password is None:
        raise _KeyLoadError("is encrypted and needs its password")
    if content.startswith(_PLAIN) and password is not None:
        raise _KeyLoadError("is not encrypted and takes no password")
    return _decode(content, password)


def _decode(content: bytes, password: bytes | None) -> Ed25519Key | RsaKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
    except ImportError:
        raise _KeyLoadError("needs the cryptography library: pip install 'binance-coinm[keys]'") from None
    try:
        key = load_pem_private_key(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _KeyLoadError("cannot be decoded: it is damaged, or its password is wrong") from None
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Key(key.sign)
    if not isinstance(key, RSAPrivateKey):
        raise _KeyLoadError(f"is of a type that the exchange does not accept, {type(key).__name__}")
    if key.key_size < _MIN_RSA_BITS:
        raise _KeyLoadError(f"is an RSA key of {key.key_size} bits; at least {_MIN_RSA_BITS} are required")
    return RsaKey(lambda payload: key.sign(payload, PKCS1v15(), SHA256()))
