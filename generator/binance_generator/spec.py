"""An OpenAPI document: its operations with their parameters, and the checks before generating."""

from collections.abc import Collection, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

from attrs import field, frozen

Spec = dict[str, Any]
"""A whole document."""
Node = dict[str, Any]
"""An object within a document."""

# The exchange's methods. Source: General Info, "General Information on Endpoints".
METHODS = ("get", "put", "post", "delete")
NONE = "NONE"  # The security type of an operation without a security requirement.
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
DECIMAL = "decimal"  # The format of an amount.

_PLAIN_TYPES = {"string", "integer", "number", "boolean"}
# Keys whose values are data, not part of the document's structure.
LITERAL_KEYS = ("const", "default", "enum", "example", "examples")
# Keys whose values are objects with names that the document chooses.
_MAPS = ("headers", "parameters", "properties", "responses", "schemas")


@frozen
class Place:
    """A file, and a line of it if it is known."""

    file: Path
    line: int | None = None

    def __str__(self) -> str:
        """Return the place as compilers write it."""
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"


class SpecError(Exception):
    """No client can be generated from the document: the location of the error in it, empty for the whole, and why."""

    def __init__(self, location: str, reason: str, *, place: Place | None = None) -> None:
        text = f"{location}: {reason}" if location else reason
        super().__init__("".join(char if char.isprintable() else repr(char)[1:-1] for char in text))
        self.location = location
        self.place = place


@frozen
class Parameter:
    """A query parameter or a form field; callers pass both in the same way."""

    name: str
    place: str
    """`query` or `form`."""
    is_required: bool
    encoding: str | None
    """The function of the runtime's `encoders` that makes the value a string; None for the usual format."""
    schema: Node = field(repr=False)
    """The schema as written in the document; it may be a reference."""
    bounds: Node = field(repr=False)
    """The resolved schema of a number, which may have bounds; empty for other types."""

    @property
    def minimum(self) -> float | None:
        """The minimum value."""
        return self.bounds.get("minimum")

    @property
    def maximum(self) -> float | None:
        """The maximum value."""
        return self.bounds.get("maximum")

    def default(self, spec: Spec) -> Any:
        """Return what the exchange uses if the parameter is not sent, None if the document does not say it."""
        return default_of(spec, self.schema)


@frozen
class Operation:
    """An operation with its location in the document."""

    location: str
    path: str
    method: str
    node: Node = field(repr=False)
    security: str
    parameters: dict[str, Parameter]
    """The parameters that the caller passes."""
    success: Node = field(repr=False)
    """The successful response; all others become exceptions."""

    @property
    def weight(self) -> int | Node:
        """The weight in the rate limit, or the rule by which it depends on a parameter."""
        weight: int | Node = self.node["x-weight"]
        return weight

    @property
    def is_read(self) -> bool:
        """Whether the operation may be sent twice, because it changes nothing."""
        return self.method == "get" and self.node.get("x-repeatable", True) is True

    @property
    def result_for(self) -> list[str]:
        """The names of the lists for whose items the response has results; empty if it has none."""
        names: list[str] = self.node.get("x-result-for", [])
        return names

    @property
    def queried_by(self) -> str:
        """The operationId of the operation that shows whether this one was executed; empty if there is none."""
        return str(self.node.get("x-queried-by", ""))

    @property
    def source(self) -> str:
        """The URL of the exchange's documentation; empty if the document has none."""
        return str(self.node.get("externalDocs", {}).get("url", ""))

    @property
    def is_empty(self) -> bool:
        """Whether the successful response has no content."""
        return not self.success.get("content")

    def has(self, place: str) -> bool:
        """Return True if there is a parameter in this place, `query` or `form`."""
        return any(parameter.place == place for parameter in self.parameters.values())


def resolve(spec: Spec, node: Node) -> Node:
    """Return the target of a reference, or the node itself; raise `RecursionError` for a circular reference."""
    followed: set[str] = set()
    while "$ref" in node:
        if node["$ref"] in followed:
            raise RecursionError(node["$ref"])
        followed.add(node["$ref"])
        node = lookup(spec, node["$ref"])
    return node


