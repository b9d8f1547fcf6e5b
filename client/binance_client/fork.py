"""Reset of sockets and locks after a fork of the process.

A fork gets copies of its parent's sockets and locks. A response on such a socket could be the parent's, and a lock that
another thread held is never released, because that thread is not in the fork.
"""

import os
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """An object with sockets or locks."""

    def reset_after_fork(self) -> None:
        """Replace sockets and locks; called by `register`, and again in each fork."""
        ...


_registered: WeakSet[ForkAware] = WeakSet()


def register(resource: ForkAware) -> None:
    """Reset an object now, and again in each fork of this process."""
    resource.reset_after_fork()
    _registered.add(resource)


def _after_fork_in_child() -> None:
    # The list keeps all of them alive until each is reset, because releasing one may release others.
    for resource in [*_registered]:
        resource.reset_after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no forks.
    os.register_at_fork(after_in_child=_after_fork_in_child)
