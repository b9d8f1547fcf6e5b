"""The tutorial can be followed to the letter, with pip, from an empty folder."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.constants import ROOT
from support.page_runner import clean_environment, follow

# pip may need the machine's proxy, which tests do not see.
MACHINE = dict(os.environ)


@pytest.mark.parametrize("is_in_the_clone", [False, True], ids=["elsewhere", "in the clone"])
def test_tutorial(tmp_path: Path, *, is_in_the_clone: bool) -> None:
    """Each command succeeds, and prints what the page shows; the settings of a clone around it do not matter."""
    with TemporaryDirectory(dir=ROOT / ".venv" if is_in_the_clone else None) as folder:
        settings = {"PYTHONWARNINGS": "", "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}
        environment = clean_environment() | settings | {"HTTPS_PROXY": MACHINE.get("HTTPS_PROXY", "")}

        follow(ROOT / "docs" / "tutorial.md", Path(folder), tmp_path, environment, with_pip=True)
