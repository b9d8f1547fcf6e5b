"""`UNSET`, for arguments that are not passed, and `Response`, a response as a whole."""

from collections.abc import MutableMapping
from typing import Generic, Literal, TypeVar

from attrs import define


class Unset:
    """The type of `UNSET`, which stands for a value that is missing; it is false."""

    def __bool__(self) -> Literal[False]:
        """Return False."""
        return False

    def __repr__(self) -> str:
        """Return the name of the only value."""
        return "UNSET"


UNSET: Unset = Unset()

T = TypeVar("T")


@define(eq=False)
class Response(Generic[T]):
    """A response as a whole: status, headers and body, what was parsed of it, and how often its request was sent."""

    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T
    attempts: int = 1


__all__ = ["UNSET", "Response", "Unset"]
