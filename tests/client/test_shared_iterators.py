"""Iterators that several threads or tasks share, or whose calls fail or are interrupted."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from binance_client.policy.paging import IdPages, IdPaging, RowT
from binance_client.row_iterators import AsyncRowIterator, RowIterator

NUMBERS = [*range(30)]
PAGING = IdPaging("start", "size", 3, int)


def page(start: int, size: int) -> list[int]:
    """Return a page of an exchange."""
    return NUMBERS[start : start + size]


def test_threads() -> None:
    """Threads that have requested the same page get each row once."""
    together = Barrier(3)

    def request(start: int, size: int) -> list[int]:
        """Return the page after all threads have requested it."""
        together.wait(10)
        return page(start, size)

    iterator = RowIterator(PAGING.pages(0), request)
    with ThreadPoolExecutor(3) as threads:
        found = [*threads.map(lambda _: next(iterator), range(3))]

    assert [0, 1, 2] == sorted(found)


def test_tasks() -> None:
    """Tasks that have requested the same page get each row once, in order."""

    async def request(start: int, size: int) -> list[int]:
        await asyncio.sleep(0)
        return page(start, size)

    async def collect() -> tuple[list[int], ...]:
        iterator = AsyncRowIterator(PAGING.pages(0), request)

        async def consume() -> list[int]:
            return [row async for row in iterator]

        return tuple(await asyncio.gather(consume(), consume(), consume()))

    found = asyncio.run(collect())

    assert NUMBERS == sorted(row for rows in found for row in rows)
    assert all(rows == sorted(rows) for rows in found)


def test_interruptions() -> None:
    """A page during which an exception is raised comes again."""
    interruptions = [KeyboardInterrupt()]

    class InterruptedPages(IdPages):
        """Pages that are interrupted once, at the end of `accept`, as a signal handler's exception does it."""

        def accept(self, rows: Sequence[RowT]) -> tuple[IdPages | None, list[RowT]]:
            """Raise the exception at first."""
            accepted = super().accept(rows)
            if interruptions:
                raise interruptions.pop()
            return accepted

    iterator: RowIterator[int] = RowIterator(InterruptedPages(PAGING, 0), page)

    with pytest.raises(KeyboardInterrupt):
        next(iterator)

    assert NUMBERS == [*iterator]
