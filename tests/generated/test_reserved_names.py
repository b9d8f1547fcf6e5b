"""Names of a document that the generated code itself needs: parameters, fields and schemas may have all of them."""

import ast
import asyncio
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from binance_coinm import models
from binance_generator.patches import RESERVED_NAMES
from binance_sandbox import Sandbox
from openapi_python_client.strings import pascal_case, snake_case
from support.constants import ROOT
from support.specs import generate, importable, type_errors, with_operations, write

PACKAGE = "reserved_client"


# Modules of all kinds: operations, an object, one that has lists of others, and an array.
MODULES = (
    "api/account/futures_account_balance.py",
    "api/market/kline_candlestick_data.py",
    "api/stream/_operations.py",
    "models/futures_account_balance.py",
    "models/exchange_information.py",
    "models/kline.py",
)


def identifiers() -> set[str]:
    """Return all identifiers of generated modules of each kind, but for the document's own models."""
    names: set[str] = set()
    for module in MODULES:
        path = ROOT / "generated" / "binance_coinm" / module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                    names.add(name)
                case ast.alias():
                    names.add(node.asname or node.name)
    return {name for name in names if pascal_case(name) not in models.__all__ and not name.endswith("_")}


NAMES = sorted(identifiers() | RESERVED_NAMES | {"BinaryIO", "Generator", "TYPE_CHECKING", "TextIO"})
# Schemas of enumerations, which are modules with imports of their own.
ENUMS: dict[str, Any] = {
    "IntEnum": {"type": "integer", "enum": [1, 2]},
    "StrEnum": {"type": "string", "enum": ["a", "b"]},
}


# Names of operations and tags, which are modules, methods and attributes of the client.
GROUPS = ("Any", "None", "api", "class", "decimal", "errors", "import", "list", "models", "property", "types")


def members_of(name: str) -> list[str]:
    """Return a name and, so that upstream cannot change its case, the same in lower case."""
    return list(dict.fromkeys([name, snake_case(name)]))


def document() -> dict[str, Any]:
    """Return a document with an operation for each name: a parameter, a field and the response's schema have it."""
    text, amount = {"type": "string"}, {"type": "string", "format": "decimal"}
    # A schema is a module, and two of the same name in lower case would be one.
    modules = {snake_case(name): name for name in NAMES if name not in ENUMS}
    paths: dict[str, Any] = {}
    schemas = dict(ENUMS)
    for number, name in enumerate(NAMES):
        members = members_of(name)
        schema = pascal_case(name) if modules.get(snake_case(name)) == name else f"Names{number}"
        schemas[schema] = {
            "type": "object",
            "required": [name],
            "properties": dict.fromkeys(members, amount),
            "additionalProperties": amount,
        }
        paths[f"/test/v1/{number}"] = {
            "get": {
                "operationId": f"get{number}",
                "tags": ["test"],
                "security": [],
                "x-weight": 1,
                "parameters": [{"name": member, "in": "query", "schema": text} for member in members],
                "responses": {
                    "200": {
                        "description": "Amounts.",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": f"#/components/schemas/{schema}"},
                                "example": dict.fromkeys([*members, "later"], "0.10"),
                            }
                        },
                    }
                },
            }
        }
    paths["/test/v1/enums"] = {
        "get": {
            "operationId": "getEnums",
            "tags": ["test"],
            "security": [],
            "x-weight": 1,
            "parameters": [
                {"name": name, "in": "query", "schema": {"$ref": f"#/components/schemas/{name}"}} for name in ENUMS
            ],
            "responses": {"200": {"description": "Nothing."}},
        }
    }
    for name in GROUPS:
        paths[f"/test/v1/groups/{name}"] = {
            "get": {
                "operationId": name,
                "tags": [name],
                "security": [],
                "x-weight": 1,
                "responses": {"200": {"description": "Nothing."}},
            }
        }
    return with_operations({"paths": paths, "components": {"schemas": schemas}})


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the document, beside which the package is."""
    spec = write(document(), tmp_path_factory.mktemp("reserved"))
    generated = generate("--spec", spec, "--output", spec.parent, "--package", PACKAGE)
    assert (0, "") == (generated.returncode, generated.stderr)
    return spec


@pytest.fixture(scope="module")
def package(spec: Path) -> Iterator[ModuleType]:
    """Import the package until the tests of this module are done."""
    with importable(spec.parent, PACKAGE):
        yield import_module(PACKAGE)


@pytest.fixture(scope="module")
def sandbox(spec: Path) -> Iterator[Sandbox]:
    """Return a running exchange with the operations of the document."""
    with Sandbox(document=spec, weight_limit=10**9) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", NAMES)
def test_name(package: Any, sandbox: Sandbox, name: str) -> None:
    """Parameters and fields keep their names on the wire, whatever they are called in Python; sync and async."""
    number, members = NAMES.index(name), members_of(name)
    module = import_module(f"{PACKAGE}.api.test.get{number}")
    arguments = dict(zip(signature(module.build_request).parameters, members, strict=True))

    async def call() -> Any:
        async with package.connect(sandbox.credentials, server=sandbox.url) as client:
            return await getattr(client.aio.test, f"get{number}")(**arguments)

    with package.connect(sandbox.credentials, server=sandbox.url) as client:
        rows = [module.sync(client=client, **arguments), getattr(client.test, f"get{number}")(**arguments)]
    rows.append(asyncio.run(call()))

    assert [f"{'&'.join(f'{member}={member}' for member in members)}".encode()] * 3 == [
        request.query for request in sandbox.pop_requests()
    ]
    for row in rows:
        assert dict.fromkeys([*members, "later"], "0.10") == row.to_dict()
        assert members == list(row.json_names.values())
        assert {Decimal("0.10")} == {getattr(row, attribute) for attribute in row.json_names}
    assert rows[0] == rows[1] == rows[2]


def test_enumerations(package: Any, sandbox: Sandbox) -> None:
    """Enumerations may be named like their base classes."""
    with package.connect(sandbox.credentials, server=sandbox.url) as client:
        client.test.get_enums(int_enum=package.models.IntEnum_.VALUE_2, str_enum="b")

    assert [b"IntEnum=2&StrEnum=b"] == [request.query for request in sandbox.pop_requests()]


@pytest.mark.parametrize("name", GROUPS)
def test_groups(package: Any, sandbox: Sandbox, name: str) -> None:
    """Operations and tags may have names that Python or the package uses; the client has them, maybe with a suffix."""
    with package.connect(sandbox.credentials, server=sandbox.url) as client:
        [group] = {name.lower(), f"{name.lower()}_"} & set(dir(client))
        [method] = [method for method in dir(getattr(client, group)) if not method.startswith("_")]
        getattr(getattr(client, group), method)()

    assert [f"/test/v1/groups/{name}"] == [request.path for request in sandbox.pop_requests()]


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_types(spec: Path, checker: str) -> None:
    """Strict type checkers find no error in the package."""
    assert "" == type_errors(checker, spec.parent, PACKAGE)
