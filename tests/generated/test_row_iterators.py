"""Iterators over the rows of operations that come in pages."""

import asyncio
import itertools
from collections.abc import AsyncIterable, Callable, Iterator
from copy import copy
from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest
from binance_coinm import Client, connect, errors
from binance_sandbox import RequestRejectedError, Sandbox
from openapi_python_client.strings import PythonIdentifier
from support.operations import OPERATIONS, arguments, as_sent, content, endpoint, examples, resolved

YEAR = 365 * 86_400_000
START = 1_735_689_600_000
PAGED = [name for name, node in OPERATIONS.items() if "x-paging" in node]
BY_TIME = [name for name in PAGED if "end" in OPERATIONS[name]["x-paging"]]
Rows = list[dict[str, Any]]
Collect = Callable[..., list[Any]]


async def _collected(rows: AsyncIterable[Any]) -> list[Any]:
    return [row async for row in rows]


def rows_sync(client: Client, module: Any, **settings: Any) -> list[Any]:
    """Return the rows of the sync iterator."""
    return [*module.iterate(client=client, **settings)]


def rows_asyncio(client: Client, module: Any, **settings: Any) -> list[Any]:
    """Return the rows of the async iterator on asyncio."""
    return asyncio.run(_collected(module.iterate_async(client=client, **settings)))


def rows_trio(client: Client, module: Any, **settings: Any) -> list[Any]:
    """Return the rows of the async iterator on trio."""
    return anyio.run(lambda: _collected(module.iterate_async(client=client, **settings)), backend="trio")


@pytest.fixture(params=[rows_sync, rows_asyncio, rows_trio], ids=["sync", "asyncio", "trio"])
def collect(request: pytest.FixtureRequest) -> Collect:
    """Return a function that returns all rows of an iterator."""
    function: Collect = request.param
    return function


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Connect with the limit of the exchange as the client's own."""
    with connect(sandbox.credentials, server=sandbox.url, max_weight_per_minute=2400) as client:
        yield client


def income_of(times: list[int]) -> Rows:
    """Return income of these times; its ids are those of the list's indexes."""
    row, *_ = examples("getIncomeHistory")[0]
    return [{**row, "time": time, "tranId": str(number)} for number, time in enumerate(times)]


def position_of(operation_id: str) -> Any:
    """Return the name of the member, or the index of the item, with the time of a row."""
    name = OPERATIONS[operation_id]["x-paging"]["order-by"]
    items = resolved(resolved(content(operation_id)["schema"])["items"]).get("prefixItems")
    return name if items is None else [item["title"] for item in items].index(name)


def with_value(row: Any, position: Any, value: int) -> Any:
    """Return a copy of a row with another value of a member or item."""
    copied = copy(row)
    copied[position] = value
    return copied


def serve(sandbox: Sandbox, operation_id: str, rows: Rows, time_of: Callable[[Any], int]) -> None:
    """Return rows as the exchange does: the latest ones of a period that is not too long."""
    paging = OPERATIONS[operation_id]["x-paging"]

    def respond(parameters: dict[str, Any]) -> Rows:
        start, end, size = (parameters[paging[key]] for key in ("start", "end", "size"))
        assert end - start <= paging.get("max-span", YEAR)
        return [row for row in rows if start <= time_of(row) <= end][-size:]

    sandbox.responses[operation_id] = respond


def periods(sandbox: Sandbox) -> list[tuple[int, int]]:
    """Return the periods of the requests, all of which the exchange has accepted."""
    requests = sandbox.pop_requests()
    assert {200} == {request.status for request in requests}
    queries = [dict(parse_qsl(request.query.decode())) for request in requests]
    return [(int(query["startTime"]), int(query["endTime"])) for query in queries]


