"""What a fork of the process has to begin anew.

A fork gets copies of its parent's sockets and locks. An answer on such a socket could be the parent's, and a lock that
another thread held is never released, for that thread is not in the fork.
"""

import os
from typing import Protocol
from weakref import WeakSet


class BeginsAnew(Protocol):
    """Something with sockets or locks."""

    def begin(self) -> None:
        """Forget them and get new ones."""
        ...


_all: WeakSet[BeginsAnew] = WeakSet()


def begin(thing: BeginsAnew) -> None:
    """Begin something, and begin it anew in each fork of this process."""
    thing.begin()
    _all.add(thing)


def _begin_anew() -> None:
    # All are held until each of them has begun, for one that is let go may end others.
    for thing in [*_all]:
        thing.begin()


if hasattr(os, "register_at_fork"):  # Where there are no forks, there is nothing to do.
    os.register_at_fork(after_in_child=_begin_anew)
