"""The folder of a generated package: nothing that was not generated is ever replaced or removed."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from binance_generator import MISSING_EXTRA, runtime
from binance_generator.command import generate
from binance_generator.output import MARK, OutputError, check_replaceable, replace
from click.testing import CliRunner, Result
from support.specs import core_text

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(generate, [*map(str, arguments)])


def package(folder: Path, module: str) -> Path:
    """Write a package as if it had been generated, with one module."""
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(f'{MARK}\n"""Client."""\n')
    (folder / module).write_text(f"{MARK}\n")
    return folder


def files(folder: Path) -> set[str]:
    """Return the names of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Return a folder for packages."""
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


def test_package_is_written_below_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the package's own name as output is not taken for the package, and the next run replaces it."""
    monkeypatch.setenv("PATH", "")
    project = tmp_path / "my_client"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "HEAD").touch()
    arguments = ("--spec", ROOT / "openapi.yaml", "--output", project, "--package", "my_client")

    first = run(*arguments)
    (project / "my_client" / "stale.py").write_text(f"{MARK}\n")
    second = run(*arguments)

    made = f"{project / 'my_client'}: generated from {ROOT / 'openapi.yaml'}\n"
    assert (0, made) == (first.exit_code, first.output)
    assert (0, made) == (second.exit_code, second.output)
    assert {".git", "my_client"} == {path.name for path in project.iterdir()}
    assert (project / "my_client" / "__init__.py").read_text().startswith(f"{MARK}\n")
    assert not (project / "my_client" / "stale.py").exists()


def a_project(folder: Path) -> None:
    """Write a project by hand."""
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").touch()
    (folder / "__init__.py").write_text('"""A package by hand."""\n')


def without_init(folder: Path) -> None:
    """Write a folder with a single file."""
    folder.mkdir()
    (folder / "notes.txt").touch()


def mark_below(folder: Path) -> None:
    """Write a package that has the mark in another line than the first."""
    folder.mkdir()
    (folder / "__init__.py").write_text(f'"""A package by hand."""\n{MARK}\n')


def binary_init(folder: Path) -> None:
    """Write a package whose `__init__.py` is not text."""
    folder.mkdir()
    (folder / "__init__.py").write_bytes(b"\xff\xfe")


def own_document(folder: Path) -> None:
    """Write a generated package with a file of the user's in it."""
    (package(folder, "client.py") / "mine.yaml").touch()


def own_module(folder: Path) -> None:
    """Write a generated package with a module of the user's in it."""
    (package(folder, "client.py") / "mine.py").write_text("SECRET = 1\n")


def a_file(folder: Path) -> None:
    """Write a file of the package's name."""
    folder.touch()


def a_link(folder: Path) -> None:
    """Write a link to a generated package."""
    folder.symlink_to(package(folder.parent / "elsewhere", "client.py"))


def link_within(folder: Path) -> None:
    """Write a generated package with a link of the user's in it, to a folder."""
    (package(folder, "client.py") / "mine").symlink_to(folder.parent)


def broken_link_within(folder: Path) -> None:
    """Write a generated package with a link of the user's in it that leads nowhere."""
    (package(folder, "client.py") / "mine.py").symlink_to("nowhere")


def own_file_beside_bytecode(folder: Path) -> None:
    """Write a generated package with a file of the user's beside the bytecode of its modules."""
    (package(folder, "client.py") / "__pycache__").mkdir()
    (folder / "__pycache__" / "notes.txt").touch()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (a_project, "is not a generated package"),
        (without_init, "is not a generated package"),
        (mark_below, "is not a generated package"),
        (binary_init, "is not a generated package"),
        (own_document, "is not a generated package"),
        (own_module, "is not a generated package"),
        (link_within, "is not a generated package"),
        (broken_link_within, "is not a generated package"),
        (own_file_beside_bytecode, "is not a generated package"),
        (a_file, "is a file or a link"),
        (a_link, "is a file or a link"),
    ],
)
def test_anything_else_is_left_as_it_is(output: Path, make: Callable[[Path], None], why: str) -> None:
    """What does not carry the mark is an error that names the folder, and nothing in it changes."""
    folder = output / "my_client"
    make(folder)
    before = files(output)

    result = run("--spec", ROOT / "openapi.yaml", "--output", output, "--package", "my_client")

    assert 1 == result.exit_code
    assert f"Error: {folder} {why}" in result.output
    assert "choose another --output or --package" in result.output
    assert before == files(output)


def test_error_names_the_mark(output: Path) -> None:
    """The error says by what a generated package is recognized."""
    without_init(output / "my_client")

    with pytest.raises(OutputError) as result:
        check_replaceable(output / "my_client")

    assert MARK in str(result.value)


