"""The document's `x-` extensions and other facts that upstream's parser does not pass on to the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from openapi_python_client.strings import PythonIdentifier

from .spec import (
    NONE,
    Node,
    Operation,
    Spec,
    SpecError,
    default_of,
    is_map,
    iter_nodes,
    operations,
    resolve,
    security_schemes,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .paging import Paging

# The beginning of the components of the headers with the order counts, before the interval.
_ORDER_COUNT = "#/components/headers/OrderCount"
# The schema of the response with the exchange's time.
_TIME = "#/components/schemas/ServerTime"


@frozen
class SpecExtensions:
    """The document's extensions, prepared for the templates."""

    security_types: dict[str, tuple[str | None, bool, bool]]
    servers: dict[str, str]
    used_weight: str
    retry_after: str
    banned_until: str
    shortest_ban: int
    longest_ban: int
    default_recv_window: int | None
    max_clock_skew_ms: int | None
    operations: dict[str, Operation] = field(factory=dict)
    paging: dict[str, Paging | None] = field(factory=dict)
    order_counts: dict[str, str] = field(factory=dict)
    error_by_status: dict[int, str] = field(factory=dict)
    error_by_code: dict[int, str] = field(factory=dict)
    error_by_status_else: dict[int, str] = field(factory=dict)
    error_by_class_else: dict[int, str] = field(factory=dict)
    execution_by_msg: dict[str, str] = field(factory=dict)
    execution_by_code: dict[int, str] = field(factory=dict)
    hints_by_status: dict[int, str] = field(factory=dict)
    hints_by_code: dict[int, str] = field(factory=dict)

    @property
    def server_time(self) -> str:
        """The module of the operation that returns the exchange's time; empty if there is none."""
        for name, operation in self.operations.items():
            contents = operation.success.get("content", {}).values()
            if any(content.get("schema", {}).get("$ref") == _TIME for content in contents):
                return f"api.{tag_name(operation)}.{name}"
        return ""

    def query_method(self, operation: Operation) -> str:
        """Return the client's method that shows whether an operation was executed; empty if there is none."""
        for name, other in self.operations.items():
            if other.node["operationId"] == operation.queried_by:
                return f"client.{tag_name(other)}.{name}"
        return ""


def tag_name(operation: Operation) -> str:
    """Return the Python name of an operation's tag, which names its subpackage and the client's attribute."""
    return PythonIdentifier(operation.node.get("tags", ["default"])[0], "tag")


def collect(
    spec: Spec, field_prefix: str, exceptions: Collection[str], client_attributes: Collection[str]
) -> SpecExtensions:
    """Collect the document's extensions; raise `SpecError` if they are inconsistent.

    `exceptions` are the names of the exceptions that a response can become, and `client_attributes` the names that a
    tag must not have.
    """
    _check_exceptions(spec, exceptions)
    _check_member_names(spec)
    extensions = SpecExtensions(
        security_types={
            NONE: (None, False, False),
            **{
                name: (scheme["name"], scheme["x-signed"], scheme.get("x-trades", False))
                for name, scheme in security_schemes(spec).items()
            },
        },
        servers=_unique(
            (f"servers.{index}.x-name", server["x-name"].upper(), server["url"])
            for index, server in enumerate(spec["servers"])
        ),
        used_weight=_header_name(spec, "UsedWeight"),
        retry_after=_header_name(spec, "RetryAfter"),
        banned_until=_from_responses(spec, "x-banned-until"),
        shortest_ban=_from_responses(spec, "x-shortest-ban"),
        longest_ban=_from_responses(spec, "x-longest-ban"),
        default_recv_window=_default_recv_window(spec),
        max_clock_skew_ms=_parameter(spec, "timestamp").get("x-max-clock-skew"),
    )
    for operation in operations(spec):
        name = PythonIdentifier(operation.node["operationId"], field_prefix)
        if name in extensions.operations:
            raise SpecError(f"{operation.location}.operationId", f"{name!r} is already used by another operation")
        if (tag := tag_name(operation)) in client_attributes:
            raise SpecError(
                f"{operation.location}.tags",
                f"{tag!r} is already an attribute of the client, so client.{tag} cannot be the operations of this tag;"
                " choose another tag",
            )
        extensions.operations[name] = operation
        for status, response in operation.node["responses"].items():
            _add_response(extensions, f"{operation.location}.responses.{status}", status, resolve(spec, response))
    _check_queries(extensions)
    codes = spec["components"]["schemas"]["Error"]["x-codes"]
    location = "components.schemas.Error.x-codes"
    for entry in _unique(
        (f"{location}.{index}.code", entry["code"], entry) for index, entry in enumerate(codes)
    ).values():
        if "x-exception" in entry:
            extensions.error_by_code[entry["code"]] = entry["x-exception"]
        if "x-hint" in entry:
            extensions.hints_by_code[entry["code"]] = entry["x-hint"]
        if "x-execution" in entry:
            extensions.execution_by_code[entry["code"]] = entry["x-execution"]
    return extensions


