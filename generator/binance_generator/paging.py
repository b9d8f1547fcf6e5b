"""The pages of an operation whose rows do not fit into one response: the facts of `x-paging` for the templates."""

from typing import Any

from attrs import frozen
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty

from .patches.tuple_property import NamedTupleProperty
from .properties import fields_of
from .spec import Node, Operation, Spec, SpecError, resolve


@frozen
class Paging:
    """How an operation's rows come in pages, in the words of the generated code."""

    start: Any
    """The property of the parameter with the first time or id."""
    end: Any
    """That of the parameter with the last time; None if pages begin at an id."""
    size: str
    max_size: int
    max_span: int | None
    order_by: str
    identity: list[str]
    others: list[Any]
    """The properties of the parameters that callers pass for all pages."""
    row_type: str


def paging_of(spec: Spec, operation: Operation, endpoint: Endpoint, models: dict[str, ModelProperty]) -> Paging | None:
    """Return how an operation's rows come in pages, None if they do not; raise `SpecError` if that cannot be."""
    node: Node | None = operation.node.get("x-paging")
    if node is None:
        return None
    location = f"{operation.location}.x-paging"
    for key in ("start", "end", "size"):
        if key in node and _type_of(spec, operation, node[key]) != "integer":
            raise SpecError(f"{location}.{key}", f"expected a parameter that is an integer, got {node[key]!r}")
    max_size = operation.parameters[node["size"]].maximum
    if max_size is None:
        raise SpecError(f"{location}.size", f"{node['size']} has no maximum, which is the size of a page")
    without = node.get("without", [])
    for index, name in enumerate(without):
        if name not in operation.parameters or operation.parameters[name].is_required:
            raise SpecError(f"{location}.without.{index}", f"expected an optional parameter, got {name!r}")
    parameters = {prop.name.get_untrusted_value(): prop for prop in endpoint.query_parameters}
    own = {node["start"], node.get("end"), node["size"], *without}
    row = _row_of(location, endpoint)
    members = _members_of(row, models)
    for key, names in (("order-by", [node["order-by"]]), ("identity", node.get("identity", []))):
        for name in names:
            if name not in members:
                known = ", ".join(members)
                raise SpecError(f"{location}.{key}", f"expected a required member of the rows ({known}), got {name!r}")
    return Paging(
        start=parameters[node["start"]],
        end=parameters[node["end"]] if "end" in node else None,
        size=parameters[node["size"]].python_name,
        max_size=int(max_size),
        max_span=node.get("max-span"),
        order_by=members[node["order-by"]],
        identity=[members[name] for name in node.get("identity", [])],
        others=[prop for name, prop in parameters.items() if name not in own],
        row_type=row.get_type_string().as_unembedded_code(),
    )


def _type_of(spec: Spec, operation: Operation, name: str) -> Any:
    parameter = operation.parameters.get(name)
    return None if parameter is None else resolve(spec, parameter.schema).get("type")


def _row_of(location: str, endpoint: Endpoint) -> ModelProperty | NamedTupleProperty:
    """Return the property of an operation's rows."""
    prop = next(iter(endpoint.responses)).prop
    row = prop.inner_property if isinstance(prop, ListProperty) else None
    if not isinstance(row, ModelProperty | NamedTupleProperty):
        raise SpecError(location, "expected a response that is a list of objects, or of tuples with titles")
    return row


def _members_of(row: ModelProperty | NamedTupleProperty, models: dict[str, ModelProperty]) -> dict[str, str]:
    """Return the Python names of the members that all rows have, by their names in the document."""
    props: list[Any] = (
        row.inner_properties if isinstance(row, NamedTupleProperty) else fields_of(models[str(row.class_info.name)])
    )
    return {prop.name.get_untrusted_value(): str(prop.python_name) for prop in props if prop.required}
