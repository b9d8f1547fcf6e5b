"""What is known of the exchange, and what the sync and the async driver of a call's tries share."""

import time
from collections.abc import Generator
from contextlib import contextmanager

import httpx
from attrs import frozen
from binance_coinm import errors
from binance_coinm.api.market import server_time

from ._body import Body
from ._clock import Clock
from ._options import CallOptions
from ._rate_limit import RateLimit
from ._tries import Call, Outcome, error_of

# So many calls of a client are on their way at once, and the others wait for a place in their order. They wait here,
# for the time that httpx's own queue takes grows with the square of its length.
PLACES = 100
LIMITS = httpx.Limits(max_connections=PLACES, max_keepalive_connections=20)
# They tell how a body came, and are not true of the one that is decoded.
_HEADERS_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")


@frozen
class Exchange:
    """What the drivers of one client share: what is known of the exchange, and how to call it."""

    options: CallOptions
    clock: Clock
    rate_limit: RateLimit
    sync_clock: bool
    pacing: int | None
    max_answer_bytes: int

    def call(self, request: httpx.Request) -> Call:
        """Tell what the tries of a request depend on; its time begins now."""
        options = request.extensions.get("options", self.options)
        return Call(
            # Source: RFC 9110, section 9.2.1, safe methods.
            is_read=request.method in ("GET", "HEAD"),
            is_signed=getattr(request.extensions.get("security"), "signed", False),
            is_repeatable=isinstance(request.stream, httpx.ByteStream),
            weight=request.extensions.get("weight", 1),
            deadline=time.monotonic() + options.timeout,
            recovery=options.recovery,
            sync_clock=self.sync_clock,
            pacing=self.pacing,
            clock=self.clock,
            rate_limit=self.rate_limit,
        )

    def body(self, response: httpx.Response) -> Body:
        """Give what the response's chunks are fed to."""
        # A transport without a network gives whole responses, which are decoded already.
        encoding = "" if response.is_closed else response.headers.get("content-encoding", "")
        return Body(encoding, self.max_answer_bytes)

    def measured(self, outcome: Outcome, sent: float) -> bool:
        """Set the clock by an answer to the question for the time, if it is one."""
        received, now = time.monotonic(), self.clock()
        error = error_of(outcome)
        if error is not None:
            self.rate_limit.refused(error, self.pacing, now, received, now)
        if not isinstance(outcome, httpx.Response):
            return False
        try:
            told = server_time.read_response(outcome).parsed.server_time
        except errors.BinanceError:
            # The call that asked for it ends in its own error then, or tries again.
            return False
        self.clock.measured(told, sent, received)
        return True


def bound(request: httpx.Request, deadline: float) -> None:
    """Give each operation of a request what is left of the call, and a moment at least, so that it ends in httpx."""
    left = max(deadline - time.monotonic(), 0.001)
    request.extensions = {**request.extensions, "timeout": httpx.Timeout(left).as_dict()}


def no_place() -> httpx.PoolTimeout:
    """Give the outcome of a try that was not made, for all connections were in use until the deadline."""
    return httpx.PoolTimeout(f"{PLACES} other calls were on their way until the call's deadline")


def closed() -> errors.ConfigurationError:
    """Give the outcome of a try whose client was closed meanwhile."""
    return errors.ConfigurationError("this client was closed before the call had its answer; close it later")


def without_frames(interruption: BaseException) -> BaseException:
    """Give what interrupts a call without the engine's frames, which hold what was written, and that the signature."""
    interruption.__context__ = None
    return interruption.with_traceback(None)


@contextmanager
def described(response: httpx.Response) -> Generator[None]:
    """Tell of a body that is none whose answer's it is."""
    try:
        yield
    except errors.ResponseError as error:
        error.status_code, error.headers = response.status_code, response.headers
        raise


def whole(response: httpx.Response, content: bytes) -> httpx.Response:
    """Give a response with its body, which is decoded."""
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _HEADERS_OF_THE_WIRE]
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=content,
        request=response.request,
        extensions=response.extensions,
        history=response.history,
    )


def result(outcome: Outcome) -> httpx.Response:
    """Give the response that a call ends in, or raise what it ends in instead."""
    if isinstance(outcome, httpx.Response):
        return outcome
    raise outcome
