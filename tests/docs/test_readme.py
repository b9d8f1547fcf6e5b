"""The README's programs run, and its commands exist; so do those of CONTRIBUTING.md."""

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
from support.cli_runner import use
from support.constants import ROOT, SPEC
from support.markdown_blocks import blocks_of, make_targets
from support.specs import importable

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(ROOT / "README.md")
PROGRAMS = [block.text for block in BLOCKS if block.language == "python"]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


@pytest.mark.parametrize("snippet", PROGRAMS, ids=lambda snippet: snippet.strip().splitlines()[-1].strip())
def test_snippets_run(
    snippet: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each program runs unchanged, and prints something; its server is the sandbox."""
    use(monkeypatch, sandbox)
    script = tmp_path / "snippet.py"
    script.write_text(snippet)

    runpy.run_path(str(script), run_name="__main__")

    assert capsys.readouterr().out


def test_operation_is_added_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operation that CONTRIBUTING.md adds to a copy of openapi.yaml can be called in the package of that copy."""
    blocks = blocks_of(CONTRIBUTING)
    [operation] = [block.text for block in blocks if block.language == "yaml"]
    [program] = [block for block in blocks if block.language == "python"]
    [command] = re.findall("^binance-coinm (generate .*)$", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE)
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
    """Without settings in the environment, the example shows a sandbox's balances on 80 columns, and says so."""
    runpy.run_path(str(ROOT / "examples" / "balance.py"), run_name="__main__")

    first, _, header, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"5 assets at http://127\.0\.0\.1:\d+, a sandbox with made-up balances", first)
    assert ["asset", "balance", "available", "unrealized", "PnL"] == header.split()
    assert ["BTC", "ETH", "XRP", "ADA", "DOT"] == [row.split()[0] for row in rows]
    assert max(map(len, (first, header, *rows))) <= 80


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
    """Each make target that the README and CONTRIBUTING.md name exists."""
    text = README + CONTRIBUTING.read_text(encoding="utf-8")
    assert {*re.findall("(?:`|^)make ([a-z0-9-]+)", text, re.MULTILINE)} <= make_targets()


def test_readme_is_short() -> None:
    """The README can be read in a minute."""
    assert 60 >= len(README.splitlines())


def test_examples_are_in_the_table() -> None:
    """The table of examples has a line for each, and `make examples` a test file for each except the first."""
    folder = ROOT / "examples"
    table = (folder / "README.md").read_text(encoding="utf-8")
    tested = {path.name.removeprefix("test_") for path in (ROOT / "tests" / "examples").glob("test_*.py")}

    assert {path.name for path in folder.glob("*.py")} == tested | {"balance.py"}
    assert tested | {"balance.py"} == {*re.findall(r"^\| \[(\w+\.py)\]\(\1\) \|", table, re.MULTILINE)}


def test_handlers_of_errors_are_complete() -> None:
    """The handlers on the page about errors catch every class of the error tree."""
    page = (ROOT / "docs" / "how-to" / "errors.md").read_text(encoding="utf-8")
    handled = tuple(getattr(errors, name) for name in re.findall(r"except errors\.(\w+)", page))

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
