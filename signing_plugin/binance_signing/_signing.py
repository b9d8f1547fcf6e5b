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
    parameters = [_unsigned(query), _unsigned(body)]
    added = [b"%b=%d" % (_TIMESTAMP, timestamp)]
    if recv_window is not None and not any(_name(pair) == _RECV_WINDOW for part in parameters for pair in part):
        added.insert(0, b"%b=%d" % (_RECV_WINDOW, recv_window))
    last = parameters[1] if body else parameters[0]
    last += added
    payload = b"".join(b"&".join(part) for part in parameters)
    last.append(b"%b=%b" % (_SIGNATURE, key.sign(payload)))
    return b"&".join(parameters[0]), b"&".join(parameters[1])


def _unsigned(parameters: bytes) -> list[bytes]:
    return (
        [pair for pair in parameters.split(b"&") if _name(pair) not in (_TIMESTAMP, _SIGNATURE)] if parameters else []
    )


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0])