def test_empty_and_missing_folders_are_fine(output: Path, tmp_path: Path) -> None:
    """A package is written into an empty folder, and into one that is not there yet."""
    new = package(tmp_path / "new", "client.py")
    (output / "empty").mkdir()

    for folder in (output / "empty", output / "deeper" / "missing"):
        check_replaceable(folder)
        replace(folder, new)
        assert {"__init__.py", "client.py"} == files(folder)
    assert {"empty", "deeper"} == {path.name for path in output.iterdir()}


def test_generated_package_is_replaced(output: Path, tmp_path: Path) -> None:
    """A package that carries the mark is replaced as a whole."""
    folder, new = package(output / "my_client", "old.py"), package(tmp_path / "new", "new.py")

    check_replaceable(folder)
    replace(folder, new)

    assert {"__init__.py", "new.py"} == files(folder)
    assert [folder] == list(output.iterdir())


@pytest.mark.parametrize("failure", [OSError("no space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["copytree", "first rename", "second rename"])
def test_old_package_stays_when_writing_fails(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    """Whatever fails or is interrupted: the old package is there, and nothing beside it."""
    folder, new = package(output / "my_client", "old.py"), package(tmp_path / "new", "new.py")
    steps = iter(["first rename", "second rename", "back"])
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        if next(steps) == step:
            raise failure
        return rename(path, target)

    def copied(*_: object) -> None:
        raise failure

    monkeypatch.setattr(Path, "rename", renamed)
    if step == "copytree":
        monkeypatch.setattr(shutil, "copytree", copied)

    with pytest.raises(OutputError if isinstance(failure, OSError) else type(failure)):
        replace(folder, new)

    assert {"__init__.py", "old.py"} == files(folder)
    assert [folder] == list(output.iterdir())


def test_output_that_is_a_file(output: Path) -> None:
    """An output that is a file is an error without a traceback."""
    (output / "file").touch()

    result = run("--spec", ROOT / "openapi.yaml", "--output", output / "file", "--package", "my_client")

    assert 1 == result.exit_code
    assert f"Error: {output / 'file' / 'my_client'} cannot be written: " in result.output


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("post_hook: []", "unknown settings: post_hook"),
        ("[", "not the settings of "),
        ("post_hooks: 1", "not the sett"),
    ],
)
def test_invalid_settings(output: Path, settings: str, why: str) -> None:
    """Settings of openapi-python-client that it would ignore or cannot read are an error that names the file."""
    config = output / "config.yaml"
    config.write_text(settings)

    result = run("--spec", ROOT / "openapi.yaml", "--config", config, "--output", output, "--package", "my_client")

    assert 1 == result.exit_code
    assert f"Error: {config}: {why}" in result.output


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("my-client", "'my-client' is not a valid package name"),
        ("class", "'class' is not a valid package name"),
        ("../up", "'../up' is not a valid package name"),
        ("json", "'json' is a module of Python's standard library"),
        ("httpx", "'httpx' is already installed, in "),
        ("attr", "'attr' is already installed, in "),
        ("binance_client", "'binance_client' is already installed, in "),
    ],
)
def test_package_names(output: Path, name: str, why: str) -> None:
    """A name that could not be imported, or that hides a module of Python, is an error of usage."""
    result = run("--output", output, "--package", name)

    assert 2 == result.exit_code
    assert why in result.output
    assert [] == list(output.iterdir())


@pytest.mark.parametrize(
    "tag", ["aio", "base_url", "clock", "close", "connect", "get_httpx_client", "spec", "with_options"]
)
def test_tag_that_is_an_attribute_of_the_client(output: Path, tag: str) -> None:
    """A tag by whose name the client has something else is an error, because operations are called as client.<tag>."""
    spec = output / "spec.yaml"
    spec.write_text(core_text().replace("tags: [account]", f"tags: [{tag.replace('_', ' ')}]", 1), encoding="utf-8")

    result = run("--spec", spec, "--output", output, "--package", "my_client")

    assert tag in runtime.client_attributes()
    assert 1 == result.exit_code
    assert f"paths./dapi/v1/balance.get.tags: {tag!r} is already an attribute of the client" in result.output
    assert [spec] == list(output.iterdir())


def test_missing_extra(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the libraries of the extra, one line says what to install."""
    monkeypatch.setitem(sys.modules, "openapi_python_client", None)
    monkeypatch.delitem(sys.modules, "binance_generator.generate", raising=False)
    monkeypatch.delattr("binance_generator.generate", raising=False)

    result = run("--output", output)

    assert (1, f"Error: {MISSING_EXTRA}\n") == (result.exit_code, result.output)
