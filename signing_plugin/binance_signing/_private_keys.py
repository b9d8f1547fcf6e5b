"""Private keys, Ed25519 and RSA, on the `cryptography` library, which is imported when the first one is loaded."""

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote_from_bytes

from binance_coinm.errors import ConfigurationError

from ._keys import Secret

Pem = str | bytes | os.PathLike[str]

_MIN_RSA_BITS = 2048
_PLAIN = b"-----BEGIN PRIVATE KEY-----"
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PKCS1 = b"-----BEGIN RSA PRIVATE KEY-----"
_PUBLIC = b"-----BEGIN PUBLIC KEY-----"


class PrivateKey(Secret):
    """What Ed25519 and RSA keys share: a PKCS#8 PEM, and a signature in base64, percent-encoded."""

    __slots__ = ("_sign",)

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        if not _is_function(sign):
            # The frame goes along with the exception, and its variables must not.
            del sign
            raise ConfigurationError(f"a {type(self).__name__} is loaded by {type(self).__name__}.from_pem(pem)")
        self._sign = sign

    @classmethod
    def from_pem(cls, pem: Pem, *, password: str | bytes | None = None) -> Self:
        """Load a key from a PKCS#8 PEM: its text, its bytes, or the path of its file.

        Raises `ConfigurationError`, without the key, if it is none of this kind, if the password is wrong or missing,
        or if `cryptography` is not installed.
        """
        key = load(pem, password)
        if isinstance(key, cls):
            return key
        # The frame goes along with the exception, and its variables must not.
        del pem, password
        raise ConfigurationError(
            f"the private key {key if isinstance(key, str) else f'is an {type(key).__name__}'}; expected an"
            f" {cls.__name__} as PKCS#8 PEM: its text, its bytes, a pathlib.Path, or a file in BINANCE_PRIVATE_KEY_FILE"
        )

    def sign(self, payload: bytes) -> bytes:
        """Give the signature of a payload in base64, percent-encoded."""
        return quote_from_bytes(b64encode(self._sign(payload)), safe="").encode()


class Ed25519Key(PrivateKey):
    """A private Ed25519 key, the kind that the exchange recommends. Source: Spot API, "SIGNED Endpoint security"."""

    __slots__ = ()


class RsaKey(PrivateKey):
    """A private RSA key of at least 2048 bits; it signs by RSASSA-PKCS1-v1_5 with SHA-256.

    Source: Spot API, "SIGNED Endpoint security".
    """

    __slots__ = ()


class _NotAKeyError(Exception):
    """Why something is no key, to be read after "the private key"."""


def _is_function(value: object) -> bool:
    return callable(value)


def load(pem: Pem, password: str | bytes | None) -> Ed25519Key | RsaKey | str:
    """Give the key that a PEM holds, of whichever kind it is, or say in words why there is none."""
    try:
        return _load(_content_of(pem), None if password is None else _bytes_of(password))
    except _NotAKeyError as error:
        return str(error)


def _content_of(pem: Pem) -> bytes:
    if not isinstance(pem, os.PathLike):
        return _bytes_of(pem).strip()
    try:
        return Path(pem).read_bytes().strip()
    except OSError as error:
        # The path is not shown, for it may be the key itself, given as one by mistake.
        raise _NotAKeyError(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _NotAKeyError("cannot be read: no file has such a path") from None


def _bytes_of(given: object) -> bytes:
    if isinstance(given, bytes):
        return given
    if not isinstance(given, str):
        raise _NotAKeyError(f"or its password is {type(given).__name__}")
    try:
        return given.encode()
    except UnicodeEncodeError:
        raise _NotAKeyError("or its password has characters that stand for no bytes") from None


def _load(content: bytes, password: bytes | None) -> Ed25519Key | RsaKey:
    if content.startswith(_PKCS1):
        raise _NotAKeyError("is in PKCS#1 form, of which `openssl pkcs8 -topk8` makes PKCS#8")
    if content.startswith(_PUBLIC):
        raise _NotAKeyError("is a public key, which belongs to the exchange")
    if not content.startswith((_PLAIN, _ENCRYPTED)):
        raise _NotAKeyError("is no PKCS#8 PEM, which begins with -----BEGIN PRIVATE KEY-----, or with … ENCRYPTED …")
    if content.startswith(_ENCRYPTED) and password is None:
        raise _NotAKeyError("is encrypted and needs its password")
    if content.startswith(_PLAIN) and password is not None:
        raise _NotAKeyError("is not encrypted and takes no password")
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
        raise _NotAKeyError("needs the cryptography library: pip install 'binance-coinm[keys]'") from None
    try:
        key = load_pem_private_key(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _NotAKeyError("cannot be decoded: it is damaged, or its password is wrong") from None
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Key(key.sign)
    if not isinstance(key, RSAPrivateKey):
        raise _NotAKeyError(f"is of a kind that the exchange does not take, {type(key).__name__}")
    if key.key_size < _MIN_RSA_BITS:
        raise _NotAKeyError(f"is an RSA key of {key.key_size} bits, fewer than the {_MIN_RSA_BITS} that are safe")
    return RsaKey(lambda payload: key.sign(payload, PKCS1v15(), SHA256()))
