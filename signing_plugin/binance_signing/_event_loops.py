"""Which event loop a call runs in. Imported by async code alone, because asyncio takes its time."""

import asyncio
import sys
import types
from collections.abc import Awaitable, Generator
from contextlib import suppress
from typing import Any, TypeVar

from binance_coinm.errors import ConfigurationError

T = TypeVar("T")


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of a task of asyncio, None in any other: trio may run within a loop of asyncio."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else task.get_loop()


def running_loop() -> object:
    """Return what stands for the event loop, of asyncio or trio; raise `ConfigurationError` outside of one."""
    loop = asyncio_loop()
    if loop is not None:
        return loop
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    raise ConfigurationError("an async call runs in an event loop of asyncio or trio, and none is running")


@types.coroutine
def without_checkpoints(awaited: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await without the turns of asyncio's loop that httpcore's locks take, though nobody else has them.

    In such a turn anyio holds the task for ever, and with it the connection, if the loop just ends. A turn is where
    nothing is yielded, which trio never does.
    """
    steps = awaited.__await__()
    try:
        waits_for = next(steps)
        while True:
            if waits_for is None:
                waits_for = next(steps)
                continue
            try:
                found = yield waits_for
            except GeneratorExit:
                # What is awaited may be closed already: the garbage collector knows no order. Closing it again is no
                # error, throwing into it is one.
                raise
            except BaseException as error:  # noqa: BLE001, it goes on where it belongs
                waits_for = steps.throw(error)
            else:
                waits_for = steps.send(found)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what is awaited is of its type
    finally:
        steps.close()
