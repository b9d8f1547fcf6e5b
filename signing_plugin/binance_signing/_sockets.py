"""Many sockets that are watched as one, so that an event loop is told of one, and once.

What libcurl and selectors call reading and writing are the same numbers.
"""

import select
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

# So many are told of at once; the others are told of next.
_MOST = 100


class PolledSockets:
    """Sockets that are watched by epoll itself, for the selector around it is a twentieth of a call."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._events = {
            EVENT_READ: select.EPOLLIN,
            EVENT_WRITE: select.EPOLLOUT,
            EVENT_READ | EVENT_WRITE: select.EPOLLIN | select.EPOLLOUT,
        }

    def fileno(self) -> int:
        """Give what an event loop watches for reading."""
        return self._epoll.fileno()

    def close(self) -> None:
        """Watch nothing any more."""
        self._epoll.close()

    def watch(self, fd: int, what: int) -> None:
        """Watch a socket, new or known, for this alone."""
        try:
            self._epoll.register(fd, self._events[what])
        except FileExistsError:
            self._epoll.modify(fd, self._events[what])

    def forget(self, fd: int) -> None:
        """Watch a socket no more."""
        try:
            self._epoll.unregister(fd)
        except OSError:
            # It is closed, and forgotten by that.
            return

    def ready(self) -> list[tuple[int, int]]:
        """Give those that are ready, and for what; an error is for both."""
        return [
            (fd, bool(events & ~select.EPOLLOUT) * EVENT_READ | bool(events & ~select.EPOLLIN) * EVENT_WRITE)
            for fd, events in self._epoll.poll(0, _MOST)
        ]


class SelectedSockets(DefaultSelector):
    """Sockets that are watched by the best that a system without epoll has; on Windows it has no `fileno`."""

    def watch(self, fd: int, what: int) -> None:
        """Watch a socket, new or known, for this alone."""
        try:
            self.register(fd, what)
        except KeyError:
            self.modify(fd, what)

    def forget(self, fd: int) -> None:
        """Watch a socket no more."""
        self.unregister(fd)

    def ready(self) -> list[tuple[int, int]]:
        """Give those that are ready, and for what."""
        return [(key.fd, events) for key, events in self.select(0)]


SOCKETS = PolledSockets if hasattr(select, "epoll") else SelectedSockets
