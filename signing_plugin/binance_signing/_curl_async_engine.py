"""The fast engine's async side, on asyncio. Imported when it is first needed, as its driver."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pycurl
from binance_coinm import engines
from binance_coinm.errors import ConfigurationError

from ._async_driver import AsyncDriver
from ._curl_engine import CurlBase
from ._curl_messages import Answer, Request, request_of
from ._curl_settings import Settings
from ._curl_transfer import Connection, Failed, Handles, Pools, Transfer, Used
from ._exchange import Exchange
from ._sockets import SOCKETS

# Connections that nobody uses for the moment; libcurl closes the others, and would keep but a few by itself.
_MAX_IDLE = 1000


class AsyncPool(Handles):
    """The connections of clients of equal settings in one event loop, which tells libcurl what it waits for."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._settings = settings
        self._loop = loop
        self._users = 0
        self._idle: list[Transfer] = []
        self._used: dict[Connection, Used] = {}
        self._waiting: dict[Any, asyncio.Future[Failed | None]] = {}
        # When libcurl wants to be called next, and the one call of the loop that comes no later.
        self._due: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._is_due_now = self._is_acting = False

    def enter(self) -> None:
        """Take note of one more user."""
        if self.multi is None:
            # The loop watches one thing, and that all sockets: each call would have to be told to it and taken back.
            self._sockets = SOCKETS()
            self._loop.add_reader(self._sockets, self._act_on_sockets)
            self.multi = multi = pycurl.CurlMulti()
            multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
            multi.setopt(pycurl.M_TIMERFUNCTION, self._call_me)
            multi.setopt(pycurl.M_MAXCONNECTS, _MAX_IDLE)
        self._users += 1

    def leave(self) -> None:
        """Take note that a user is gone."""
        self._users -= 1
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._users or self._waiting or self.multi is None:
            return
        self._idle.clear()
        self.multi.close()
        self.multi = None
        self._loop.remove_reader(self._sockets)
        self._sockets.close()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def taken(self) -> Transfer:
        """Give a transfer, the one that was used last, if there is one."""
        return self._idle.pop() if self._idle else Transfer(self._settings, self._used)

    def give_back(self, transfer: Transfer) -> None:
        """Keep a transfer for other calls."""
        if self.multi is not None:
            self._idle.append(transfer)

    async def perform(self, transfer: Transfer) -> Failed | None:
        """Send a request, and wait for the answer; if that is cancelled, the connection is closed at once."""
        # What begins alone is sent at once, and what begins beside others together, at the end of the loop's turn.
        self._is_acting = is_alone = not self._waiting
        future: asyncio.Future[Failed | None] = self._loop.create_future()
        self._waiting[transfer.easy] = future
        self.multi.add_handle(transfer.easy)
        try:
            if is_alone:
                self._act(())
            failed = await future
            if failed is None:
                transfer.note()
            return failed
        finally:
            self._waiting.pop(transfer.easy, None)
            self.multi.remove_handle(transfer.easy)
            if not self._users:
                self._close_if_unused()

    def _watch(self, what: int, fd: int, *_: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._sockets.forget(fd)
        else:
            self._sockets.watch(fd, what)

    def _call_me(self, milliseconds: int) -> None:
        if milliseconds < 0:
            self._due = None
        elif milliseconds:
            self._due = due = self._loop.time() + milliseconds / 1000
            # Each call has a deadline, and most are not reached: an alarm too early is cheaper than to move it.
            if self._alarm is None or self._alarm.when() > due:
                self._set_alarm(due)
        elif not self._is_due_now:
            self._is_due_now = True
            if not self._is_acting:
                self._loop.call_soon(self._act_if_due)

    def _set_alarm(self, time: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(time, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._due is None:
            return
        if self._due > self._loop.time():
            self._set_alarm(self._due)
        else:
            self._act(())

    def _act_if_due(self) -> None:
        if self._is_due_now:
            self._act(())

    def _act_on_sockets(self) -> None:
        self._act(self._sockets.ready())

    def _act(self, ready: Sequence[tuple[int, int]]) -> None:
        multi = self.multi
        if multi is None:
            return
        self._is_acting = True
        self._is_due_now |= not ready
        try:
            for fd, events in ready:
                multi.socket_action(fd, events)
            while self._is_due_now:
                self._is_due_now = False
                multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        finally:
            self._is_acting = False
        left = 1
        while left:
            left, done, failed = multi.info_read()
            for easy in done:
                self._end(easy, None)
            for easy, number, words in failed:
                self._end(easy, (number, words))

    def _end(self, easy: Any, failed: Failed | None) -> None:
        future = self._waiting.get(easy)
        if future is not None and not future.done():
            future.set_result(failed)


ASYNC_POOLS = Pools(AsyncPool)


class CurlAsyncEngine(CurlBase[AsyncPool]):
    """Sends async calls, each in as many tries as it needs."""

    def __init__(self, exchange: Exchange, base_url: str, headers: dict[str, str], settings: Settings) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError("engine='curl' runs on asyncio alone; use engine='httpx' for trio") from None
        # By what a system watches many sockets as one, which on Windows is nothing.
        if not hasattr(SOCKETS, "fileno"):
            raise ConfigurationError("engine='curl' makes no async calls on this system, but engine='httpx' does")
        super().__init__(exchange, base_url, headers, ASYNC_POOLS.pool(settings, loop))
        self._open().enter()
        self._driver = AsyncDriver(exchange, self)

    async def aclose(self) -> None:
        """Let go of the pool, which is closed unless others use it."""
        pool, self._pool = self._pool, None
        self.is_closed = True
        if pool is not None:
            pool.leave()

    def request(self, **request: Any) -> Coroutine[Any, Any, engines.Answer]:
        """Send the request whose arguments these are, as `httpx.AsyncClient.request` does."""
        prepared = request_of(self._base_url, **request)
        call = self._exchange.call(prepared.method, prepared.extensions, is_repeatable=prepared.body is not None)
        return self._driver.answer(prepared, call, {})

    async def attempt(self, request: Request, deadline: float, settings: dict[str, Any]) -> Answer:  # noqa: ARG002, httpx's
        """Sign the request, send it and give the answer until the deadline."""
        pool = self._open()
        signed = self._signed(request)
        transfer = pool.taken()
        transfer.take(request, *signed, deadline)
        failed = await pool.perform(transfer)
        if failed is not None and transfer.begins_anew(failed, deadline):
            failed = await pool.perform(transfer)
        try:
            return transfer.answer(failed)
        finally:
            pool.give_back(transfer)