def test_income_of_a_year(sandbox: Sandbox, client: Client, collect: Collect) -> None:
    """All of 25,000 rows come once and in order, within a minute's weight, although 40 share a seam's millisecond."""
    times = [*range(START, START + YEAR, YEAR // 25_000)]
    seam = 1_747_827_175_680
    for index in range(9_602, 9_642):
        times[index] = seam
    serve(sandbox, "getIncomeHistory", income_of(times), lambda row: row["time"])

    rows = collect(client, endpoint("getIncomeHistory"), start_time=START, end_time=START + YEAR - 1)

    assert 25_000 == len(rows)
    assert times == [row.time for row in rows]
    assert [*map(str, range(25_000))] == [row.tran_id for row in rows]
    found = periods(sandbox)
    assert seam in [end for _, end in found]
    assert seam in [start for start, _ in found]
    assert 30 == len(found)


def reject_every_second(sandbox: Sandbox, operation_id: str) -> None:
    """Reject every second request of an operation, beginning with the first one."""
    respond: Callable[[dict[str, Any]], Rows] = sandbox.responses[operation_id]
    count = itertools.count()

    def respond_or_reject(parameters: dict[str, Any]) -> Rows:
        if next(count) % 2 == 0:
            raise RequestRejectedError(-1130, "Invalid parameter.")
        return respond(parameters)

    sandbox.responses[operation_id] = respond_or_reject


def test_failed_calls(sandbox: Sandbox, client: Client) -> None:
    """After the error of a call, an iterator makes the same call again, and goes on."""
    times = [*range(START, START + 1500)]
    serve(sandbox, "getIncomeHistory", income_of(times), lambda row: row["time"])
    reject_every_second(sandbox, "getIncomeHistory")
    iterator = client.account.iterate_get_income_history(start_time=START, end_time=times[-1])
    found: list[int] = []

    for _ in range(3):
        with pytest.raises(errors.ApiError):
            for row in iterator:
                found.append(row.time)  # noqa: PERF401, the rows before the error are kept
    found += [row.time for row in iterator]

    assert times == found
    assert [] == [*iterator]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_failed_async_calls(sandbox: Sandbox, client: Client, backend: str) -> None:
    """The same, async."""
    times = [*range(START, START + 1500)]
    serve(sandbox, "getIncomeHistory", income_of(times), lambda row: row["time"])
    reject_every_second(sandbox, "getIncomeHistory")
    iterator = client.aio.account.iterate_get_income_history(start_time=START, end_time=times[-1])
    found: list[int] = []

    async def collect() -> None:
        for _ in range(3):
            with pytest.raises(errors.ApiError):
                async for row in iterator:
                    found.append(row.time)  # noqa: PERF401, the rows before the error are kept
        found.extend([row.time async for row in iterator])

    anyio.run(collect, backend=backend)

    assert times == found


@pytest.mark.parametrize("operation_id", BY_TIME)
def test_periods(sandbox: Sandbox, client: Client, collect: Collect, operation_id: str) -> None:
    """Each iterator returns all rows of a period that is longer than a request's, with the arguments of each request."""
    module, paging = endpoint(operation_id), OPERATIONS[operation_id]["x-paging"]
    position = position_of(operation_id)
    row, *_ = examples(operation_id)[0]
    times = [*range(START, START + 30 * 3_500_000, 3_500_000)]
    rows = [with_value(row, position, time) for time in times]
    serve(sandbox, operation_id, rows, lambda row: row[position])
    required = arguments(module, with_optional=False)

    found = collect(client, module, start_time=START, end_time=times[-1], **required)

    assert as_sent(rows) == as_sent(found)
    spans = [end - start for start, end in periods(sandbox)]
    assert max(spans) <= paging.get("max-span", YEAR)


@pytest.mark.parametrize("operation_id", [name for name in PAGED if name not in BY_TIME])
def test_ids(sandbox: Sandbox, client: Client, collect: Collect, operation_id: str) -> None:
    """Each iterator by ids returns all rows from an id on."""
    module, paging = endpoint(operation_id), OPERATIONS[operation_id]["x-paging"]
    row, *_ = examples(operation_id)[0]
    rows = [{**row, paging["order-by"]: number} for number in range(0, 2400, 2)]

    def respond(parameters: dict[str, Any]) -> Rows:
        start, size = (parameters[paging[key]] for key in ("start", "size"))
        return [row for row in rows if row[paging["order-by"]] >= start][:size]

    sandbox.responses[operation_id] = respond
    first = PythonIdentifier(paging["start"], "")

    found = collect(client, module, **{first: 3}, **arguments(module, with_optional=False))

    assert [*range(4, 2400, 2)] == [getattr(row, paging["order-by"]) for row in found]
    assert 4 == len(sandbox.pop_requests())
