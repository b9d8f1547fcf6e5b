"""Compare the responses of the exchange's public operations with the OpenAPI document.

    python tools/check_live.py [--report FILE]

Each GET operation that needs no API key is called once, at the server in BINANCE_SERVER or else in production, with its
required parameters, whose values are the document's examples. A call without a response of its operation ends the
comparison, because the other calls would fail for the same reason. The exit code is 1 if a response differs from the
document, or else 2 if a call failed, and 0 otherwise.
"""

import argparse
import json
import sys
from collections.abc import Collection, Iterable
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

from attrs import Factory, define, field
from binance_client.errors import printable
from binance_coinm import PublicClient, public
from binance_coinm.error_map import ERROR_MAP
from binance_coinm.errors import (
    BinanceError,
    ConfigurationError,
    ExchangeError,
    FirewallError,
    IpBannedError,
    RateLimitError,
    ResponseError,
    RestrictedLocationError,
)
from binance_generator.spec import JSON, NONE, Node, Operation, Spec, as_list, operations, resolve
from jsonschema import Draft4Validator, Draft202012Validator, validators

# They say nothing about the operation that was called.
UNAVAILABLE = (ExchangeError, FirewallError, IpBannedError, RateLimitError, RestrictedLocationError)
MAX_SHOWN = 80

# Since its sixth draft, JSON Schema takes 1.0 for an integer; the SDK does not.
Validator: Any = validators.extend(Draft202012Validator, type_checker=Draft4Validator.TYPE_CHECKER)  # type: ignore[no-untyped-call]  # the stubs do not annotate it


@define
class Comparison:
    """The comparison of responses with the document.

    A place is an operation and a path in the JSON of its response, with `*` for the items of a list: what differs in
    all of them differs once.
    """

    spec: Spec
    differences: dict[tuple[str, str], str] = field(init=False, factory=dict)
    """What was found first, by its place and by what was expected there."""
    _validator: Any = field(init=False, default=Factory(lambda self: Validator(self.spec), takes_self=True))
    _seen: set[str] = field(init=False, factory=set)
    _absent: list[str] = field(init=False, factory=list)

    @property
    def unseen(self) -> list[str]:
        """The places of optional members that no object has, and of the items of lists that are all empty."""
        return [place for place in dict.fromkeys(self._absent) if place not in self._seen]

    def compare_response(self, client: PublicClient, operation: Operation) -> None:
        """Call an operation, and compare status, headers and body; raise `BinanceError` without a response of it."""
        name = operation.node["operationId"]
        params = examples(self.spec, operation)
        try:
            response = client.request({"method": operation.method, "url": operation.path, "params": params})
        except ResponseError as error:
            self._add(name, "a response", str(error))
            return
        status = next(status for status in operation.node["responses"] if status.startswith("2"))
        if status != str(response.status_code):
            rejection = ERROR_MAP.from_response(response)
            if isinstance(rejection, UNAVAILABLE):
                raise rejection
            self._add(name, f"status {status}", str(rejection))
            return
        for header in operation.success.get("headers", {}):
            if header not in response.headers:
                self._add(name, f"the header {header}", "nothing")
        try:
            body = json.loads(response.content)
        except ValueError:
            self._add(name, "JSON", shown(response.content.decode(errors="replace")))
        else:
            self._compare(operation.success["content"][JSON]["schema"], body, f"{name} $")

    def _compare(self, schema: Node, value: Any, place: str) -> None:
        """Compare a value, and all within it, with its schema."""
        self._seen.add(place)
        schema = self._variant(resolve(self.spec, schema), value)
        if isinstance(value, dict) and "object" in as_list(schema.get("type", [])):
            documented = by_step(".{}", schema.get("properties", {}).items())
            required = [f".{name}" for name in schema.get("required", ())]
            self._compare_parts(documented, required, by_step(".{}", value.items()), place)
        elif isinstance(value, list) and "prefixItems" in schema:
            documented = by_step("[{}]", enumerate(schema["prefixItems"]))
            self._compare_parts(documented, documented, by_step("[{}]", enumerate(value)), place)
        elif isinstance(value, list) and "items" in schema:
            for item in value:
                self._compare(schema["items"], item, f"{place}[*]")
            if not value:
                self._absent.append(f"{place}[*]")
        # Only the first error: a value of another type, for example, is no value of an enumeration either.
        elif error := next(self._validator.evolve(schema=schema).iter_errors(value), None):
            self._add(place, f"{error.validator} {shown(error.validator_value)}", shown(value))

    def _compare_parts(
        self, documented: dict[str, Node], required: Collection[str], found: dict[str, Any], place: str
    ) -> None:
        """Compare the members of an object, or the items of a tuple."""
        for step in dict.fromkeys(chain(documented, found)):
            if step not in documented:
                self._add(place + step, "nothing", shown(found[step]))
            elif step in found:
                self._compare(documented[step], found[step], place + step)
            elif step in required:
                self._add(place + step, "a value", "nothing")
            else:
                self._absent.append(place + step)

    def _variant(self, schema: Node, value: Any) -> Node:
        """Return the alternative whose constants an object has, if the schema has alternatives; else the schema."""
        alternatives: list[Node] = schema.get("anyOf") or schema.get("oneOf") or []
        for variant in [resolve(self.spec, alternative) for alternative in alternatives]:
            constants = {name: one["const"] for name, one in variant.get("properties", {}).items() if "const" in one}
            if isinstance(value, dict) and constants.items() <= value.items():
                return variant
        return schema

    def _add(self, place: str, expected: str, found: str) -> None:
        self.differences.setdefault((place, expected), found)


