"""Draw what `binance-coinm doctor --sandbox` shows, for the README and the landing page."""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "_static" / "doctor.svg"
COMMAND = ("doctor", "--sandbox")
COLUMNS = 90


def draw() -> str:
    """Return the picture as SVG, which loads no fonts from other sites."""
    shown = subprocess.run(
        [sys.executable, "-m", "binance_coinm_cli", *COMMAND],
        env=os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # Without the API key of the sandbox, which is another one in each run.
    text = Text.from_ansi(re.sub(r", API key \S+, \d+ characters", "", shown))
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(text)
    svg = console.export_svg(title=f"binance-coinm {' '.join(COMMAND)}", theme=DIMMED_MONOKAI, unique_id="doctor")
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
