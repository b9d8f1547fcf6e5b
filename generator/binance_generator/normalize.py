"""The document in the form that upstream supports: the arguments of each call and what it returns."""

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .spec import (
    DECIMAL,
    JSON,
    NONE,
    Node,
    Operation,
    Parameter,
    Spec,
    SpecError,
    as_list,
    child_location,
    default_of,
    is_literal,
    is_map,
    iter_nodes,
    lookup,
    resolve,
)

_SCHEMAS = "#/components/schemas/"
_COMPONENT_SLASHES = _SCHEMAS.count("/")


def caller_view(spec: Spec, operations: Iterable[Operation]) -> Spec:
    """Return a copy of the document with the parameters that callers pass and the responses that calls return.

    Form fields become parameters. Parameters that the signer sets and responses that become exceptions are dropped.
    Defaults are applied by the exchange, so they are only mentioned in the description.
    """
    reduced = copy.deepcopy(spec | {"paths": {}})
    for operation in operations:
        node = copy.deepcopy(operation.node)
        reduced["paths"].setdefault(operation.path, {})[operation.method] = node
        node.pop("requestBody", None)
        node["parameters"] = [_to_upstream_parameter(parameter) for parameter in operation.parameters.values()]
        node["security"] = [{operation.security: []}] if operation.security != NONE else []
        success = copy.deepcopy(operation.success)
        if operation.is_empty:
            success["content"] = {JSON: {"schema": {"type": "null"}}}
        node["responses"] = {status: success for status in node["responses"] if str(status)[0] == "2"}
    view: Spec = _inline_refs(spec, reduced)
    for _, schema in iter_nodes(view, skip_literals=True):
        if schema.get("format") == DECIMAL:
            _decimal_as_string(schema)
        if "prefixItems" in schema and schema.get("items") is False:
            # Upstream does not support `items: false`, which closes a tuple; see patches/tuple_property.py.
            del schema["items"]
            schema["maxItems"] = len(schema["prefixItems"])
    _drop_defaults(view)
    view["components"] = {"schemas": _used_schemas(view)}
    return view


def _to_upstream_parameter(parameter: Parameter) -> Node:
    schema = copy.deepcopy(parameter.schema)
    return {"name": parameter.name, "in": "query", "required": parameter.is_required, "schema": schema}


def _drop_defaults(view: Spec) -> None:
    """Move the defaults of parameters and properties to their descriptions; upstream would send them."""
    schemas = [(location, node) for location, node in iter_nodes(view, skip_literals=True) if not is_map(location)]
    defaults = [(node, default_of(view, node)) for location, node in schemas if _is_named(location)]
    for node, default in defaults:
        if default is not None:
            description = node.get("description") or resolve(view, node).get("description", "")
            node["description"] = f"{description} If it is not sent, the exchange uses {_as_json(default)}.".strip()
            if "$ref" in node:
                node["allOf"] = [{"$ref": node.pop("$ref")}]
    for _, node in schemas:
        node.pop("default", None)


def _is_named(location: str) -> bool:
    """Return True for the schema of a parameter or a property."""
    around, _, key = location.rpartition(".")
    return key == "schema" or around.endswith(".properties")


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _inline_refs(spec: Spec, node: Any, location: str = "", inlined: Mapping[str, str] | None = None) -> Any:
    """Return a copy of a node whose references are to components and have no siblings, as upstream requires.

    A reference into a component is replaced by its target. `inlined` has the pointers that were followed to this node,
    each with the location of the reference.
    """
    inlined = inlined or {}
    if isinstance(node, list):
        return [_inline_refs(spec, item, child_location(location, index), inlined) for index, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    pointer = node.get("$ref")
    if isinstance(pointer, str) and pointer.count("/") > _COMPONENT_SLASHES:
        if pointer in inlined:
            raise SpecError(inlined[pointer], f"refers to {pointer}, which contains it; make that a component")
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return _inline_refs(spec, lookup(spec, pointer) | siblings, location, {**inlined, pointer: location})
    copied = {
        key: copy.deepcopy(value)
        if is_literal(location, key)
        else _inline_refs(spec, value, child_location(location, key), inlined)
        for key, value in node.items()
    }
    if "description" in copied and str(pointer).startswith(_SCHEMAS):
        copied["allOf"] = [{"$ref": copied.pop("$ref")}]
    return copied


def _decimal_as_string(schema: Node) -> None:
    """Change the type of a decimal from number to string; the decoder accepts both without loss of digits."""
    types = list(dict.fromkeys("string" if kind == "number" else kind for kind in as_list(schema.get("type", []))))
    if types:
        schema["type"] = types if len(types) > 1 else types[0]


def _used_schemas(spec: Spec) -> Node:
    """Return the schemas that operations use, so that no unused models are generated."""
    schemas: Node = spec["components"]["schemas"]
    used: set[str] = set()
    found = _referenced_schemas(spec["paths"])
    while found:
        used |= found
        found = set().union(*(_referenced_schemas(schemas[name]) for name in found)) - used
    return {name: schema for name, schema in schemas.items() if name in used}


def _referenced_schemas(node: Node) -> set[str]:
    pointers = [str(inner["$ref"]) for _, inner in iter_nodes(node, skip_literals=True) if "$ref" in inner]
    return {pointer.removeprefix(_SCHEMAS) for pointer in pointers if pointer.startswith(_SCHEMAS)}