def _check_exceptions(spec: Spec, exceptions: Collection[str]) -> None:
    for location, node in iter_nodes(spec, skip_literals=True):
        for key in {"x-exception", "x-exception-else"} & (set() if is_map(location) else node.keys()):
            if node[key] not in exceptions:
                raise SpecError(f"{location}.{key}", f"expected one of {', '.join(exceptions)}, got {node[key]!r}")


def _check_queries(extensions: SpecExtensions) -> None:
    reads = [operation.node["operationId"] for operation in extensions.operations.values() if operation.is_read]
    for operation in extensions.operations.values():
        location = f"{operation.location}.x-queried-by"
        if operation.queried_by and operation.is_read:
            raise SpecError(location, "the operation changes nothing")
        if operation.queried_by and operation.queried_by not in reads:
            raise SpecError(location, f"expected the operationId of a read, got {operation.queried_by!r}")


def _check_member_names(spec: Spec) -> None:
    for location, node in iter_nodes(spec, skip_literals=True):
        names = [] if is_map(location) else node.get("x-enum-varnames", [])
        values = node.get("enum", [])
        if names and len(names) != len(values):
            raise SpecError(
                f"{location}.x-enum-varnames", f"expected {len(values)} names, one for each value, got {len(names)}"
            )


def _unique(items: Iterable[tuple[str, Any, Any]]) -> dict[Any, Any]:
    """Return a dictionary of keys and values; raise `SpecError` with the location of a key that stands twice."""
    found: dict[Any, Any] = {}
    for location, key, value in items:
        if key in found:
            raise SpecError(location, f"{key} stands twice")
        found[key] = value
    return found


def _header_name(spec: Spec, component: str) -> str:
    reference = {"$ref": f"#/components/headers/{component}"}
    for response in spec["components"]["responses"].values():
        for name, header in response.get("headers", {}).items():
            if header == reference:
                return str(name)
    raise SpecError("components.responses", f"no response has a header with {reference['$ref']}")


def _from_responses(spec: Spec, key: str) -> Any:
    for response in spec["components"]["responses"].values():
        if key in response:
            return response[key]
    raise SpecError("components.responses", f"no response has {key}, which describes bans")


def _parameter(spec: Spec, component: str) -> Node:
    return resolve(spec, spec["components"]["parameters"].get(component, {}))


def _default_recv_window(spec: Spec) -> int | None:
    default = default_of(spec, _parameter(spec, "recvWindow").get("schema", {}))
    if default is not None and type(default) is not int:
        raise SpecError("components.parameters.recvWindow.schema.default", f"expected an integer, got {default!r}")
    return default


def _add_response(extensions: SpecExtensions, location: str, status: str, response: Node) -> None:
    for name, header in response.get("headers", {}).items():
        component = header.get("$ref", "")
        if component.startswith(_ORDER_COUNT):
            extensions.order_counts[component.removeprefix(_ORDER_COUNT)] = name
    if "x-exception" in response:
        if not status.isdigit():
            raise SpecError(location, "x-exception needs a single status; a range can have x-exception-else")
        extensions.error_by_status[int(status)] = response["x-exception"]
    if "x-hint" in response:
        extensions.hints_by_status[int(status)] = response["x-hint"]
    if "x-exception-else" in response:
        if status.endswith("XX"):
            extensions.error_by_class_else[int(status[0])] = response["x-exception-else"]
        else:
            extensions.error_by_status_else[int(status)] = response["x-exception-else"]
    for variant in response.get("x-executions", []):
        extensions.execution_by_msg[variant["msg"]] = variant["execution"]
