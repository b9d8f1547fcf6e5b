"""The bill of materials: valid CycloneDX that names what is installed, no more and no less."""

import json
import os
import re
import tomllib
from hashlib import sha256
from importlib.metadata import distributions
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.constants import ROOT

[LISTED] = (ROOT / "dist").glob("*.cdx.json")
TEXT = LISTED.read_text(encoding="utf-8")
SBOM: dict[str, Any] = json.loads(TEXT)
ABOUT = SBOM["metadata"]["component"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def test_valid() -> None:
    """It is valid by the strict schema of its version."""
    assert JsonStrictValidator(SchemaVersion.from_version(SBOM["specVersion"])).validate_str(TEXT) is None


def test_installed() -> None:
    """Distribution and components are the installed ones, with their versions."""
    [folder] = (ROOT / os.environ["SBOM"]).glob("lib/python*/site-packages")
    installed = {(canonicalize_name(found.name), found.version) for found in distributions(path=[str(folder)])}
    components = [(canonicalize_name(part["name"]), part["version"]) for part in [ABOUT, *SBOM["components"]]]

    assert installed == set(components)
    assert len(installed) == len(components)


def test_needed() -> None:
    """The distribution's dependencies are those of pyproject.toml, with all extras, which are named."""
    names = {part["bom-ref"]: canonicalize_name(part["name"]) for part in SBOM["components"]}
    [needed] = (entry["dependsOn"] for entry in SBOM["dependencies"] if entry["ref"] == ABOUT["bom-ref"])
    texts = [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]

    assert {canonicalize_name(Requirement(text).name) for text in texts} == {names[ref] for ref in needed}
    assert sorted(EXTRAS) == [entry["value"] for entry in ABOUT["properties"]]


def test_about() -> None:
    """It describes the wheel beside it, and does not depend on the time and place of its creation."""
    [wheel] = (ROOT / "dist").glob("*.whl")

    assert [{"alg": "SHA-256", "content": sha256(wheel.read_bytes()).hexdigest()}] == ABOUT["hashes"]
    assert wheel.name.startswith(f"binance_coinm-{ABOUT['version']}-")
    assert "timestamp" not in SBOM["metadata"]
    assert "serialNumber" not in SBOM
    assert not re.search(f"file:|{re.escape(str(ROOT))}", TEXT)
