"""The pages of docs/ are true: programs run and print the output below them, commands and files exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from decimal import Decimal
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from binance_coinm_cli.__main__ import main
from binance_sandbox import Sandbox
from support.constants import BUNDLED_SPEC, ROOT, SPEC
from support.markdown_blocks import Block, blocks_of, files_of, make_targets
from support.page_runner import run_programs
from support.pytest_runner import run_pytest
from support.specs import importable, merged, with_operations, write

DOCS = ROOT / "docs"
PAGES = {str(page.relative_to(DOCS)): blocks_of(page) for page in sorted(DOCS.rglob("*.md"))}
# They need a package of another document, httpx2 in place of httpx, and pandas; other tests run them.
OTHERS = {"how-to/add-an-operation.md", "how-to/describe-operations.md", "how-to/httpx2.md", "how-to/history.md"}
PROGRAMS = [
    page for page, blocks in PAGES.items() if page not in OTHERS and any(b.language == "python" for b in blocks)
]
TESTS = [(page, block) for page, blocks in PAGES.items() for block in blocks if block.is_test]
COMMANDS = sorted(
    {
        line
        for page in [ROOT / "README.md", *DOCS.rglob("*.md")]
        for block in blocks_of(page)
        if block.language == "sh"
        for line in block.text.splitlines()
    }
)
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
# What a path on a page may be relative to.
FOLDERS = [ROOT, ROOT / "client" / "binance_client", ROOT / "signing_plugin" / "binance_signing"]
FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|yaml|toml|json))`")
# Files of users, and of the examples on the pages.
NOT_OURS = {"alert.py", "first.py", "mine.yaml", "test_alert.py", "binance_coinm/openapi.json", "openapi.json"}
KEYS = {"your-API-key": "your-secret", "api-key-of-anna": "secret-of-anna", "api-key-of-ben": "secret-of-ben"}


@pytest.fixture
def _environment_of_the_pages(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for api_key, secret in KEYS.items():
        sandbox.add_account(api_key, secret, responses=sandbox.account.responses)
    monkeypatch.setenv("BINANCE_SERVER", sandbox.url)
    monkeypatch.setenv("BINANCE_API_KEY", "your-API-key")
    monkeypatch.setenv("BINANCE_API_SECRET", "your-secret")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SPEC.with_suffix(""), tmp_path / "mine" / "openapi")
    shutil.copy(SPEC, tmp_path / "mine")
    shutil.copy(BUNDLED_SPEC, tmp_path / "mine.yaml")


@pytest.mark.usefixtures("_environment_of_the_pages")
@pytest.mark.parametrize("page", PROGRAMS)
def test_programs_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The programs of a page run one after the other, as in one session, and print the output below them."""
    run_programs(DOCS / page, capsys)


def test_operations_can_be_described_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package of the document whose parts a page shows can do what its programs do."""
    page = "how-to/describe-operations.md"
    parts = [yaml.safe_load(block.text) for block in PAGES[page] if block.language == "yaml"]
    document = write(with_operations(reduce(merged, parts)), tmp_path)
    monkeypatch.chdir(tmp_path)
    document.rename("mine.yaml")

    assert 0 == main(["generate", "--spec", "mine.yaml", "--output", ".", "--package", "my_client"])
    capsys.readouterr()
    with importable(tmp_path, "my_client"):
        run_programs(DOCS / page, capsys)


def test_document_in_several_files_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document of a page that refers to the package's own can be generated, and the sandbox takes the result."""
    [document] = [block.text for block in PAGES["how-to/add-an-operation.md"] if block.language == "yaml"]
    shutil.copy(BUNDLED_SPEC, tmp_path)
    (tmp_path / "own.yaml").write_text(document)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    assert 0 == main(["generate", "--spec", "own.yaml", "--output", ".", "--package", "several_files_client"])
    package = import_module("several_files_client")

    with (
        Sandbox(document="several_files_client/openapi.json") as sandbox,
        package.connect(sandbox.credentials, server=sandbox.url) as client,
    ):
        [delivery] = client.market.quarterly_contract_settlement_price(pair="BTCUSD")
        assert Decimal("27103.5") == delivery.delivery_price
        assert sandbox.now_ms - 60_000 < client.market.check_server_time().server_time


@pytest.mark.parametrize(("page", "block"), TESTS, ids=[f"{page}:{block.line}" for page, block in TESTS])
def test_tests_pass(page: str, block: Block, tmp_path: Path) -> None:
    """The tests of a page pass unchanged, beside the page's files."""
    for name, text in files_of(PAGES[page]).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "test_of_the_page.py").write_text(block.text)

    passed = block.text.count("def test_")
    assert f"= {passed} passed in" in run_pytest(tmp_path, "test_of_the_page.py")


@pytest.mark.skipif(os.environ.get("HTTPX") != "httpx2", reason="make test-httpx2 runs it, where httpx2 is")
def test_program_with_httpx2() -> None:
    """The lines that an application on httpx2 needs run in a process that has imported nothing else."""
    [block] = [block for block in PAGES["how-to/httpx2.md"] if block.language == "python"]

    subprocess.run([sys.executable, "-c", f"{block.text}\nimport binance_coinm"], check=True)


@pytest.mark.usefixtures("_environment_of_the_pages")
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


@pytest.mark.parametrize("page", ["../README.md", "../CONTRIBUTING.md", "../SECURITY.md", *PAGES])
def test_files_exist(page: str) -> None:
    """Each file that a page names exists."""
    named = set(FILE.findall((DOCS / page).read_text(encoding="utf-8"))) - NOT_OURS

    # Examples are named without their folder.
    assert [] == sorted(
        file for file in named if not any((top / file).exists() for top in [*FOLDERS, ROOT / "examples"])
    )
