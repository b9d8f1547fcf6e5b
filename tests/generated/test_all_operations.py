"""All operations of the document: each is called against the sandbox, and reads what it does not expect."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from binance_coinm import connect, errors, models
from binance_coinm.api.market._operations import MarketOperations
from binance_sandbox import Fault, Sandbox
from openapi_python_client.strings import PythonIdentifier
from support.operations import DOCUMENT, OPERATIONS, arguments, as_sent, content, endpoint, examples, resolved

# Its response is the time, and not the example.
WITHOUT_EXAMPLE = "checkServerTime"
# Beyond the heaviest operation.
WEIGHT_LIMIT = 1_000_000


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_each_operation(operation_id: str) -> None:
    """Each operation passes the exchange's checks, with its required and with all arguments, sync and async.

    The sandbox validates parameters and signature. The decoded response is encoded as it was sent.
    """
    module = endpoint(operation_id)
    calls = [arguments(module, with_optional=False), arguments(module, with_optional=True)]
    results: list[object] = []

    with Sandbox(weight_limit=WEIGHT_LIMIT) as sandbox:

        async def call(kwargs: dict[str, Any]) -> object:
            async with connect(sandbox.credentials, server=sandbox.url) as client:
                return await module.asyncio(client=client, **kwargs)

        for example in examples(operation_id):
            if operation_id != WITHOUT_EXAMPLE:
                sandbox.account.responses[operation_id] = example
            with connect(sandbox.credentials, server=sandbox.url) as client:
                results += [module.sync(client=client, **kwargs) for kwargs in calls]
            results += [asyncio.run(call(kwargs)) for kwargs in calls]

    if operation_id == WITHOUT_EXAMPLE:
        assert [models.ServerTime] * 4 == [type(result) for result in results]
    else:
        assert [as_sent(example) for example in examples(operation_id) for _ in range(4)] == list(map(as_sent, results))


@pytest.mark.parametrize("with_optional", [False, True])
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_weights(operation_id: str, *, with_optional: bool) -> None:
    """The client counts the weight of a call as the exchange does."""
    module = endpoint(operation_id)
    kwargs = arguments(module, with_optional=with_optional)

    with Sandbox(weight_limit=WEIGHT_LIMIT) as sandbox, connect(sandbox.credentials, server=sandbox.url) as client:
        module.sync(client=client, **kwargs)

        assert module.build_request(**kwargs)["extensions"]["weight"] == client.used_weight


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, errors.ResponseError),
        ({"239999": "maintenance"}, errors.ResponseError),
        ({"code": 0, "msg": "Service unavailable from a restricted location."}, errors.ResponseError),
        ({"code": 400, "msg": "bad"}, errors.ResponseError),
        ({"code": True, "msg": "success"}, errors.ResponseError),
        ({"success": False, "code": 201}, errors.ResponseError),
        ({"code": -1021}, errors.TimestampError),
        ({"code": "-1021", "msg": "late"}, errors.TimestampError),
    ],
)
def test_no_success(sandbox: Sandbox, body: object, kind: type[Exception]) -> None:
    """A write whose response is no success is an error, although its status is 200."""
    operations = [
        name for name in OPERATIONS if any(isinstance(one, dict) and one.get("code") == 200 for one in examples(name))
    ]
    assert {"cancelAllOpenOrders", "changeMarginType", "modifyIsolatedPositionMargin"} <= {*operations}
    with connect(sandbox.credentials, server=sandbox.url, retry=None) as client:
        for name in operations:
            module = endpoint(name)
            sandbox.respond_next(200, body=body)
            with pytest.raises(kind):
                module.sync(client=client, **arguments(module, with_optional=False))


ONCE = [name for name, node in OPERATIONS.items() if node.get("x-repeatable") is False]


def test_what_must_not_be_repeated() -> None:
    """The requests for exports, of which there are few a month, must not be sent twice."""
    assert ["OrderHistory", "TradeHistory", "TransactionHistory"] == sorted(
        name.removeprefix("getDownloadIdForFutures") for name in ONCE
    )


@pytest.mark.parametrize("fault", [Fault.disconnect(), Fault.silence(), 503], ids=["disconnect", "silence", "503"])
@pytest.mark.parametrize("operation_id", ONCE)
def test_no_retry_of_what_must_not_be_repeated(sandbox: Sandbox, operation_id: str, fault: Fault | int) -> None:
    """A read that counts each time is sent once, whatever its response is, sync and async."""
    module = endpoint(operation_id)
    kwargs = arguments(module, with_optional=False)

    def break_next() -> None:
        if isinstance(fault, int):
            sandbox.respond_next(fault)
        else:
            sandbox.inject_fault(fault)

    async def call() -> None:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=0.5) as client:
            await module.asyncio(client=client, **kwargs)

    break_next()
    with (
        connect(sandbox.credentials, server=sandbox.url, timeout=0.5) as client,
        pytest.raises((errors.NetworkError, errors.ExchangeError)),
    ):
        module.sync(client=client, **kwargs)
    break_next()
    with pytest.raises((errors.NetworkError, errors.ExchangeError)):
        asyncio.run(call())

    assert 2 == len(sandbox.received_requests)


BATCHES = [name for name, node in OPERATIONS.items() if "x-result-for" in node]


def test_all_batches_have_results() -> None:
    """Each operation that gets a list and returns one has a result for each item."""
    assert ["cancelMultipleOrders", "modifyMultipleOrders", "placeMultipleOrders"] == sorted(BATCHES)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("operation_id", BATCHES)
def test_results_of_a_batch(sandbox: Sandbox, operation_id: str, count: int) -> None:
    """A batch has a result for each of its items; a response with more or fewer is an error, sync and async."""
    module = endpoint(operation_id)
    first_list, *_ = OPERATIONS[operation_id]["x-result-for"]
    name = PythonIdentifier(first_list, "")
    kwargs = arguments(module, with_optional=True)
    items = [kwargs[name][0]] * count
    kwargs = arguments(module, with_optional=False) | {name: items}
    detailed: list[Any] = []

    async def call() -> object:
        async with connect(sandbox.credentials, server=sandbox.url) as client:
            detailed.append((await module.asyncio_detailed(client=client, **kwargs)).parsed)
            return await module.asyncio(client=client, **kwargs)

    with connect(sandbox.credentials, server=sandbox.url) as client:
        detailed.append(module.sync_detailed(client=client, **kwargs).parsed)
        results = [module.sync(client=client, **kwargs), asyncio.run(call()), *detailed]
    assert [count] * 4 == list(map(len, results))

    message = f"^HTTP 200: expected {count} items, as many as in the request, got {count + 1} .the exchange may have"
    sandbox.account.responses[operation_id] = [row.to_dict() for row in [*results[0], results[0][0]]]
    with connect(sandbox.credentials, server=sandbox.url) as client:
        for call_sync in (module.sync, module.sync_detailed):
            with pytest.raises(errors.ResponseError, match=message):
                call_sync(client=client, **kwargs)
    with pytest.raises(errors.ResponseError, match=message):
        asyncio.run(call())


Variant = tuple[str, Any]


def variants(schema: Mapping[str, Any], value: Any) -> Iterator[Variant]:
    """Yield what a later version of the exchange may send in place of a value, with a name for the difference."""
    schema = resolved(schema)
    alternatives = schema.get("oneOf", schema.get("anyOf"))
    if alternatives:
        yield from variants(alternative_of(alternatives, value), value)
    elif isinstance(value, dict):
        yield "another member", {**value, "another": {"member": [1]}}
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                if name not in schema.get("required", []):
                    yield f"without {name}", {key: one for key, one in value.items() if key != name}
                for what, variant in variants(inner, value[name]):
                    yield f"{name}: {what}", {**value, name: variant}
    elif isinstance(value, list):
        yield "empty", [] if "prefixItems" not in schema else value
        for index, inner in enumerate(schema.get("prefixItems", [schema["items"]] * len(value))):
            for what, variant in variants(inner, value[index]):
                yield f"{index}: {what}", [*value[:index], variant, *value[index + 1 :]]
    elif "enum" in schema:
        yield "another value", "ANOTHER" if isinstance(value, str) else 1_000_003


def alternative_of(alternatives: list[Mapping[str, Any]], value: Any) -> Mapping[str, Any]:
    """Return the first alternative that an object or a text is of."""
    for alternative in alternatives:
        schema: Mapping[str, Any] = resolved(alternative)
        constants = {name: one["const"] for name, one in schema.get("properties", {}).items() if "const" in one}
        if not isinstance(value, dict) or (
            set(schema["required"]) <= set(value) and all(value[name] == one for name, one in constants.items())
        ):
            return schema
    raise AssertionError(f"{value} is of none of the alternatives")


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_unexpected_responses(operation_id: str) -> None:
    """Another member, another value of an enumeration, or no optional member: it is still a response, with all else."""
    module = endpoint(operation_id)
    schema = content(operation_id)["schema"]

    for example in examples(operation_id):
        for what, variant in variants(schema, example):
            text = json.dumps(variant, default=lambda amount: json.loads(str(amount)))
            response = module.parse_response(httpx.Response(200, text=text))

            assert as_sent(variant) == as_sent(response.parsed), what


def test_operation_imports_its_own_models_alone() -> None:
    """Importing an operation imports no models of others, so that a large document costs no time at the start."""
    script = "import sys, binance_coinm.api.market.kline_candlestick_data; print(*(n for n in sys.modules if '.models.' in n))"

    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert ("", "binance_coinm.models.kline binance_coinm.models.kline_interval\n") == (imported.stderr, imported.stdout)


def test_booleans_that_are_text() -> None:
    """The text "false" is false, in a response as well as by itself."""
    example = examples("positionInformation")[0][0]
    true, false = (models.PositionInformation.from_dict(example | {"isAutoAddMargin": text}) for text in ("true", "false"))

    assert true.is_auto_add_margin is models.TrueOrFalse.TRUE
    assert false.is_auto_add_margin is models.TrueOrFalse.FALSE
    assert (True, False) == (bool(true.is_auto_add_margin), bool(false.is_auto_add_margin))


def test_members_have_the_names_of_the_document() -> None:
    """Members that no name can be derived for have those of the document."""
    interval = models.KlineInterval

    assert ("1m", "1M") == (interval.MINUTE_1.value, interval.MONTH_1.value)


def test_descriptions_beside_references_are_kept() -> None:
    """The description of a parameter or a field is its own, and not that of the schema that it refers to."""
    docstring = " ".join(str(MarketOperations.kline_candlestick_data.__doc__).split())
    assert "interval (KlineInterval): " in docstring
    assert DOCUMENT["components"]["parameters"]["klineInterval"]["description"].split("\n")[0] in docstring
