"""What is not given, and answers as a whole."""

from collections.abc import MutableMapping
from typing import Generic, Literal, TypeVar

from attrs import define


class Unset:
    """The type of `UNSET`, which stands for what is not given; it is false."""

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Unset = Unset()

T = TypeVar("T")


@define(eq=False)
class Response(Generic[T]):
    """An answer as a whole: what it says, and what it came with."""

    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T


__all__ = ["UNSET", "Response", "Unset"]
