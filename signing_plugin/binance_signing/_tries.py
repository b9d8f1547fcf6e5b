"""The tries of a call: what to do next is decided here, and nothing is done.

`tries` is a generator of steps. A driver, sync or async, does each step and sends in what became of it.
"""

from collections.abc import Generator
from enum import Enum, auto

import httpx


class Step(Enum):
    """What a driver is asked to do."""

    SEND = auto()


def tries() -> Generator[Step, httpx.Response, httpx.Response]:
    """Decide on a call's steps; return the answer that it ends with."""
    return (yield Step.SEND)
