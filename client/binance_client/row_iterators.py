"""Iterators over rows that come in pages."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Generic, Self, TypeVar

from .policy.paging import Pages

RowT = TypeVar("RowT")


class RowIterator(Iterator[RowT], Generic[RowT]):
    """The rows of an operation, each page of which is requested when its first row is needed.

    If a request fails, `next` raises its exception, and repeats it when it is called again.
    """

    def __init__(self, pages: Pages, request_page: Callable[..., list[RowT]]) -> None:
        self._pages = pages
        self._request_page = request_page
        self._rows: deque[RowT] = deque()

    def __iter__(self) -> Self:
        """Return the iterator itself."""
        return self

    def __next__(self) -> RowT:
        """Return the next row."""
        while not self._rows:
            arguments = self._pages.arguments
            if arguments is None:
                raise StopIteration
            self._rows.extend(self._pages.accept(self._request_page(**arguments)))
        return self._rows.popleft()


class AsyncRowIterator(AsyncIterator[RowT], Generic[RowT]):
    """The rows of an operation, like `RowIterator`, without blocking the event loop."""

    def __init__(self, pages: Pages, request_page: Callable[..., Awaitable[list[RowT]]]) -> None:
        self._pages = pages
        self._request_page = request_page
        self._rows: deque[RowT] = deque()

    def __aiter__(self) -> Self:
        """Return the iterator itself."""
        return self

    async def __anext__(self) -> RowT:
        """Return the next row."""
        while not self._rows:
            arguments = self._pages.arguments
            if arguments is None:
                raise StopAsyncIteration
            self._rows.extend(self._pages.accept(await self._request_page(**arguments)))
        return self._rows.popleft()
