"""The document as upstream makes functions of it: what a caller gives, and what a call returns."""

import copy
from collections.abc import Iterable

from document import (
    DATA,
    DECIMAL,
    JSON,
    NONE,
    Document,
    DocumentError,
    Operation,
    Parameter,
    listed,
    nodes,
    target,
    text_of,
)

_SCHEMAS = "#/components/schemas/"
_STEPS_TO_A_COMPONENT = len(("components", "schemas", "name"))


def as_called(document: Document, operations: Iterable[Operation]) -> Document:
    """Give the document with nothing but what a caller gives and gets.

    Fields of a form are parameters like others, parameters that somebody else sets are none, and answers that become
    exceptions are no return types. A default is the exchange's, which takes it when nothing is sent.
    """
    reduced = copy.deepcopy(document)
    for operation in operations:
        item = reduced["paths"][operation.path]
        item.pop("parameters", None)
        node = item[operation.method]
        node.pop("requestBody", None)
        node["parameters"] = [_as_upstream_takes_it(parameter) for parameter in operation.parameters.values()]
        node["security"] = [{operation.security: []}] if operation.security != NONE else []
        success = copy.deepcopy(operation.success)
        if operation.is_empty:
            success["content"] = {JSON: {"schema": {"type": "null"}}}
        node["responses"] = {status: success for status in node["responses"] if str(status)[0] == "2"}
    for place, schema in nodes(reduced, skipped=DATA):
        _refer_as_upstream_does(document, place, schema)
        if schema.get("format") == DECIMAL:
            _make_a_string(schema)
        if "prefixItems" in schema and schema.get("items") is False:
            # Upstream does not know that no more may follow; see tuple_property.py.
            del schema["items"]
            schema["maxItems"] = len(schema["prefixItems"])
    reduced["components"] = {"schemas": _schemas_needed(reduced)}
    return reduced


def _schemas_needed(document: Document) -> Document:
    """Give the schemas that operations refer to, so that no model is made that nothing reads or writes."""
    schemas: Document = document["components"]["schemas"]
    needed: set[str] = set()
    found = _schemas_named(document["paths"])
    while found:
        needed |= found
        found = set().union(*(_schemas_named(schemas[name]) for name in found)) - needed
    return {name: schema for name, schema in schemas.items() if name in needed}


def _schemas_named(node: Document) -> set[str]:
    pointers = [str(inner["$ref"]) for _, inner in nodes(node) if "$ref" in inner]
    return {pointer.removeprefix(_SCHEMAS) for pointer in pointers if pointer.startswith(_SCHEMAS)}


def _make_a_string(schema: Document) -> None:
    """Make a string of a decimal that may be a number: it is read from the one as exactly as from the other."""
    kinds = list(dict.fromkeys("string" if kind == "number" else kind for kind in listed(schema.get("type", []))))
    if kinds:
        schema["type"] = kinds if len(kinds) > 1 else kinds[0]
    if "default" in schema:
        schema["default"] = text_of(schema["default"])


def _refer_as_upstream_does(document: Document, place: str, node: Document) -> None:
    """Change a reference into one that upstream follows: to a component, with nothing beside it."""
    followed: list[str] = []
    while isinstance(pointer := node.get("$ref"), str) and pointer.count("/") > _STEPS_TO_A_COMPONENT:
        if pointer in followed or place.startswith(f"{'.'.join(pointer.removeprefix('#/').split('/'))}."):
            raise DocumentError(f"{place}: refers to {pointer}, which is around it; make it a component")
        followed.append(pointer)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node.clear()
        node.update(copy.deepcopy(target(document, pointer)) | beside)
    if "description" in node and str(pointer).startswith(_SCHEMAS):
        node["allOf"] = [{"$ref": node.pop("$ref")}]


def _as_upstream_takes_it(parameter: Parameter) -> Document:
    schema = {key: copy.deepcopy(value) for key, value in parameter.schema.items() if key != "default"}
    if "default" in parameter.schema:
        told = f"{schema.get('description', '')} The exchange takes {parameter.schema['default']} when it is not sent."
        schema["description"] = told.strip()
    return {"name": parameter.name, "in": "query", "required": parameter.is_required, "schema": schema}
