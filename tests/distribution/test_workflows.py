"""Workflows run targets of make, with the supported versions of Python."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml
from support.constants import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SUPPORTED = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
TARGETS = set(re.findall("^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").iterdir()}


def jobs() -> Iterator[dict[str, Any]]:
    """Return all jobs."""
    for workflow in WORKFLOWS.values():
        yield from workflow["jobs"].values()


def steps(job: dict[str, Any], action: str) -> Iterator[dict[str, Any]]:
    """Return the steps of a job that use an action."""
    yield from (step for step in job.get("steps", ()) if step.get("uses", "").startswith(f"{action}@"))


def test_pythons() -> None:
    """The tests run with each supported Python, at night without the GIL too; all else runs with the oldest one."""
    assert [f">={SUPPORTED[0]}", SUPPORTED] == [
        PROJECT["requires-python"],
        WORKFLOWS["checks"]["jobs"]["tests"]["strategy"]["matrix"]["python"],
    ]
    assert [f"{SUPPORTED[-1]}t"] == WORKFLOWS["nightly"]["jobs"]["free-threaded"]["strategy"]["matrix"]["python"]
    used = {step["with"]["python-version"] for job in jobs() for step in steps(job, "actions/setup-python")}
    assert {SUPPORTED[0], "${{ matrix.python }}"} == used


def test_commands_are_targets_of_make() -> None:
    """Workflows run targets of make or `.ci/run`, and have no logic of their own."""
    for job in jobs():
        of_matrix = job.get("strategy", {}).get("matrix", {}).get("target", [])
        for command in [step["run"] for step in job.get("steps", ()) if "run" in step]:
            make, *targets = command.replace('"$TARGET"', " ".join(of_matrix)).split()
            assert (make == "make" and set(targets) <= TARGETS) or ".ci/run" == command


def test_token_of_the_registry() -> None:
    """Only one job may get a token; it waits for a person, and runs two actions and no code of this repository."""
    [publish] = (job for job in jobs() if "id-token" in job["permissions"])

    assert {"id-token": "write"} == publish["permissions"]
    assert "release" == publish["environment"]
    assert ["actions/download-artifact", "pypa/gh-action-pypi-publish"] == [
        step["uses"].partition("@")[0] for step in publish["steps"]
    ]


def test_token_of_the_repository() -> None:
    """Only one other job may do more than read: it writes issues, by a step that does nothing else."""
    others = [job for job in jobs() if "id-token" not in job["permissions"]]
    [drift] = (job for job in others if {"contents": "read"} != job["permissions"])

    assert {"contents": "read", "issues": "write"} == drift["permissions"]
    assert ["make report-drift"] == [step["run"] for step in drift["steps"] if "env" in step]
    assert "github.token" not in str([job for job in others if job is not drift])
