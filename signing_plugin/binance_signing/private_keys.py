"""Private keys, Ed25519 and RSA, on the library `cryptography`, which is imported when the first one is loaded."""

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Self, cast
from urllib.parse import quote_from_bytes

from .errors import ConfigurationError
from .keys import Secret, enclosure_problem

Pem = str | bytes | os.PathLike[str]

_MIN_RSA_BITS = 2048
# Far more than a key with a chain of certificates has; the file may be a device without an end.
_MAX_BYTES = 1 << 16
_BEGIN = b"-----BEGIN "
# What stands around a block, such as bag attributes, a comment or quotation marks, is no part of it.
_BLOCK = re.compile(rb"(-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \2-----)", re.DOTALL)
_ENCRYPTED, _OPENSSH = "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"
_READ = ("PRIVATE KEY", _ENCRYPTED, _OPENSSH)
_OTHERS = {
    "PUBLIC KEY": "is a public key; load the private key that belongs to it",
    "RSA PRIVATE KEY": "is in PKCS#1 form; convert it with `openssl pkcs8 -topk8 -in FILE -out NEW`",
    "EC PRIVATE KEY": "is of a type that the exchange does not accept, EC; create an Ed25519 or RSA key",
    "CERTIFICATE": "is a certificate; load the private key that belongs to it",
}
_DAMAGED, _WRONG = (
    "cannot be decoded: it is damaged",
    ", or its password is wrong or missing (quotation marks and spaces would be part of it)",
)
# Ed25519 in PKCS#8 version 2, which has the public key too. Source: RFC 5958, section 2; RFC 8410, section 7.
_ED25519_V2 = re.compile(rb"0.\x02\x01\x01\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20(.{32})", re.DOTALL)


class PrivateKey(Secret):
    """The common base of Ed25519 and RSA keys: a PKCS#8 PEM, and a signature in base64, percent-encoded."""

    __slots__ = ("_sign",)

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        if not callable(cast("object", sign)):
            del sign  # an exception's traceback keeps this frame
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
        del pem, password  # an exception's traceback keeps this frame
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
    """A private RSA key of at least 2048 bits, for RSASSA-PKCS1-v1_5 with SHA-256. Source: as that of `Ed25519Key`."""

    __slots__ = ()


class _KeyLoadError(Exception):
    """The reason why a key failed to load; it completes the sentence "the private key …"."""


def load_private_key(pem: Pem, password: str | bytes | None) -> Ed25519Key | RsaKey | str:
    """Return the key in a PEM, or the reason why it cannot be loaded; that completes "the private key …"."""
    try:
        return _load(*_find_block(_read_pem(pem)), None if password is None else _to_bytes(password))
    except _KeyLoadError as error:
        return str(error)


def _read_pem(pem: Pem) -> bytes:
    if not isinstance(pem, os.PathLike):
        return _to_bytes(pem)
    path = os.fsdecode(pem)
    if _BEGIN.decode() in path:
        raise _KeyLoadError("cannot be read: its PEM is given as the path; pass text, or the path of a file")
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        # The path is not shown, because it may be the key itself, given as a path by mistake.
        problem = enclosure_problem(path)
        reason = f"its path {problem}" if problem else getattr(error, "strerror", "invalid path")
        raise _KeyLoadError(f"cannot be read: {reason}") from None


def _to_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise _KeyLoadError(f"or its password is {type(value).__name__}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise _KeyLoadError("or its password cannot be encoded as UTF-8") from None


def _find_block(content: bytes) -> tuple[str, bytes, bytes]:
    """Return label, block and base64 of the only private key; in a variable its line breaks may be spelled out."""
    if not content.strip():
        raise _KeyLoadError("is empty")
    if len(content) > _MAX_BYTES:
        raise _KeyLoadError(f"is not a PEM: it has more than {_MAX_BYTES} bytes")
    content = content.replace(rb"\r", b"").replace(rb"\n", b"\n")
    blocks = [(label.decode(), block, b"".join(body.split())) for block, label, body in _BLOCK.findall(content)]
    keys = [block for block in blocks if block[0] in _READ]
    if len(keys) == 1:
        return keys[0]
    if keys:
        problem = "is one of several; leave only one in the PEM"
    elif blocks:
        problem = _OTHERS.get(blocks[0][0], f"is a PEM of another kind, {blocks[0][0]}")
    elif _BEGIN in content:
        problem = "is not complete: a line -----END …----- like that of its -----BEGIN …----- is missing"
    elif b"\0" in content:
        problem = "is binary, or text in UTF-16; convert DER with `openssl pkcs8 -topk8 -inform DER -in FILE -out NEW`"
    else:
        problem = "is not a PEM, which begins with -----BEGIN PRIVATE KEY----- or … ENCRYPTED …"
    raise _KeyLoadError(problem)


def _load(label: str, block: bytes, body: bytes, password: bytes | None) -> Ed25519Key | RsaKey:
    if label != _OPENSSH and (password is None) == (label == _ENCRYPTED):
        raise _KeyLoadError("is encrypted and needs its password" if label == _ENCRYPTED else "takes no password")
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415
    except ImportError:
        raise _KeyLoadError("needs the cryptography library: pip install 'binance-coinm[keys]'") from None
    try:
        der = b64decode(body, validate=True)
        key: object
        if label == _OPENSSH:
            key = serialization.load_ssh_private_key(block, password)
        elif (version_2 := _ED25519_V2.match(der)) and len(der) == der[1] + 2:
            key = ed25519.Ed25519PrivateKey.from_private_bytes(version_2[1])
        else:
            key = serialization.load_der_private_key(der, password)
    except UnsupportedAlgorithm as error:  # names what is missing, such as bcrypt for a key of OpenSSH
        raise _KeyLoadError(f"cannot be decoded: {error}") from None
    except (ValueError, TypeError):
        raise _KeyLoadError(_DAMAGED + _WRONG * (password is not None or label == _OPENSSH)) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Key(key.sign)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _KeyLoadError(f"is of a type that the exchange does not accept, {type(key).__name__}")
    if key.key_size < _MIN_RSA_BITS:
        raise _KeyLoadError(f"is an RSA key of {key.key_size} bits; at least {_MIN_RSA_BITS} are required")
    return RsaKey(lambda payload: key.sign(payload, padding.PKCS1v15(), hashes.SHA256()))
