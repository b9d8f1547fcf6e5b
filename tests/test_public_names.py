"""The public names, which users' programs are written against: none changes without being announced.

`python tests/test_public_names.py > tests/public_names.txt` writes them anew; CHANGELOG.md announces what is different.
"""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from enum import EnumType
from importlib import import_module
from pathlib import Path
from types import ModuleType

LIST = Path(__file__).parent / "public_names.txt"
MODULES = (
    "binance_coinm",
    "binance_coinm.api.account.futures_account_balance",
    "binance_coinm.api.market.server_time",
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


def names_of(module: ModuleType) -> Iterator[str]:
    """Give a module's public names: those that it lists, or else those that are its own."""
    listed = getattr(module, "__all__", None)
    for name, value in sorted((name, getattr(module, name)) for name in listed or dir(module)):
        if listed or (not name.startswith("_") and getattr(value, "__module__", None) == module.__name__):
            yield name


def lines_of(name: str, value: object) -> Iterator[str]:
    """Give a name with its signature, and if it is a class, its public attributes with theirs."""
    yield f"{name}{signature_of(value)}"
    if inspect.isclass(value):
        for attribute in sorted(vars(value)):
            if not attribute.startswith("_"):
                yield f"{name}.{attribute}{signature_of(inspect.getattr_static(value, attribute))}"


def signature_of(value: object) -> str:
    """Give the names of parameters, and which of them may be left out; nothing for what cannot be called."""
    function = getattr(value, "__func__", value)
    if not (inspect.isclass(function) or inspect.isfunction(function)):
        return ""
    if isinstance(function, EnumType):  # What its call takes is Python's, and differs between its versions.
        return ""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # Of a class that is not written in Python.
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
    """Give all public names."""
    lines = []
    for module_name in MODULES:
        module = import_module(module_name)
        for name in names_of(module):
            lines += [f"{module_name}: {line}" for line in lines_of(name, getattr(module, name))]
    return lines


def test_public_names_are_announced() -> None:
    """What is public is what is listed: a name that comes, goes or takes other arguments is announced by the list."""
    # In a process of its own, for here the errors are watched.
    told = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True).stdout

    assert LIST.read_text(encoding="utf-8") == told


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in public_names())
