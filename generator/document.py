"""An OpenAPI document: its operations with their parameters, and what of it no client can be made of."""

from collections.abc import Container, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from attrs import field, frozen

Document = dict[str, Any]

# The exchange's methods. Source: General Info, "General Information on Endpoints".
METHODS = ("get", "put", "post", "delete")
OTHER_METHODS = ("options", "head", "patch", "trace")
NONE = "NONE"  # The security type of an operation without a security requirement.
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
DECIMAL = "decimal"  # The format of an amount.

_PLAIN_TYPES = {"string", "integer", "number", "boolean"}
# Keys of a document under which anything may stand.
DATA = ("const", "default", "enum", "example", "examples")


class DocumentError(Exception):
    """The document says something that no client can be made of; the message begins with the place."""


@frozen
class Parameter:
    """A parameter in the query, or a field of the form: to a caller they are the same."""

    name: str
    place: str
    """`query` or `form`."""
    is_required: bool
    encoding: str | None
    """The function of writing.py that makes text of what queries and forms have no form for."""
    schema: Document = field(repr=False)
    """As it stands in the document, maybe a reference."""
    bounds: Document = field(repr=False)
    """Where the least and the greatest value stand, if it is a number."""

    @property
    def minimum(self) -> float | None:
        """The least value."""
        return self.bounds.get("minimum")

    @property
    def maximum(self) -> float | None:
        """The greatest value."""
        return self.bounds.get("maximum")


@frozen
class Operation:
    """An operation, and the place where it stands."""

    place: str
    path: str
    method: str
    node: Document = field(repr=False)
    security: str
    parameters: dict[str, Parameter]
    """Those that a caller gives."""
    success: Document = field(repr=False)
    """The only answer that is no exception."""

    @property
    def weight(self) -> int:
        """What it counts for in the rate limit."""
        weight: int = self.node["x-weight"]
        return weight

    @property
    def source(self) -> str:
        """Where the exchange documents it; empty if that is not told."""
        return str(self.node.get("externalDocs", {}).get("url", ""))

    @property
    def is_empty(self) -> bool:
        """Whether the answer of success has no content."""
        return not self.success.get("content")

    def has(self, place: str) -> bool:
        """Say whether there are parameters at a place."""
        return any(parameter.place == place for parameter in self.parameters.values())


def resolved(document: Document, node: Document) -> Document:
    """Follow a reference, if the node is one; raise `KeyError` if it leads back to itself."""
    followed: set[str] = set()
    while "$ref" in node:
        if node["$ref"] in followed:
            raise KeyError(node["$ref"])
        followed.add(node["$ref"])
        node = target(document, node["$ref"])
    return node


def target(document: Document, pointer: str) -> Document:
    """Give what a reference refers to."""
    node: Any = document
    for part in pointer.removeprefix("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        node = node[int(key) if isinstance(node, list) else key]
    return cast("Document", node)


def dangling_references(document: Document) -> Iterator[tuple[str, str]]:
    """Give each reference that leads nowhere, behind the place where it stands."""
    for place, node in nodes(document):
        if "$ref" in node:
            try:
                resolved(document, {"$ref": node["$ref"]})
            except (IndexError, KeyError, TypeError, ValueError):
                yield place, node["$ref"]


def nodes(node: Any, place: str = "", skipped: Container[str | int] = ()) -> Iterator[tuple[str, Document]]:
    """Give each object of the document, behind the place where it stands."""
    if isinstance(node, dict):
        yield place, node
    children = node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else [])
    for key, child in children:
        if key not in skipped or place.endswith(".properties"):
            yield from nodes(child, f"{place}.{key}".removeprefix("."), skipped)


def security_schemes(document: Document) -> dict[str, Document]:
    """Give the document's security types by their names."""
    schemes: dict[str, Document] = document["components"]["securitySchemes"]
    return schemes