def default_of(spec: Spec, schema: Node) -> Any:
    """Return the default of a schema or of the one that it refers to, None without one."""
    while "default" not in schema:
        parts = schema.get("allOf", [])
        if "$ref" in schema:
            schema = lookup(spec, schema["$ref"])
        elif len(parts) == 1:
            schema = parts[0]
        else:
            return None
    return schema["default"]


def lookup(spec: Spec, pointer: str) -> Node:
    """Return the node at a pointer such as `#/components/schemas/Error`."""
    node: Any = spec
    for key in pointer_keys(pointer):
        node = node[int(key) if isinstance(node, list) else key]
    return cast("Node", node)


def pointer_keys(pointer: str) -> list[str]:
    """Return the keys that lead to the node at a pointer."""
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.removeprefix("#/").split("/")]


def iter_nodes(node: Any, location: str = "", *, skip_literals: bool = False) -> Iterator[tuple[str, Node]]:
    """Yield each object within a node, with its location."""
    if isinstance(node, dict):
        yield location, node
    for key, child in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else []):
        if not (skip_literals and is_literal(location, key)):
            yield from iter_nodes(child, child_location(location, key), skip_literals=skip_literals)


def child_location(location: str, key: str | int) -> str:
    """Return the location of the value of a key."""
    return f"{location}.{key}" if location else str(key)


def is_literal(location: str, key: str | int) -> bool:
    """Return True if a key's value is data; under `properties`, for example, each key is the name of a property."""
    return key in LITERAL_KEYS and not is_map(location)


def is_map(location: str) -> bool:
    """Return True for the location of an object whose keys are names that the document chooses."""
    return location.rpartition(".")[2] in _MAPS


def check_refs(spec: Spec) -> None:
    """Raise `SpecError` for a reference to nothing, or to nothing but references."""
    for location, node in iter_nodes(spec, skip_literals=True):
        if isinstance(node.get("$ref"), str):
            try:
                resolve(spec, {"$ref": node["$ref"]})
            except RecursionError:
                raise SpecError(location, f"refers to {node['$ref']}, which leads back to itself") from None
            except (IndexError, KeyError, TypeError, ValueError):
                raise SpecError(location, f"refers to {node['$ref']}, which does not exist") from None


def security_schemes(spec: Spec) -> dict[str, Node]:
    """Return the document's security schemes by name, which is the security type."""
    schemes: dict[str, Node] = spec["components"]["securitySchemes"]
    return schemes


def signer_parameters(spec: Spec) -> set[str]:
    """Return the names of the parameters that the signer sets."""
    parameters = spec["components"]["parameters"].values()
    return {parameter["name"] for parameter in parameters if parameter.get("x-set-by") == "signer"}


def operations(spec: Spec) -> Iterator[Operation]:
    """Yield each operation; raise `SpecError` for one that no client can be generated for."""
    for path, item in spec["paths"].items():
        if "{" in path:
            raise SpecError(f"paths.{path}", "parameters in paths are not supported; the exchange has none")
        for method in METHODS:
            if method in item:
                yield _operation(spec, path, method, item)


def _operation(spec: Spec, path: str, method: str, item: Node) -> Operation:
    location, node = f"paths.{path}.{method}", item[method]
    parameters = _parameters(spec, location, item, method)
    security = _security(spec, location, node)
    _check_signer_parameters(spec, location, security, parameters)
    set_by_caller = {name: parameters[name] for name in parameters if name not in signer_parameters(spec)}
    _check_weight(spec, f"{location}.x-weight", node["x-weight"], set_by_caller)
    operation = Operation(location, path, method, node, security, set_by_caller, _success(spec, location, node))
    _check_result_for(spec, operation)
    return operation


