"""Documents of tests, openapi.yaml with more in it, and the packages that are generated of them."""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "openapi.yaml"
KINDS = ROOT / "tests" / "documents" / "kinds.yaml"
# The operation whose error answers those have that name none.
_WHOSE_ERRORS = ("/dapi/v1/balance", "get")


def generate(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the generator as make does."""
    command = [sys.executable, "generator/generate.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def merged(document: Any, more: Any) -> Any:
    """Give a document with what another one has beyond it."""
    if not (isinstance(document, dict) and isinstance(more, dict)):
        return more
    return document | {key: merged(document.get(key), value) for key, value in more.items()}


@cache
def _read(document: Path) -> Any:
    return yaml.safe_load(document.read_text(encoding="utf-8"))


def kinds_document() -> dict[str, Any]:
    """Give paths and components of the document that has operations of all kinds."""
    more: dict[str, Any] = copy.deepcopy(_read(KINDS))
    return more


def with_operations(more: dict[str, Any]) -> dict[str, Any]:
    """Give openapi.yaml with further paths and components; each operation has error answers and headers of all."""
    document: dict[str, Any] = merged(_read(SPEC), copy.deepcopy(more))
    path, method = _WHOSE_ERRORS
    answers = document["paths"][path][method]["responses"]
    errors = {status: answer for status, answer in answers.items() if not status.startswith("2")}
    for place in more["paths"]:
        for operation in document["paths"][place].values():
            if "responses" in operation:
                own = {
                    status: answer if "$ref" in answer else {"headers": answers["200"]["headers"]} | answer
                    for status, answer in operation["responses"].items()
                }
                operation["responses"] = errors | own
    return document


def write(document: dict[str, Any], folder: Path) -> Path:
    """Write a document into a folder; JSON is YAML, and takes less time."""
    path = folder / "openapi.yaml"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


@frozen
class Kinds:
    """A document that has operations of all kinds, and the package that is generated of it."""

    document: Path
    package: Any

    @property
    def models(self) -> Any:
        """The package's models."""
        return import_module(f"{self.package.__name__}.models")

    def operation(self, name: str) -> Any:
        """Give the module of an operation, named by its tag and itself."""
        return import_module(f"{self.package.__name__}.api.{name}")


@contextmanager
def kinds_in(folder: Path) -> Iterator[Kinds]:
    """Generate the package in a folder, and let it be imported until the end."""
    document = write(with_operations(kinds_document()), folder)
    made = generate("--spec", document, "--output", folder, "--package", "kinds_client")
    assert 0 == made.returncode, made.stderr
    sys.path.insert(0, str(folder))
    try:
        yield Kinds(document, import_module("kinds_client"))
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == "kinds_client"]:
            del sys.modules[name]
