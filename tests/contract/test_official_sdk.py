"""The document agrees with the exchange's own SDK, but for what deviations.yaml explains."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.operations import DOCUMENT, resolved

SCRIPT = Path(__file__).with_name("official_sdk.py")
DEVIATIONS = yaml.safe_load(Path(__file__).with_name("deviations.yaml").read_text(encoding="utf-8"))
# Conditional orders, some of which the exchange announced in 2026; version 14.1.0 of its SDK does not have them.
NOT_IN_SDK = {
    "newAlgoOrder",
    "cancelAlgoOrder",
    "queryAlgoOrder",
    "currentAllAlgoOpenOrders",
    "queryAllAlgoOrders",
    "cancelAllAlgoOpenOrders",
}
ABSENT = "absent"

Facts = dict[str, str]
Fact = tuple[str, str]


def operation(method: str, path: str, node: Any) -> Iterator[Fact]:
    """Yield the facts of an operation of the document, as official_sdk.py does."""
    name = next(iter(node["security"][0])) if node["security"] else "NONE"
    scheme = DOCUMENT["components"]["securitySchemes"].get(name, {})
    parameters = [resolved(parameter) for parameter in node.get("parameters", [])]
    yield "method", method.upper()
    yield "path", path
    yield "security type", name
    yield "signed", str(scheme.get("x-signed", False))
    yield "set by the signer", " ".join(sorted(p["name"] for p in parameters if p.get("x-set-by") == "signer"))
    for parameter in parameters:
        if "x-set-by" not in parameter:
            content = parameter.get("content", {}).get("application/json", parameter)
            place = f"{parameter['in']} {parameter['name']}"
            yield from described(place, content["schema"], is_sent=True, is_required=parameter["required"])
    yield from described("response", node["responses"]["200"]["content"]["application/json"]["schema"], is_sent=False)


def described(place: str, reference: Any, *, is_sent: bool, is_required: bool = False) -> Iterator[Fact]:
    """Yield the type of a parameter or field, or its values, and the same for all that it contains."""
    schema = resolved(reference)
    alternatives = schema.get("oneOf", []) + schema.get("anyOf", [])
    for alternative in alternatives:
        yield from described(place, alternative, is_sent=is_sent)
    if not alternatives:
        yield place, ("required " if is_required else "") + kind(schema, is_sent=is_sent)
    if "items" in schema:
        yield from described(f"{place}[]", schema["items"], is_sent=is_sent)
    if "prefixItems" in schema:
        items = (kind(resolved(item), is_sent=is_sent) for item in schema["prefixItems"])
        yield f"{place}[]", " ".join(sorted(set(items)))
    # The SDK has all fields of a response as optional.
    required = schema.get("required", []) if is_sent else []
    for name, field in schema.get("properties", {}).items():
        yield from described(f"{place}.{name}", field, is_sent=is_sent, is_required=name in required)


def kind(schema: Any, *, is_sent: bool) -> str:
    """Return a type; the SDK has floats for amounts that it sends, and plain strings for enums that it receives."""
    types = schema.get("type", "anything")
    if is_sent and schema.get("format") == "decimal":
        return "number"
    if is_sent and types == "string" and "enum" in schema:
        return " ".join(sorted(schema["enum"]))
    # The SDK has all fields as nullable.
    return types if isinstance(types, str) else " ".join(sorted(set(types) - {"null"}))


OPERATIONS = {
    node["operationId"]: dict(operation(method, path, node))
    for path, item in DOCUMENT["paths"].items()
    for method, node in item.items()
}
EXPECTED = [
    (name, difference["place"], difference["document"], difference["sdk"])
    for deviation in DEVIATIONS
    for difference in deviation["differences"]
    for name in difference["operations"]
]


@pytest.fixture(scope="module")
def sdk() -> dict[str, Facts]:
    """Return the facts of the SDK's operations, by operationId."""
    python = Path(sys.prefix) / "official" / "bin" / "python"
    facts: dict[str, Facts] = json.loads(subprocess.check_output([python, "-I", "-W", "error", SCRIPT]))
    return {re.sub(r"_(\w)", lambda word: word[1].upper(), name): facts for name, facts in facts.items()}


def test_operations(sdk: dict[str, Facts]) -> None:
    """The document has the operations of the SDK, and the algo orders."""
    assert sdk.keys() <= OPERATIONS.keys()
    assert NOT_IN_SDK == OPERATIONS.keys() - sdk.keys()


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - NOT_IN_SDK))
def test_operation(name: str, sdk: dict[str, Facts]) -> None:
    """Path, security, parameters and response differ where a deviation is listed, and nowhere else."""
    documented, official = OPERATIONS[name], sdk[name]

    differences = {
        (name, place, documented.get(place, ABSENT), official.get(place, ABSENT))
        for place in documented.keys() | official.keys()
        if documented.get(place) != official.get(place)
    }

    assert {deviation for deviation in EXPECTED if deviation[0] == name} == differences


def test_deviations() -> None:
    """Each deviation is listed once, for a known operation, with its reason and source."""
    assert [] == [deviation for deviation, count in Counter(EXPECTED).items() if count > 1]
    assert {name for name, *_ in EXPECTED} <= OPERATIONS.keys() - NOT_IN_SDK
    assert all(deviation["reason"] and deviation["source"] for deviation in DEVIATIONS)
