"""The sandbox as a whole: a server in a thread, and what one tells it."""

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from uvicorn.server import ServerState

from binance_sandbox._account import Account
from binance_sandbox._app import Application, Connection
from binance_sandbox._clock import Clock
from binance_sandbox._document import read_document
from binance_sandbox._exchange import Exchange
from binance_sandbox._faults import Fault
from binance_sandbox._messages import JSON, ReceivedRequest, encode
from binance_sandbox._plan import Instruction, Plan, ToldAnswer

if TYPE_CHECKING:
    from binance_signing import Credentials

_HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 3600
_PORTS = range(1 << 16)
_STATUSES = range(200, 600)
_REMEMBERED_REQUESTS = 10_000

_Started = Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]


class Sandbox:
    """The exchange on a loopback port of this process.

        with Sandbox() as sandbox, connect(sandbox.credentials, server=sandbox.url) as client:
            ...

    It checks what the exchange checks, in its order, and counts the weight of requests. What it knows of operations
    it reads from the document. It may be told things at any time, from any thread.
    """

    def __init__(  # noqa: PLR0913, all are rare, and given by name
        self,
        *,
        document: Path | None = None,
        accounts: Iterable[Account] | None = None,
        clock: Callable[[], float] | None = None,
        clock_offset_ms: float = 0,
        weight_limit: int = 2400,
        port: int = 0,
    ) -> None:
        """Prepare a sandbox; it runs from `start()`, or `with`, on.

        `document` is an OpenAPI document of the exchange, by default that of the generated package. `accounts` is by
        default one with random API key and HMAC secret, answered with examples; the first one is `account`. `clock`
        returns milliseconds since the epoch, by default this machine's; the sandbox is ahead of it by
        `clock_offset_ms`. `weight_limit` is the weight that may be used within a minute. Port 0 is any free one;
        ValueError if the port cannot be one.
        """
        if port not in _PORTS:
            raise ValueError(f"a port is from 1 to 65535, or 0 for any free one, not {port}")
        opened = list(accounts or [Account(answers=_example_answers())])
        self._clock = Clock(clock or (lambda: time.time() * 1000), clock_offset_ms)
        self._exchange = Exchange(read_document(document), opened, weight_limit)
        self._plan = Plan()
        self._requests: deque[ReceivedRequest] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._port = port
        self._running: tuple[Thread, asyncio.AbstractEventLoop, asyncio.Event, str] | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def start(self) -> None:
        """Serve from now on; OSError if the port is taken, RuntimeError if the sandbox runs already."""
        if self._running:
            raise RuntimeError(f"the sandbox runs already at {self.url}")
        listener = socket.create_server((_HOST, self._port))
        url = f"http://{_HOST}:{listener.getsockname()[1]}"
        started: _Started = Future()
        thread = Thread(target=self._run, args=(listener, started), name="binance_sandbox", daemon=True)
        thread.start()
        self._running = (thread, *started.result(), url)

    def close(self) -> None:
        """Stop serving and abort the connections that are left; does nothing if the sandbox does not run."""
        if self._running:
            thread, loop, stop, _ = self._running
            self._running = None
            loop.call_soon_threadsafe(stop.set)
            thread.join()

    @property
    def url(self) -> str:
        """Where the sandbox answers; RuntimeError if it does not run."""
        if not self._running:
            raise RuntimeError("the sandbox does not run; use it in a with statement, or call start()")
        return self._running[3]

    @property
    def accounts(self) -> list[Account]:
        """All accounts."""
        return list(self._exchange.accounts.values())

    @property
    def account(self) -> Account:
        """The first account."""
        return self.accounts[0]

    @property
    def credentials(self) -> "Credentials":
        """What a client of the first account signs with; RuntimeError if the account has a public key."""
        return self.account.credentials

    def add_account(
        self,
        api_key: str | None = None,
        secret: str | None = None,
        public_key_pem: str | bytes | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> Account:
        """Open another account, see `Account`.

        ValueError if there is one with this API key, or if both a secret and a public key are given.
        """
        account = Account(api_key, secret=secret, public_key_pem=public_key_pem, answers=answers)
        if self._exchange.accounts.setdefault(account.api_key, account) is not account:
            raise ValueError("there is an account with this API key already; take another key, or change that account")
        return account

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the first account is answered by the first operation whose answer is a list; may be changed in place.

        The rows are JSON objects, as the exchange sends them. LookupError if no operation answers with a list.
        """
        operation_id, default = self._rows_of()
        rows: list[dict[str, Any]] = self.account.answers.setdefault(operation_id, deepcopy(default))
        return rows

    @rows.setter
    def rows(self, rows: list[dict[str, Any]]) -> None:
        self.account.answers[self._rows_of()[0]] = rows

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests so far, the last 10,000 of them, in the order in which they came in."""
        return list(self._requests)

    def take_requests(self) -> list[ReceivedRequest]:
        """Give what `requests` gives, and forget it."""
        return [self._requests.popleft() for _ in range(len(self._requests))]

    @property
    def used_weight(self) -> int:
        """The weight used within the current minute of the sandbox's clock."""
        return self._exchange.rate_limit.used(self._clock.now_ms())

    @property
    def now_ms(self) -> int:
        """The sandbox's time in milliseconds since the epoch."""
        return self._clock.now_ms()

    @property
    def clock_offset_ms(self) -> float:
        """By how many milliseconds the sandbox's clock is ahead of its source; negative if it is behind."""
        return self._clock.offset_ms

    @clock_offset_ms.setter
    def clock_offset_ms(self, offset_ms: float) -> None:
        self._clock.offset_ms = offset_ms

    @property
    def clock_drift(self) -> float:
        """How many milliseconds the sandbox's clock gains in each second of its source."""
        return self._clock.drift

    @clock_drift.setter
    def clock_drift(self, drift: float) -> None:
        self._clock.drift = drift

    def answer_next(  # noqa: PLR0913, all but the status are rare, and given by name
        self,
        status: int,
        *,
        example: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
        times: int = 1,
        path: str | None = None,
        fault: Fault | None = None,
    ) -> None:
        """Answer the next request like this, without any check; what is told more than once is done in its order.

        Without `body` the answer is the document's example for the request's operation and this status, the one named
        `example` or the first one; empty if there is none. Bytes and text are sent as they are, everything else as
        JSON. `headers` come on top of those that the document has for the answer. It is for the next `times` requests,
        to `path` if given. A `fault` may befall it on the wire. Raises ValueError for a status that ends no request,
        for an example that the document does not have, and for less than one request.
        """
        if status not in _STATUSES:
            raise ValueError(f"a status that ends a request is from 200 to 599, not {status}")
        if example is not None and not self._exchange.document.find_example(None, status=status, name=example):
            raise ValueError(
                f"the document has no example named {example!r} for status {status}; give another or a body"
            )
        if content_type is None and body is not None and not isinstance(body, bytes | str):
            content_type = JSON
        added = dict(headers or {}) | ({"content-type": content_type} if content_type else {})
        told = ToldAnswer(status, example, None if body is None else encode(body), added)
        self._plan.add(Instruction(times, path, told, fault))

    def fail_next(self, fault: Fault, *, times: int = 1, path: str | None = None) -> None:
        """Let a fault befall the answers to the next `times` requests, to `path` if given; see `answer_next`.

        The requests are checked and answered as ever; the fault befalls the answer. ValueError for less than one.
        """
        self._plan.add(Instruction(times, path, fault=fault))

    def _rows_of(self) -> tuple[str, Any]:
        for operation in self._exchange.document.operations:
            if operation.success.is_list:
                return operation.operation_id, operation.example
        raise LookupError("no operation of the document answers with a list; use account.answers")

    def _run(self, listener: socket.socket, started: _Started) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve(listener, started))
        except Exception as error:  # noqa: BLE001, whatever it is, start() waits for it and raises it
            listener.close()
            started.set_exception(error)

    async def _serve(self, listener: socket.socket, started: _Started) -> None:
        """Serve until told to stop.

        uvicorn.Server would look every tenth of a second whether to stop, wait for connections that stay silent for
        ever, and set up the loggers of the whole process. The Date header is left out: it tells the machine's time.
        """
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        application = Application(self._exchange, self._clock, self._plan, self._requests)
        config = uvicorn.Config(
            application,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        state, connections = ServerState(), set[Connection]()
        server = await loop.create_server(lambda: Connection(config, state, connections), sock=listener)
        started.set_result((loop, stop))
        await stop.wait()
        # Asked before it closes, the server counts what it has accepted and no protocol has been told of yet.
        closed = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(0)
        server.close()
        while not closed.done():
            for connection in connections:
                connection.transport.abort()
            await asyncio.sleep(0)
        await asyncio.gather(*state.tasks)


def _example_answers() -> dict[str, Any]:
    """Return the examples of this package by operationId; they are more than fit into the document."""
    text = (files("binance_sandbox") / "example_answers.json").read_text(encoding="utf-8")
    answers: dict[str, Any] = json.loads(text)
    return answers
