"""Parsing of the OpenAPI document, which describes the exchange's HTTP interface.

The sandbox itself uses some components: it checks the timestamp, counts the weight and reports the time. It finds them
by the component's name (`components/headers/UsedWeight`); their names in HTTP are those in the document.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any

import attrs
import yaml

from binance_sandbox._arguments import closest, invalid
from binance_sandbox._http import FORM, JSON
from binance_sandbox._validation import BodySchema, Node, Parameter, resolve

# The exchange's methods. Source: General Info, "General Information on Endpoints".
_METHODS = ("get", "put", "post", "delete")
# The component of a header with the number of orders that the account has placed within an interval.
_order_count = re.compile("OrderCount([0-9]+)([SMHD])").fullmatch
_UNIT_MS = {"S": 1000, "M": 60_000, "H": 3_600_000, "D": 86_400_000}
# Longer text is not a value that decides a weight, and takes long to convert.
_MAX_DIGITS = 20


@attrs.frozen
class Security:
    """The security of an operation: an API key in `header`, and a signature if `signed`."""

    header: str
    signed: bool


@attrs.frozen
class ResponseSpec:
    """The description of the responses of one status."""

    status: str
    """Three digits, or `5XX` for all that begin with a 5."""
    media_type: str
    component: str
    """The name of the body's schema among the components, empty if it has none."""
    is_list: bool
    schema: BodySchema | None
    """The schema of the body, None if it is not JSON."""
    headers: Mapping[str, str]
    """The names of headers by the names of their components."""
    examples: Mapping[str, Any]

    @property
    def is_error(self) -> bool:
        """Whether this describes the exchange's errors."""
        return self.status.startswith(("4", "5"))

    def covers(self, status: int) -> bool:
        """Return whether this describes responses of the status."""
        return self.status.upper() in (str(status), f"{status // 100}XX")


@attrs.frozen
class Operation:
    """An operation of the exchange."""

    operation_id: str
    method: str
    path: str
    weight: int | Mapping[str, Any]
    """The weight, or the rule by which it depends on a parameter."""
    security: Security | None
    parameters: Mapping[str, Parameter]
    responses: tuple[ResponseSpec, ...]
    """Exact statuses first."""

    order_count: int
    """How many orders it places, or each item of `result_for`."""

    result_for: tuple[str, ...]
    """The names of the lists, one of which is sent, for whose items the response has results."""

    def weight_of(self, sent: Mapping[str, str]) -> int:
        """Return the weight of a request with these parameters."""
        if isinstance(self.weight, int):
            return self.weight
        name = self.weight["parameter"]
        if "sent" in self.weight:
            return int(self.weight["sent" if name in sent else "not-sent"])
        weights = {int(limit): int(weight) for limit, weight in self.weight["up-to"].items()}
        text = sent.get(name, "")
        value = (
            int(text)
            if text.isdecimal() and len(text) < _MAX_DIGITS
            else self.parameters[name].schema.get("default", 0)
        )
        return weights[min((limit for limit in weights if value <= limit), default=max(weights))]

    @property
    def success(self) -> ResponseSpec:
        """The description of the successful response."""
        return next(response for response in self.responses if response.status.startswith("2"))

    @property
    def example(self) -> Any:
        """The first example of the successful response, empty if it has no content.

        Raises LookupError if it has content and no example.
        """
        if not self.success.media_type:
            return b""
        for example in self.success.examples.values():
            return example
        raise LookupError(
            f"the document has no example of the {self.success.status} response of {self.operation_id};"
            f" add one to the document, or set account.responses[{self.operation_id!r}]"
        )


