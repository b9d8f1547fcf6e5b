"""Which pages are requested of rows that do not fit into one response."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

import pytest
from binance_client.policy.paging import IdPages, IdPaging, Pages, TimePages, TimePaging
from binance_coinm import errors
from binance_coinm.types import UNSET
from hypothesis import given
from hypothesis import strategies as st


class Row(NamedTuple):
    """A row of an exchange."""

    time: int
    id: int


def time_paging(max_size: int, max_span: int | None = None) -> TimePaging:
    """Return how a test's rows of a period come in pages."""
    return TimePaging("start", "end", "size", max_size, max_span, attrgetter("time"), attrgetter("id"))


ID_PAGING = IdPaging("first", "size", 3, attrgetter("id"))
Exchange = Callable[..., list[Row]]


def all_rows(pages: Pages, respond: Exchange) -> tuple[list[Row], list[dict[str, int]]]:
    """Return the rows of all pages, and the arguments of the requests."""
    rows: list[Row] = []
    requests: list[dict[str, int]] = []
    while (arguments := pages.arguments) is not None:
        requests.append(arguments)
        rows += pages.accept(respond(**arguments))
    return rows, requests


def exchange(rows: list[Row], *, keeps_latest: bool, is_descending: bool, includes_end: bool = True) -> Exchange:
    """Return an exchange: of too many rows it returns the earliest or the latest ones, in any order."""

    def respond(start: int, end: int, size: int) -> list[Row]:
        found = sorted(row for row in rows if start <= row.time < end + includes_end)
        found = found[-size:] if keeps_latest else found[:size]
        return found[::-1] if is_descending else found

    return respond


# Times of which many are equal or close, far from others.
TIMES = st.lists(st.integers(0, 30) | st.integers(0, 1_000_000), max_size=60)
KINDS = {"keeps_latest": st.booleans(), "is_descending": st.booleans()}


@given(times=TIMES, size=st.integers(1, 20), max_span=st.none() | st.integers(10_000, 2_000_000), **KINDS)
def test_periods(times: list[int], size: int, max_span: int | None, *, keeps_latest: bool, is_descending: bool) -> None:
    """All rows come once, in the order of time, unless so many share a millisecond that a page is full of them."""
    rows = [Row(time, number) for number, time in enumerate(times)]
    respond = exchange(rows, keeps_latest=keeps_latest, is_descending=is_descending)
    pages = time_paging(size, max_span).pages(0, 1_000_000, int)

    if any(times.count(time) >= size for time in times):
        with pytest.raises(errors.ResponseError, match=f"a page has at most {size} rows, and {size} are of the milli"):
            all_rows(pages, respond)
        return
    found, requests = all_rows(pages, respond)

    assert sorted(rows) == sorted(found)
    assert sorted(times) == [row.time for row in found]
    assert all(0 <= request["end"] - request["start"] <= (max_span or 1_000_000) for request in requests)


@given(times=st.lists(st.integers(0, 1000), unique=True, max_size=60), size=st.integers(2, 20), **KINDS)
def test_periods_without_their_end(times: list[int], size: int, *, keeps_latest: bool, is_descending: bool) -> None:
    """No row is lost at a seam if the exchange counts the end of a period out."""
    rows = [Row(100 * time, number) for number, time in enumerate(times)]
    respond = exchange(rows, keeps_latest=keeps_latest, is_descending=is_descending, includes_end=False)

    found, _ = all_rows(time_paging(size).pages(0, 100_001, int), respond)

    assert sorted(rows) == found


def test_rows_with_the_same_identity() -> None:
    """Rows that an exchange does not tell apart all come, at a seam too."""
    rows = [Row(time, 7) for time in (1, 2, 2, 2, 3, 4, 4, 5, 6)]
    respond = exchange(rows, keeps_latest=True, is_descending=False)

    found, _ = all_rows(time_paging(4).pages(0, 7, int), respond)

    assert rows == found


