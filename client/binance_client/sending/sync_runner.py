"""The sync runner: it executes the commands of `retry_flow`."""

import time
from collections.abc import Callable

import httpx

from binance_client import errors, fork
from binance_client.lifetime import closed_during_call
from binance_client.messages.http import HTTPResponse
from binance_client.policy.call import Call
from binance_client.policy.client_state import AttemptResult, ClientState
from binance_client.policy.retry_flow import Finish, SendRequest, SyncClock, retry_flow

from .semaphore import FairSemaphore

# Signs a request and sends it once, over a connection that was idle for less than this many seconds.
SendOnce = Callable[[float], HTTPResponse]


class SyncRunner:
    """Runs the sync calls of all clients that share connections."""

    def __init__(self, state: ClientState) -> None:
        self._state = state
        fork.register(self)

    def reset_after_fork(self) -> None:
        """Start without a call in flight."""
        self._semaphore = FairSemaphore(self._state.settings.max_connections)
        self._clock_lock = FairSemaphore(1)

    def run(self, call: Call, send_once: SendOnce, request_time: SendOnce) -> HTTPResponse:
        """Run the commands of a call; return its response, or raise its exception."""
        flow = retry_flow(call, self._state)
        try:
            command = next(flow)
            while not isinstance(command, Finish):
                if isinstance(command, SendRequest):
                    command = flow.send(self._attempt(send_once, command.max_idle_age, call.deadline))
                elif isinstance(command, SyncClock):
                    command = flow.send(self.sync_clock(command.sync_count, command.deadline, request_time))
                else:
                    for seconds in self._state.lifetime.sleep_steps(command.seconds):
                        time.sleep(seconds)
                    command = next(flow)
        finally:
            flow.close()
        if isinstance(command.result, Exception):
            raise command.result
        return command.result

    def sync_clock(self, sync_count: int, deadline: float, request_time: SendOnce) -> bool:
        """Synchronize the clock, unless another call did since `sync_count`; return whether it is synchronized."""
        permit = self._clock_lock.acquire(deadline)
        if permit is None:
            return False
        try:
            if self._state.clock.sync_count != sync_count:
                return True
            sent = self._state.now()
            result = self._attempt(request_time, self._state.settings.write_keepalive_expiry, deadline)
            return self._state.update_clock(result, sent)
        finally:
            self._clock_lock.release(permit)

    def _attempt(self, send_once: SendOnce, max_idle_age: float, deadline: float) -> AttemptResult:
        permit = self._semaphore.acquire(deadline)
        if permit is None:
            return self._state.pool_timeout()
        try:
            # While the call waited for the permit, the client may have been closed, or another call met a ban.
            self._state.lifetime.require_open()
            return self._state.ban_error() or send_once(max_idle_age)
        except (httpx.HTTPError, errors.BinanceError) as failure:
            return failure
        except Exception:
            if self._state.lifetime.is_closed:
                return closed_during_call("unknown")
            raise
        finally:
            self._semaphore.release(permit)
