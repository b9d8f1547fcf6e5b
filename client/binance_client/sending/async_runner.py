"""The async runner, on asyncio or trio: it executes the commands of `retry_flow`.

Imported when it is first needed, because importing asyncio takes time, and sync code does not need it.
"""

from collections.abc import Awaitable, Callable
from threading import Lock
from weakref import WeakKeyDictionary

import anyio
import httpx
from attrs import define

from binance_client import errors, fork
from binance_client.event_loops import running_loop
from binance_client.imports import import_errors
from binance_client.lifetime import closed_during_call
from binance_client.messages.http import HTTPResponse
from binance_client.policy.call import Call
from binance_client.policy.client_state import AttemptResult, ClientState
from binance_client.policy.deadline import seconds_left
from binance_client.policy.retry_flow import Finish, SendRequest, SyncClock, retry_flow

# Signs a request and sends it once, over a connection that was idle for less than this many seconds.
AsyncSendOnce = Callable[[float], Awaitable[HTTPResponse]]


@define(eq=False)
class _LoopState:
    """What the calls of one event loop wait for."""

    semaphore: anyio.Semaphore
    clock_lock: anyio.Semaphore


class AsyncRunner:
    """Runs the async calls of all clients that share connections."""

    def __init__(self, state: ClientState) -> None:
        self._state = state
        fork.register(self)

    def reset_after_fork(self) -> None:
        """Start without a call in flight."""
        # Keyed weakly by event loop, because loops do not report their end.
        self._loop_states: WeakKeyDictionary[object, _LoopState] = WeakKeyDictionary()
        self._lock = Lock()

    async def run(self, call: Call, send_once: AsyncSendOnce, request_time: AsyncSendOnce) -> HTTPResponse:
        """Run the commands of a call; return its response, or raise its exception."""
        flow = retry_flow(call, self._state)
        try:
            command = next(flow)
            while not isinstance(command, Finish):
                if isinstance(command, SendRequest):
                    command = flow.send(await self._attempt(send_once, command.max_idle_age, call.deadline))
                elif isinstance(command, SyncClock):
                    command = flow.send(await self.sync_clock(command.sync_count, command.deadline, request_time))
                else:
                    for seconds in self._state.lifetime.sleep_steps(command.seconds):
                        await anyio.sleep(seconds)
                    command = next(flow)
        finally:
            flow.close()
        if isinstance(command.result, Exception):
            raise command.result
        return command.result

    async def sync_clock(self, sync_count: int, deadline: float, request_time: AsyncSendOnce) -> bool:
        """Synchronize the clock, unless another call did since `sync_count`; return whether it is synchronized."""
        lock = self._loop_state().clock_lock
        if not await _acquire(lock, deadline):
            return False
        try:
            if self._state.clock.sync_count != sync_count:
                return True
            sent = self._state.now()
            result = await self._attempt(request_time, self._state.settings.write_keepalive_expiry, deadline)
            return self._state.update_clock(result, sent)
        finally:
            lock.release()

    async def _attempt(self, send_once: AsyncSendOnce, max_idle_age: float, deadline: float) -> AttemptResult:
        semaphore = self._loop_state().semaphore
        if not await _acquire(semaphore, deadline):
            return self._state.pool_timeout()
        try:
            # While the call waited for the permit, the client may have been closed, or another call met a ban.
            self._state.lifetime.require_open()
            return self._state.ban_error() or await send_once(max_idle_age)
        except (httpx.HTTPError, errors.BinanceError) as failure:
            return failure
        except Exception:
            if self._state.lifetime.is_closed:
                return closed_during_call("unknown")
            raise
        finally:
            semaphore.release()

    def _loop_state(self) -> _LoopState:
        loop = running_loop()
        state = self._loop_states.get(loop)
        if state is not None:
            return state
        with self._lock:
            # Closed loops may stay alive, because tasks that wait in them hold them.
            for other in [*self._loop_states]:
                if getattr(other, "is_closed", bool)():
                    del self._loop_states[other]
            with import_errors:  # anyio imports what belongs to this kind of event loop.
                state = _LoopState(anyio.Semaphore(self._state.settings.max_connections), anyio.Semaphore(1))
            self._loop_states[loop] = state
        return state


async def _acquire(semaphore: anyio.Semaphore, deadline: float) -> bool:
    if semaphore.value:
        semaphore.acquire_nowait()
        return True
    with anyio.move_on_after(seconds_left(deadline)):
        await semaphore.acquire()
        return True
    return False
