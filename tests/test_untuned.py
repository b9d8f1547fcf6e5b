"""A document that the templates were not tuned to: sixty of the exchange's operations, generated, typed and called."""

import asyncio
import importlib
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
from binance_signing import connect
from documents import ROOT, generate, with_operations, write

PACKAGE = "thirty_client"
MORE = yaml.safe_load((ROOT / "tests" / "documents" / "thirty.yaml").read_text(encoding="utf-8"))
DOCUMENT = with_operations(MORE)
OPERATIONS = {
    operation["operationId"]: operation
    for path in MORE["paths"]
    for method, operation in DOCUMENT["paths"][path].items()
    if method != "parameters"
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the merged document."""
    return write(DOCUMENT, tmp_path_factory.mktemp("untuned"))


@pytest.fixture(scope="module")
def generated(spec: Path) -> subprocess.CompletedProcess[str]:
    """Generate a package of it as make does."""
    return generate("--spec", spec, "--output", spec.parent, "--package", PACKAGE)


@pytest.fixture(scope="module")
def package(spec: Path, generated: subprocess.CompletedProcess[str]) -> Iterator[ModuleType]:
    """Import the package, and forget it when the tests of this module are done."""
    assert 0 == generated.returncode, generated.stderr
    sys.path.insert(0, str(spec.parent))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(spec.parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def endpoint(operation_id: str) -> ModuleType:
    """Import the functions of an operation."""
    tag = OPERATIONS[operation_id]["tags"][0].replace(" ", "_")
    return importlib.import_module(f"{PACKAGE}.api.{tag}.{re.sub('(?=[A-Z])', '_', operation_id).lower()}")


def plausible(name: str, kind: Any) -> Any:
    """Make an argument of a type."""
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


def arguments(module: ModuleType, *, all_of_them: bool) -> dict[str, Any]:
    """Make arguments for an operation, the required ones or all."""
    parameters = signature(module.build_request).parameters
    kinds = {name: kind for name, kind in get_type_hints(module.build_request).items() if name in parameters}
    return {
        name: plausible(name, kind)
        for name, kind in kinds.items()
        if all_of_them or parameters[name].default is parameters[name].empty
    }


def as_sent(value: Any) -> object:
    """Give what was read as it was sent; each model checks on the way that its fields are of their types.

    Numbers are given as text, as amounts in numbers are written as text.
    """
    if isinstance(value, list | tuple):
        return [as_sent(item) for item in value]
    if isinstance(value, dict):
        return {name: as_sent(item) for name, item in value.items()}
    if hasattr(value, "to_dict"):
        return as_sent(value.to_dict())
    return str(value) if isinstance(value, int | float | Decimal) else value


def examples(operation_id: str) -> list[object]:
    """Give all examples of an operation's answer."""
    answer = OPERATIONS[operation_id]["responses"]["200"]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content = answer["content"]["application/json"]
    return [example["value"] for example in content.get("examples", {"": {"value": content.get("example")}}).values()]


def test_document_is_generated_without_a_warning(generated: subprocess.CompletedProcess[str]) -> None:
    """The generator makes a package of the document, warns of nothing and says what it made."""
    assert (0, "") == (generated.returncode, generated.stderr)
    assert re.fullmatch(r"\S+/thirty_client: made of \S+/openapi\.yaml\n", generated.stdout)


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_each_operation_is_signed_and_answered(spec: Path, package: ModuleType, operation_id: str) -> None:
    """Each operation, with its required and with all arguments, sync and async, passes the exchange's checks.

    The exchange checks the parameters, and the signature by code of its own. What it answers is read into types, which
    give it back as it was.
    """
    module = endpoint(operation_id)
    calls = [arguments(module, all_of_them=False), arguments(module, all_of_them=True)]
    answers: list[object] = []

    with Sandbox(document=spec) as sandbox:

        async def call(given: dict[str, Any]) -> object:
            async with connect(sandbox.credentials, server=sandbox.url, package=package) as client:
                return await module.asyncio(client=client, **given)

        for example in examples(operation_id):
            sandbox.account.answers[operation_id] = example
            with connect(sandbox.credentials, server=sandbox.url, package=package) as client:
                answers += [module.sync(client=client, **given) for given in calls]
            answers += [asyncio.run(call(given)) for given in calls]

    assert [as_sent(example) for example in examples(operation_id) for _ in range(4)] == list(map(as_sent, answers))


def test_module_of_a_function_brings_its_own_models_alone(spec: Path, package: ModuleType) -> None:
    """Whoever imports the functions of one operation waits for no other models than theirs."""
    script = f"import sys, {package.__name__}.api.market.klines; print(*(n for n in sys.modules if '.models.' in n))"

    imported = subprocess.run(
        [sys.executable, "-c", script], cwd=spec.parent, capture_output=True, text=True, check=False
    )

    assert ("", f"{PACKAGE}.models.interval\n") == (imported.stderr, imported.stdout)


def test_members_are_named_after_their_values(package: ModuleType) -> None:
    """A member has its name of its value, a digit before it or not, so that no other value changes it."""
    interval, contract_type = package.models.Interval, package.models.ContractType

    assert ("1m", "1M") == (interval.VALUE_1m.value, interval.VALUE_1M.value)
    assert ("PERPETUAL", "") == (contract_type.PERPETUAL.value, contract_type.EMPTY.value)


def test_words_beside_a_reference_are_kept(package: ModuleType) -> None:
    """The documentation of a parameter and of a field is their own, and not that of the type they refer to."""
    assert "interval (Interval): The length of a candle" in str(endpoint("klines").sync.__doc__)
    module = Path(str(package.__file__)).parent / "models" / "order_book.py"
    assert '    """ When it was sent. """' in module.read_text().splitlines()


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_types_of_the_package_hold(spec: Path, generated: subprocess.CompletedProcess[str], checker: str) -> None:
    """Strict type checkers find nothing in the package, where they are installed."""
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed; `make check` brings it")
    assert 0 == generated.returncode
    commands = {
        "mypy": ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache'}", f"--package={PACKAGE}"],
        "pyright": ["--warnings", f"--pythonpath={sys.executable}", PACKAGE],
    }

    check = subprocess.run(
        [sys.executable, "-m", checker, *commands[checker]],
        cwd=spec.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == check.returncode, check.stdout
