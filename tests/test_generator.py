"""The generator: the same bytes from the same document, and nothing from one with a mistake."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import openapi_python_client
import pytest
from binance_coinm import __version__

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "openapi.yaml"
COMMITTED = ROOT / "generated" / "binance_coinm"


def generate(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the generator as make does."""
    command = [sys.executable, "generator/generate.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def changed(folder: Path, old: str, new: str) -> Path:
    """Give a copy of the document in which something is changed."""
    text = SPEC.read_text()
    assert old in text
    spec = folder / "changed.yaml"
    spec.write_text(text.replace(old, new, 1))
    return spec


def contents(folder: Path) -> dict[Path, bytes]:
    """Read the files of a folder."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_committed_package_is_what_the_document_gives(tmp_path: Path) -> None:
    """What is generated today is what is committed, byte by byte, file by file."""
    made = tmp_path / "binance_coinm"

    assert 0 == generate("--output", made).returncode
    assert contents(COMMITTED) == contents(made)


def test_check_is_content_with_the_committed_package() -> None:
    """The check finds nothing where there is nothing."""
    assert 0 == generate("--check").returncode


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda folder: (folder / "models" / "new.py").touch(), "not from openapi.yaml: "),
        (lambda folder: (folder / "py.typed").unlink(), "missing: "),
        (lambda folder: (folder / "client.py").write_text("# edited\n"), "differs: "),
    ],
    ids=["new", "deleted", "edited"],
)
def test_check_sees_each_change(tmp_path: Path, change: object, finding: str) -> None:
    """The check fails for a new, a deleted and an edited file, and says what mends it."""
    folder = tmp_path / "binance_coinm"
    shutil.copytree(COMMITTED, folder)
    change(folder)  # type: ignore[operator]  # one of the functions above

    check = generate("--output", folder, "--check")

    assert 1 == check.returncode
    assert finding in check.stderr
    assert "run `make generate`" in check.stderr


def test_check_sees_a_renamed_field(tmp_path: Path) -> None:
    """A field that is renamed in the document makes the committed package out of date."""
    spec = changed(tmp_path, "        crossUnPnl:", "        crossUnrealizedPnl:")
    spec.write_text(spec.read_text().replace("        - crossUnPnl", "        - crossUnrealizedPnl"))

    check = generate("--spec", spec, "--check")

    assert 1 == check.returncode
    assert "futures_account_balance.py" in check.stderr


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        pytest.param("tags: [account]", "tags: [account", "line ", id="no YAML"),
        pytest.param("openapi: 3.1.0", "- openapi", "", id="no document"),
        pytest.param("      parameters:\n", "      paramters:\n", "paths./dapi/v1/balance.get", id="misspelt key"),
        pytest.param(
            "schemas/Error'",
            "schemas/Eror'",
            "components.responses.BadRequest.content.application/json.schema: refers to",
            id="dangling reference",
        ),
        pytest.param(
            "    ServerTime:\n",
            "    Itself: {$ref: '#/components/schemas/Itself'}\n    ServerTime:\n",
            "components.schemas.Itself: refers to",
            id="reference to itself",
        ),
        pytest.param(
            "    ServerTime:\n",
            "    Ring: {type: array, items: {type: array, items: {$ref: '#/components/schemas/Ring/items'}}}\n"
            "    ServerTime:\n",
            "components.schemas.Ring.items.items: refers to #/components/schemas/Ring/items, which is around it",
            id="reference within itself",
        ),
        pytest.param(
            "- USER_DATA: []", "- USER_DATE: []", "paths./dapi/v1/balance.get.security", id="unknown security"
        ),
        pytest.param(
            "- $ref: '#/components/parameters/timestamp'",
            "",
            "paths./dapi/v1/balance.get.parameters",
            id="no timestamp",
        ),
        pytest.param("x-weight: 1", "x-wait: 1", "paths./dapi/v1/balance.get.x-weight", id="no weight"),
        pytest.param(
            "operationId: serverTime", "operationId: futuresAccountBalance", "/dapi/v1/time", id="same name twice"
        ),
        pytest.param("operationId: serverTime", "deprecated: false", "paths./dapi/v1/time.get", id="no name"),
        pytest.param(
            "          format: decimal\n",
            "          format: decimal\n          default: many\n",
            "many",
            id="no decimal",
        ),
        pytest.param(
            "          type: string\n          format: decimal", "          type: number", "balance", id="a float"
        ),
        pytest.param("x-exception: TimestampError", "x-exception: TimeError", "TimeError", id="unknown exception"),
    ],
)
def test_mistakes_leave_the_package_as_it_was(tmp_path: Path, old: str, new: str, place: str) -> None:
    """A document with a mistake is refused with the place of it, and the package stays."""
    folder = tmp_path / "binance_coinm"
    shutil.copytree(COMMITTED, folder)

    failed = generate("--spec", changed(tmp_path, old, new), "--output", folder)

    assert 1 == failed.returncode
    assert place in failed.stderr
    assert "Traceback" not in failed.stderr
    assert contents(COMMITTED) == contents(folder)


def test_missing_document() -> None:
    """A document that is not there is an error of one line."""
    failed = generate("--spec", "nowhere.yaml", "--check")

    assert 1 == failed.returncode
    assert "nowhere.yaml: " in failed.stderr
    assert "Traceback" not in failed.stderr


def test_package_carries_document_and_version() -> None:
    """The package holds the document that it is made of, and has its version."""
    assert SPEC.read_bytes() == (COMMITTED / "openapi.yaml").read_bytes()
    assert f"\n  version: {__version__}\n" in SPEC.read_text()


def test_upstream_is_what_our_templates_were_made_for() -> None:
    """The pinned generator's files that we stand in for, or reach into, have not changed.

    After a change of the pin: compare the originals with ours, take over what is new, and write the sums anew with
    `sha256sum` in upstream's folder.
    """
    upstream = Path(openapi_python_client.__file__).parent
    sums = [line.split("  ") for line in (ROOT / "generator" / "upstream.sha256").read_text().splitlines()]

    assert {name: total for total, name in sums} == {
        name: hashlib.sha256((upstream / name).read_bytes()).hexdigest() for _, name in sums
    }
    overridden = {path.name for path in (ROOT / "generator" / "templates").rglob("*.jinja")}
    originals = {path.name for path in (upstream / "templates").rglob("*.jinja")}
    assert overridden & originals == {Path(name).name for _, name in sums if name.endswith(".jinja")}
