"""Which event loop a call runs in. Only async code imports this, because importing asyncio takes time."""

import asyncio
import sys
import types
from collections.abc import Awaitable, Generator
from contextlib import suppress
from typing import Any, TypeVar

from binance_client.errors import ConfigurationError

T = TypeVar("T")


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of a task of asyncio, None outside of one: trio may run within a loop of asyncio."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else task.get_loop()


def running_loop() -> object:
    """Return what identifies the running event loop of asyncio or trio; raise `ConfigurationError` outside of one."""
    loop = asyncio_loop()
    if loop is not None:
        return loop
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    raise ConfigurationError(
        "an async call needs a running event loop of asyncio or trio; make it within asyncio.run or trio.run"
    )


@types.coroutine
def without_checkpoints(awaited: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await without the checkpoints that httpcore's locks pass through even when they are free.

    If asyncio's loop ends during a checkpoint, anyio keeps the task for good, and with it the connection. A checkpoint
    is a yield of None, which trio never does.
    """
    iterator = awaited.__await__()
    try:
        yielded = next(iterator)
        while True:
            if yielded is None:
                yielded = next(iterator)
                continue
            try:
                value = yield yielded
            except GeneratorExit:
                # The garbage collector may have closed the iterator already. Closing it again is allowed, throwing into
                # it is not.
                raise
            except BaseException as error:  # noqa: BLE001, it is raised where the awaitable waits
                yielded = iterator.throw(error)
            else:
                yielded = iterator.send(value)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # an awaitable returns its T
    finally:
        iterator.close()
