"""The README's programs run, and its commands exist."""

import re
import runpy
import shlex
import shutil
from pathlib import Path

import binance_client.errors
import pytest
from binance_coinm import errors
from binance_coinm_cli.__main__ import main
from binance_sandbox import Sandbox
from support.constants import ROOT, SPEC
from support.markdown_blocks import blocks_of, make_targets
from support.pytest_runner import run_pytest
from support.specs import importable

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(ROOT / "README.md")
PYTHON = [block for block in BLOCKS if block.language == "python"]
TESTS = [block for block in PYTHON if block.is_test]
OF_ANOTHER_PACKAGE = [block for block in PYTHON if "my_client" in block.text]
PROGRAMS = [block.text for block in PYTHON if block not in TESTS + OF_ANOTHER_PACKAGE]


@pytest.mark.parametrize("snippet", PROGRAMS, ids=lambda snippet: snippet.strip().splitlines()[-1].strip())
def test_snippets_run(
    snippet: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each program runs unchanged, and prints something; its server is the sandbox."""
    account = sandbox.add_account("your-API-key", "your-secret")
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", "your-secret")
    monkeypatch.setenv("BINANCE_SERVER", sandbox.url)
    script = tmp_path / "snippet.py"
    script.write_text(snippet.replace("Server.DEMO", repr(sandbox.url)))

    runpy.run_path(str(script), run_name="__main__")

    assert capsys.readouterr().out


def test_tests_pass(tmp_path: Path) -> None:
    """The test in the README passes unchanged."""
    [block] = TESTS
    (tmp_path / "test_snippet.py").write_text(block.text)

    assert "= 1 passed in" in run_pytest(tmp_path)


def test_operation_is_added_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operation that the README adds to a copy of openapi.yaml can be called in the package of that copy."""
    [operation] = [block.text for block in BLOCKS if block.language == "yaml"]
    [program] = OF_ANOTHER_PACKAGE
    [command] = re.findall("^binance-coinm (generate .*)$", README, re.MULTILINE)
    arguments = shlex.split(command)
    monkeypatch.chdir(tmp_path)
    document = Path(arguments[arguments.index("--spec") + 1])
    shutil.copytree(SPEC.with_suffix(""), document.with_suffix(""))
    document.write_text(SPEC.read_text().replace("\ncomponents:\n", f"\n{operation}\ncomponents:\n"))
    Path("program.py").write_text(program.text)

    assert 0 == main(arguments)
    assert capsys.readouterr().out
    with importable(tmp_path / arguments[arguments.index("--output") + 1], "my_client"):
        runpy.run_path("program.py")

    assert "delivery_price=Decimal('27103.5')" in capsys.readouterr().out


def test_example_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without settings in the environment, the example shows all fields of a sandbox's rows, and their server."""
    runpy.run_path(str(ROOT / "examples" / "balance.py"), run_name="__main__")

    first, _, header, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d+ assets at http://127\.0\.0\.1:\d+", first)
    assert [
        "accountAlias",
        "asset",
        "balance",
        "withdrawAvailable",
        "crossWalletBalance",
        "crossUnPnl",
        "availableBalance",
        "updateTime",
    ] == header.split()
    assert int(first.split()[0]) == len(rows)
    assert "0.00250000" in rows[0].split()


def test_example_reads_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With settings in the environment, the example shows the rows of the account that they name."""
    sandbox.add_account("api-key", "secret", responses={"futuresAccountBalance": []})
    monkeypatch.setenv("BINANCE_API_KEY", "api-key")
    monkeypatch.setenv("BINANCE_API_SECRET", "secret")
    monkeypatch.setenv("BINANCE_SERVER", sandbox.url)

    runpy.run_path(str(ROOT / "examples" / "balance.py"), run_name="__main__")

    assert f"0 assets at {sandbox.url}\n\n" == capsys.readouterr().out


def test_example_shows_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an incomplete environment, the example ends with the error in one line."""
    monkeypatch.setenv("BINANCE_API_KEY", "api-key")

    with pytest.raises(SystemExit, match="^ConfigurationError: no credentials: BINANCE_API_SECRET is not set"):
        runpy.run_path(str(ROOT / "examples" / "balance.py"), run_name="__main__")


def test_commands_are_targets_of_make() -> None:
    """Each make target that the README names exists."""
    assert set(re.findall("(?:`|^)make ([a-z0-9-]+)", README, re.MULTILINE)) <= make_targets()


def test_examples_are_in_the_table() -> None:
    """The README's table has a line for each example, and `make examples` a test file for each except the first."""
    examples = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    tested = {path.name.removeprefix("test_") for path in (ROOT / "tests" / "examples").glob("test_*.py")}

    assert examples == set(re.findall(r"^\| \[(\w+\.py)\]\(examples/\1\) \|", README, re.MULTILINE))
    assert examples == tested | {"balance.py"}


def test_errors_of_the_readme_are_complete() -> None:
    """The handlers in the README catch every class of the error tree."""
    handled = tuple(getattr(errors, name) for name in re.findall(r"except errors\.(\w+)", README))

    others = [getattr(errors, name) for name in binance_client.errors.__all__ if name != "BinanceError"]
    assert all(issubclass(kind, handled) for kind in others)


def test_chinese_readme_is_in_step() -> None:
    """The Chinese README has the blocks, headings, table rows and links of the English one, in the same order."""
    page = ROOT / "README.zh-CN.md"
    structure, (to_chinese, *links) = structure_and_links_of(README)
    chinese_structure, chinese_links = structure_and_links_of(page.read_text(encoding="utf-8"))

    assert [(block.language, block.text) for block in BLOCKS] == [(b.language, b.text) for b in blocks_of(page)]
    assert structure == chinese_structure
    assert page.name == to_chinese
    assert ["README.md", *links] == chinese_links


def structure_and_links_of(text: str) -> tuple[list[str], list[str]]:
    """Return how each heading and table row begins, and the target of each link, without the blocks."""
    prose = re.sub("^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+ |\|)", prose, re.MULTILINE), re.findall(r"\]\(([^)]+)\)", prose)