def operations(document: Document) -> Iterator[Operation]:
    """Give each operation; raise `DocumentError` for one that no client can be made of."""
    for path, item in document["paths"].items():
        for key in ("$ref", "servers", *OTHER_METHODS):
            if key in item:
                raise DocumentError(f"paths.{path}.{key}: no template makes a client of it")
        if "{" in path:
            raise DocumentError(f"paths.{path}: the exchange has no parameters in paths, and no template writes one")
        for method in METHODS:
            if method in item:
                yield _operation(document, path, method, item)


def _operation(document: Document, path: str, method: str, item: Document) -> Operation:
    place, node = f"paths.{path}.{method}", item[method]
    for key in ("servers", "callbacks"):
        if key in node:
            raise DocumentError(f"{place}.{key}: no template makes a client of it")
    if "operationId" not in node:
        raise DocumentError(f"{place}: has no operationId, which names the module of its functions")
    if type(node.get("x-weight")) is not int:
        raise DocumentError(f"{place}.x-weight: expected what the operation counts for in the rate limit")
    parameters: dict[str, Parameter] = {}
    of_item = {resolved(document, parameter)["name"]: parameter for parameter in item.get("parameters", [])}
    of_node = {resolved(document, parameter)["name"]: parameter for parameter in node.get("parameters", [])}
    for parameter in (
        *(_in_query(document, place, resolved(document, given)) for given in (of_item | of_node).values()),
        *_in_form(document, place, method, resolved(document, node.get("requestBody", {}))),
    ):
        if parameter.name in parameters:
            raise DocumentError(f"{place}: {parameter.name} is both a parameter and a field of the form")
        parameters[parameter.name] = parameter
    security = _security(document, place, node)
    set_by_signer = {
        parameter["name"]
        for parameter in document["components"]["parameters"].values()
        if parameter.get("x-set-by") == "signer"
    }
    needed = set_by_signer if security != NONE and security_schemes(document)[security]["x-signed"] else set()
    if parameters.keys() & set_by_signer != needed:
        raise DocumentError(
            f"{place}.parameters: {security} needs {sorted(needed) or 'none'} set by the signer,"
            f" but the document has {sorted(parameters.keys() & set_by_signer) or 'none'}"
        )
    given = {name: parameter for name, parameter in parameters.items() if name not in set_by_signer}
    return Operation(place, path, method, node, security, given, _success(document, place, node))


def _security(document: Document, place: str, node: Document) -> str:
    requirements: list[Document] = node["security"] if "security" in node else document.get("security", [])
    if len(requirements) > 1 or any(len(requirement) != 1 for requirement in requirements):
        raise DocumentError(f"{place}.security: expected one security type, or [] for none")
    if not requirements:
        return NONE
    security = str(next(iter(requirements[0])))
    if security not in security_schemes(document):
        known = ", ".join(security_schemes(document))
        raise DocumentError(f"{place}.security: unknown type {security!r}; known are {known}, and [] for {NONE}")
    return security


def _success(document: Document, place: str, node: Document) -> Document:
    answers = {str(status): answer for status, answer in node["responses"].items() if str(status)[0] == "2"}
    if len(answers) != 1:
        raise DocumentError(f"{place}.responses: expected one answer of success, got {', '.join(answers) or 'none'}")
    ((status, answer),) = answers.items()
    if not status.isdigit():
        raise DocumentError(f"{place}.responses.{status}: expected the one status of success, got a range")
    content = resolved(document, answer).get("content", {})
    if content and content.keys() != {JSON}:
        raise DocumentError(f"{place}.responses.{status}: expected an answer as {JSON}, got {', '.join(content)}")
    return resolved(document, answer)


