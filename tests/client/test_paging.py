"""Which pages are requested of rows that do not fit into one response."""

from bisect import bisect_left
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

import pytest
from binance_client.policy.paging import IdPaging, Pages, TimePaging
from binance_coinm import errors
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
    left: Pages | None = pages
    while left is not None:
        requests.append(left.arguments)
        left, new = left.accept(respond(**left.arguments))
        rows += new
    return rows, requests


def exchange(rows: list[Row], *, keeps_latest: bool, is_descending: bool, includes_end: bool = True) -> Exchange:
    """Return an exchange: of too many rows it returns the earliest or the latest ones, in any order."""
    in_order = sorted(rows)

    def respond(start: int, end: int, size: int) -> list[Row]:
        begin, past = (bisect_left(in_order, time, key=attrgetter("time")) for time in (start, end + includes_end))
        found = in_order[max(begin, past - size) : past] if keeps_latest else in_order[begin : min(past, begin + size)]
        return found[::-1] if is_descending else found

    return respond


BEGIN = 1_500_000_000_000
# Times of which many are equal or close, far from others.
TIMES = st.lists(
    (st.integers(0, 30) | st.integers(0, 1_000_000) | st.integers(999_998, 1_000_000)).map(lambda time: BEGIN + time),
    max_size=60,
)
KINDS = {"keeps_latest": st.booleans(), "is_descending": st.booleans()}


@given(times=TIMES, size=st.integers(1, 20), max_span=st.none() | st.integers(10_000, 2_000_000), **KINDS)
def test_periods(times: list[int], size: int, max_span: int | None, *, keeps_latest: bool, is_descending: bool) -> None:
    """All rows come once, in the order of time, unless so many share a millisecond that a page is full of them."""
    rows = [Row(time, number) for number, time in enumerate(times)]
    respond = exchange(rows, keeps_latest=keeps_latest, is_descending=is_descending)
    pages = time_paging(size, max_span).pages(BEGIN, BEGIN + 1_000_000)

    if any(times.count(time) >= size for time in times):
        with pytest.raises(errors.ResponseError, match=f"a page has at most {size} rows, and those of 150000"):
            all_rows(pages, respond)
        return
    found, requests = all_rows(pages, respond)

    assert sorted(rows) == sorted(found)
    assert sorted(times) == [row.time for row in found]
    assert all(0 <= request["end"] - request["start"] <= (max_span or 1_000_000) for request in requests)


@given(times=st.lists(st.integers(0, 1000), unique=True, max_size=60), size=st.integers(2, 20), **KINDS)
def test_periods_without_their_end(times: list[int], size: int, *, keeps_latest: bool, is_descending: bool) -> None:
    """No row is lost at a seam if the exchange counts the end of a period out."""
    rows = [Row(BEGIN + 100 * time, number) for number, time in enumerate(times)]
    respond = exchange(rows, keeps_latest=keeps_latest, is_descending=is_descending, includes_end=False)

    found, _ = all_rows(time_paging(size).pages(BEGIN, BEGIN + 100_001), respond)

    assert sorted(rows) == found


def test_rows_with_the_same_identity() -> None:
    """Rows that an exchange does not tell apart all come, at a seam too."""
    rows = [Row(BEGIN + time, 7) for time in (1, 2, 2, 2, 3, 4, 4, 5, 6)]
    respond = exchange(rows, keeps_latest=True, is_descending=False)

    found, _ = all_rows(time_paging(4).pages(BEGIN, BEGIN + 7), respond)

    assert rows == found


DAY, YEAR = 86_400_000, 31_536_000_000


