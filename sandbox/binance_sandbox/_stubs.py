"""Stubs: canned responses and faults for the next requests, and their queue."""

from collections.abc import Mapping
from threading import Lock

import attrs

from binance_sandbox._faults import Fault


@attrs.frozen
class StubResponse:
    """A canned response; see `Sandbox.respond_next`."""

    status: int
    example: str | None
    body: bytes | None
    headers: Mapping[str, str]


@attrs.define
class Stub:
    """A canned response, a fault, or both, for the next `times` requests to `path`, or to any path if it is None."""

    times: int
    path: str | None
    response: StubResponse | None = None
    fault: Fault | None = None


class StubQueue:
    """The stubs that are not used up yet, first in, first out; it is safe to use from several threads."""

    def __init__(self) -> None:
        """Create an empty queue."""
        self._lock = Lock()
        self._stubs: list[Stub] = []

    def add(self, stub: Stub) -> None:
        """Append a stub."""
        with self._lock:
            self._stubs.append(stub)

    def pop_for(self, path: str) -> Stub | None:
        """Return the first stub for a request to this path, and count the request; None if there is no such stub."""
        with self._lock:
            for stub in self._stubs:
                if stub.path in (None, path):
                    stub.times -= 1
                    if not stub.times:
                        self._stubs.remove(stub)
                    return stub
        return None