@pytest.mark.parametrize("keeps_latest", [False, True], ids=["earliest", "latest"])
def test_number_of_requests(*, keeps_latest: bool) -> None:
    """Rows at regular times need about an eighth more requests than there are pages, and one to find the density."""
    rows = [Row(time, time) for time in range(0, 60_000 * 100_000, 60_000)]
    respond = exchange(rows, keeps_latest=keeps_latest, is_descending=False)

    found, requests = all_rows(time_paging(1000).pages(0, 60_000 * 100_000, int), respond)

    assert rows == found
    assert 117 == len(requests)


def test_rows_that_come_in_bursts() -> None:
    """Rows that are all of a few moments, a long time apart, are found with few requests."""
    year, eight_hours = 31_536_000_000, 28_800_000
    rows = [
        Row(burst + number % 10, burst + number) for burst in range(0, year, 90 * eight_hours) for number in range(600)
    ]
    respond = exchange(rows, keeps_latest=True, is_descending=False)

    found, requests = all_rows(time_paging(1000).pages(0, year, int), respond)

    assert sorted(rows) == sorted(found)
    assert 40 > len(requests)


def test_a_crowded_millisecond() -> None:
    """The error for a millisecond whose rows fill a page says which one, and what to do; so does the next attempt."""
    rows = [Row(1_600_000_000_000, number) for number in range(5)]
    respond = exchange(rows, keeps_latest=True, is_descending=False)
    pages = time_paging(5).pages(1_500_000_000_000, 1_700_000_000_000, int)

    for _ in range(2):
        with pytest.raises(errors.ResponseError) as caught:
            all_rows(pages, respond)
        assert (
            "a page has at most 5 rows, and 5 are of the millisecond 1600000000000, so that others may be missing;"
            " narrow the call down by its other arguments"
        ) == str(caught.value)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (-1, 5, "start: expected an integer of at least 0, got -1"),
        (1.5, 5, "start: expected an integer of at least 0, got 1.5"),
        (True, 5, "start: expected an integer of at least 0, got True"),
        (0, "5", "end: expected an integer of at least 0, got '5'"),
        (0, None, "end: expected an integer of at least 0, got None"),
        (6, 5, "start: expected a time before end, 5, got 6"),
        (101, UNSET, "start: expected a time before end, 100, got 101"),
    ],
)
def test_invalid_periods(start: Any, end: Any, message: str) -> None:
    """An invalid period is an error before anything is requested."""
    with pytest.raises(errors.ConfigurationError) as caught:
        time_paging(5).pages(start, end, lambda: 100)

    assert message == str(caught.value)


def test_a_period_without_an_end() -> None:
    """A period without an end lasts until now, also if it began just now."""
    pages: TimePages = time_paging(5).pages(100, UNSET, lambda: 100)

    assert {"start": 100, "end": 100, "size": 5} == pages.arguments


@given(ids=st.sets(st.integers(0, 40)), first=st.integers(0, 40), is_descending=st.booleans())
def test_ids(ids: set[int], first: int, *, is_descending: bool) -> None:
    """All rows from an id on come once, in the order of ids, until a page is not full."""

    def respond(first: int, size: int) -> list[Row]:
        found = [Row(0, number) for number in sorted(ids) if number >= first][:size]
        return found[::-1] if is_descending else found

    found, requests = all_rows(ID_PAGING.pages(first), respond)

    expected = [number for number in sorted(ids) if number >= first]
    assert expected == [row.id for row in found]
    assert len(expected) // 3 + 1 == len(requests)


def test_ids_before_the_first_one() -> None:
    """Rows before the id, as an exchange returns them that ignores it, are an error instead of an endless iteration."""
    pages: IdPages = ID_PAGING.pages(8)

    with pytest.raises(errors.ResponseError, match="expected rows from first 8 on, got 7"):
        pages.accept([Row(0, 7), Row(0, 8), Row(0, 9)])


@pytest.mark.parametrize("first", [-1, None, "1"])
def test_invalid_ids(first: Any) -> None:
    """An id that is none is an error before anything is requested."""
    with pytest.raises(errors.ConfigurationError, match="first: expected an integer of at least 0, got"):
        ID_PAGING.pages(first)
