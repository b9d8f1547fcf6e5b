"""The operations of the document, and their arguments on the command line."""

# JSON values have no known types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache, cached_property
from importlib import import_module
from importlib.resources import files
from inspect import Parameter, signature
from itertools import islice
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import click
from attrs import frozen
from binance_client.models import Model
from binance_coinm import api
from binance_coinm.errors import BinanceError, ConfigurationError
from binance_coinm.types import Unset

from ._records import is_number

_SHOWN_NAMES = 5
# int() and Decimal() also take spaces, underscores, exponents and the digits of other scripts.
_SPELLINGS = {int: re.compile(r"-?[0-9]+").fullmatch, Decimal: is_number}


@frozen(slots=False)
class Operation:
    """An operation: what the document says about it, and the name of its generated module."""

    name: str
    tag: str
    method: str
    path: str
    security: str
    weight: Any
    summary: str
    module_name: str

    @cached_property
    def module(self) -> ModuleType:
        """The generated module, with `build_request` and `sync`."""
        return import_module(self.module_name)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by their Python names; the annotations are types."""
        build_request = self.module.build_request
        kinds = get_type_hints(build_request)
        return {
            name: parameter.replace(annotation=kinds[name])
            for name, parameter in signature(build_request).parameters.items()
        }

    def describe_parameters(self) -> list[dict[str, Any]]:
        """Return the name of each parameter, whether it is required, and which values it takes."""
        return [
            {"name": name, "required": _is_required(parameter), "expected": expected(parameter.annotation)}
            for name, parameter in self.parameters.items()
        ]

    @cached_property
    def response_type(self) -> Any:
        """The type of the parsed response."""
        return get_type_hints(self.module.sync)["return"]


@cache
def load_operations() -> dict[str, Operation]:
    """Return all operations by their Python names, in the order of the document."""
    document = json.loads(files("binance_coinm").joinpath("openapi.json").read_bytes())
    modules = {
        _key(module.name.rpartition(".")[2]): module.name
        for module in walk_packages(api.__path__, f"{api.__name__}.")
        if not module.ispkg
    }
    operations = (
        Operation(
            name=module_name.rpartition(".")[2],
            tag=node["tags"][0],
            method=method.upper(),
            path=path,
            security=(security := next((name for item in node["security"] for name in item), "NONE")),
            weight=node["x-weight"],
            summary=node["summary"].removesuffix(f" ({security})"),
            module_name=module_name,
        )
        for path, item in document["paths"].items()
        for method, node in item.items()
        if isinstance(node, dict) and (module_name := modules.get(_key(node.get("operationId", ""))))
    )
    return {operation.name: operation for operation in operations}


def find_operation(name: str) -> Operation:
    """Return the operation of this name; raises click.UsageError that says the closest ones."""
    operations = load_operations()
    found = find_name(name, operations)
    if found is None:
        raise no_such_operation(name)
    return operations[found]


def no_such_operation(name: str) -> click.UsageError:
    """Return the error for a name that no operation has."""
    operations = load_operations()
    in_path = (item.name for item in operations.values() if _key(name) in _key(item.path))
    close = _closest(name, operations) or list(islice(in_path, _SHOWN_NAMES))
    hint = f"the closest are {', '.join(close)}" if close else "binance-coinm operations lists all"
    return click.UsageError(f"there is no operation {name!r}; {hint}")


def parse_arguments(operation: Operation, texts: Sequence[str]) -> dict[str, Any]:
    """Return the arguments that NAME=VALUE texts stand for; raises click.UsageError for whatever cannot be sent."""
    parameters, arguments = operation.parameters, dict[str, Any]()
    for text in texts:
        typed, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"expected NAME=VALUE, got {text!r}")
        name = find_name(typed, parameters)
        if name is None:
            names = ", ".join(_closest(typed, parameters) or parameters) or "none"
            raise click.UsageError(f"{operation.name} has no parameter {typed!r}; the closest are {names}")
        if name in arguments:
            raise click.UsageError(f"{name} is given twice")
        arguments[name] = _parse(name, parameters[name].annotation, value)
    if missing := [name for name in parameters if _is_required(parameters[name]) and name not in arguments]:
        texts = [f"{name} ({expected(parameters[name].annotation)})" for name in missing]
        raise click.UsageError(f"{operation.name} also needs {', '.join(texts)}")
    return arguments


def build_request(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request of a call; raises click.UsageError for a value out of its range."""
    try:
        request: dict[str, Any] = operation.module.build_request(**arguments)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    return request


def expected(kind: Any) -> str:
    """Return which values a parameter takes."""
    kind = _without_unset(kind)
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        if issubclass(item, Model):
            return f"a JSON array of objects with {', '.join(item.json_names.values())}"
        return f"{expected(item)}, or several with commas between them"
    if values := choices(kind):
        return f"one of {', '.join(values)}"
    names = {int: "an integer", Decimal: "a number such as 10 or 0.001"}
    return names.get(kind, "text")


def choices(kind: Any) -> dict[str, Any]:
    """Return all values that a parameter takes by their texts, if they can be listed."""
    kind = _without_unset(kind)
    if kind is bool:
        return {"true": True, "false": False}
    return {str(member.value): member for member in kind} if isinstance(kind, type) and issubclass(kind, Enum) else {}


def _key(name: str) -> str:
    # Python's names and the document's differ in these: open_interest and openInterest, type_ and type.
    return re.sub("[^0-9a-z]", "", name.lower())


def find_name(typed: str, names: Iterable[str]) -> str | None:
    """Return the name that is meant, in Python's spelling or the document's."""
    return {_key(name): name for name in names}.get(_key(typed))


def _closest(typed: str, names: Iterable[str]) -> list[str]:
    keys = {_key(name): name for name in names}
    similar = [keys[key] for key in get_close_matches(_key(typed), keys)]
    containing = [name for key, name in keys.items() if _key(typed) and _key(typed) in key]
    return list(dict.fromkeys([*similar, *containing]))[:_SHOWN_NAMES]


def _is_required(parameter: Parameter) -> bool:
    return parameter.default is Parameter.empty


def _without_unset(kind: Any) -> Any:
    return next((item for item in get_args(kind) if item is not Unset), kind) if Unset in get_args(kind) else kind


def _parse(name: str, kind: Any, text: str) -> Any:
    """Return the value of a type that a text stands for; raises click.UsageError."""
    try:
        return _value(_without_unset(kind), text)
    except BinanceError as error:
        raise click.UsageError(f"{name}: {error}") from None
    except (KeyError, ValueError, RecursionError):
        raise click.UsageError(f"{name}: expected {expected(kind)}, got {text!r}") from None


def _value(kind: Any, text: str) -> Any:
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        if issubclass(item, Model):
            return [_model(item, value) for value in _items(text)]
        return [_value(item, part) for part in text.split(",")]
    if values := choices(kind):
        return values[text]
    if not text or not _SPELLINGS.get(kind, bool)(text):
        raise ValueError
    # Whatever else an argument should be is checked when the request is built.
    return kind(text) if kind in _SPELLINGS else text


def _items(text: str) -> list[Any]:
    values = json.loads(text, parse_float=Decimal)
    if not isinstance(values, list):
        raise ValueError  # noqa: TRY004, like text that is no JSON
    return values


def _model(kind: Any, value: object) -> Any:
    model = kind.from_dict(value)
    if model.additional_properties:
        raise ValueError
    return model
