"""The pages of docs/ are true: programs run and print the output below them, commands and files exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import reduce
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from binance_coinm_cli.__main__ import main
from binance_sandbox import Sandbox
from binance_sandbox.environment import environment_of
from support.constants import ROOT, SPEC
from support.markdown_blocks import blocks_of, make_targets
from support.page_runner import clean_environment, follow
from support.specs import generate, merged, with_operations, write

DOCS = ROOT / "docs"
PAGES = {str(page.relative_to(DOCS)): blocks_of(page) for page in sorted(DOCS.rglob("*.md"))}
# Others follow these: they need pip, pandas, or httpx2 in place of httpx, or have parts of a document to put together.
OTHERS = {
    "tutorial.md",
    "examples.md",
    "how-to/describe-operations.md",
    "how-to/history.md",
    "how-to/rows.md",
    "how-to/httpx2.md",
}
# The reference of the command is a list of commands, and no steps.
FOLLOWED = [
    page
    for page, blocks in PAGES.items()
    if any(block.language in {"python", "sh"} for block in blocks) and page not in {*OTHERS, "reference/command.md"}
]
COMMANDS = sorted(
    {
        line
        for page in [ROOT / "README.md", DOCS / "reference" / "command.md"]
        for block in blocks_of(page)
        if block.language == "sh"
        for line in block.text.splitlines()
    }
)
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
SOURCE = re.compile(r"^```\{literalinclude\}.*$", re.MULTILINE)
# What a path on a page may be relative to.
FOLDERS = [ROOT, ROOT / "client" / "binance_client", ROOT / "signing_plugin" / "binance_signing"]
FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|yaml|toml|json))`")
# Files of users, and of the examples on the pages.
NOT_OURS = {
    *("alert.py", "first.py", "test_alert.py", "test_available.py", "test_orders.py"),
    *("own.yaml", "mine/openapi.yaml", "binance_coinm/openapi.json", "openapi.json"),
}


@pytest.fixture
def _environment_of_the_commands(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(sandbox).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SPEC.with_suffix(""), tmp_path / "mine" / "openapi")
    shutil.copy(SPEC, tmp_path / "mine")


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for files that are not the reader's."""
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("page", FOLLOWED)
def test_page_can_be_followed(page: str, tmp_path: Path, scratch: Path, sandbox: Sandbox) -> None:
    """From an empty folder and environment, each step of a page succeeds, and prints what the page shows."""
    environment = clean_environment()
    # It shows a program, and leaves it to the tutorial what to start.
    if page == "index.md":
        environment |= environment_of(sandbox)

    follow(DOCS / page, tmp_path, scratch, environment)


def test_operations_can_be_described_as_shown(tmp_path: Path, scratch: Path) -> None:
    """A package of the document whose parts a page shows can do what its programs do."""
    page = "how-to/describe-operations.md"
    parts = [yaml.safe_load(block.text) for block in PAGES[page] if block.language == "yaml"]
    document = write(with_operations(reduce(merged, parts)), scratch)
    generated = generate("--spec", document, "--output", tmp_path / "src", "--package", "my_client")
    assert 0 == generated.returncode, generated.stderr

    follow(DOCS / page, tmp_path, scratch, clean_environment() | {"PYTHONPATH": "src"})


@pytest.mark.skipif(os.environ.get("HTTPX") != "httpx2", reason="make test-httpx2 runs it, where httpx2 is")
def test_program_with_httpx2() -> None:
    """The lines that an application on httpx2 needs run in a process that has imported nothing else."""
    [block] = [block for block in PAGES["how-to/httpx2.md"] if block.language == "python"]

    subprocess.run([sys.executable, "-c", f"{block.text}\nimport binance_coinm"], check=True)


@pytest.mark.usefixtures("_environment_of_the_commands")
@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command is one that this project has: it runs, or its targets, extras and variables exist."""
    name, *arguments = shlex.split(command)
    if arguments[:2] == ["sandbox", "--"]:
        # The reader's program is tested where the page shows it.
        arguments = ["sandbox", "--help"]
    if name == "binance-coinm":
        assert 0 == main(arguments)
        assert capsys.readouterr().out
    elif name == "make":
        assert {argument for argument in arguments if "=" not in argument} <= make_targets()
    elif name == "export":
        assert re.fullmatch("BINANCE_(SERVER|API_KEY|API_SECRET)=.+", arguments[0])
    elif name == "pip":
        extras = re.findall(r"\[(.*)\]", arguments[1])
        assert set(",".join(extras).split(",")) - {""} <= EXTRAS
    elif name == "python":
        assert "-m" == arguments[0]
        assert find_spec(arguments[1])
    else:
        assert command in {"python3 -m venv .venv", ". .venv/bin/activate"} or name == "openssl"


def test_no_language_is_left_out() -> None:
    """No page has a block in a language that no test here checks."""
    languages = {(page, block.language) for page, blocks in PAGES.items() for block in blocks}

    # The examples of the reference are the document's, which the generator checks.
    assert {"python", "sh", "text", "yaml"} == {language for _, language in languages - {("reference/http.md", "json")}}


def test_examples_are_shown() -> None:
    """The page of the examples has the source of each, and a command that runs it."""
    page = (DOCS / "examples.md").read_text(encoding="utf-8")
    examples = sorted(path.name for path in (ROOT / "examples").glob("*.py"))

    assert examples == sorted(re.findall(r"^```\{literalinclude\} \.\./examples/(.+)$", page, re.MULTILINE))
    assert examples == sorted(
        f"{name}.py" for name in re.findall(r"examples(?:/| )(\w+)(?:\.py|:app)[` ]?", SOURCE.sub("", page))
    )


@pytest.mark.parametrize("page", ["../README.md", "../CONTRIBUTING.md", "../SECURITY.md", *PAGES])
def test_files_exist(page: str) -> None:
    """Each file that a page names exists."""
    named = set(FILE.findall((DOCS / page).read_text(encoding="utf-8"))) - NOT_OURS

    # Examples are named without their folder.
    assert [] == sorted(
        file for file in named if not any((top / file).exists() for top in [*FOLDERS, ROOT / "examples"])
    )