def by_step(form: str, values: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Return values by the steps of places that lead to them."""
    return {form.format(name): value for name, value in values}


def shown(value: Any) -> str:
    """Return the beginning of a value as JSON."""
    return printable(json.dumps(value), MAX_SHOWN)


def examples(spec: Spec, operation: Operation) -> dict[str, Any]:
    """Return the examples of the required parameters; the exchange rejects the request if one has none."""
    required = {name: parameter.schema for name, parameter in operation.parameters.items() if parameter.is_required}
    schemas = {name: resolve(spec, schema) | schema for name, schema in required.items()}
    return {name: schema["examples"][0] for name, schema in schemas.items() if "examples" in schema}


def section(title: str, lines: Iterable[str]) -> list[str]:
    """Return the lines of a section of the report; none if it is empty."""
    indented = [f"  {printable(line, 400)}" for line in lines]
    return ["", title, *indented] if indented else []


def main() -> int:
    """Call the operations, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--report", type=Path, help="a file for the report; it is removed if nothing differs")
    file: Path | None = parser.parse_args().report
    spec: Spec = json.loads(files("binance_coinm").joinpath("openapi.json").read_bytes())
    called = [operation for operation in operations(spec) if operation.security == NONE and operation.is_read]
    comparison, compared, failures = Comparison(spec), 0, list[str]()
    try:
        client = public()
    except ConfigurationError as error:
        parser.error(str(error))
    with client:
        try:
            for operation in called:
                comparison.compare_response(client, operation)
                compared += 1
        except BinanceError as error:
            failures.append(f"{called[compared].node['operationId']}: {error}")
    found = [f"{place}: expected {what}, found {value}" for (place, what), value in comparison.differences.items()]
    lines = [
        f"{compared} of {len(called)} public operations of {client.base_url} were compared with the document.",
        *section("Differences:", found),
        *section("This call failed, and no other one was made after it:", failures),
        *section("Documented, and in no response, because they are optional or a list was empty:", comparison.unseen),
    ]
    report = "\n".join(lines) + "\n"
    sys.stdout.write(report)
    if file:
        file.unlink(missing_ok=True)
        if found:
            file.write_text(report, encoding="utf-8")
    return 1 if found else 2 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
