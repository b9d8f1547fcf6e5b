"""The README's snippets run, and its commands are the ones that there are."""

import re
import runpy
from pathlib import Path

import pytest
from binance_coinm import errors
from binance_sandbox import Sandbox
from documents import SPEC, generate
from pages import ROOT, blocks_of, make_targets
from test_pytest_plugin import run_pytest

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
    """Each snippet runs as it stands, and prints something; its server is the sandbox."""
    account = sandbox.add_account("your-API-key", "your-secret")
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", "your-secret")
    monkeypatch.setenv("BINANCE_SERVER", sandbox.url)
    script = tmp_path / "snippet.py"
    script.write_text(snippet.replace("Server.DEMO", repr(sandbox.url)))

    runpy.run_path(str(script), run_name="__main__")

    assert capsys.readouterr().out


def test_tests_pass(tmp_path: Path) -> None:
    """The test that the README shows is one that pytest runs as it stands."""
    [block] = TESTS
    (tmp_path / "test_snippet.py").write_text(block.text)

    assert "= 1 passed in" in run_pytest(tmp_path)


def test_operation_is_added_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operation that the README adds to a copy of openapi.yaml can be called of a package of its own."""
    [operation] = [block.text for block in BLOCKS if block.language == "yaml"]
    [program] = OF_ANOTHER_PACKAGE
    [command] = [block.text for block in BLOCKS if block.text.startswith("make generate")]
    document, package = re.findall("(?:SPEC|PACKAGE)=(\\S+)", command)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path(document).write_text(SPEC.read_text().replace("\ncomponents:\n", f"\n{operation}\ncomponents:\n"))
    Path("program.py").write_text(program.text)

    generated = generate("--spec", tmp_path / document, "--output", tmp_path, "--package", package)
    assert 0 == generated.returncode, generated.stderr
    runpy.run_path("program.py")

    assert "15004\n" == capsys.readouterr().out


def test_example_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an environment the example shows all fields of a sandbox's rows, and says where they are from."""
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


def test_example_takes_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an environment the example shows the rows of the account that it names."""
    sandbox.add_account("api-key", "secret", answers={"futuresAccountBalance": []})
    monkeypatch.setenv("BINANCE_API_KEY", "api-key")
    monkeypatch.setenv("BINANCE_API_SECRET", "secret")
    monkeypatch.setenv("BINANCE_SERVER", sandbox.url)

    runpy.run_path(str(ROOT / "examples" / "balance.py"), run_name="__main__")

    assert f"0 assets at {sandbox.url}\n\n" == capsys.readouterr().out


def test_example_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """With half an environment the example ends with the error in one line."""
    monkeypatch.setenv("BINANCE_API_KEY", "api-key")

    with pytest.raises(SystemExit, match="^ConfigurationError: no credentials: BINANCE_API_SECRET is not set"):
        runpy.run_path(str(ROOT / "examples" / "balance.py"), run_name="__main__")


def test_commands_are_targets_of_make() -> None:
    """Each make target that the README names is one."""
    assert set(re.findall("(?:`|^)make ([a-z0-9-]+)", README, re.MULTILINE)) <= make_targets()


def test_examples_are_in_the_table() -> None:
    """The README's table has a line for each example, and `make examples` a file of tests for each but the first."""
    examples = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    tested = {path.name.removeprefix("test_") for path in (ROOT / "tests" / "examples").glob("test_*.py")}

    assert examples == set(re.findall(r"^\| \[(\w+\.py)\]\(examples/\1\) \|", README, re.MULTILINE))
    assert examples == tested | {"balance.py"}


def test_errors_of_the_readme_are_all_there_are() -> None:
    """The handlers of the README's snippet leave nothing of the tree out."""
    handled = tuple(getattr(errors, name) for name in re.findall(r"except errors\.(\w+)", README))

    others = [getattr(errors, name) for name in errors.__all__ if name != "BinanceError"]
    assert all(issubclass(kind, handled) for kind in others)


def test_chinese_readme_is_in_step() -> None:
    """The Chinese README has the blocks, headings, rows of tables and links that the English one has, in its order."""
    page = ROOT / "README.zh-CN.md"
    structure, (to_chinese, *links) = structure_and_links_of(README)
    chinese_structure, chinese_links = structure_and_links_of(page.read_text(encoding="utf-8"))

    assert [(block.language, block.text) for block in BLOCKS] == [(b.language, b.text) for b in blocks_of(page)]
    assert structure == chinese_structure
    assert page.name == to_chinese
    assert ["README.md", *links] == chinese_links


def structure_and_links_of(text: str) -> tuple[list[str], list[str]]:
    """Give how each heading and row of a table begins, and where each link leads; blocks are left out."""
    prose = re.sub("^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+ |\|)", prose, re.MULTILINE), re.findall(r"\]\(([^)]+)\)", prose)
