"""The public names, which programs of users depend on: each change has to be announced."""

import subprocess
import sys
from pathlib import Path

from support import public_names

LIST = Path(__file__).with_name("public_names.txt")


def test_public_names_are_announced() -> None:
    """The list is up to date: a new, removed or changed name is a change of the list."""
    # In a process of its own, because a fixture replaces the constructor of errors in this one.
    names = subprocess.run([sys.executable, public_names.__file__], check=True, capture_output=True, text=True).stdout

    assert LIST.read_text(encoding="utf-8") == names
