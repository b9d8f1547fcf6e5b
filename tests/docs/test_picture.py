"""docs/_static/doctor.svg, which the README and the landing page show."""

import html
import re

from support.cli_runner import ended, start
from support.constants import ROOT

PICTURE = ROOT / "docs" / "_static" / "doctor.svg"


def without_numbers(text: str) -> list[str]:
    """Return lines without what differs from run to run: the API key, numbers, and which clock is ahead."""
    return [re.sub(r", API key .*|[\d.]+|ahead of|behind", "", line).strip() for line in text.splitlines()]


def test_picture_shows_what_the_command_shows() -> None:
    """The picture has the lines of the command, in their order; `python tools/terminal_picture.py` draws it."""
    cells = re.findall(r'<text [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', PICTURE.read_text(encoding="utf-8"))
    lines: dict[float, str] = {}
    for _, y, text in sorted((float(x), float(y), html.unescape(text)) for x, y, text in cells[1:]):
        lines[y] = lines.get(y, "") + text
    shown = "\n".join(lines[y].replace("\xa0", " ") for y in sorted(lines))

    code, output, _ = ended(start("doctor", "--sandbox"))

    assert 0 == code
    assert [line for line in without_numbers(output) if line] == [line for line in without_numbers(shown) if line]


def test_picture_needs_no_other_site() -> None:
    """The picture loads nothing."""
    assert "url(http" not in PICTURE.read_text(encoding="utf-8")
