"""Flows: generators that do not wait themselves, but yield what they wait for.

The same flows serve threads, asyncio and trio, which differ only in how they wait.
"""

import math
import socket
import time
from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

import httpcore

T = TypeVar("T")


class Ready(NamedTuple):
    """Wait until a socket can be read from, which includes its end, or written to.

    The wait takes at most one `share`-th of the time that is left, and at most `max_seconds`.
    """

    socket: socket.socket
    for_reading: bool
    share: int = 1
    max_seconds: float = math.inf


class Resolve(NamedTuple):
    """Look up the addresses of a host, as `socket.getaddrinfo` returns them."""

    host: str
    port: int
    share: int = 1
    max_seconds: float = math.inf


Wait = Ready | Resolve


def seconds_for(wait: Wait, deadline: float) -> float:
    """Return the seconds that a wait may take; `deadline` is monotonic, in seconds."""
    return min(max(deadline - time.monotonic(), 0) / wait.share, wait.max_seconds)


# A wait that times out raises WaitTimeoutError within the flow.
Flow = Generator[Wait, Any, T]

# httpcore's errors for an operation that failed, and for one that timed out.
ErrorTypes = tuple[type[Exception], type[Exception]]
CONNECT: ErrorTypes = (httpcore.ConnectError, httpcore.ConnectTimeout)
READ: ErrorTypes = (httpcore.ReadError, httpcore.ReadTimeout)
WRITE: ErrorTypes = (httpcore.WriteError, httpcore.WriteTimeout)


class WaitTimeoutError(Exception):
    """A wait timed out. Not a TimeoutError, because a signal handler may raise that."""


def is_system_error(error: OSError) -> bool:
    """Return True for an error of the system or of TLS, False for one that a signal handler has raised."""
    return error.errno is not None


def map_errors(flow: Flow[T], deadline: float, error_types: ErrorTypes) -> Flow[T]:
    """Run a flow with httpcore's errors instead of its own; after the deadline, raise at once."""
    failed, timed_out = error_types
    timeout_error = timed_out("the call's deadline has passed")
    if time.monotonic() >= deadline:
        raise timeout_error
    try:
        return (yield from flow)
    except WaitTimeoutError:
        raise timeout_error from None
    except OSError as error:
        if not is_system_error(error):
            raise
        raise failed(str(error)) from None