def _check_result_for(spec: Spec, operation: Operation) -> None:
    """Raise `SpecError` for parameters that are no lists, or for a response that is none."""
    location = f"{operation.location}.x-result-for"
    for index, name in enumerate(operation.result_for):
        parameter = operation.parameters.get(name)
        if parameter is None or resolve(spec, parameter.schema).get("type") != "array":
            raise SpecError(f"{location}.{index}", f"expected a parameter that is a list, got {name!r}")
    schema = operation.success.get("content", {}).get(JSON, {}).get("schema", {})
    if operation.result_for and resolve(spec, schema).get("type") != "array":
        raise SpecError(location, "the response is no list")


def _check_weight(spec: Spec, location: str, weight: int | Node, parameters: dict[str, Parameter]) -> None:
    """Raise `SpecError` for a weight that depends on a parameter from which it cannot be computed."""
    if isinstance(weight, int):
        return
    parameter = parameters.get(weight["parameter"])
    if parameter is None:
        known = ", ".join(parameters) or "none"
        raise SpecError(
            f"{location}.parameter", f"expected a parameter of the operation ({known}), got {weight['parameter']!r}"
        )
    schema = resolve(spec, parameter.schema)
    if "up-to" in weight and schema.get("type") != "integer":
        raise SpecError(f"{location}.up-to", f"expected a parameter that is an integer, but {parameter.name} is not")
    if "up-to" in weight and not parameter.is_required and type(parameter.default(spec)) is not int:
        raise SpecError(
            f"{location}.up-to", f"{parameter.name} has no default, which decides the weight if it is not sent"
        )
    if "sent" in weight and parameter.is_required:
        raise SpecError(f"{location}.not-sent", f"{parameter.name} is required, so it is always sent")


def _parameters(spec: Spec, location: str, item: Node, method: str) -> dict[str, Parameter]:
    """Return all parameters of an operation by name, those that the signer sets included."""
    # An operation's own parameters replace those of the same name that all operations of the path have.
    in_query = {
        **_by_name(spec, location.rpartition(".")[0], item),
        **_by_name(spec, location, item[method]),
    }
    parameters = {name: _query_parameter(spec, location, node) for name, node in in_query.items()}
    for field_ in _form_fields(spec, location, method, resolve(spec, item[method].get("requestBody", {}))):
        if field_.name in parameters:
            raise SpecError(location, f"{field_.name} is both a query parameter and a form field")
        parameters[field_.name] = field_
    return parameters


def _by_name(spec: Spec, location: str, node: Node) -> dict[str, Node]:
    parameters: dict[str, Node] = {}
    for index, parameter in enumerate(resolve(spec, parameter) for parameter in node.get("parameters", [])):
        if parameter["name"] in parameters:
            raise SpecError(f"{location}.parameters.{index}", f"{parameter['name']} stands twice")
        parameters[parameter["name"]] = parameter
    return parameters


def _query_parameter(spec: Spec, location: str, node: Node) -> Parameter:
    location = f"{location}.parameters.{node['name']}"
    if node["in"] != "query":
        raise SpecError(location, f"expected a query parameter or a form field, got a parameter in {node['in']}")
    contents: Node = node.get("content", {})
    if contents and contents.keys() != {JSON}:
        raise SpecError(location, f"expected a schema or content of type {JSON}, got {', '.join(contents)}")
    schema = contents[JSON]["schema"] if contents else node["schema"]
    return Parameter(
        name=node["name"],
        place="query",
        is_required=node.get("required", False),
        encoding="json_text" if contents else _encoding(spec, location, schema, node),
        schema={"description": node["description"], **schema} if "description" in node else schema,
        bounds=_bounds(spec, schema),
    )


def _form_fields(spec: Spec, location: str, method: str, body: Node) -> Iterator[Parameter]:
    if not body:
        return
    location = f"{location}.requestBody"
    if method == "get":
        raise SpecError(location, "a GET operation must have all parameters in the query")
    if body["content"].keys() != {FORM}:
        raise SpecError(location, f"expected a form ({FORM}), got {', '.join(body['content'])}")
    content = body["content"][FORM]
    form = resolve(spec, content["schema"])
    if "properties" not in form:
        raise SpecError(location, "expected an object with properties, which are the form fields")
    for name, schema in form["properties"].items():
        style = content.get("encoding", {}).get(name, {})
        is_json = style.get("contentType") == JSON
        yield Parameter(
            name=name,
            place="form",
            is_required=name in form.get("required", ()),
            encoding="json_text" if is_json else _encoding(spec, f"{location}.{name}", schema, style),
            schema=schema,
            bounds=_bounds(spec, schema),
        )


