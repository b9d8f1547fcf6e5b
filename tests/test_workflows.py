"""What workflows and hooks run: targets of make alone, and with the Pythons that are supported."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SUPPORTED = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
TARGETS = set(re.findall("^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").iterdir()}


def jobs() -> Iterator[dict[str, Any]]:
    """Give all jobs."""
    for workflow in WORKFLOWS.values():
        yield from workflow["jobs"].values()


def steps(job: dict[str, Any], action: str) -> Iterator[dict[str, Any]]:
    """Give the steps of a job that use an action."""
    yield from (step for step in job.get("steps", ()) if step.get("uses", "").startswith(f"{action}@"))


def test_pythons() -> None:
    """The tests run with each Python that the package says it supports; all else with the oldest one."""
    assert [f">={SUPPORTED[0]}", SUPPORTED] == [
        PROJECT["requires-python"],
        WORKFLOWS["checks"]["jobs"]["tests"]["strategy"]["matrix"]["python"],
    ]
    used = {step["with"]["python-version"] for job in jobs() for step in steps(job, "actions/setup-python")}
    assert {SUPPORTED[0], "${{ matrix.python }}"} == used


def test_commands_are_targets_of_make() -> None:
    """Workflows and hooks run targets of make, or all that a change has to pass, so that no logic stands there."""
    commands = [step["run"] for job in jobs() for step in job.get("steps", ()) if "run" in step]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]

    for command in commands + [hook["entry"] for hook in hooks]:
        make, *targets = command.split()
        assert (make == "make" and set(targets) <= TARGETS) or ".ci/run" == command


def test_token_of_the_registry() -> None:
    """One job may ask for a token, waits for a person, and runs two actions and nothing of this repository."""
    [publish] = (job for job in jobs() if "id-token" in job["permissions"])

    assert {"id-token": "write"} == publish["permissions"]
    assert "release" == publish["environment"]
    assert ["actions/download-artifact", "pypa/gh-action-pypi-publish"] == [
        step["uses"].partition("@")[0] for step in publish["steps"]
    ]
    assert all({"contents": "read"} == job["permissions"] for job in jobs() if job is not publish)
