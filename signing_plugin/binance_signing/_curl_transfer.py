"""One request after another by a handle of libcurl, and what each ends in."""

import ctypes
import select
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import httpx
import pycurl
from binance_coinm.errors import ResponseError

from . import _forks
from ._body import described
from ._curl_messages import Answer, Request, answer_of, headers_of
from ._curl_settings import IDLE, Settings
from ._signer import Authorized

P = TypeVar("P")

# The number of libcurl's error, and its words.
Failed = tuple[int, str]
# Addresses and ports of both ends.
Connection = tuple[Any, ...]
# So many connections are known at most.
_MOST = 1000
_MAX_BYTES = (1 << 63) - 1


class Used(NamedTuple):
    """A connection that was used: its socket, and what gives something if there is anything to be read from it."""

    fd: int
    readable: Callable[[], Any]


def _used(fd: int) -> Used:
    if not hasattr(select, "poll"):
        return Used(fd, lambda: select.select([fd], [], [], 0)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return Used(fd, partial(poll.poll, 0))


def _guarded(begun: list[Connection], used: dict[Connection, Used]) -> Callable[..., bool]:
    def stops(*connection: Any) -> bool:
        """Say whether a request is not to be sent, though libcurl would."""
        begun.append(connection)
        if len(begun) > 1:
            # Libcurl sends a request again, a write too, when a connection ends that served another one before.
            return True
        # Of a connection that was just used libcurl does not ask whether the server has closed it since.
        before = used.get(connection)
        return before is not None and bool(before.readable())

    return stops


class Handles:
    """Handles of libcurl. What came along with a fork is never closed: by TLS that would say goodbye for the parent."""

    def __init__(self) -> None:
        self.easy: Any = None
        self.multi: Any = None
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without any, and leave those that are there in a fork as they are."""
        for handle in (self.easy, self.multi):
            if handle is not None:
                # Python would close it at its end, if not before.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))


class Transfer(Handles):
    """A handle of libcurl, for one call at a time. Nothing of it refers to itself, so that it ends with its last user.

    What libcurl calls for each piece of an answer is C, so that no piece of it takes the interpreter's time.
    """

    def __init__(self, settings: Settings, used: dict[Connection, Used]) -> None:
        super().__init__()
        self.easy = pycurl.Curl()
        self._settings = settings
        self._used = used
        self._head, self._body = bytearray(), bytearray()
        self._begun: list[Connection] = []
        self._set_up()

    def _set_up(self) -> None:
        self._is_common = True
        self._server = ""
        self._lines: list[bytes | str] = []
        self._limit = 0
        setopt = self.easy.setopt
        for option, value in self._settings.options:
            setopt(option, value)
        setopt(pycurl.HEADERFUNCTION, self._head.extend)
        setopt(pycurl.WRITEFUNCTION, self._body.extend)
        setopt(pycurl.PREREQFUNCTION, _guarded(self._begun, self._used))

    def take(
        self, request: Request, authorized: Authorized, lines: list[bytes | str], limit: int, deadline: float
    ) -> None:
        """Take a request, which is signed."""
        easy = self.easy
        self._head.clear()
        self._body.clear()
        self._begun.clear()
        if not self._is_common:
            easy.reset()
            self._set_up()
        query, body = authorized.query, authorized.body
        # Libcurl would write a URL in its own way, and what is signed is one way of several.
        target = b"%b?%b" % (request.path, query) if query else request.path
        is_told_urls = self._settings.tells_proxy_urls and request.origin[0] == "http"
        easy.setopt(pycurl.REQUEST_TARGET, request.server.encode() + target if is_told_urls else target)
        if self._server != request.server:
            self._server = request.server
            easy.setopt(pycurl.URL, request.server)
        if self._lines != lines:
            self._lines = lines
            easy.setopt(pycurl.HTTPHEADER, lines)
        if self._limit != limit:
            self._limit = limit
            easy.setopt(pycurl.MAXFILESIZE_LARGE, min(limit, _MAX_BYTES))
        self._set_deadline(deadline)
        skips_proxy = self._settings.skips_proxy_by_http and request.origin[0] == "http"
        if request.method != "GET" or body or skips_proxy:
            self._take_uncommonly(request.method, body, skips_proxy=skips_proxy)

    def _take_uncommonly(self, method: str, body: bytes | None, *, skips_proxy: bool) -> None:
        self._is_common = False
        if skips_proxy:
            self.easy.setopt(pycurl.PROXY, "")
        if body or method in ("POST", "PUT", "PATCH"):
            self.easy.setopt(pycurl.POSTFIELDS, body or b"")
        elif method == "HEAD":
            # Its length is that of a body that does not come.
            self.easy.setopt(pycurl.NOBODY, 1)
            self.easy.setopt(pycurl.MAXFILESIZE_LARGE, 0)
        self.easy.setopt(pycurl.CUSTOMREQUEST, method)

    def _set_deadline(self, deadline: float) -> None:
        self.easy.setopt(pycurl.TIMEOUT_MS, max(int((deadline - time.monotonic()) * 1000), 1))

    def note(self) -> None:
        """Take note of the connection that was used, before the handle forgets it."""
        fd: int = self.easy.getinfo(pycurl.ACTIVESOCKET)
        for connection in self._begun:
            before = self._used.get(connection)
            if fd >= 0 and (before is None or before.fd != fd):
                if len(self._used) >= _MOST:
                    self._used.clear()
                self._used[connection] = _used(fd)

    def begins_anew(self, failed: Failed, deadline: float) -> bool:
        """Say whether nothing was sent, for the connection had ended before; it is to be tried over a new one then."""
        if failed[0] != pycurl.E_ABORTED_BY_CALLBACK or len(self._begun) > 1:
            return False
        self._begun.clear()
        self._is_common = False
        self.easy.setopt(pycurl.FRESH_CONNECT, 1)
        self._set_deadline(deadline)
        return True

    def answer(self, failed: Failed | None) -> Answer:
        """Give the answer, or raise what came instead."""
        if failed is not None:
            raise self._failure(*failed)
        return answer_of(self.easy.getinfo(pycurl.RESPONSE_CODE), self._head, self._body, self._limit)

    def _failure(self, number: int, words: str) -> httpx.HTTPError:
        if number == pycurl.E_OPERATION_TIMEDOUT:
            kind = httpx.ReadTimeout if self._begun else httpx.ConnectTimeout
            return kind("the call's deadline has passed")
        if not self._begun:
            return httpx.ConnectError(words)
        if number == pycurl.E_FILESIZE_EXCEEDED:
            with described(self.easy.getinfo(pycurl.RESPONSE_CODE), headers_of(self._head)):
                raise ResponseError(f"expected a body of at most {self._limit} bytes (max_answer_bytes), got more")
        if number == pycurl.E_ABORTED_BY_CALLBACK:
            words = "the server has closed the connection, which had served other calls"
        return httpx.RemoteProtocolError(words)


class SyncTransfer(Transfer):
    """A transfer that blocks its thread. It has connections of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, {})

    def _set_up(self) -> None:
        super()._set_up()
        self.easy.setopt(pycurl.NOPROGRESS, 0)
        self.easy.setopt(pycurl.XFERINFOFUNCTION, _hear)

    def perform(self) -> Failed | None:
        """Send the request, and wait for the answer."""
        try:
            self.easy.perform()
        except pycurl.error as error:
            return int(error.args[0]), str(error.args[-1])
        self.note()
        return None


