"""What the templates have to know of the document and upstream's parser does not hand on to them."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import field, frozen
from openapi_python_client.strings import PythonIdentifier

Document = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
NONE = "NONE"  # The security type of an operation without a security requirement.


class DocumentError(Exception):
    """The document says something that no client can be made of; the message begins with the place."""


@frozen
class Operation:
    """What goes beside an operation's request, and what its arguments have to be."""

    security: str
    weight: int
    minimums: dict[str, int]
    source: str


@frozen
class Facts:
    """The document's facts in the form that the templates print."""

    operations: dict[str, Operation] = field(factory=dict)
    security_types: dict[str, tuple[str | None, bool]] = field(factory=dict)
    servers: dict[str, str] = field(factory=dict)
    used_weight: str = ""
    retry_after: str = ""
    banned_until: str = ""
    shortest_ban: int = 0
    longest_ban: int = 0
    exception_by_status: dict[int, str] = field(factory=dict)
    exception_by_code: dict[int, str] = field(factory=dict)
    exception_by_status_else: dict[int, str] = field(factory=dict)
    exception_by_class_else: dict[int, str] = field(factory=dict)
    outcome_by_msg: dict[str, str] = field(factory=dict)
    outcome_by_code: dict[int, str] = field(factory=dict)
    advice_by_code: dict[int, str] = field(factory=dict)


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Give each operation with the place where it stands."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"paths.{path}.{method}", item[method]


def dangling_references(document: Document) -> Iterator[tuple[str, str]]:
    """Give each reference that leads nowhere, behind the place where it stands."""

    def references(node: Any, place: str) -> Iterator[tuple[str, str]]:
        for key, child in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else []):
            if key == "$ref":
                yield place, child
            yield from references(child, f"{place}.{key}".removeprefix("."))

    for place, reference in references(document, ""):
        try:
            resolved(document, {"$ref": reference})
        except (KeyError, TypeError):
            yield place, reference


def resolved(document: Document, node: Document) -> Document:
    """Follow a reference, if the node is one."""
    while "$ref" in node:
        pointer = node["$ref"]
        node = document
        for part in pointer.removeprefix("#/").split("/"):
            node = node[part]
    return node


def without_what_is_not_asked_for(document: Document) -> Document:
    """Give the document as the caller of an operation sees it.

    Parameters that somebody else sets are no arguments, and answers that become exceptions are no return types.
    """
    reduced = copy.deepcopy(document)
    for _, operation in operations(reduced):
        parameters = [copy.deepcopy(resolved(document, parameter)) for parameter in operation.get("parameters", [])]
        for parameter in parameters:
            # Upstream looks for it there.
            parameter["schema"].setdefault("description", parameter.get("description", ""))
        operation["parameters"] = [parameter for parameter in parameters if "x-set-by" not in parameter]
        operation["responses"] = {
            status: answer for status, answer in operation["responses"].items() if str(status).startswith("2")
        }
    return reduced


def facts_of(document: Document, field_prefix: str) -> Facts:
    """Collect what the templates print; raise `DocumentError` where the document does not fit together."""
    facts = Facts(
        security_types=_security_types(document),
        servers={server["x-name"].upper(): server["url"] for server in document["servers"]},
        used_weight=_name_of_header(document, "UsedWeight"),
        retry_after=_name_of_header(document, "RetryAfter"),
        banned_until=str(_fact_of_answers(document, "x-banned-until")),
        shortest_ban=_fact_of_answers(document, "x-shortest-ban"),
        longest_ban=_fact_of_answers(document, "x-longest-ban"),
    )
    for place, operation in operations(document):
        if "operationId" not in operation:
            raise DocumentError(f"{place}: has no operationId, which names the module of its functions")
        name = PythonIdentifier(operation["operationId"], field_prefix)
        if name in facts.operations:
            raise DocumentError(f"{place}.operationId: {operation['operationId']!r} is taken by another operation")
        facts.operations[name] = _operation(document, place, operation, facts.security_types)
        for status, answer in operation["responses"].items():
            _add_answer(facts, str(status), resolved(document, answer))
    for entry in document["components"]["schemas"]["Error"]["x-codes"]:
        if "x-exception" in entry:
            facts.exception_by_code[entry["code"]] = entry["x-exception"]
        if "x-advice" in entry:
            facts.advice_by_code[entry["code"]] = entry["x-advice"]
        if "x-outcome" in entry:
            facts.outcome_by_code[entry["code"]] = entry["x-outcome"]
    return facts


def _security_types(document: Document) -> dict[str, tuple[str | None, bool]]:
    schemes = document["components"]["securitySchemes"]
    types: dict[str, tuple[str | None, bool]] = {NONE: (None, False)}
    return types | {name: (scheme["name"], scheme["x-signed"]) for name, scheme in schemes.items()}


def _name_of_header(document: Document, component: str) -> str:
    reference = {"$ref": f"#/components/headers/{component}"}
    for answer in document["components"]["responses"].values():
        for name, header in answer.get("headers", {}).items():
            if header == reference:
                return str(name)
    raise DocumentError(f"components.responses: no answer has a header that is {reference['$ref']}")


def _fact_of_answers(document: Document, key: str) -> Any:
    for answer in document["components"]["responses"].values():
        if key in answer:
            return answer[key]
    raise DocumentError(f"components.responses: no answer has {key}, which tells of bans")


def _set_by_signer(parameters: Iterable[Document]) -> set[str]:
    return {parameter["name"] for parameter in parameters if parameter.get("x-set-by") == "signer"}


def _operation(document: Document, place: str, operation: Document, security_types: dict[str, Any]) -> Operation:
    requirements = operation.get("security", [])
    if len(requirements) > 1 or any(len(requirement) != 1 for requirement in requirements):
        raise DocumentError(f"{place}.security: expected one security type, or [] for none")
    security = next(iter(requirements[0])) if requirements else NONE
    if security not in security_types:
        raise DocumentError(f"{place}.security: unknown type {security!r}; known are {', '.join(security_types)}")
    parameters = [resolved(document, parameter) for parameter in operation.get("parameters", [])]
    set_by_signer = _set_by_signer(parameters)
    signed = security_types[security][1]
    needed = _set_by_signer(document["components"]["parameters"].values()) if signed else set()
    if set_by_signer != needed:
        raise DocumentError(
            f"{place}.parameters: {security} needs {sorted(needed) or 'none'} set by the signer,"
            f" but the document has {sorted(set_by_signer) or 'none'}"
        )
    if not isinstance(operation.get("x-weight"), int):
        raise DocumentError(f"{place}.x-weight: expected what the operation counts for in the rate limit")
    schemas = {parameter["name"]: resolved(document, parameter["schema"]) for parameter in parameters}
    return Operation(
        security=security,
        weight=operation["x-weight"],
        minimums={name: schema["minimum"] for name, schema in schemas.items() if "minimum" in schema},
        source=operation.get("externalDocs", {}).get("url", ""),
    )


def _add_answer(facts: Facts, status: str, answer: Document) -> None:
    if "x-exception" in answer:
        facts.exception_by_status[int(status)] = answer["x-exception"]
    if "x-exception-else" in answer:
        if status.endswith("XX"):
            facts.exception_by_class_else[int(status[0])] = answer["x-exception-else"]
        else:
            facts.exception_by_status_else[int(status)] = answer["x-exception-else"]
    for variant in answer.get("x-outcomes", []):
        facts.outcome_by_msg[variant["msg"]] = variant["outcome"]