@pytest.mark.parametrize(
    ("times", "earliest", "latest"),
    [
        pytest.param([*range(0, YEAR, YEAR // 100_000)], 116, 118, id="regular"),
        pytest.param([day * DAY + number % 10 for day in range(365) for number in range(900)], 343, 912, id="bursts"),
        pytest.param([day * DAY + 60 * number for day in range(90) for number in range(1200)], 115, 982, id="large"),
        pytest.param([200 * DAY + number for number in range(1200)], 4, 4, id="one burst"),
        pytest.param([*range(0, YEAR, YEAR // 200)], 1, 1, id="few"),
        pytest.param([], 1, 1, id="none"),
    ],
)  # fmt: skip
def test_number_of_requests(times: list[int], earliest: int, latest: int) -> None:
    """There are few more requests than pages, but for bursts of more than a page if the latest rows are kept."""
    rows = [Row(BEGIN + time, number) for number, time in enumerate(times)]

    for keeps_latest, limit in ((False, earliest), (True, latest)):
        respond = exchange(rows, keeps_latest=keeps_latest, is_descending=False)
        found, requests = all_rows(time_paging(1000).pages(BEGIN, BEGIN + YEAR), respond)

        assert sorted(rows) == sorted(found)
        assert limit >= len(requests)


def test_a_crowded_millisecond() -> None:
    """The error for a millisecond whose rows fill a page says which one, and what to do; so does the next attempt."""
    rows = [Row(1_600_000_000_000, number) for number in range(5)]
    pages = time_paging(5).pages(1_600_000_000_000, 1_600_000_000_000)

    for _ in range(2):
        with pytest.raises(errors.ResponseError) as caught:
            pages.accept(rows)
        assert (
            "a page has at most 5 rows, and those of 1600000000000 fill one, so that others of this millisecond may be"
            " missing; narrow the call down by its other arguments"
        ) == str(caught.value)


def test_rows_that_come_meanwhile() -> None:
    """Rows that come between two requests do not let a full page of the latest rows pass for the earliest ones."""
    rows = [Row(BEGIN + number, number) for number in range(100)]

    def respond(start: int, end: int, size: int) -> list[Row]:
        found = exchange(rows, keeps_latest=True, is_descending=False)(start=start, end=end, size=size)
        rows.extend([Row(rows[-1].time + number, len(rows) + number) for number in range(1, 31)] * (len(rows) < 1000))
        return found

    found, _ = all_rows(time_paging(100).pages(BEGIN, BEGIN + 2000), respond)

    assert rows[: len(found)] == found
    assert len(found) >= 100


def test_rows_of_another_period() -> None:
    """A full page with rows of another period is an error, as of an exchange that ignores the period."""
    pages = time_paging(3).pages(BEGIN + 10, BEGIN + 20)

    with pytest.raises(errors.ResponseError) as caught:
        pages.accept([Row(BEGIN + number, number) for number in (9, 10, 11)])

    assert "expected rows from 1500000000010 to 1500000000020, got rows from 1500000000009 to 1500000000011" == str(
        caught.value
    )


LATER = 1_600_000_000_000
TIME = "expected an integer of at least 1000000000000 and at most 100000000000000"


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (1_600_000_000, LATER, f"start: {TIME}, got 1600000000"),
        (1_600_000_000_000_000, LATER, f"start: {TIME}, got 1600000000000000"),
        (1.6e12, LATER, f"start: {TIME}, got 1600000000000.0"),
        (True, LATER, f"start: {TIME}, got True"),
        (BEGIN, str(LATER), f"end: {TIME}, got '1600000000000'"),
        (BEGIN, None, f"end: {TIME}, got None"),
        (LATER, BEGIN, "start: expected a time not after end, 1500000000000, got 1600000000000"),
    ],
)
def test_invalid_periods(start: Any, end: Any, message: str) -> None:
    """An invalid period, such as one in seconds, is an error before anything is requested."""
    with pytest.raises(errors.ConfigurationError) as caught:
        time_paging(5).pages(start, end)

    assert message == str(caught.value)


@given(ids=st.sets(st.integers(0, 40)), first=st.integers(0, 40), is_descending=st.booleans())
def test_ids(ids: set[int], first: int, *, is_descending: bool) -> None:
    """All rows from an id on come once, in the order of ids, until a page is empty."""

    def respond(first: int, size: int) -> list[Row]:
        found = [Row(0, number) for number in sorted(ids) if number >= first][:size]
        return found[::-1] if is_descending else found

    found, requests = all_rows(ID_PAGING.pages(first), respond)

    expected = [number for number in sorted(ids) if number >= first]
    assert expected == [row.id for row in found]
    assert -(-len(expected) // 3) + 1 == len(requests)


def test_ids_before_the_first_one() -> None:
    """Rows before the id, as an exchange returns them that ignores it, are an error instead of an endless iteration."""
    with pytest.raises(errors.ResponseError, match="expected rows from first 8 on, got 7"):
        ID_PAGING.pages(8).accept([Row(0, 7), Row(0, 8), Row(0, 9)])


@pytest.mark.parametrize("first", [-1, None, "1"])
def test_invalid_ids(first: Any) -> None:
    """An id that is none is an error before anything is requested."""
    with pytest.raises(errors.ConfigurationError, match="first: expected an integer of at least 0, got"):
        ID_PAGING.pages(first)
