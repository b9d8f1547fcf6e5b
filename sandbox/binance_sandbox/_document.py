"""Reads from the OpenAPI document what the sandbox has to know of the exchange's HTTP interface.

A few parts of it have a meaning for the sandbox itself: it checks the timestamp, it counts the weight, it tells the
time. They are known by the name of their component in the document (`components/headers/UsedWeight`); what they are
called on the wire stands in the document alone.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache, reduce
from importlib.resources import files
from math import inf
from typing import Any, Protocol

import attrs
import yaml

from binance_sandbox._messages import FORM, JSON
from binance_sandbox._parameters import Parameter

# The exchange's methods. Source: General Info, "General Information on Endpoints".
_METHODS = ("get", "put", "post", "delete")
# What stands for a value of which the document has no example.
_SAMPLES = {"integer": 0, "number": 0, "boolean": False, "string": "0", "null": None}

_Node = dict[str, Any]


class _Readable(Protocol):
    def read_text(self, encoding: str) -> str: ...


@attrs.frozen
class Security:
    """What an operation asks of its caller: an API key in `header`, and a signature if `signed`."""

    header: str
    signed: bool


@attrs.frozen
class DocumentedAnswer:
    """What the document says of the answers of one status."""

    status: str
    """Three digits, or `5XX` for all that begin with a 5."""
    media_type: str
    component: str
    """The name of the body's schema among the components, empty if it has none."""
    is_list: bool
    headers: Mapping[str, str]
    """The names of headers by the names of their components."""
    examples: Mapping[str, Any]

    def covers(self, status: int) -> bool:
        """Return whether an answer of this status is described here."""
        return self.status.upper() in (str(status), f"{status // 100}XX")


@attrs.frozen
class Operation:
    """An operation of the exchange."""

    operation_id: str
    method: str
    path: str
    weight: int
    security: Security | None
    parameters: Mapping[str, Parameter]
    answers: tuple[DocumentedAnswer, ...]
    """Exact statuses first."""

    @property
    def success(self) -> DocumentedAnswer:
        """The answer when all is well."""
        return next(answer for answer in self.answers if answer.status.startswith("2"))

    @property
    def example(self) -> Any:
        """The first example of the answer when all is well; no bytes if that has no content."""
        return next(iter(self.success.examples.values()), b"")