def _hear(*_: int) -> None:
    # Libcurl calls this when a signal comes, and once a second. As it is Python, the signal's handler is run here, in
    # the main thread, and what it raises, Ctrl+C above all, goes through libcurl to the caller.
    pass


class Pool:
    """Transfers that clients of equal settings share; with the last one who holds the pool, its connections end.

    It knows nothing of accounts: credentials come with each request, and no cookie is kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: deque[tuple[float, SyncTransfer]] = deque()
        self._looks_again_at = 0.0

    def taken(self) -> SyncTransfer:
        """Give a transfer, the one that was used last, if there is one."""
        try:
            return self._idle.pop()[1]
        except IndexError:
            return SyncTransfer(self._settings)

    def give_back(self, transfer: SyncTransfer) -> None:
        """Keep a transfer for other calls, and let go of those that were not used for long."""
        now = time.monotonic()
        self._idle.append((now, transfer))
        if now >= self._looks_again_at:
            self._looks_again_at = now + IDLE
            # Other threads may take them meanwhile.
            with suppress(IndexError):
                while self._idle[0][0] + IDLE < now:
                    self._idle.popleft()


class Pools(Generic[P]):
    """The pools that are in use in this process, by what they are made of."""

    def __init__(self, make: Callable[..., P]) -> None:
        self._make = make
        _forks.begin(self)

    def begin(self) -> None:
        """Begin without a pool, at first and after a fork."""
        self._making = Lock()
        self._pools: WeakValueDictionary[tuple[Any, ...], P] = WeakValueDictionary()

    def pool(self, *of: Any) -> P:
        """Give a pool."""
        with self._making:
            pool = self._pools.get(of)
            if pool is None:
                pool = self._pools[of] = self._make(*of)
            return pool


POOLS = Pools(Pool)
