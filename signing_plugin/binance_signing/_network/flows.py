"""Flows: generators that do no waiting of their own, but yield what is to be waited for.

The same ones serve threads, asyncio and trio, which differ in how they wait alone.
"""

import math
import socket
import time
from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

import httpcore

T = TypeVar("T")


class Ready(NamedTuple):
    """Wait until a socket has something to read or has ended, or takes something.

    At most for this share of the time that is left, and for so many seconds.
    """

    socket: socket.socket
    is_to_read: bool
    share: int = 1
    most: float = math.inf


class Resolve(NamedTuple):
    """Look up the addresses of a host, as `socket.getaddrinfo` gives them."""

    host: str
    port: int
    share: int = 1
    most: float = math.inf


Wait = Ready | Resolve


def seconds_for(wait: Wait, until: float) -> float:
    """Return the seconds that a wait may take; `until` is monotonic."""
    return min(max(until - time.monotonic(), 0) / wait.share, wait.most)


# A wait whose time is up raises OutOfTimeError within the flow.
Flow = Generator[Wait, Any, T]

# What httpcore has for an operation that failed, and for one that was late.
Failures = tuple[type[Exception], type[Exception]]
CONNECT: Failures = (httpcore.ConnectError, httpcore.ConnectTimeout)
READ: Failures = (httpcore.ReadError, httpcore.ReadTimeout)
WRITE: Failures = (httpcore.WriteError, httpcore.WriteTimeout)


class OutOfTimeError(Exception):
    """A wait is over without what it waited for. No TimeoutError, which the handler of a signal may raise."""


def is_of_the_system(error: OSError) -> bool:
    """Return True for an error of the system or of TLS; False for one that the handler of a signal has raised."""
    return error.errno is not None


def guarded(flow: Flow[T], until: float, failures: Failures) -> Flow[T]:
    """Return a flow that raises what httpcore has for its errors, and for being late from the beginning."""
    failed, late = failures
    too_late = late("the call's deadline has passed")
    if time.monotonic() >= until:
        raise too_late
    try:
        return (yield from flow)
    except OutOfTimeError:
        raise too_late from None
    except OSError as error:
        if not is_of_the_system(error):
            raise
        raise failed(str(error)) from None
