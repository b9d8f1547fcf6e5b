"""What is signed, and where the signature goes: a function from bytes to bytes.

Source: General Info, "SIGNED Endpoint security"; the tests hold its examples as known answers.
"""

import re
from urllib.parse import unquote_to_bytes

from .errors import ConfigurationError
from .keys import SigningKey

_TIMESTAMP = b"timestamp"
_SIGNATURE = b"signature"
_RECV_WINDOW = b"recvWindow"
# Unreserved characters and percent encodings. Source: RFC 3986, sections 2.1 and 2.3.
_is_signature = re.compile(rb"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+").fullmatch


def sign_params(
    query: bytes, body: bytes, key: SigningKey, timestamp: int, recv_window: int | None = None
) -> tuple[bytes, bytes]:
    """Return the query and the form body with timestamp and signature as their last parameters.

    They go into the body if there is one, else into the query. The signed payload is the query immediately followed by
    the body, percent-encoded as on the wire. An existing timestamp and an existing signature are replaced. `timestamp`
    is in milliseconds since the epoch; `recv_window`, in milliseconds, is added if neither query nor body has one.
    """
    added = b"%b=%d" % (_TIMESTAMP, timestamp)
    if recv_window is not None and _RECV_WINDOW not in map(_name, (query + b"&" + body).split(b"&")):
        added = b"%b=%d&%b" % (_RECV_WINDOW, recv_window, added)
    is_in_body = bool(body)
    query, body = query and _strip(query), body and _strip(body)
    if is_in_body:
        body = b"&".join(filter(None, (body, added)))
    else:
        query = b"&".join(filter(None, (query, added)))
    signature = b"&%b=%b" % (_SIGNATURE, _checked(key.sign(query + body)))
    return (query, body + signature) if is_in_body else (query + signature, body)


def _checked(signature: object) -> bytes:
    if isinstance(signature, bytes) and _is_signature(signature):
        return signature
    del signature  # an exception's traceback keeps this frame
    raise ConfigurationError(
        "key.sign: expected the signature as bytes, percent-encoded for a query, such as hexadecimal digits"
    )


def _strip(params: bytes) -> bytes:
    """Return the parameters without timestamp and signature."""
    return b"&".join(pair for pair in params.split(b"&") if _name(pair) not in (_TIMESTAMP, _SIGNATURE))


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0])
