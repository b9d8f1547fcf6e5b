"""The public names of the packages, with their signatures.

`python tests/support/public_names.py > tests/generated/public_names.txt` writes the list; CHANGELOG.md announces its
changes. A name that a module imports from another package, or from a listed module, is listed without its signature.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from enum import EnumType
from importlib import import_module
from types import ModuleType
from typing import TypeVar

# Public names of a module, or a single one of them.
PUBLIC = (
    "binance_client",
    "binance_client.base_client",
    "binance_client.client",
    "binance_client.errors",
    "binance_client.messages.decoders",
    "binance_client.messages.encoders",
    "binance_client.messages.error_map:ErrorMap",
    "binance_client.messages.http:HTTPResponse",
    "binance_client.models:Model",
    "binance_client.policy.clock:Clock",
    "binance_client.row_iterators",
    "binance_client.spec",
    "binance_client.types",
    "binance_coinm",
    "binance_coinm.api.account._operations",
    "binance_coinm.api.account.futures_account_balance",
    "binance_coinm.api.market._operations",
    "binance_coinm.api.market.check_server_time",
    "binance_coinm.client",
    "binance_coinm.errors",
    "binance_coinm.models",
    "binance_coinm.security",
    "binance_coinm.servers",
    "binance_coinm.types",
    "binance_sandbox",
    "binance_sandbox.pytest_plugin",
    "binance_signing",
)


def names_of(module: ModuleType) -> list[str]:
    """Return a module's public names: `__all__`, or what it defines, or what it imports if it defines nothing."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    public = {name for name in vars(module) if not name.startswith("_")}
    return sorted(public & defined_in(module)) or sorted(public)


def defined_in(module: ModuleType) -> set[str]:
    """Return the names that a module's own statements define, type variables excepted."""
    names: set[str] = set()
    for node in ast.parse(inspect.getsource(module)).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not isinstance(getattr(module, name), TypeVar)}


def public_objects() -> dict[str, object]:
    """Return all public objects by `module: name`."""
    objects: dict[str, object] = {}
    for entry in PUBLIC:
        module_name, _, name = entry.partition(":")
        module = import_module(module_name)
        objects |= {f"{module_name}: {name}": getattr(module, name) for name in [name] * bool(name) or names_of(module)}
    return objects


def is_imported(name: str, value: object) -> bool:
    """Return True if an object is listed elsewhere too, by the module that defines it."""
    listing, defining = name.partition(":")[0], str(getattr(value, "__module__", ""))
    is_foreign = defining.partition(".")[0] != listing.partition(".")[0]
    return defining.startswith("binance_") and (is_foreign or (defining != listing and defining in PUBLIC))


def lines_of(name: str, value: object, listed: list[object]) -> Iterator[str]:
    """Yield a name with its signature, and the public attributes of a class with theirs.

    Attributes of a base class are included if it is not listed itself.
    """
    if is_imported(name, value):
        yield name
        return
    yield f"{name}{signature_of(value)}"
    if inspect.isclass(value):
        attributes: dict[str, object] = {}
        for base in reversed(value.__mro__):
            if base is value or (base.__module__.startswith("binance_") and base not in listed):
                attributes |= vars(base)
        for attribute in sorted(attributes):
            if not attribute.startswith("_"):
                yield f"{name}.{attribute}{signature_of(attributes[attribute])}"


def signature_of(value: object) -> str:
    """Return the parameters, those with a default marked; an empty text for anything that is not called."""
    function = inspect.unwrap(getattr(value, "__func__", value))  # type: ignore[arg-type]  # it takes any object
    if not (inspect.isclass(function) or inspect.isfunction(function)):
        return ""
    if isinstance(function, EnumType):  # The parameters of its call are Python's, and differ between versions.
        return ""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # A class that is not written in Python has none.
        return ""
    marks: dict[object, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    texts: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in texts and not any(text[0] == "*" for text in texts):
            texts.append("*")
        default = "" if parameter.default is parameter.empty else "=..."
        texts.append(f"{marks.get(parameter.kind, '')}{parameter.name}{default}")
    return f"({', '.join(texts)})"


def public_names() -> list[str]:
    """Return all public names."""
    objects = public_objects()
    listed = list(objects.values())
    return [line for name, value in objects.items() for line in lines_of(name, value, listed)]


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in public_names())