@attrs.frozen
class Document:
    """What the sandbox knows of the exchange."""

    operations: tuple[Operation, ...]
    parameter_names: Mapping[str, str]
    """The names of parameters by the names of their components."""
    default_recv_window_ms: float
    """How old a request may be that has no recvWindow; infinite if the document does not say it."""
    too_far_ahead_ms: float
    """By how much a timestamp must not be ahead of the exchange's clock; infinite if the document does not say it."""
    shortest_ban_ms: int
    """How long a ban lasts at least; 0 if the document tells of no bans."""
    longest_ban_ms: int
    """How long it lasts at most; 0 likewise."""

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the operation at a path, if there is one."""
        return next((o for o in self.operations if (o.method, o.path) == (method, path)), None)

    def find_example(
        self, operation: Operation | None, *, status: int | None = None, name: str | None = None
    ) -> tuple[DocumentedAnswer, Any] | None:
        """Find an example of an answer by its status, its name or both.

        The operation's own examples come first, then those of the others: an error means the same everywhere.
        """
        for candidate in (operation, *self.operations):
            for answer in candidate.answers if candidate else ():
                for example, value in answer.examples.items():
                    if name in (None, example) and (status is None or answer.covers(status)):
                        return answer, value
        return None


def read_document(path: _Readable | None = None) -> Document:
    """Read the document at `path`, or the one that the generated package carries."""
    source: _Readable = path or files("binance_coinm") / "openapi.yaml"
    return _parse(source.read_text(encoding="utf-8"))


class _ExactLoader(yaml.SafeLoader):
    """Reads 0.1 as the number that it is, which no float is."""

    def exact(self, node: yaml.ScalarNode) -> Decimal:
        """Give a number that is no integer."""
        return Decimal(str(self.construct_yaml_float(node)))


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _ExactLoader.exact)


# Reading YAML takes longer than everything else at the start of a sandbox, and tests start many of them.
@lru_cache(maxsize=8)
def _parse(text: str) -> Document:
    return _Reader(yaml.load(text, _ExactLoader)).document()  # noqa: S506, it is a safe loader


@attrs.frozen
class _Reader:
    """Walks through a document, following its references."""

    root: _Node

    def document(self) -> Document:
        operations = tuple(
            self.operation(path, method, item)
            for path, item in self.root["paths"].items()
            for method in _METHODS
            if method in item
        )
        parameters = self.child(self.root, "components", "parameters")
        answers = self.child(self.root, "components", "responses").values()
        ban: _Node = next((answer for answer in answers if "x-shortest-ban" in answer), _Node())
        return Document(
            operations,
            parameter_names={component: parameter["name"] for component, parameter in parameters.items()},
            default_recv_window_ms=self.child(parameters, "recvWindow", "schema").get("default", inf),
            too_far_ahead_ms=self.child(parameters, "timestamp").get("x-too-far-ahead", inf),
            shortest_ban_ms=1000 * ban.get("x-shortest-ban", 0),
            longest_ban_ms=1000 * ban.get("x-longest-ban", 0),
        )

    def operation(self, path: str, method: str, item: _Node) -> Operation:
        node = self.child(item, method)
        parameters = [
            self.parameter(parameter["name"], parameter, is_required=parameter.get("required", False))
            for parameter in map(self.resolve, [*item.get("parameters", ()), *node.get("parameters", ())])
        ]
        content = self.child(node, "requestBody", "content", FORM)
        form = self.child(content, "schema")
        for name, schema in self.child(form, "properties").items():
            encoding = self.child(content, "encoding", name)
            media_type = encoding.get("contentType", "")
            written = encoding | ({"content": {media_type: {"schema": schema}}} if media_type else {"schema": schema})
            parameters.append(self.parameter(name, written, is_required=name in form.get("required", ())))
        answers = [self.answer(str(status), self.resolve(answer)) for status, answer in node["responses"].items()]
        return Operation(
            operation_id=node["operationId"],
            method=method.upper(),
            path=path,
            weight=node.get("x-weight", 1),
            security=self.security((self.root | node).get("security")),
            parameters={parameter.name: parameter for parameter in parameters},
            answers=tuple(sorted(answers, key=lambda answer: not answer.status.isdigit())),
        )

    def parameter(self, name: str, written: _Node, *, is_required: bool) -> Parameter:
        is_json = JSON in written.get("content", {})
        schema = self.child(written, "content", JSON, "schema") if is_json else self.child(written, "schema")
        is_array = schema.get("type") == "array"
        return Parameter(
            name,
            is_required,
            schema | {"components": self.root.get("components", {})},
            is_json=is_json,
            is_array=is_array,
            is_joined=is_array and not written.get("explode", True),
        )

    def security(self, requirements: list[_Node] | None) -> Security | None:
        for name in (name for requirement in requirements or () for name in requirement):
            scheme = self.child(self.root, "components", "securitySchemes", name)
            return Security(scheme["name"], scheme.get("x-signed", False))
        return None

    def answer(self, status: str, node: _Node) -> DocumentedAnswer:
        contents = self.child(node, "content")
        media_type = next(iter(contents), "")
        content = self.child(contents, media_type)
        examples = {"example": content["example"]} if "example" in content else {}
        examples |= {name: self.resolve(example)["value"] for name, example in self.child(content, "examples").items()}
        if not examples and status.startswith("2") and contents:
            examples = {"sample": self.sample(content.get("schema", {}))}
        return DocumentedAnswer(
            status=status,
            media_type=media_type,
            component=_component(content.get("schema", {})),
            is_list=self.child(content, "schema").get("type") == "array",
            headers={_component(header) or name: name for name, header in self.child(node, "headers").items()},
            examples=examples,
        )

    def sample(self, schema: _Node, within: tuple[_Node, ...] = ()) -> Any:
        """Return a value of a schema, as like to the real ones as its examples are; null where it holds itself."""
        schema = self.resolve(schema)
        if any(schema is outer for outer in within):
            return None
        within = (*within, schema)
        told = [schema[key] for key in ("example", "const", "default") if key in schema]
        told += [value for key in ("examples", "enum") for value in schema.get(key, ())]
        if told:
            return told[0]
        parts = [self.sample(part, within) for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, ())]
        if parts and "allOf" not in schema:
            return parts[0]
        kinds = schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            members = {name: value for part in parts for name, value in part.items()}
            return members | {name: self.sample(item, within) for name, item in schema.get("properties", {}).items()}
        if kind == "array":
            return [self.sample(item, within) for item in schema.get("prefixItems") or [schema["items"]]]
        return schema.get("minimum", _SAMPLES[kind])

    def child(self, node: _Node, *names: str) -> _Node:
        """Return the member of a member, empty if there is none."""
        for name in names:
            node = self.resolve(node.get(name, {}))
        return node

    def resolve(self, node: _Node) -> _Node:
        """Return what a reference refers to, and everything else as it is."""
        while "$ref" in node:
            pieces = node["$ref"].removeprefix("#/").split("/")
            node = reduce(lambda parent, piece: parent[piece.replace("~1", "/").replace("~0", "~")], pieces, self.root)
        return node


def _component(node: _Node) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]
