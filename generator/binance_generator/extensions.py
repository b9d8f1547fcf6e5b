"""The document's `x-` extensions and other facts that upstream's parser does not pass on to the templates."""

import re
from collections.abc import Collection
from typing import Any

from attrs import field, frozen
from openapi_python_client.strings import PythonIdentifier

from .spec import NONE, Node, Operation, Spec, SpecError, iter_nodes, operations, resolve, security_schemes

EXECUTIONS = ("not_executed", "unknown")
# The schema of the response with the exchange's time.
_TIME = "#/components/schemas/ServerTime"


@frozen
class SpecExtensions:
    """The document's extensions, prepared for the templates."""

    security_types: dict[str, tuple[str | None, bool]]
    servers: dict[str, str]
    used_weight: str
    retry_after: str
    banned_until: str
    shortest_ban: int
    longest_ban: int
    default_recv_window: int | None
    too_far_ahead: int | None
    operations: dict[str, Operation] = field(factory=dict)
    error_by_status: dict[int, str] = field(factory=dict)
    error_by_code: dict[int, str] = field(factory=dict)
    error_by_status_else: dict[int, str] = field(factory=dict)
    error_by_class_else: dict[int, str] = field(factory=dict)
    execution_by_msg: dict[str, str] = field(factory=dict)
    execution_by_code: dict[int, str] = field(factory=dict)
    hints_by_code: dict[int, str] = field(factory=dict)

    @property
    def server_time(self) -> str:
        """The module of the operation that returns the exchange's time; empty if there is none."""
        for name, operation in self.operations.items():
            contents = operation.success.get("content", {}).values()
            if any(content.get("schema", {}).get("$ref") == _TIME for content in contents):
                return f"api.{tag_name(operation)}.{name}"
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
    _check_names(spec, exceptions)
    extensions = SpecExtensions(
        security_types={
            NONE: (None, False),
            **{name: (scheme["name"], scheme["x-signed"] is True) for name, scheme in security_schemes(spec).items()},
        },
        servers={server["x-name"].upper(): server["url"] for server in spec["servers"]},
        used_weight=_header_name(spec, "UsedWeight"),
        retry_after=_header_name(spec, "RetryAfter"),
        banned_until=_pattern(_from_responses(spec, "x-banned-until")),
        shortest_ban=_integer(_from_responses(spec, "x-shortest-ban"), "x-shortest-ban"),
        longest_ban=_integer(_from_responses(spec, "x-longest-ban"), "x-longest-ban"),
        default_recv_window=_optional_integer(
            resolve(spec, _parameter(spec, "recvWindow").get("schema", {})).get("default"), "recvWindow.default"
        ),
        too_far_ahead=_optional_integer(_parameter(spec, "timestamp").get("x-too-far-ahead"), "x-too-far-ahead"),
    )
    for operation in operations(spec):
        name = PythonIdentifier(operation.node["operationId"], field_prefix)
        if name in extensions.operations:
            raise SpecError(f"{operation.location}.operationId: {name!r} is already used by another operation")
        if (tag := tag_name(operation)) in client_attributes:
            raise SpecError(
                f"{operation.location}.tags: {tag!r} is already an attribute of the client, so client.{tag} cannot be"
                " the operations of this tag; choose another tag"
            )
        extensions.operations[name] = operation
        for status, response in operation.node["responses"].items():
            _add_response(extensions, str(status), resolve(spec, response))
    for entry in spec["components"]["schemas"]["Error"]["x-codes"]:
        _integer(entry.get("code"), "x-codes.code")
        if "x-exception" in entry:
            extensions.error_by_code[entry["code"]] = entry["x-exception"]
        if "x-advice" in entry:
            extensions.hints_by_code[entry["code"]] = entry["x-advice"]
        if "x-execution" in entry:
            extensions.execution_by_code[entry["code"]] = entry["x-execution"]
    return extensions


def _integer(value: object, key: str) -> int:
    if type(value) is not int:
        raise SpecError(f"{key}: expected an integer, got {value!r}")
    return value


def _optional_integer(value: object, key: str) -> int | None:
    return None if value is None else _integer(value, key)


def _pattern(value: object) -> str:
    try:
        re.compile(str(value))
    except re.error as error:
        raise SpecError(f"x-banned-until: expected a regular expression, got {value!r} ({error})") from None
    return str(value)


def _check_names(spec: Spec, exceptions: Collection[str]) -> None:
    known = {"x-exception": exceptions, "x-exception-else": exceptions, "x-execution": EXECUTIONS}
    for location, node in iter_nodes(spec):
        for key in known.keys() & node.keys():
            if node[key] not in known[key]:
                raise SpecError(f"{location}.{key}: expected one of {', '.join(known[key])}, got {node[key]!r}")
        for variant in node.get("x-executions", []):
            if variant["execution"] not in EXECUTIONS:
                raise SpecError(f"{location}.x-executions: expected one of {', '.join(EXECUTIONS)}")


def _header_name(spec: Spec, component: str) -> str:
    reference = {"$ref": f"#/components/headers/{component}"}
    for response in spec["components"]["responses"].values():
        for name, header in response.get("headers", {}).items():
            if header == reference:
                return str(name)
    raise SpecError(f"components.responses: no response has a header with {reference['$ref']}")


def _from_responses(spec: Spec, key: str) -> Any:
    for response in spec["components"]["responses"].values():
        if key in response:
            return response[key]
    raise SpecError(f"components.responses: no response has {key}, which describes bans")


def _parameter(spec: Spec, component: str) -> Node:
    return resolve(spec, spec["components"]["parameters"].get(component, {}))


def _add_response(extensions: SpecExtensions, status: str, response: Node) -> None:
    if "x-exception" in response:
        extensions.error_by_status[int(status)] = response["x-exception"]
    if "x-exception-else" in response:
        if status.endswith("XX"):
            extensions.error_by_class_else[int(status[0])] = response["x-exception-else"]
        else:
            extensions.error_by_status_else[int(status)] = response["x-exception-else"]
    for variant in response.get("x-executions", []):
        extensions.execution_by_msg[variant["msg"]] = variant["execution"]
