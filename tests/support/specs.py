"""Documents of tests, which extend openapi.yaml, and the packages that are generated from them."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import frozen

from support.constants import ROOT, SPEC

KINDS = Path(__file__).with_name("kinds.yaml")
# The operation whose error responses are added to all others.
_TEMPLATE = ("/dapi/v1/balance", "get")


def generate(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the generator as make does."""
    command = [sys.executable, "-m", "binance_generator", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@cache
def core_text() -> str:
    """Return openapi.yaml without the paths that are in other files: a document with balance and time."""
    return re.sub(r"(?m)^  /\S+: \{\$ref: .*\}\n", "", SPEC.read_text(encoding="utf-8"))


def merged(document: Any, more: Any) -> Any:
    """Return a document merged with another one, whose values take precedence."""
    if not (isinstance(document, dict) and isinstance(more, dict)):
        return more
    return document | {key: merged(document.get(key), value) for key, value in more.items()}


def kinds_document() -> dict[str, Any]:
    """Return paths and components of the document with operations of all kinds."""
    more: dict[str, Any] = yaml.safe_load(KINDS.read_text(encoding="utf-8"))
    return more


def with_operations(more: dict[str, Any]) -> dict[str, Any]:
    """Return balance and time with further paths and components; their operations get error responses and headers."""
    document: dict[str, Any] = merged(yaml.safe_load(core_text()), copy.deepcopy(more))
    path, method = _TEMPLATE
    responses = document["paths"][path][method]["responses"]
    errors = {status: response for status, response in responses.items() if not status.startswith("2")}
    for place in more["paths"]:
        for operation in document["paths"][place].values():
            if "responses" in operation:
                own = {
                    status: response if "$ref" in response else {"headers": responses["200"]["headers"]} | response
                    for status, response in operation["responses"].items()
                }
                operation["responses"] = errors | own
    return document


def write(document: dict[str, Any], folder: Path) -> Path:
    """Write a document into a folder, as JSON, which is YAML too and takes less time."""
    path = folder / "openapi.yaml"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


@frozen
class Kinds:
    """A document, such as that with operations of all kinds, and the package that is generated from it."""

    document: Path
    package: Any

    @property
    def models(self) -> Any:
        """The package's models."""
        return import_module(f"{self.package.__name__}.models")

    def operation(self, name: str) -> Any:
        """Return the module of an operation, by `tag.operation`."""
        return import_module(f"{self.package.__name__}.api.{name}")


@contextmanager
def importable(folder: Path, package: str) -> Iterator[None]:
    """Let a package in a folder be imported until the end."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]


@contextmanager
def generated_in(folder: Path, more: dict[str, Any], package: str) -> Iterator[Kinds]:
    """Generate a package in a folder from openapi.yaml and more; it can be imported until the end."""
    document = write(with_operations(more), folder)
    result = generate("--spec", document, "--output", folder, "--package", package)
    assert 0 == result.returncode, result.stderr
    with importable(folder, package):
        yield Kinds(document, import_module(package))


@contextmanager
def kinds_in(folder: Path) -> Iterator[Kinds]:
    """Generate the package with operations of all kinds in a folder."""
    with generated_in(folder, kinds_document(), "kinds_client") as kinds:
        yield kinds


def type_errors(checker: str, folder: Path, package: str) -> str:
    """Return what a strict type checker says of a package in a folder if it finds an error, else nothing.

    Skips the test without that checker.
    """
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed; `make check` installs it")
    arguments = {
        "mypy": ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache'}", f"--package={package}"],
        "pyright": ["--warnings", f"--pythonpath={sys.executable}", package],
    }
    check = subprocess.run(
        [sys.executable, "-m", checker, *arguments[checker]], cwd=folder, capture_output=True, text=True, check=False
    )
    return f"exit code {check.returncode}: {check.stdout}{check.stderr}" if check.returncode else ""
