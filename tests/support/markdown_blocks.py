"""What a page of Markdown shows: its fenced blocks, and what stands before each."""

import re
from pathlib import Path
from typing import NamedTuple

from support.constants import ROOT

_FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall("^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


class Block(NamedTuple):
    """A fenced block; `line` is where its first line stands, `prose` what stands between it and the block before."""

    language: str
    text: str
    line: int
    prose: str

    @property
    def is_test(self) -> bool:
        """Whether it is for pytest."""
        return "\ndef test_" in self.text

    @property
    def file_name(self) -> str | None:
        """The name of the file as which the page says to save it, as in "Save this as `first.py`"."""
        names = re.findall(r"[Ss]ave\s+\w+(?:\s+\w+)?\s+as\s+`([\w-]+\.(?:py|yaml))`", self.prose)
        return names[-1] if names else None


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, directives excepted."""
    text, end, blocks = page.read_text(encoding="utf-8"), 0, list[Block]()
    for fence in _FENCE.finditer(text):
        line, prose = text[: fence.start()].count("\n") + 2, text[end : fence.start()]
        blocks.append(Block(fence[1], fence[2], line, prose))
        end = fence.end()
    return blocks
