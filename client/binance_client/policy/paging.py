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
    """The remaining pages, at least one. Immutable, so that a failed request changes nothing."""

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments of the next page."""
        ...

    def accept(self, rows: Sequence[RowT]) -> tuple[Pages | None, list[RowT]]:
        """Return the remaining pages, None after the last one, and the rows of this page that the page before lacks."""
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
    """The longest period of a request, in milliseconds; None if unlimited."""
    order_by: Callable[[Any], int]
    """The time of a row."""
    identity: Callable[[Any], Hashable]
    """What distinguishes a row from others of the same time."""

    def pages(self, start: int, end: int) -> TimePages:
        """Return the pages of a period; raise `ConfigurationError` for an invalid one."""
        for name, time in ((self.start, start), (self.end, end)):
            encoders.bounded(encoders.integer, MIN_TIME_MS, MAX_TIME_MS)(time, name)
        if start > end:
            raise ConfigurationError(f"{self.start}: expected a time not after {self.end}, {end}, got {start}")
        return TimePages(self, start, end, page_span=end - start)


@frozen
class TimePages:
    """The pages of a period, in the order of time.

    Of a period with more rows than a page holds, an exchange returns the earliest or the latest ones, and most of its
    documentation does not say which. So a page begins at the last row of the page before: a full page that has this row
    again has all rows up to its own last one. Any other full page is requested again as shorter periods. A page that is
    not full has all rows of its period.
    """

    paging: TimePaging
    start: int
    end: int
    page_span: int
    previous: Mapping[tuple[int, Hashable], int] = field(factory=Counter[tuple[int, "Hashable"]])
    """How many rows of the page before have which time and identity."""
    splits: int = 0
    """How often this page was split."""

    @property
    def _page_end(self) -> int:
        span = self.page_span if self.paging.max_span is None else min(self.page_span, self.paging.max_span)
        return min(self.start + span, self.end)

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments of the next page."""
        paging = self.paging
        return {paging.start: self.start, paging.end: self._page_end, paging.size: paging.max_size}

    def accept(self, rows: Sequence[RowT]) -> tuple[TimePages | None, list[RowT]]:
        """Return the pages after this one, and its rows in the order of time; no rows if the page has to be split.

        Raises `ResponseError` for a full page that no shorter period can complete: that of a single millisecond, or one
        with rows of another period.
        """
        rows = sorted(rows, key=self.paging.order_by)
        times = [self.paging.order_by(row) for row in rows]
        keys = [(time, self.paging.identity(row)) for time, row in zip(times, rows, strict=True)]
        found = Counter(keys)
        if len(rows) < self.paging.max_size:
            last = max((time for time in times if self.start < time <= self._page_end), default=self._page_end)
            return self._after(None if self._page_end == self.end else last, found), self._unseen(rows, keys)
        self._require_page(times)
        expected = {key: count for key, count in self.previous.items() if key[0] == self.start}
        if expected and times[-1] > self.start and all(found[key] >= count for key, count in expected.items()):
            return self._after(times[-1], found), self._unseen(rows, keys)
        return self._split(times), []

    def _require_page(self, times: list[int]) -> None:
        """Raise `ResponseError` for a full page that no shorter period can complete."""
        if self.start == self._page_end:
            raise ResponseError(
                f"a page has at most {self.paging.max_size} rows, and those of {self.start} fill one, so that others"
                " of this millisecond may be missing; narrow the call down by its other arguments"
            )
        if not self.start <= times[0] <= times[-1] <= self._page_end:
            raise ResponseError(
                f"expected rows from {self.start} to {self._page_end}, got rows from {times[0]} to {times[-1]}"
            )

    def _after(self, last: int | None, found: Counter[tuple[int, Hashable]]) -> TimePages | None:
        """Return the pages after one with all rows up to a time, None if that is the end of the period."""
        if last is None:
            return None
        # A millisecond has no last row to begin at.
        start = last + (last == self.start)
        # Few rows, or a page that may be full, allow a longer period.
        grows = 3 * found.total() < self.paging.max_size or found.total() >= self.paging.max_size
        span = min(8 * self.page_span + 1, self.end - self.start) if grows else self._page_end - start + self.page_span
        return evolve(self, start=start, page_span=span, previous=found, splits=0)

    def _unseen(self, rows: list[RowT], keys: list[tuple[int, Hashable]]) -> list[RowT]:
        """Return the rows that the page before did not have; those with equal identities are counted."""
        left = Counter(self.previous)
        unseen: list[RowT] = []
        for row, key in zip(rows, keys, strict=True):
            if left[key]:
                left[key] -= 1
            else:
                unseen.append(row)
        return unseen

    def _split(self, times: list[int]) -> TimePages:
        """Return these pages with a shorter period for the next one, after a full page with rows of these times."""
        start, span = self.start, self._page_end - self.start
        covered = times[-1] - times[0]
        if 64 * covered >= span:
            # The rows are spread over the period. A bit less than they cover, because times are irregular.
            span = covered * 7 // 8
        elif times[0] > start:
            # The rows are a burst late in the period: first the time before it, then less each time that is full too.
            span = min((times[0] - start) >> 2 * self.splits, span - 1)
        else:
            # The rows are a burst at once: most of it.
            span = min(times[len(times) * 7 // 8] - start, span - 1)
        return evolve(self, page_span=span, splits=self.splits + 1)


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
        """Return the pages from an id on; raise `ConfigurationError` for an invalid id."""
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
