"""Whatever users need has a lowest version, and `make test-lowest` runs the tests with these and no others."""

import os
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
# `make test-httpx2` has others in the place of these.
REPLACED = {"httpx", "httpcore"} if "HTTPX" in os.environ else set[str]()
IN_USE = [text for text in NEEDED if Requirement(text).name not in REPLACED]


@pytest.mark.parametrize("text", IN_USE)
def test_version_in_use(text: str) -> None:
    """A requirement is a lowest version alone; `make test-lowest` has that one installed, other runs have any above."""
    requirement = Requirement(text)
    [bound] = requirement.specifier
    installed = Version(version(requirement.name))

    assert ">=" == bound.operator
    assert Version(bound.version) <= installed
    if os.environ.get("LOWEST"):
        assert Version(bound.version) == installed
