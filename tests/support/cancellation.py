"""Ways to cancel a call on asyncio."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any


async def cancel_task(call: Callable[[], Any], moment: float) -> None:
    """Cancel a task."""
    task = asyncio.ensure_future(call())
    await asyncio.sleep(moment)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def cancel_by_timeout(call: Callable[[], Any], moment: float) -> None:
    """Cancel by a timeout."""
    with suppress(TimeoutError):
        async with asyncio.timeout(moment):
            await call()


async def cancel_by_group(call: Callable[[], Any], moment: float) -> None:
    """Cancel by a task group, one of whose tasks fails."""

    async def fail() -> None:
        await asyncio.sleep(moment)
        raise KeyError

    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(call())
            group.create_task(fail())


async def cancel_after_turns(call: Callable[[], Any], turns: int) -> None:
    """Cancel a task after a number of turns of the event loop."""
    task = asyncio.ensure_future(call())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
