"""Wait for what blocks outside of the interpreter so that the main thread still hears signals, Ctrl+C above all."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_MAIN = threading.main_thread()


class _Worker:
    """A thread that does one thing after another, for whoever waits."""

    def __init__(self) -> None:
        self._todo: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True, name="binance_signing").start()

    def _work(self) -> None:
        while (do := self._todo.get()) is not None:
            try:
                self._done.put((do(), None))
            except BaseException as error:  # noqa: BLE001, it is raised where it is waited for
                self._done.put((None, error))
            del do

    def do(self, do: Callable[[], T]) -> T:
        self._todo.put(do)
        result: T
        try:
            result, error = self._done.get()
        except BaseException:
            # What was begun comes to its end by itself, and the thread with it.
            self._todo.put(None)
            raise
        _idle.append(self)
        if error is not None:
            raise error
        return result


# Only the main thread takes from here and gives back.
_idle: list[_Worker] = []


def interruptible(do: Callable[[], T]) -> T:
    """Do something that blocks, so that a signal can interrupt the wait for it."""
    if threading.current_thread() is not _MAIN:
        # Signals come to the main thread alone.
        return do()
    try:
        worker = _idle.pop() if _idle else _Worker()
    except RuntimeError:
        # At its end Python begins no thread any more.
        return do()
    return worker.do(do)
