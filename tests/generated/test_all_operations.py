"""All operations of the document: each is called against the sandbox, and reads what it does not expect."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import httpx
import pytest
from binance_coinm import connect, models
from binance_coinm.api.market._operations import MarketOperations
from binance_coinm.types import Unset
from binance_sandbox import Sandbox
from binance_sandbox._validation import resolve
from support.constants import BUNDLED_SPEC

DOCUMENT: dict[str, Any] = json.loads(BUNDLED_SPEC.read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation
    for item in DOCUMENT["paths"].values()
    for method, operation in item.items()
    if method != "parameters"
}
# Its response is the time, and not the example.
WITHOUT_EXAMPLE = "checkServerTime"
# Beyond the heaviest operation.
WEIGHT_LIMIT = 1_000_000


def endpoint(operation_id: str) -> ModuleType:
    """Import the module of an operation."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])", "_", operation_id)
    return import_module(f"binance_coinm.api.{OPERATIONS[operation_id]['tags'][0]}.{words.lower()}")


def plausible(name: str, kind: Any) -> Any:
    """Return an argument of a type."""
    inner = [part for part in get_args(kind) if part is not Unset]
    if get_origin(kind) is list:
        return [plausible(name, inner[0])]
    if inner:
        return plausible(name, inner[0])
    if attrs.has(kind):
        kinds = get_type_hints(kind)
        return kind(
            **{field.name: plausible(field.name, kinds[field.name]) for field in attrs.fields(kind) if field.init}
        )
    if issubclass(kind, Enum):
        return list(kind)[-1]
    values = {str: "BTCUSD_PERP", int: 5000 if name == "recv_window" else 10, Decimal: Decimal("0.10"), bool: True}
    return values[kind]


def arguments(module: ModuleType, *, with_optional: bool) -> dict[str, Any]:
    """Return arguments for an operation, the required ones or all."""
    parameters = signature(module.build_request).parameters
    kinds = {name: kind for name, kind in get_type_hints(module.build_request).items() if name in parameters}
    return {
        name: plausible(name, kind)
        for name, kind in kinds.items()
        if with_optional or parameters[name].default is parameters[name].empty
    }


def as_sent(value: Any) -> object:
    """Return a decoded value as it was sent; `to_dict` checks the types of all fields.

    Numbers are returned as text, because an amount that was sent as a number is encoded as text.
    """
    if isinstance(value, list | tuple):
        return [as_sent(item) for item in value]
    if isinstance(value, dict):
        return {name: as_sent(item) for name, item in value.items()}
    if hasattr(value, "to_dict"):
        return as_sent(value.to_dict())
    return str(value) if isinstance(value, int | float | Decimal) else value


def content(operation_id: str) -> dict[str, Any]:
    """Return schema and examples of an operation's response."""
    response = resolve(OPERATIONS[operation_id]["responses"]["200"], DOCUMENT)
    content: dict[str, Any] = response["content"]["application/json"]
    return content


def examples(operation_id: str) -> list[Any]:
    """Return all examples of an operation's response; their numbers are exact."""
    one = content(operation_id)
    values = [example["value"] for example in one["examples"].values()] if "examples" in one else [one["example"]]
    copies: list[Any] = json.loads(json.dumps(values), parse_float=Decimal)
    return copies


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


Variant = tuple[str, Any]


def variants(schema: Mapping[str, Any], value: Any) -> Iterator[Variant]:
    """Yield what a later version of the exchange may send in place of a value, with a name for the difference."""
    schema = resolve(schema, DOCUMENT)
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
        schema = resolve(alternative, DOCUMENT)
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


def test_members_have_the_names_of_the_document() -> None:
    """Members that no name can be derived for have those of the document."""
    interval = models.KlineInterval

    assert ("1m", "1M") == (interval.MINUTE_1.value, interval.MONTH_1.value)


def test_descriptions_beside_references_are_kept() -> None:
    """The description of a parameter or a field is its own, and not that of the schema that it refers to."""
    docstring = " ".join(str(MarketOperations.kline_candlestick_data.__doc__).split())
    assert "interval (KlineInterval): " in docstring
    assert DOCUMENT["components"]["parameters"]["klineInterval"]["description"].split("\n")[0] in docstring
