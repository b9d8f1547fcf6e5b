"""What is signed, and where the signature stands: a function from bytes to bytes.

Source: General Info, "SIGNED Endpoint security", and its examples, whose answers the tests hold.
"""

from urllib.parse import unquote_to_bytes

from ._keys import Key

_TIMESTAMP = b"timestamp"
_SIGNATURE = b"signature"
_RECV_WINDOW = b"recvWindow"


def signed(query: bytes, body: bytes, key: Key, timestamp: int, recv_window: int | None = None) -> tuple[bytes, bytes]:
    """Give the query and the form body with timestamp and signature as their last parameters.

    They stand in the body if there is one, else in the query. What is signed is the query immediately followed by the
    body, percent-encoded as on the wire. A timestamp and a signature that are there already are replaced.
    `timestamp` is in milliseconds since the epoch; `recv_window`, in milliseconds, is added if it is in neither.
    """
    added = b"%b=%d" % (_TIMESTAMP, timestamp)
    if recv_window is not None and _RECV_WINDOW not in map(_name, (query + b"&" + body).split(b"&")):
        added = b"%b=%d&%b" % (_RECV_WINDOW, recv_window, added)
    is_in_body = bool(body)
    query, body = query and _unsigned(query), body and _unsigned(body)
    if is_in_body:
        body = _followed(body, added)
    else:
        query = _followed(query, added)
    signature = b"&%b=%b" % (_SIGNATURE, key.sign(query + body))
    return (query, body + signature) if is_in_body else (query + signature, body)


def _unsigned(parameters: bytes) -> bytes:
    return b"&".join(pair for pair in parameters.split(b"&") if _name(pair) not in (_TIMESTAMP, _SIGNATURE))


def _followed(parameters: bytes, more: bytes) -> bytes:
    return b"%b&%b" % (parameters, more) if parameters else more


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0])
