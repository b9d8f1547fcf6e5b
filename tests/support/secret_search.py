"""A search for secrets in values: in their text, attributes and causes, and in the variables of tracebacks."""

import traceback
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from binance_sandbox import Sandbox
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PRIVATE = Ed25519PrivateKey.generate()
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def texts_of(value: object, skipped_file: str) -> Iterator[str]:
    """Yield all texts of a value; for an exception also its attributes, chain and the variables of its frames."""
    yield from (str(value), repr(value))
    if isinstance(value, BaseException):
        yield from texts_of([value.args, vars(value), value.__cause__, value.__context__], skipped_file)
        stack = traceback.TracebackException.from_exception(value, capture_locals=True).stack
        yield from (str(frame.locals) for frame in stack if frame.filename != skipped_file)
    elif isinstance(value, Mapping):
        yield from texts_of(list(value.items()), skipped_file)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_of(item, skipped_file)


def needles_of(sandbox: Sandbox) -> set[str]:
    """Return what must not be found: keys and secrets of all accounts, and received signatures and queries."""
    needles = {"signature=", PEM.decode().splitlines()[1], PRIVATE.private_bytes_raw().hex()}
    needles |= {text for account in sandbox.accounts for text in (account.api_key, account.secret) if text}
    for query in (request.query.decode() for request in sandbox.received_requests if request.query):
        signature = query.partition("signature=")[2]
        needles |= {query, signature, unquote(signature)}
    return needles


def assert_hidden(sandbox: Sandbox, *values: object, skipped_file: str = "") -> None:
    """Fail if any text of the values contains a secret.

    Frames of `skipped_file` are left out, because the variables of a test hold the very secrets that it searches for.
    """
    shown = "\n".join(text for value in values for text in texts_of(value, skipped_file))
    assert [] == [needle for needle in needles_of(sandbox) if needle in shown]
