"""A document that the templates were not written for: sixty operations of the exchange, generated, typed and called."""

import asyncio
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import pytest
import yaml
from binance_coinm.types import Unset
from binance_sandbox import Sandbox
from support.constants import ROOT
from support.specs import generate, type_errors, with_operations, write

PACKAGE = "corpus_client"
MORE = yaml.safe_load(Path(__file__).with_name("corpus.yaml").read_text(encoding="utf-8"))
DOCUMENT = with_operations(MORE)
OPERATIONS = {
    operation["operationId"]: operation
    for path in MORE["paths"]
    for method, operation in DOCUMENT["paths"][path].items()
    if method != "parameters"
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the merged document."""
    return write(DOCUMENT, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def generated(spec: Path) -> subprocess.CompletedProcess[str]:
    """Run the generator on it, as make does."""
    return generate("--spec", spec, "--output", spec.parent, "--package", PACKAGE)


@pytest.fixture(scope="module")
def package(spec: Path, generated: subprocess.CompletedProcess[str]) -> Iterator[ModuleType]:
    """Import the package until the tests of this module are done."""
    assert 0 == generated.returncode, generated.stderr
    sys.path.insert(0, str(spec.parent))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(spec.parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def endpoint(operation_id: str) -> ModuleType:
    """Import the module of an operation."""
    tag = OPERATIONS[operation_id]["tags"][0].replace(" ", "_")
    return importlib.import_module(f"{PACKAGE}.api.{tag}.{re.sub('(?=[A-Z])', '_', operation_id).lower()}")


def plausible(name: str, kind: Any) -> Any:
    """Return an argument of a type."""
    inner = [part for part in get_args(kind) if part is not Unset]
    if get_origin(kind) is list:
        return [plausible(name, inner[0])]
    if inner:
        return plausible(name, inner[0])
    if attrs.has(kind):
        kinds = get_type_hints(kind)
        return kind(
            **{field.name: plausible(field.name, kinds[field.name]) for field in attrs.fields(kind) if field.init}
        )
    if issubclass(kind, Enum):
        return list(kind)[-1]
    values = {str: "BTCUSD_PERP", int: 5000 if name == "recv_window" else 10, Decimal: Decimal("0.10"), bool: True}
    return values[kind]


def arguments(module: ModuleType, *, with_optional: bool) -> dict[str, Any]:
    """Return arguments for an operation, the required ones or all."""
    parameters = signature(module.build_request).parameters
    kinds = {name: kind for name, kind in get_type_hints(module.build_request).items() if name in parameters}
    return {
        name: plausible(name, kind)
        for name, kind in kinds.items()
        if with_optional or parameters[name].default is parameters[name].empty
    }


def as_sent(value: Any) -> object:
    """Return a decoded value as it was sent; `to_dict` checks the types of all fields.

    Numbers are returned as text, because an amount that was sent as a number is encoded as text.
    """
    if isinstance(value, list | tuple):
        return [as_sent(item) for item in value]
    if isinstance(value, dict):
        return {name: as_sent(item) for name, item in value.items()}
    if hasattr(value, "to_dict"):
        return as_sent(value.to_dict())
    return str(value) if isinstance(value, int | float | Decimal) else value


def examples(operation_id: str) -> list[object]:
    """Return all examples of an operation's response."""
    response = OPERATIONS[operation_id]["responses"]["200"]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response["content"]["application/json"]
    return [example["value"] for example in content.get("examples", {"": {"value": content.get("example")}}).values()]


def test_document_is_generated_without_a_warning(generated: subprocess.CompletedProcess[str]) -> None:
    """The generator prints the package's folder, and no warning."""
    assert (0, "") == (generated.returncode, generated.stderr)
    assert re.fullmatch(r"\S+/corpus_client: generated from \S+/openapi\.yaml\n", generated.stdout)


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_each_operation(spec: Path, package: ModuleType, operation_id: str) -> None:
    """Each operation passes the exchange's checks, with its required and with all arguments, sync and async.

    The sandbox validates parameters and signature. The decoded response is encoded as it was sent.
    """
    module = endpoint(operation_id)
    calls = [arguments(module, with_optional=False), arguments(module, with_optional=True)]
    results: list[object] = []

    with Sandbox(document=spec) as sandbox:

        async def call(kwargs: dict[str, Any]) -> object:
            async with package.connect(sandbox.credentials, server=sandbox.url) as client:
                return await module.asyncio(client=client, **kwargs)

        for example in examples(operation_id):
            sandbox.account.responses[operation_id] = json.loads(json.dumps(example), parse_float=Decimal)
            with package.connect(sandbox.credentials, server=sandbox.url) as client:
                results += [module.sync(client=client, **kwargs) for kwargs in calls]
            results += [asyncio.run(call(kwargs)) for kwargs in calls]

    assert [as_sent(example) for example in examples(operation_id) for _ in range(4)] == list(map(as_sent, results))


def test_operation_imports_its_own_models_alone(spec: Path, package: ModuleType) -> None:
    """Importing an operation imports no models of others, so that a large document costs no time at the start."""
    script = f"import sys, {package.__name__}.api.market.klines; print(*(n for n in sys.modules if '.models.' in n))"

    imported = subprocess.run(
        [sys.executable, "-c", script], cwd=spec.parent, capture_output=True, text=True, check=False
    )

    assert ("", f"{PACKAGE}.models.interval {PACKAGE}.models.kline\n") == (imported.stderr, imported.stdout)


def test_members_are_named_after_their_values(package: ModuleType) -> None:
    """The name of a member depends on its value alone, with a leading digit too."""
    interval, contract_type = package.models.Interval, package.models.ContractType

    assert ("1m", "1M") == (interval.VALUE_1m.value, interval.VALUE_1M.value)
    assert ("PERPETUAL", "") == (contract_type.PERPETUAL.value, contract_type.EMPTY.value)


def test_descriptions_beside_references_are_kept(package: ModuleType) -> None:
    """The description of a parameter or a field is its own, and not that of the schema that it refers to."""
    operations = importlib.import_module(f"{PACKAGE}.api.market._operations").MarketOperations
    assert "interval (Interval): The length of a candle" in operations.klines.__doc__
    module = Path(str(package.__file__)).parent / "models" / "order_book.py"
    assert '    """ When it was sent. """' in module.read_text().splitlines()


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_types_of_the_package_hold(spec: Path, generated: subprocess.CompletedProcess[str], checker: str) -> None:
    """Strict type checkers find no error in the package."""
    assert 0 == generated.returncode
    assert "" == type_errors(checker, spec.parent, PACKAGE)
