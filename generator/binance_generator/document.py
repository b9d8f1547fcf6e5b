"""What of OpenAPI the generator supports, and what it checks beyond that."""

import difflib
import math
import reprlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend
from ruamel.yaml import YAML

from .spec import (
    DECIMAL,
    Spec,
    SpecError,
    as_list,
    check_refs,
    child_location,
    is_decimal,
    is_map,
    iter_nodes,
    number_as_text,
    resolve,
)

_SUPPORTED = Path(__file__).with_name("supported.yaml")
_JSON_NAMES: dict[type, str] = {dict: "an object", list: "a list", type(None): "nothing"}
_TYPE_NAMES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def validate(spec: Any) -> None:
    """Raise `SpecError` for a document that is not one of OpenAPI, or has what the generator does not support."""
    for location, value in _values(spec):
        if isinstance(value, float) and not math.isfinite(value):
            raise SpecError(location, f"expected a finite number, got {value}")
        if not isinstance(value, dict | list | str | int | float | None):
            raise SpecError(location, f"expected a value of JSON, got one of the type {type(value).__name__}")
    error = min(_supported().iter_errors(spec), key=_precedence, default=None)
    if error:
        raise _explained(error)
    check_refs(spec)
    check_defaults(spec)
    check_contents(spec)


def check_defaults(spec: Spec) -> None:
    """Raise `SpecError` for a default that is not a value of its schema."""
    for location, node in iter_nodes(spec, skip_literals=True):
        if "default" not in node or is_map(location):
            continue
        default = node["default"]
        if node.get("format") == DECIMAL:
            if not is_decimal(number_as_text(default)):
                raise SpecError(f"{location}.default", f"expected a finite decimal, got {default!r}")
        elif not _validator_of(node, spec).is_valid(default):
            raise SpecError(f"{location}.default", f"expected a value of the schema, got {default!r}")


def check_contents(spec: Spec) -> None:
    """Raise `SpecError` for an example that is not a value of its schema, or the encoding of an unknown field."""
    for location, node in iter_nodes(spec, skip_literals=True):
        around, _, key = location.rpartition(".")
        if key != "content" or is_map(around):
            continue
        for media_type, media in node.items():
            place = child_location(location, media_type)
            validator = _validator_of(media["schema"], spec)
            for name, example in _examples(spec, media):
                error = best_match(validator.iter_errors(example))
                if error:
                    found = f"{reprlib.repr(error.instance)} at {error.json_path}"
                    raise SpecError(f"{place}.{name}", f"expected a value of the schema, got {found}")
            fields = resolve(spec, media["schema"]).get("properties", {})
            for name in media.get("encoding", {}):
                if name not in fields:
                    raise SpecError(f"{place}.encoding.{name}", f"no field of the form{_similar(name, fields)}")


def _validator_of(schema: dict[str, Any], spec: Spec) -> Draft202012Validator:
    """Return a validator of values of a schema in the document."""
    return Draft202012Validator({**schema, "components": spec["components"]})


def _examples(spec: Spec, media: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the examples of a media type, with their locations."""
    if "example" in media:
        yield "example", media["example"]
    for name, example in media.get("examples", {}).items():
        yield f"examples.{name}.value", resolve(spec, example)["value"]


def _values(value: Any, location: str = "") -> Iterator[tuple[str, Any]]:
    yield location, value
    children = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for key, child in children:
        yield from _values(child, child_location(location, key))


def _required_properties(validator: Any, _value: object, schema: Any, _rule: object) -> Iterator[ValidationError]:
    """Reject a required property that the schema does not have, unless the schema is composed of others."""
    if not validator.is_type(schema, "object") or schema.keys() & {"allOf", "anyOf", "oneOf"}:
        return
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not validator.is_type(properties, "object") or not validator.is_type(required, "array"):
        return
    for index, name in enumerate(required):
        if isinstance(name, str) and name not in properties:
            reason = f"a property that the schema does not have{_similar(name, properties)}"
            yield ValidationError(reason, path=("required", index), validator="required-properties", instance=name)


# The stubs of `extend` have no types.
_Validator: Any = extend(Draft202012Validator, {"required-properties": _required_properties})  # type: ignore[no-untyped-call]


@cache
def _supported() -> Any:
    return _Validator(YAML(typ="safe", pure=True).load(_SUPPORTED), format_checker=FormatChecker(["regex"]))


def _precedence(error: ValidationError) -> tuple[int, bool]:
    # A key that is unknown may be the one that is missing, misspelled.
    return len(error.absolute_path), error.validator != "additionalProperties"


def _explained(error: Any) -> SpecError:
    """Return the error in the words of the schema's descriptions."""
    location, rules, instance = _location(error), error.schema, error.instance
    value = _JSON_NAMES.get(type(instance), reprlib.repr(instance))
    expected = rules.get("description", "")
    reason = f"expected {expected}, got {value}" if expected else error.message
    match error.validator:
        case "additionalProperties":
            unknown = next(key for key in instance if key not in rules["properties"])
            location = child_location(location, unknown)
            reason = f"not supported{_similar(unknown, rules['properties'])}"
        case "required":
            missing = next(key for key in error.validator_value if key not in instance)
            rule = rules.get("properties", {}).get(missing)
            location = child_location(location, missing)
            reason = (
                f"missing; expected {rule['description']}"
                if isinstance(rule, dict) and "description" in rule
                else "missing"
            )
        case "not":
            reason = f"not supported: {expected}"
        case "required-properties":
            reason = error.message
        case "const" | "enum" if not expected:
            known = as_list(error.validator_value)
            reason = f"expected {', '.join(map(str, known))}, got {value}{_similar(instance, known)}"
        case "type" if not expected:
            names = " or ".join(_TYPE_NAMES[name] for name in as_list(error.validator_value))
            reason = f"expected {names}, got {value}"
        case _ if "propertyNames" in error.absolute_schema_path:
            location = child_location(location, instance)
            reason = f"expected {expected}, got the key {value}"
    return SpecError(location, reason)


def _similar(name: object, known: Collection[object]) -> str:
    """Return a question for a misspelled name, empty if there is no similar one."""
    found = difflib.get_close_matches(str(name), [str(other) for other in known], n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _location(error: Any) -> str:
    return ".".join(map(str, error.absolute_path))
