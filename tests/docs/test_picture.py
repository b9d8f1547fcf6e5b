"""docs/_static/doctor.svg, which the README and the landing page show."""

import html
import re

from support.cli_runner import ended, start
from support.constants import ROOT

PICTURE = ROOT / "docs" / "_static" / "doctor.svg"


def compared(text: str) -> str:
    """Return text without spaces, and what differs from run to run: API key, numbers, and which clock is ahead."""
    return re.sub(r", API key .*|[\d.]+|ahead of|behind|\s", "", text)


def test_picture_shows_what_the_command_shows() -> None:
    """The picture has the text of the command; `python tools/terminal_picture.py` draws it."""
    picture = PICTURE.read_text(encoding="utf-8")
    cells = re.findall(r'<text class="doctor-r[^>]*x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', picture)
    shown = [text for _, _, text in sorted((float(y), float(x), html.unescape(text)) for x, y, text in cells)]

    code, output, _ = ended(start("doctor", "--sandbox"))

    assert 0 == code
    assert compared(output) == compared("".join(shown))


def test_picture_needs_no_other_site() -> None:
    """The picture loads nothing."""
    assert "url(http" not in PICTURE.read_text(encoding="utf-8")