def _in_query(document: Document, place: str, node: Document) -> Parameter:
    place = f"{place}.parameters.{node['name']}"
    if node["in"] != "query":
        raise DocumentError(f"{place}: expected a parameter in the query or a field of a form, got one in {node['in']}")
    contents: Document = node.get("content", {})
    if contents and contents.keys() != {JSON}:
        raise DocumentError(f"{place}: expected a value or {JSON}, got {', '.join(contents)}")
    schema = contents[JSON]["schema"] if contents else node["schema"]
    return Parameter(
        name=node["name"],
        place="query",
        is_required=node.get("required", False),
        encoding="as_json" if contents else _encoding(document, place, schema, node),
        schema={"description": node["description"], **schema} if "description" in node else schema,
        bounds=_bounds(document, schema),
    )


def _in_form(document: Document, place: str, method: str, body: Document) -> Iterator[Parameter]:
    if not body:
        return
    place = f"{place}.requestBody"
    if method == "get":
        raise DocumentError(f"{place}: a GET has all its parameters in the query")
    if body["content"].keys() != {FORM}:
        raise DocumentError(f"{place}: expected a form ({FORM}), got {', '.join(body['content'])}")
    content = body["content"][FORM]
    form = resolved(document, content["schema"])
    if "properties" not in form:
        raise DocumentError(f"{place}: expected an object with properties, which are the fields of the form")
    for name, schema in form["properties"].items():
        written = content.get("encoding", {}).get(name, {})
        is_json = written.get("contentType") == JSON
        yield Parameter(
            name=name,
            place="form",
            is_required=name in form.get("required", ()),
            encoding="as_json" if is_json else _encoding(document, f"{place}.{name}", schema, written),
            schema=schema,
            bounds=_bounds(document, schema),
        )


def _bounds(document: Document, schema: Document) -> Document:
    node = resolved(document, schema)
    # Of anything else, a decimal in a string too, JSON Schema takes no notice of bounds.
    return node if node.get("type") in ("integer", "number") else {}


def _encoding(document: Document, place: str, schema: Document, written: Document) -> str | None:
    """Give the encoding of a value that is not written as JSON, None for the usual one."""
    if written.get("style", "form") != "form":
        raise DocumentError(f"{place}: expected style: form, got {written['style']}")
    if not _is_plain(document, schema, may_be_array=True):
        raise DocumentError(f"{place}: expected a text, a number, a boolean, an array of them, or content as {JSON}")
    is_joined = resolved(document, schema).get("type") == "array" and not written.get("explode", True)
    return "joined" if is_joined else None


def _is_plain(document: Document, schema: Document, *, may_be_array: bool = False) -> bool:
    schema = resolved(document, schema)
    if "allOf" in schema:
        # Upstream makes models of what stands there, unless it is a reference.
        return all("$ref" in part and _is_plain(document, part) for part in schema["allOf"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return all(_is_plain(document, part) for part in schema[key])
    told = [schema["const"]] if "const" in schema else schema.get("enum", ())
    if told and "type" not in schema:
        return all(isinstance(value, str | int | float) for value in told)
    kinds = schema.get("type", "any")
    if kinds == "array" and may_be_array:
        return _is_plain(document, schema.get("items", {}))
    return set(listed(kinds)) <= _PLAIN_TYPES


def listed(kinds: str | list[str]) -> list[str]:
    """Give a schema's types."""
    return [kinds] if isinstance(kinds, str) else kinds


def refuse_defaults_that_are_none(document: Document) -> None:
    """Raise `DocumentError` for a default of a decimal that is none: JSON Schema leaves the meaning of formats open."""
    for place, node in nodes(document, skipped=DATA):
        if node.get("format") == DECIMAL and "default" in node and not is_decimal(text_of(node["default"])):
            raise DocumentError(f"{place}.default: expected a finite decimal, got {node['default']!r}")


def text_of(value: object) -> object:
    """Give a number as text, and everything else as it is."""
    return str(value) if isinstance(value, int | float) else value


def is_decimal(value: object) -> bool:
    """Say whether a value of the document is a finite decimal in a string."""
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False
