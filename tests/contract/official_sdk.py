"""Print the facts of each operation of the exchange's own SDK as JSON; the environment .venv/official runs this.

Each method is called with a session that records the request, and the annotations of methods and models are read.
"""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from binance_common.configuration import ConfigurationRestAPI  # pyright: ignore[reportMissingImports] # not here
from binance_sdk_derivatives_trading_coin_futures.rest_api import api  # pyright: ignore[reportMissingImports] # not here
from pydantic import BaseModel, ValidationError

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "object"}
Fact = tuple[str, str]


class Sent(Exception):  # noqa: N818 # a result
    """The request of a call, which ends there."""

    def __init__(self, request: dict[str, Any]) -> None:
        """Store the arguments that the session got."""
        super().__init__()
        self.request = request


class Session:
    """Stands in for the session of an API."""

    def request(self, **arguments: Any) -> NoReturn:
        """Raise the request instead of sending it."""
        raise Sent(arguments)


def methods() -> Iterator[tuple[str, Any]]:
    """Yield names and methods of all operations."""
    configuration = ConfigurationRestAPI(api_key="key", api_secret="secret", base_path="")
    for kind in filter(re.compile("[A-Z].*Api").fullmatch, dir(api)):
        instance = getattr(api, kind)(configuration, Session())
        for name, method in inspect.getmembers(instance, inspect.ismethod):
            if not name.startswith("_"):
                yield name, method


def operation(method: Any) -> Iterator[Fact]:
    """Yield the facts of an operation."""
    parameters = inspect.signature(method).parameters
    types = get_type_hints(method)
    # Arguments are not validated, so that the name of each can be its value, which tells what its name on the wire is.
    request = record(method, {name: name for name in parameters})
    query = parse_qsl(request["params"])
    yield "method", request["method"]
    yield "path", request["url"]
    # The SDK sends the API key with each request. Only the docstring says which operations need it.
    security = re.search(r"Security Type: (\w+)", method.__doc__)
    yield "security type", security[1] if security else "NONE"
    yield "signed", str("signature" in dict(query))
    yield "set by the signer", " ".join(sorted(name for name, value in query if value not in parameters))
    for name, value in query:
        if value in parameters:
            is_required = parameters[value].default is inspect.Parameter.empty
            yield from described(f"query {name}", types[value], is_required=is_required)
    yield from described("response", *get_args(types["return"]))


def record(method: Any, arguments: dict[str, str]) -> dict[str, Any]:
    """Return the request of a call."""
    try:
        method(**arguments)
    except Sent as sent:
        return sent.request
    raise RuntimeError(f"{method} sent no request")


def described(place: str, hint: Any, *, is_required: bool = False, values: tuple[str, ...] = ()) -> Iterator[Fact]:
    """Yield the type of a parameter or field, or its values, and the same for all that it contains."""
    types: set[Any] = set(get_args(hint)) - {NoneType} if get_origin(hint) is Union else {hint}
    # Pydantic's strict float excludes integers, so numbers are both.
    (kind,) = types - {int} if float in types else types
    required = "required " if is_required else ""
    if get_origin(kind) is list:
        yield place, f"{required}array"
        yield from described(f"{place}[]", *get_args(kind))
    elif kind in JSON_TYPES or issubclass(kind, Enum):
        allowed = values if kind in JSON_TYPES else [member.value for member in kind]
        yield place, required + (" ".join(sorted(allowed)) or JSON_TYPES[kind])
    else:
        yield from model(place, kind)


def model(place: str, kind: Any) -> Iterator[Fact]:
    """Yield the fields of a model; that of a response is one row if the response is an array."""
    if kind.is_array():
        yield place, "array"
        place += "[]"
    yield place, "object"
    types = get_type_hints(kind)
    values = values_of_fields(kind)
    for name, field in kind.model_fields.items():
        if name != "additional_properties":
            alias = field.alias or name
            is_required = field.is_required()
            yield from described(f"{place}.{alias}", types[name], is_required=is_required, values=values.get(alias, ()))


def values_of_fields(kind: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Return the allowed values of fields, which only the validators know, and their errors tell."""
    try:
        kind.model_validate({field.alias or name: "-" for name, field in kind.model_fields.items()})
    except ValidationError as error:
        found = [(str(e["loc"][0]), re.search(r"one of enum values (\(.*\))", e["msg"])) for e in error.errors()]
        return {alias: ast.literal_eval(match[1]) for alias, match in found if match}
    return {}


json.dump({name: dict(operation(method)) for name, method in methods()}, sys.stdout)
