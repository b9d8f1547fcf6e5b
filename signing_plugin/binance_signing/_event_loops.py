"""Which event loop a call runs in. Imported by async code alone, because asyncio takes its time."""

import asyncio
import sys
from contextlib import suppress

from binance_coinm.errors import ConfigurationError


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
