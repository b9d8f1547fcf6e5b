"""What the sandbox is told to do with the next requests, and the queue of it."""

from collections.abc import Mapping
from threading import Lock

import attrs

from binance_sandbox._faults import Fault


@attrs.frozen
class ToldAnswer:
    """An answer that the sandbox was told to give, see `Sandbox.answer_next`."""

    status: int
    example: str | None
    body: object
    headers: Mapping[str, str]


@attrs.define
class Instruction:
    """What is to be done with the next requests, to any path or to one."""

    times: int
    path: str | None
    answer: ToldAnswer | None = None
    fault: Fault | None = None


class Plan:
    """What the sandbox was told, in its order; told by one thread and carried out in another."""

    def __init__(self) -> None:
        """Start with nothing told."""
        self._lock = Lock()
        self._instructions: list[Instruction] = []

    def add(self, instruction: Instruction) -> None:
        """Append an instruction; ValueError if it is for less than one request."""
        if instruction.times < 1:
            raise ValueError(f"times must be at least 1, not {instruction.times}")
        with self._lock:
            self._instructions.append(instruction)

    def take(self, path: str) -> Instruction | None:
        """Return the first instruction that is for a request to this path, and use it up by one request."""
        with self._lock:
            for instruction in self._instructions:
                if instruction.path in (None, path):
                    instruction.times -= 1
                    if not instruction.times:
                        self._instructions.remove(instruction)
                    return instruction
        return None
