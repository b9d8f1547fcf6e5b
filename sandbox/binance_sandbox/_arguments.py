"""Checks of arguments; each raises ValueError, which says what was expected."""

import difflib
import math
from collections.abc import Iterable


def invalid(name: str, expected: str, value: object) -> ValueError:
    """Return the error for an invalid argument."""
    return ValueError(f"{name}: expected {expected}, got {value!r}")


def closest(name: object, known: Iterable[object]) -> str:
    """Return the end of an error's text that shows the three known names closest to a name; empty if none is known."""
    matches = difflib.get_close_matches(str(name), map(str, known), n=3, cutoff=0)
    return f"; the closest are {', '.join(matches)}" if matches else ""


def check_type(name: str, value: object, types: type | tuple[type, ...], expected: str) -> None:
    """Check that a value is an instance of one of the types."""
    if not isinstance(value, types):
        raise invalid(name, expected, value)


def check_integer(name: str, value: object, expected: str, *, minimum: int = 0, maximum: float = math.inf) -> None:
    """Check that a value is an integer in this range, and not a bool."""
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise invalid(name, expected, value)


def check_number(name: str, value: object, expected: str, *, minimum: float = -math.inf) -> None:
    """Check that a value is a finite number of at least `minimum`, and not a bool."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < minimum:
        raise invalid(name, expected, value)
