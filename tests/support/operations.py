"""All operations of the document, with arguments for their functions and examples of their responses."""

import json
from decimal import Decimal
from enum import Enum
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import attrs
from binance_coinm.types import Unset
from binance_generator.spec import operations, resolve
from openapi_python_client.strings import PythonIdentifier

from support.constants import BUNDLED_SPEC

DOCUMENT: dict[str, Any] = json.loads(BUNDLED_SPEC.read_text(encoding="utf-8"))
OPERATIONS = {operation.node["operationId"]: operation.node for operation in operations(DOCUMENT)}


def resolved(node: Any) -> Any:
    """Return what a reference of the document refers to, or the node itself."""
    return resolve(DOCUMENT, node)


def endpoint(operation_id: str) -> ModuleType:
    """Import the module of an operation."""
    name = PythonIdentifier(operation_id, "field_")
    return import_module(f"binance_coinm.api.{OPERATIONS[operation_id]['tags'][0]}.{name}")


def plausible(name: str, kind: Any) -> Any:
    """Return an argument of a type."""
    inner = [part for part in get_args(kind) if part is not Unset]
    if get_origin(kind) is list:
        # As many as the examples of batches have results.
        return [plausible(name, inner[0])] * 2
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
    response = resolved(OPERATIONS[operation_id]["responses"]["200"])
    content: dict[str, Any] = response["content"]["application/json"]
    return content


def examples(operation_id: str) -> list[Any]:
    """Return all examples of an operation's response; their numbers are exact."""
    one = content(operation_id)
    values = [example["value"] for example in one["examples"].values()] if "examples" in one else [one["example"]]
    copies: list[Any] = json.loads(json.dumps(values), parse_float=Decimal)
    return copies
