"""The targets of the Makefile: each is run by .ci/run or by a workflow, because nobody notices if others break."""

import re

import yaml
from support.constants import ROOT

# Adds new paragraphs for translators; its result depends on the existing translations.
BY_HAND = {"translations"}


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
