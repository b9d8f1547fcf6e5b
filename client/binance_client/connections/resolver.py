"""Name resolution: the system's resolver, with a timeout."""

import errno
import math
import socket
import threading
from concurrent.futures import Future, wait
from typing import Any

from .flows import WaitTimeoutError


def resolve(host: str, port: int, seconds: float) -> Any:
    """Return the result of `socket.getaddrinfo` for a host, or raise WaitTimeoutError.

    The system's resolver cannot be interrupted, so it runs in a thread, which is abandoned if it takes too long.
    """
    future: Future[Any] = Future()

    def look_up() -> None:
        try:
            future.set_result(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (ValueError, OverflowError, LookupError) as error:
            # LookupError: Python cannot load its codec for host names.
            future.set_exception(OSError(errno.EINVAL, f"{host!r} is not a valid host name: {error}"))
        except BaseException as error:  # noqa: BLE001, the waiting thread raises it
            future.set_exception(error)

    try:
        threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from None
    wait([future], None if seconds == math.inf else seconds)
    if not future.done():
        raise WaitTimeoutError
    return future.result()
