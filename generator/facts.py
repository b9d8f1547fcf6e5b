"""What the templates have to know of the document and upstream's parser does not hand on to them."""

from collections.abc import Collection
from typing import Any

from attrs import field, frozen
from document import NONE, Document, DocumentError, Operation, nodes, operations, resolved, security_schemes
from openapi_python_client.strings import PythonIdentifier

OUTCOMES = ("failed", "unknown")
# The name of the schema of the answer that tells the exchange's time.
_TIME = "#/components/schemas/ServerTime"


@frozen
class Facts:
    """The document's facts in the form that the templates print."""

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
    exception_by_status: dict[int, str] = field(factory=dict)
    exception_by_code: dict[int, str] = field(factory=dict)
    exception_by_status_else: dict[int, str] = field(factory=dict)
    exception_by_class_else: dict[int, str] = field(factory=dict)
    outcome_by_msg: dict[str, str] = field(factory=dict)
    outcome_by_code: dict[int, str] = field(factory=dict)
    advice_by_code: dict[int, str] = field(factory=dict)

    @property
    def server_time(self) -> str:
        """The module of the operation that tells the time, empty if there is none."""
        for name, operation in self.operations.items():
            answers = operation.success.get("content", {}).values()
            if any(answer.get("schema", {}).get("$ref") == _TIME for answer in answers):
                tag = PythonIdentifier(operation.node.get("tags", ["default"])[0], "tag")
                return f"api.{tag}.{name}"
        return ""


def facts_of(document: Document, field_prefix: str, exceptions: Collection[str]) -> Facts:
    """Collect what the templates print; raise `DocumentError` where the document does not fit together.

    `exceptions` are the names of those that an answer can become.
    """
    _refuse_unknown_names(document, exceptions)
    facts = Facts(
        security_types={
            NONE: (None, False),
            **{name: (scheme["name"], scheme["x-signed"]) for name, scheme in security_schemes(document).items()},
        },
        servers={server["x-name"].upper(): server["url"] for server in document["servers"]},
        used_weight=_name_of_header(document, "UsedWeight"),
        retry_after=_name_of_header(document, "RetryAfter"),
        banned_until=str(_fact_of_answers(document, "x-banned-until")),
        shortest_ban=_fact_of_answers(document, "x-shortest-ban"),
        longest_ban=_fact_of_answers(document, "x-longest-ban"),
        default_recv_window=resolved(document, _parameter(document, "recvWindow").get("schema", {})).get("default"),
        too_far_ahead=_parameter(document, "timestamp").get("x-too-far-ahead"),
    )
    for operation in operations(document):
        name = PythonIdentifier(operation.node["operationId"], field_prefix)
        if name in facts.operations:
            raise DocumentError(f"{operation.place}.operationId: {name!r} is taken by another operation")
        facts.operations[name] = operation
        for status, answer in operation.node["responses"].items():
            _add_answer(facts, str(status), resolved(document, answer))
    for entry in document["components"]["schemas"]["Error"]["x-codes"]:
        if "x-exception" in entry:
            facts.exception_by_code[entry["code"]] = entry["x-exception"]
        if "x-advice" in entry:
            facts.advice_by_code[entry["code"]] = entry["x-advice"]
        if "x-outcome" in entry:
            facts.outcome_by_code[entry["code"]] = entry["x-outcome"]
    return facts


def _refuse_unknown_names(document: Document, exceptions: Collection[str]) -> None:
    known = {"x-exception": exceptions, "x-exception-else": exceptions, "x-outcome": OUTCOMES}
    for place, node in nodes(document):
        for key in known.keys() & node.keys():
            if node[key] not in known[key]:
                raise DocumentError(f"{place}.{key}: expected one of {', '.join(known[key])}, got {node[key]!r}")
        for variant in node.get("x-outcomes", []):
            if variant["outcome"] not in OUTCOMES:
                raise DocumentError(f"{place}.x-outcomes: expected one of {', '.join(OUTCOMES)}")


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


def _parameter(document: Document, component: str) -> Document:
    return resolved(document, document["components"]["parameters"].get(component, {}))


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