def _bounds(spec: Spec, schema: Node) -> Node:
    node = resolve(spec, schema)
    # JSON Schema ignores the bounds of other types, including those of a decimal in a string.
    return node if node.get("type") in ("integer", "number") else {}


def _encoding(spec: Spec, location: str, schema: Node, style: Node) -> str | None:
    """Return the encoding of a value that is not sent as JSON; None for the usual one."""
    if style.get("style", "form") != "form":
        raise SpecError(location, f"expected style: form, got {style['style']}")
    if not _is_plain(spec, schema, may_be_array=True):
        raise SpecError(
            location, f"expected a string, a number, a boolean, an array of these, or content of type {JSON}"
        )
    is_joined = resolve(spec, schema).get("type") == "array" and not style.get("explode", True)
    return "comma_separated" if is_joined else None


def _is_plain(spec: Spec, schema: Node, *, may_be_array: bool = False) -> bool:
    schema = resolve(spec, schema)
    if "allOf" in schema:
        # Upstream creates a model for an allOf, unless it only wraps a reference.
        return all("$ref" in part and _is_plain(spec, part) for part in schema["allOf"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return all(_is_plain(spec, part) for part in schema[key])
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    if values and "type" not in schema:
        return all(isinstance(value, str | int | float) for value in values)
    types = schema.get("type", "any")
    if types == "array" and may_be_array:
        return _is_plain(spec, schema.get("items", {}))
    return set(as_list(types)) <= _PLAIN_TYPES


def _security(spec: Spec, location: str, node: Node) -> str:
    requirements: list[Node] = node["security"] if "security" in node else spec.get("security", [])
    if len(requirements) > 1 or any(len(requirement) != 1 for requirement in requirements):
        raise SpecError(f"{location}.security", f"expected one security type, or [] for {NONE}")
    if not requirements:
        return NONE
    security = str(next(iter(requirements[0])))
    if security not in security_schemes(spec):
        known = ", ".join(security_schemes(spec))
        raise SpecError(f"{location}.security", f"unknown type {security!r}; known are {known}, and [] for {NONE}")
    return security


def _check_signer_parameters(spec: Spec, location: str, security: str, names: Collection[str]) -> None:
    """Raise `SpecError` unless a signed operation has all parameters that the signer sets, and an unsigned one none."""
    is_signed = security != NONE and security_schemes(spec)[security]["x-signed"]
    expected = signer_parameters(spec) if is_signed else set()
    actual = signer_parameters(spec) & set(names)
    if actual != expected:
        raise SpecError(
            f"{location}.parameters",
            f"expected {sorted(expected) or 'none'} set by the signer for {security}, got {sorted(actual) or 'none'}",
        )


def _success(spec: Spec, location: str, node: Node) -> Node:
    responses = {str(status): response for status, response in node["responses"].items() if str(status)[0] == "2"}
    if len(responses) != 1:
        got = ", ".join(responses) or "none"
        raise SpecError(f"{location}.responses", f"expected one successful response, got {got}")
    ((status, response),) = responses.items()
    if not status.isdigit():
        raise SpecError(f"{location}.responses.{status}", "expected a single status, got a range")
    response = resolve(spec, response)
    content = response.get("content", {})
    if content and content.keys() != {JSON}:
        raise SpecError(
            f"{location}.responses.{status}", f"expected a response of type {JSON}, got {', '.join(content)}"
        )
    return response


def as_list(types: str | list[str]) -> list[str]:
    """Return a schema's `type` as a list."""
    return [types] if isinstance(types, str) else types


def number_as_text(value: object) -> object:
    """Return a number as a string, and any other value unchanged."""
    return str(value) if isinstance(value, int | float) else value


def is_decimal(value: object) -> bool:
    """Return True for a finite decimal in a string."""
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False
