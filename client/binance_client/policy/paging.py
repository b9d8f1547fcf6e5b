"""Rows that come in pages: which page to request next, without I/O and without a clock."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from binance_client.errors import ConfigurationError, ResponseError
from binance_client.messages import encoders
from binance_client.types import Unset

RowT = TypeVar("RowT")


class Pages(Protocol):
    """The pages of one iteration."""

    @property
    def arguments(self) -> dict[str, int] | None:
        """The arguments of the next page, None after the last one."""
        ...

    def accept(self, rows: Sequence[RowT]) -> list[RowT]:
        """Return those rows of the requested page that no page had before, in their order."""
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

    def pages(self, start: int, end: int | Unset, clock: Callable[[], int]) -> "TimePages":
        """Return the pages of a period, which without an end lasts until now; raise `ConfigurationError`."""
        end = clock() if isinstance(end, Unset) else end
        for name, time in ((self.start, start), (self.end, end)):
            encoders.bounded(encoders.integer, 0, None)(time, name)
        if start > end:
            raise ConfigurationError(f"{self.start}: expected a time before {self.end}, {end}, got {start}")
        return TimePages(self, start, end)


class TimePages:
    """The pages of a period, in the order of time.

    Of a period with more rows than a page holds, an exchange returns the earliest or the latest ones, and few documents
    say which. A full page therefore only shows how dense its rows are: its period is requested again in shorter parts.
    A page that is not full has all rows of its period. Pages overlap by a millisecond, in case that an exchange counts
    the end of a period out; times and identities show which rows were there before.
    """

    def __init__(self, paging: TimePaging, start: int, end: int) -> None:
        self._paging = paging
        self._start, self._end = start, end
        self._max_span = end - start if paging.max_span is None else paging.max_span
        self._span = self._max_span
        self._previous: Counter[tuple[int, Hashable]] = Counter()

    @property
    def _page_end(self) -> int:
        return min(self._start + self._span, self._end)

    @property
    def arguments(self) -> dict[str, int] | None:
        """The arguments of the next page, None after the last one."""
        if self._start > self._end:
            return None
        paging = self._paging
        return {paging.start: self._start, paging.end: self._page_end, paging.size: paging.max_size}

    def accept(self, rows: Sequence[RowT]) -> list[RowT]:
        """Return the rows of a page in the order of time, none of a page that is full.

        Raises `ResponseError` if a page of a single millisecond is full, because the exchange may have more rows.
        """
        paging = self._paging
        rows = sorted(rows, key=paging.order_by)
        span = self._page_end - self._start
        if len(rows) >= paging.max_size:
            if span == 0:
                raise ResponseError(
                    f"a page has at most {paging.max_size} rows, and {len(rows)} are of the millisecond {self._start},"
                    " so that others may be missing; narrow the call down by its other arguments"
                )
            covered = min(paging.order_by(rows[-1]) - paging.order_by(rows[0]), span)
            # A bit less time than these rows cover, because times are irregular; not much less than before, because few
            # rows may follow on many that share a moment.
            self._span = max(covered * 7 // 8, span // 64)
            return []
        self._start = self._page_end + (span == 0 or self._page_end == self._end)
        if 3 * len(rows) < paging.max_size:
            self._span = min(2 * self._span + 1, self._max_span)
        return self._new_among(rows)

    def _new_among(self, rows: list[RowT]) -> list[RowT]:
        """Return the rows that are not among those of the previous page, of equal ones as many as there are more."""
        identities = [(self._paging.order_by(row), self._paging.identity(row)) for row in rows]
        previous, self._previous = self._previous, Counter(identities)
        new: list[RowT] = []
        for row, identity in zip(rows, identities, strict=True):
            if previous[identity]:
                previous[identity] -= 1
            else:
                new.append(row)
        return new


class IdPaging(NamedTuple):
    """An operation that returns the rows from an id on, in the order of ids."""

    start: str
    """The argument with the first id."""
    size: str
    """The argument with the size of a page."""
    max_size: int
    order_by: Callable[[Any], int]
    """The id of a row."""

    def pages(self, start: int) -> "IdPages":
        """Return the pages from an id on; raise `ConfigurationError` if it is none."""
        encoders.bounded(encoders.integer, 0, None)(start, self.start)
        return IdPages(self, start)


class IdPages:
    """The pages of the rows from an id on, until a page is not full."""

    def __init__(self, paging: IdPaging, start: int) -> None:
        self._paging = paging
        self._start: int | None = start

    @property
    def arguments(self) -> dict[str, int] | None:
        """The arguments of the next page, None after the last one."""
        paging = self._paging
        return None if self._start is None else {paging.start: self._start, paging.size: paging.max_size}

    def accept(self, rows: Sequence[RowT]) -> list[RowT]:
        """Return the rows of a page in the order of ids; raise `ResponseError` for one that does not begin there."""
        paging = self._paging
        new = sorted(rows, key=paging.order_by)
        if new and self._start is not None and paging.order_by(new[0]) < self._start:
            raise ResponseError(f"expected rows from {paging.start} {self._start} on, got {paging.order_by(new[0])}")
        self._start = paging.order_by(new[-1]) + 1 if len(new) >= paging.max_size else None
        return new