@attrs.frozen
class Spec:
    """What the sandbox knows about the exchange."""

    operations: tuple[Operation, ...]
    parameter_names: Mapping[str, str]
    """The names of parameters by the names of their components."""
    signer_parameters: frozenset[str]
    """The names of the parameters that no caller sets, because the signer does."""
    error_codes: Mapping[int, str]
    """The meanings of the error codes."""
    default_recv_window_ms: float
    """The recvWindow of a request that has none; infinite if the document has no default."""
    max_clock_skew_ms: float
    """A timestamp has to be ahead of the exchange's clock by less than this; infinite if the document has no limit."""
    min_ban_ms: int
    """The shortest duration of a ban; 0 if the document describes no bans."""
    max_ban_ms: int
    """The longest duration of a ban; 0 if the document describes no bans."""
    order_intervals_ms: Mapping[str, int]
    """The intervals in which orders are counted, by the names of the components of their headers."""

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the operation with this method and path, or None."""
        return next((o for o in self.operations if (o.method, o.path) == (method, path)), None)

    def check_response(self, operation_id: str, response: Any) -> None:
        """Check the response that a test sets for an operation: a body, or a function that returns bodies.

        Raises ValueError for an unknown operation, an invalid body, and an async function.
        """
        if not callable(response):
            self.conform(operation_id, response)
        elif any(map(inspect.iscoroutinefunction, (response, type(response).__call__))):
            raise invalid(f"responses[{operation_id!r}]", "a body, or a function that is not async", response)
        else:
            self._success(operation_id)

    def conform(self, operation_id: str, body: Any) -> Any:
        """Return the body of a successful response as the document describes it; bytes and text are left as they are.

        Raises ValueError if the document has no such operation, or describes its response otherwise.
        """
        success = self._success(operation_id)
        if not success.media_type:
            if body is not None and body != b"":
                raise invalid(operation_id, "None, because the document describes no content", body)
            return b""
        schema = success.schema
        return body if isinstance(body, bytes | str) or schema is None else schema.conform(body, operation_id)

    def _success(self, operation_id: str) -> ResponseSpec:
        known = {operation.operation_id: operation for operation in self.operations}
        if operation_id not in known:
            error = invalid("responses", "an operationId of the document", operation_id)
            raise ValueError(f"{error}{closest(operation_id, known)}")
        return known[operation_id].success

    def find_example(
        self, operation: Operation | None, *, status: int | None = None, name: str | None = None
    ) -> tuple[ResponseSpec, Any] | None:
        """Return the first example of a response with this status, this name or both, and its description.

        The operation's own examples come first, then those of the others, because an error means the same everywhere.
        """
        for response, example, value in self._examples(operation):
            if name in (None, example) and (status is None or response.covers(status)):
                return response, value
        return None

    def example_names(self, status: int | None) -> list[str]:
        """Return the names of the examples of responses with this status, of all errors if it is None."""
        examples = self._examples(None)
        names = (n for r, n, _ in examples if (r.is_error if status is None else r.covers(status)))
        return list(dict.fromkeys(names))

    def find_error(
        self, operation: Operation | None, reason: int | str, status: int | None
    ) -> tuple[int, ResponseSpec | None, Any]:
        """Return status, description and body of an error: that of an error code, or an error example by its name.

        A code has status 400 if there is none. Raises LookupError for a code or an example that the document does not
        have.
        """
        if isinstance(reason, int):
            if reason not in self.error_codes:
                raise LookupError(f"the document has no error code {reason}{closest(reason, self.error_codes)}")
            status = status or HTTPStatus.BAD_REQUEST
            documented, _ = self.find_example(operation, status=status) or (None, None)
            is_json = documented and documented.media_type == JSON
            return status, documented if is_json else None, {"code": reason, "msg": self.error_codes[reason]}
        for response, name, value in self._examples(operation):
            if name == reason and response.is_error and (status is None or response.covers(status)):
                return status or int(response.status.upper().replace("X", "0")), response, value
        missing = f"error example named {reason!r}" + (f" for status {status}" if status else "")
        hint = f"add one, or name another{closest(reason, self.example_names(status))}"
        raise LookupError(f"the document has no {missing}; {hint}")

    def _examples(self, operation: Operation | None) -> Iterator[tuple[ResponseSpec, str, Any]]:
        for candidate in (operation, *self.operations):
            for response in candidate.responses if candidate else ():
                for name, value in response.examples.items():
                    yield response, name, value


def load_spec(path: Path | None = None) -> Spec:
    """Read the document at `path`, by default the one that the generated package contains.

    Raises OSError if it cannot be read, and ValueError if it is not an OpenAPI document.
    """
    source = files("binance_coinm") / "openapi.json" if path is None else path
    try:
        return _parse(source.read_text(encoding="utf-8"), is_json=source.name.endswith(".json"))
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"document: expected an OpenAPI document, got {source}, in which it found {reason}") from error


class _ExactLoader(yaml.SafeLoader):
    """A loader for YAML 1.2, in which `no` and dates are text; keys are text too, as in JSON.

    Numbers with a decimal point are read as Decimal, because a float cannot represent 0.1.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002, as in the base class
        """Return an object whose keys are text."""
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)

    def construct_decimal(self, node: yaml.ScalarNode) -> Decimal:
        """Return the value of a number with a decimal point."""
        return Decimal(str(self.construct_scalar(node)))


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _ExactLoader.construct_decimal)
_BOOL = ("tag:yaml.org,2002:bool", re.compile("(?i:true|false)$"))
_ExactLoader.yaml_implicit_resolvers = {
    first: [
        *(pair for pair in resolvers if not pair[0].endswith((":bool", ":timestamp"))),
        *[_BOOL] * (first in "tTfF"),
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


# Cached because parsing is the slowest part of starting a sandbox, and test suites start many of them. YAML takes some
# hundred times as long as JSON.
@lru_cache(maxsize=8)
def _parse(text: str, *, is_json: bool) -> Spec:
    root = json.loads(text, parse_float=Decimal) if is_json else yaml.load(text, _ExactLoader)  # noqa: S506, it is a safe loader
    return _Parser(root).spec()


@attrs.frozen
class _Parser:
    """Converts the nodes of a document to objects, following references."""

    root: Node

    def spec(self) -> Spec:
        items = {path: self.resolve(item) for path, item in self.root["paths"].items()}
        operations = tuple(
            self.operation(path, method, item) for path, item in items.items() for method in _METHODS if method in item
        )
        parameters = self.child(self.root, "components", "parameters")
        responses = self.child(self.root, "components", "responses").values()
        error_codes = self.child(self.root, "components", "schemas", "Error").get("x-codes", ())
        no_ban: Node = {}
        ban = next((response for response in responses if "x-shortest-ban" in response), no_ban)
        return Spec(
            operations,
            parameter_names={component: parameter["name"] for component, parameter in parameters.items()},
            signer_parameters=frozenset(p["name"] for p in parameters.values() if p.get("x-set-by") == "signer"),
            error_codes={error["code"]: error["meaning"] for error in error_codes},
            default_recv_window_ms=self.child(parameters, "recvWindow", "schema").get("default", inf),
            max_clock_skew_ms=self.child(parameters, "timestamp").get("x-max-clock-skew", inf),
            min_ban_ms=1000 * ban.get("x-shortest-ban", 0),
            max_ban_ms=1000 * ban.get("x-longest-ban", 0),
            order_intervals_ms={
                component: int(match[1]) * _UNIT_MS[match[2]]
                for component in self.child(self.root, "components", "headers")
                if (match := _order_count(component))
            },
        )

    def operation(self, path: str, method: str, item: Node) -> Operation:
        node = self.child(item, method)
        parameters = [
            *self.query_parameters([*item.get("parameters", ()), *node.get("parameters", ())]),
            *self.form_fields(self.child(node, "requestBody", "content", FORM)),
        ]
        responses = [self.response(str(status), self.resolve(child)) for status, child in node["responses"].items()]
        return Operation(
            operation_id=node["operationId"],
            method=method.upper(),
            path=path,
            weight=node.get("x-weight", 1),
            order_count=node.get("x-order-count", 0),
            result_for=tuple(node.get("x-result-for", ())),
            security=self.security(node.get("security", self.root.get("security"))),
            parameters={parameter.name: parameter for parameter in parameters},
            responses=tuple(sorted(responses, key=lambda response: not response.status.isdigit())),
        )

    def query_parameters(self, nodes: list[Node]) -> Iterator[Parameter]:
        for node in map(self.resolve, nodes):
            is_json = JSON in node.get("content", {})
            schema = self.child(node, "content", JSON, "schema") if is_json else self.child(node, "schema")
            yield self.parameter(node["name"], schema, node, is_json=is_json, required=node.get("required", False))

    def form_fields(self, form: Node) -> Iterator[Parameter]:
        schema = self.child(form, "schema")
        for name, field in self.child(schema, "properties").items():
            encoding = self.child(form, "encoding", name)
            is_json = encoding.get("contentType") == JSON
            required = name in schema.get("required", ())
            yield self.parameter(name, self.resolve(field), encoding, is_json=is_json, required=required)

    def parameter(self, name: str, schema: Node, style: Node, *, is_json: bool, required: bool) -> Parameter:
        schema = {**schema, "components": self.root.get("components", {})}
        if is_json:
            return Parameter(name, required, schema, "json")
        if schema.get("type") != "array":
            return Parameter(name, required, schema, "single")
        return Parameter(name, required, schema, "repeated" if style.get("explode", True) else "comma-separated")

    def security(self, requirements: list[Node] | None) -> Security | None:
        for name in (name for requirement in requirements or () for name in requirement):
            scheme = self.child(self.root, "components", "securitySchemes", name)
            return Security(scheme["name"], scheme.get("x-signed", False))
        return None

    def response(self, status: str, node: Node) -> ResponseSpec:
        contents = self.child(node, "content")
        media_type = next(iter(contents), "")
        content = self.child(contents, media_type)
        examples = {"example": content["example"]} if "example" in content else {}
        examples |= {name: self.resolve(example)["value"] for name, example in self.child(content, "examples").items()}
        return ResponseSpec(
            status=status,
            media_type=media_type,
            component=_component(content.get("schema", {})),
            is_list=self.child(content, "schema").get("type") == "array",
            schema=BodySchema(content.get("schema", {}), self.root) if media_type == JSON else None,
            headers={_component(header) or name: name for name, header in self.child(node, "headers").items()},
            examples=examples,
        )

    def child(self, node: Node, *names: str) -> Node:
        """Return the descendant at a path of names, empty if there is none."""
        for name in names:
            node = self.resolve(node.get(name, {}))
        return node

    def resolve(self, node: Node) -> Node:
        return resolve(node, self.root)


def _component(node: Node) -> str:
    """Return the last part of a node's reference, empty if it has none."""
    return str(node.get("$ref", "")).rpartition("/")[2]
