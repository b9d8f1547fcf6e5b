"""Iterators over rows that come in pages."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from threading import Lock
from typing import Generic, NamedTuple, Self, TypeVar

from .policy.paging import Pages

RowT = TypeVar("RowT")


class _State(NamedTuple, Generic[RowT]):
    """The rows that were requested, and the pages after them; None if there are no more."""

    rows: deque[RowT]
    pages: Pages | None


class _Rows(Generic[RowT]):
    """What both kinds of iterators share.

    The state is replaced as a whole, and only if it is still the one that a page was requested for. So an exception at
    any moment loses no page, at most the row that is being returned, and of several threads or tasks that have
    requested the same page one gets its rows.
    """

    def __init__(self, pages: Pages) -> None:
        self._state = _State[RowT](deque(), pages)
        self._lock = Lock()

    def _next_row(self) -> RowT | None:
        """Return the next of the rows that were requested, None if there are none."""
        try:
            return self._state.rows.popleft()
        except IndexError:
            return None

    def _accept(self, state: _State[RowT], pages: Pages, rows: list[RowT]) -> None:
        """Add the rows of the page that was requested in a state."""
        remaining, new = pages.accept(rows)
        with self._lock:
            if self._state is state:
                self._state = _State(deque(new), remaining)


class RowIterator(_Rows[RowT], Iterator[RowT]):
    """The rows of an operation, each page of which is requested when its first row is needed.

    If a request fails, `next` raises its exception; the next call of `next` sends the request again.
    """

    def __init__(self, pages: Pages, request_page: Callable[..., list[RowT]]) -> None:
        super().__init__(pages)
        self._request_page = request_page

    def __iter__(self) -> Self:
        """Return the iterator itself."""
        return self

    def __next__(self) -> RowT:
        """Return the next row; raise `BinanceError` if a request fails."""
        while (row := self._next_row()) is None:
            state = self._state
            if state.rows:
                continue
            if state.pages is None:
                raise StopIteration
            self._accept(state, state.pages, self._request_page(**state.pages.arguments))
        return row


class AsyncRowIterator(_Rows[RowT], AsyncIterator[RowT]):
    """The rows of an operation, like `RowIterator`, without blocking the event loop."""

    def __init__(self, pages: Pages, request_page: Callable[..., Awaitable[list[RowT]]]) -> None:
        super().__init__(pages)
        self._request_page = request_page

    def __aiter__(self) -> Self:
        """Return the iterator itself."""
        return self

    async def __anext__(self) -> RowT:
        """Return the next row; raise `BinanceError` if a request fails."""
        while (row := self._next_row()) is None:
            state = self._state
            if state.rows:
                continue
            if state.pages is None:
                raise StopAsyncIteration
            self._accept(state, state.pages, await self._request_page(**state.pages.arguments))
        return row
