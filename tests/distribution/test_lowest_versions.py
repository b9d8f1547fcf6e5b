"""Each requirement of users has a lowest version; `make test-lowest` runs the tests with these versions."""

import os
import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from support.constants import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = {*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)}
# `make test-lowest` leaves out the generator: its pins need later versions of what the others need.
LOWEST = NEEDED - {*EXTRAS["generate"]} | {*EXTRAS["cli"]}
# `make test-httpx2` replaces these.
REPLACED = {"httpx", "httpcore"} if "HTTPX" in os.environ else set[str]()
IN_USE = [text for text in sorted(NEEDED) if Requirement(text).name not in REPLACED]


@pytest.mark.parametrize("text", IN_USE)
def test_version_in_use(text: str) -> None:
    """A requirement is a lowest version, exact ones of the generator excepted; `make test-lowest` installs these."""
    requirement = Requirement(text)
    [bound] = requirement.specifier
    installed = Version(version(requirement.name))

    assert ">=" == bound.operator or ("==" == bound.operator and text in EXTRAS["generate"])
    assert installed in requirement.specifier
    if os.environ.get("LOWEST") and text in LOWEST:
        assert Version(bound.version) == installed
