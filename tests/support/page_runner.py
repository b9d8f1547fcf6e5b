"""The programs of a page of Markdown, run as its readers run them."""

import shlex
import subprocess
from pathlib import Path

import pytest

from support.markdown_blocks import Block, blocks_of, files_of

PASSWORD = "its-password"


def run_programs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the programs of a page as one session, and compare what they print with the output below them."""
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = blocks_of(page)

    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language == "sh" and block.text.startswith("openssl"):
            for line in block.text.splitlines():
                run_openssl(line)
        elif block.language == "python" and not imports_a_file_of(blocks, block):
            # The lines before it are kept as empty lines, so that a traceback has the line numbers of the page.
            exec(compile("\n" * (block.line - 1) + block.text, page, "exec"), names)  # noqa: S102, the page's own
            shown = following.text if following and is_output(following) else ""
            assert shown == capsys.readouterr().out, f"{page.name}, line {block.line}"


def is_output(block: Block) -> bool:
    """Return True if a block shows the output of the program just above it."""
    return block.language == "text" and not block.prose.strip()


def imports_a_file_of(blocks: list[Block], block: Block) -> bool:
    """Return True if a block imports another one, which the page says to save as a file."""
    return any(f"from {Path(name).stem} import" in block.text for name in files_of(blocks))


def run_openssl(command: str) -> None:
    """Run a line of openssl, and pass it the password that it would ask for."""
    option = "-passin" if " pkey " in command else "-pass"
    subprocess.run([*shlex.split(command), option, f"pass:{PASSWORD}"], check=True, capture_output=True)
