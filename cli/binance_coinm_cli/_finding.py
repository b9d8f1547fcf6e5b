"""What a step of doctor finds, and how steps depend on each other."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Generic, TypeVar

from attrs import frozen

W = TypeVar("W")


class Result(Enum):
    """How a step ends."""

    WELL = auto()
    FAILED = auto()
    MISCONFIGURED = auto()
    NOT_TRIED = auto()


@frozen
class Finding:
    """What a step found; if it is not well, also what was expected and what to do."""

    result: Result
    found: str
    expected: str = ""
    to_do: str = ""


@frozen
class Step(Generic[W]):
    """A step, and the titles of those without which it cannot be made."""

    title: str
    look: Callable[[W], Finding]
    needs: tuple[str, ...] = ()


def well(found: str) -> Finding:
    """Give the finding of a step that is well."""
    return Finding(Result.WELL, found)


def failed(found: str, *, expected: str, to_do: str) -> Finding:
    """Give the finding of a step that failed."""
    return Finding(Result.FAILED, found, expected, to_do)


def misconfigured(found: str, *, expected: str, to_do: str) -> Finding:
    """Give the finding of a step that cannot be made with these settings."""
    return Finding(Result.MISCONFIGURED, found, expected, to_do)


def taken(step: Step[W], way: W, findings: dict[str, Finding]) -> Finding:
    """Make a step, unless one that it needs is not well; what was found so far is given by title."""
    missing = [title for title, finding in findings.items() if title in step.needs and finding.result != Result.WELL]
    if missing:
        return Finding(Result.NOT_TRIED, f"it needs: {', '.join(missing)}")
    return step.look(way)
