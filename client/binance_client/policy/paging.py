"""Rows that come in pages: which page to request next, without I/O and without a clock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from attrs import evolve, field, frozen

from binance_client.errors import ConfigurationError, ResponseError
from binance_client.messages import encoders
from binance_client.messages.http import MAX_TIME_MS, MIN_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

RowT = TypeVar("RowT")


class Pages(Protocol):
    """What is left of the pages of an iteration, at least one; a value, so that a failed request changes nothing."""

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments of the next page."""
        ...

    def accept(self, rows: Sequence[RowT]) -> tuple[Pages | None, list[RowT]]:
        """Return the pages after this one, None if it is the last, and those of its rows that no page before had."""
        ...


class TimePaging(NamedTuple):
    """An operation that returns the rows of a period; times are in milliseconds, and both ends belong to the period."""

    start: str
    """The argument with the beginning of the period."""
    end: str
    """The argument with its end."""
    size: str
    """The argument with the size of a page."""
    max_size: int
    max_span: int | None
    """How many milliseconds the end may be after the beginning, None for any number."""
    order_by: Callable[[Any], int]
    """The time of a row."""
    identity: Callable[[Any], Hashable]
    """What no other row of that time has."""

    def pages(self, start: int, end: int) -> TimePages:
        """Return the pages of a period; raise `ConfigurationError` for an invalid one."""
        for name, time in ((self.start, start), (self.end, end)):
            encoders.bounded(encoders.integer, MIN_TIME_MS, MAX_TIME_MS)(time, name)
        if start > end:
            raise ConfigurationError(f"{self.start}: expected a time before {self.end}, {end}, got {start}")
        return TimePages(self, start, end, span=end - start)


class _FullPage(NamedTuple):
    """The period of a page that was full, and the times of its first and last row."""

    start: int
    first: int
    last: int
    end: int


@frozen
class TimePages:
    """The pages of a period, in the order of time.

    Of a period with more rows than a page holds, an exchange returns the earliest or the latest ones, and few documents
    say which. Until the pages have shown it, a full one is requested again in shorter periods: a page that is not full
    has all rows of its period. Pages overlap by a millisecond, whose rows may be on both; times and identities show
    which rows were there before.
    """

    paging: TimePaging
    start: int
    end: int
    span: int
    previous: Mapping[tuple[int, Hashable], int] = field(factory=Counter[tuple[int, "Hashable"]])
    full: _FullPage | None = None
    full_in_a_row: int = 0
    keeps_earliest: bool | None = None

    @property
    def _page_end(self) -> int:
        span = self.span if self.paging.max_span is None else min(self.span, self.paging.max_span)
        return min(self.start + span, self.end)

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments of the next page."""
        paging = self.paging
        return {paging.start: self.start, paging.end: self._page_end, paging.size: paging.max_size}

    def accept(self, rows: Sequence[RowT]) -> tuple[TimePages | None, list[RowT]]:
        """Return the pages after this one, and its rows in the order of time; none of them if it is to be split.

        Raises `ResponseError` if a page of a single millisecond is full, because the exchange may have more rows.
        """
        rows = sorted(rows, key=self.paging.order_by)
        times = [self.paging.order_by(row) for row in rows]
        pages = evolve(self, keeps_earliest=self._learned(times))
        if len(rows) < self.paging.max_size:
            return pages._after(self._page_end, rows)  # noqa: SLF001, a value of this class
        if self.start == self._page_end:
            raise ResponseError(
                f"a page has at most {self.paging.max_size} rows, and those of {self.start} fill one, so that others"
                " of this millisecond may be missing; narrow the call down by its other arguments"
            )
        if pages.keeps_earliest and times[-1] > self.start:
            return pages._after(times[-1], rows)  # noqa: SLF001, the same
        return pages._split(times), []  # noqa: SLF001, the same

    def _learned(self, times: list[int]) -> bool | None:
        """Return whether the exchange keeps the earliest rows, as those around a full page show; None if unknown."""
        full = self.full
        if full is None or self.keeps_earliest is not None:
            return self.keeps_earliest
        if any(full.start <= time < full.first for time in times):
            return False
        # A few rows can have come since.
        later = sum(full.last < time <= full.end for time in times)
        return True if 4 * later >= self.paging.max_size else None

    def _after(self, end: int, rows: list[RowT]) -> tuple[TimePages | None, list[RowT]]:
        """Return the pages after a time up to which all rows are on this page, and those that are new."""
        identities = [(self.paging.order_by(row), self.paging.identity(row)) for row in rows]
        left, new = Counter(self.previous), list[RowT]()
        for row, identity in zip(rows, identities, strict=True):
            if left[identity]:
                # Counted, because rows that an exchange does not tell apart are all wanted.
                left[identity] -= 1
            else:
                new.append(row)
        start = end + (end in (self.start, self.end))
        if start > self.end:
            return None, new
        # Longer periods if the rows are few; the longest if a full page does no harm.
        grows = self.keeps_earliest or 3 * len(rows) < self.paging.max_size
        span = min(8 * self.span + 1, self.end - self.start) if grows else self.span
        return evolve(self, start=start, span=span, previous=Counter(identities), full_in_a_row=0), new

    def _split(self, times: list[int]) -> TimePages:
        """Return these pages with a shorter period for the next one, after a full page with rows of these times."""
        start, span = self.start, self._page_end - self.start
        covered = times[-1] - times[0]
        if 64 * covered >= span:
            # A bit less time than these rows cover, because times are irregular.
            span = min(covered, span) * 7 // 8
        elif times[0] > start:
            # These rows share a moment. Up to them there are few, or many others; then less and less is requested.
            span = min((times[0] - start) >> 2 * self.full_in_a_row, span - 1)
        else:
            span = min(times[len(times) * 7 // 8] - start, span - 1)
        full = _FullPage(start, times[0], times[-1], self._page_end)
        return evolve(self, span=span, full=full, full_in_a_row=self.full_in_a_row + 1)


class IdPaging(NamedTuple):
    """An operation that returns the rows from an id on, in the order of ids."""

    start: str
    """The argument with the first id."""
    size: str
    """The argument with the size of a page."""
    max_size: int
    order_by: Callable[[Any], int]
    """The id of a row."""

    def pages(self, start: int) -> IdPages:
        """Return the pages from an id on; raise `ConfigurationError` if it is none."""
        encoders.bounded(encoders.integer, 0, None)(start, self.start)
        return IdPages(self, start)


@frozen
class IdPages:
    """The pages of the rows from an id on, until one is empty."""

    paging: IdPaging
    start: int

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments of the next page."""
        return {self.paging.start: self.start, self.paging.size: self.paging.max_size}

    def accept(self, rows: Sequence[RowT]) -> tuple[IdPages | None, list[RowT]]:
        """Return the pages after this one, and its rows in the order of ids; raise `ResponseError` for earlier ids."""
        rows = sorted(rows, key=self.paging.order_by)
        ids = [self.paging.order_by(row) for row in rows]
        if not ids:
            return None, rows
        if ids[0] < self.start:
            raise ResponseError(f"expected rows from {self.paging.start} {self.start} on, got {ids[0]}")
        return evolve(self, start=ids[-1] + 1), rows
