"""The targets of the Makefile: each is run by .ci/run or by a workflow, because nobody notices if others break."""

import os
import re
import subprocess

import yaml
from support.constants import ROOT

# One adds new paragraphs for translators; its result depends on the existing translations. The other depends on what is
# installed; workflows run `make test` with each version of Python instead.
BY_HAND = {"translations", "test-pythons"}


def targets_of(commands: str) -> set[str]:
    """Return the targets that a script passes to make."""
    called = re.findall(r"^\s*make ([^\n]*)", commands, re.MULTILINE)
    return {word for arguments in called for word in arguments.split() if "=" not in word}


def targets_of_workflow(text: str) -> set[str]:
    """Return the targets that a workflow passes to make, those of its matrix included."""
    found: set[str] = set()
    for job in yaml.safe_load(text)["jobs"].values():
        found |= set(job.get("strategy", {}).get("matrix", {}).get("target", []))
        for step in job.get("steps", []):
            found |= targets_of(step.get("run", ""))
    return found


def test_every_target_is_run() -> None:
    """Each target is run by .ci/run or a workflow."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE))
    run = targets_of((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        run |= targets_of_workflow(workflow.read_text(encoding="utf-8"))
    # The prerequisites of a target are run with it.
    for needed in re.findall(r"^[a-z0-9-]+:([^#\n]*)##", makefile, re.MULTILINE):
        run |= set(needed.split())

    assert set() == targets - run - BY_HAND
    assert targets >= BY_HAND


def own_environment() -> dict[str, str]:
    """Return the environment without what a make that runs this test passes on."""
    passed_on = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONS"}
    return {name: value for name, value in os.environ.items() if name not in passed_on}


def test_pythons_that_are_not_installed() -> None:
    """Each Python that the tests cannot run with is named; it is an error if they ran with none."""
    command = ["make", "test-pythons", "PYTHONS=python3.0 python3.1"]

    ended = subprocess.run(command, cwd=ROOT, env=own_environment(), capture_output=True, text=True, check=False)

    lines = ended.stderr.splitlines()
    assert (2, "") == (ended.returncode, ended.stdout)
    assert [f"make: python3.{n} is not installed, so the tests did not run with it" for n in (0, 1)] == lines[:2]


def test_pythons_are_those_that_are_supported() -> None:
    """Without arguments, it is each version that pyproject.toml names, and the last one without the GIL."""
    command = ["make", "--dry-run", "test-pythons"]

    listed = subprocess.run(command, cwd=ROOT, env=own_environment(), capture_output=True, text=True, check=True).stdout

    assert "for python in python3.11 python3.12 python3.13 python3.14 python3.14t;" in listed
