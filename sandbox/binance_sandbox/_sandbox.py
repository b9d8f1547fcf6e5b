"""The class `Sandbox`."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from copy import deepcopy
from importlib.resources import files
from os import PathLike
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs
import h11

from binance_sandbox._account import Account
from binance_sandbox._arguments import check_integer, check_number, check_type, closest, invalid
from binance_sandbox._clock import Clock
from binance_sandbox._faults import Connection, Fault
from binance_sandbox._handler import RequestHandler
from binance_sandbox._http import JSON, ReceivedRequest, encode
from binance_sandbox._server import Server
from binance_sandbox._spec import Operation, Spec, load_spec
from binance_sandbox._stubs import Stub, StubQueue, StubResponse

if TYPE_CHECKING:
    from binance_signing import Credentials

_MILLISECONDS = "a finite number of milliseconds"
_MAX_RECEIVED_REQUESTS = 10_000


class Sandbox:
    """The exchange on a loopback port of this process.

        with Sandbox() as sandbox, connect(sandbox.credentials, server=sandbox.url) as client:
            ...

    It checks requests as the exchange does, in the same order, and counts their weight. The operations are read from
    the OpenAPI document. All methods may be called at any time, from any thread.
    """

    def __init__(  # noqa: PLR0913, all are optional and keyword-only
        self,
        *,
        document: str | PathLike[str] | None = None,
        accounts: Iterable[Account] | None = None,
        clock: Callable[[], float] | None = None,
        clock_offset_ms: float = 0,
        weight_limit: int = 2400,
        port: int = 0,
    ) -> None:
        """Create a sandbox; it serves after `start()`, or in a `with` statement.

        `document` is the path of an OpenAPI document, by default that of the generated package. `accounts` is by
        default one account with a random API key and HMAC secret, and example responses; the first account is
        `account`. `clock` returns milliseconds since the epoch, by default those of this machine; the sandbox's clock
        is ahead of it by `clock_offset_ms`. `weight_limit` is the maximum weight per minute. Port 0 is any free port.
        Raises ValueError for invalid arguments, and OSError for a document that cannot be read.
        """
        check_integer("port", port, "an integer from 1 to 65535, or 0 for any free port", maximum=65535)
        check_integer("weight_limit", weight_limit, "an integer, at least 0")
        check_number("clock_offset_ms", clock_offset_ms, _MILLISECONDS)
        if clock is not None:
            if not callable(clock):
                raise invalid("clock", "a function that returns milliseconds since the epoch", clock)
            check_number("clock", clock(), f"a function that returns {_MILLISECONDS}")
        if document is not None:
            check_type("document", document, (str, PathLike), "the path of an OpenAPI document")
        spec = load_spec(None if document is None else Path(document))
        # Guards all that the server's thread shares with others; the clock's source may call the sandbox.
        self._lock = RLock()
        self._clock = Clock(clock or (lambda: time.time() * 1000), clock_offset_ms)
        self._handler = RequestHandler(spec, _as_accounts(accounts, spec), weight_limit)
        self._stubs = StubQueue()
        self._received_requests: deque[ReceivedRequest] = deque(maxlen=_MAX_RECEIVED_REQUESTS)
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.close()

    def start(self) -> None:
        """Start serving; raise OSError if the port is in use, RuntimeError if the sandbox is running already."""
        if self._server:
            raise RuntimeError(f"the sandbox is running already at {self.url}")
        self._server = Server(self._respond, self._port)

    def close(self) -> None:
        """Stop serving and abort open connections; does nothing if the sandbox is not running."""
        if self._server:
            server, self._server = self._server, None
            server.close()

    @property
    def url(self) -> str:
        """The URL of the sandbox; RuntimeError if it is not running."""
        if not self._server:
            raise RuntimeError("the sandbox is not running; use it in a with statement, or call start()")
        return self._server.url

    @property
    def accounts(self) -> list[Account]:
        """All accounts."""
        with self._lock:
            return list(self._handler.accounts.values())

    @property
    def account(self) -> Account:
        """The first account."""
        return self.accounts[0]

    @property
    def credentials(self) -> "Credentials":
        """Credentials of the first account, for a client; RuntimeError if the account has a public key."""
        return self.account.credentials

    def add_account(
        self,
        api_key: str | None = None,
        secret: str | None = None,
        public_key_pem: str | bytes | None = None,
        responses: Mapping[str, Any] | None = None,
    ) -> Account:
        """Add an account and return it; the arguments are those of `Account`.

        Raises ValueError for invalid arguments, and if the API key is in use.
        """
        account = Account(api_key, secret=secret, public_key_pem=public_key_pem, responses=responses)
        with self._lock:
            self._handler.add_account(account)
        return account

    @property
    def responses(self) -> MutableMapping[str, Any]:
        """The responses of the first account by operationId: bodies, or functions of the parameters; see `Account`."""
        return self.account.responses

    @property
    def balances(self) -> list[dict[str, Any]]:
        """The first account's response to the first operation that returns a list; may be changed in place.

        Balances are JSON objects, as the exchange sends them; an amount is text, or a Decimal, whose digits are all
        sent. What is set is checked: ValueError names the place, and the member that is not as the document describes
        it. After such a change in place, the sandbox sends status 501 with that text. Raises LookupError if no
        operation returns a list, and RuntimeError if a function returns the balances.
        """
        operation = self._balances_operation()
        responses = self.account.responses
        if operation.operation_id not in responses:
            responses[operation.operation_id] = deepcopy(operation.example)
        balances: list[dict[str, Any]] = responses[operation.operation_id]
        if callable(balances):
            text = "a function returns the balances; change what it returns, or set the balances first"
            raise RuntimeError(text)  # noqa: TRY004, no argument has a wrong type
        return balances

    @balances.setter
    def balances(self, balances: list[dict[str, Any]]) -> None:
        self.account.responses[self._balances_operation().operation_id] = balances

    @property
    def received_requests(self) -> list[ReceivedRequest]:
        """The requests received so far, at most the last 10,000, oldest first."""
        with self._lock:
            return list(self._received_requests)

    def pop_requests(self) -> list[ReceivedRequest]:
        """Return `received_requests` and clear them."""
        with self._lock:
            requests = list(self._received_requests)
            self._received_requests.clear()
        return requests

    @property
    def used_weight(self) -> int:
        """The weight used within the current minute of the sandbox's clock."""
        with self._lock:
            return self._handler.rate_limit.used(self._clock.now_ms())

    @property
    def now_ms(self) -> int:
        """The sandbox's time in milliseconds since the epoch."""
        with self._lock:
            return self._clock.now_ms()

    @property
    def clock_offset_ms(self) -> float:
        """The milliseconds by which the sandbox's clock is ahead of its source; negative if it is behind."""
        with self._lock:
            return self._clock.offset_ms

    @clock_offset_ms.setter
    def clock_offset_ms(self, offset_ms: float) -> None:
        check_number("clock_offset_ms", offset_ms, _MILLISECONDS)
        with self._lock:
            self._clock.offset_ms = offset_ms

    @property
    def clock_drift(self) -> float:
        """The milliseconds that the sandbox's clock gains in each second of its source."""
        return self._clock.drift

    @clock_drift.setter
    def clock_drift(self, drift: float) -> None:
        check_number("clock_drift", drift, f"{_MILLISECONDS} per second")
        with self._lock:
            self._clock.drift = drift

    def respond_next(  # noqa: PLR0913, all but the status are optional and keyword-only
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
        """Queue a canned response for the next request, without validation; queued responses are sent in FIFO order.

        Without `body` it is the document's example for the request's operation and this status: the one named
        `example`, or the first one; empty if there is none. Bytes and text are sent as they are, everything else as
        JSON. `headers` are added to those that the document has for the response. It is sent for the next `times`
        requests, to `path` if given, and with `fault` if given. Raises ValueError for invalid arguments, such as a
        status that is not a final one, or an example that the document does not have.
        """
        check_integer("status", status, "an integer from 200 to 599", minimum=200, maximum=599)
        if example is not None and example not in (known := self._handler.spec.example_names(status)):
            raise ValueError(
                f"the document has no example named {example!r} for status {status}; name another, or pass a body"
                f"{closest(example, known)}"
            )
        if content_type is None and body is not None and not isinstance(body, bytes | str):
            content_type = JSON
        if content_type is not None:
            check_type("content_type", content_type, str, "a media type")
        if headers is not None:
            check_type("headers", headers, Mapping, "values by name")
        added = dict(headers or {}) | ({"content-type": content_type} if content_type else {})
        _check_headers(added)
        response = StubResponse(status, example, None if body is None else encode(body), added)
        self._add_stub(Stub(times, path, response, fault))

    def inject_fault(self, fault: Fault, *, times: int = 1, path: str | None = None) -> None:
        """Queue a network fault for the next `times` requests, to `path` if given; see `respond_next`.

        The requests are checked as usual; the fault affects how the response is sent. Raises ValueError for invalid
        arguments.
        """
        check_type("fault", fault, Fault, "a Fault such as Fault.silence()")
        self._add_stub(Stub(times, path, fault=fault))

    def _add_stub(self, stub: Stub) -> None:
        check_integer("times", stub.times, "an integer, at least 1", minimum=1)
        if stub.path is not None and not str(stub.path).startswith("/"):
            raise invalid("path", "a path that begins with /", stub.path)
        if stub.fault is not None:
            check_type("fault", stub.fault, Fault, "a Fault such as Fault.silence()")
        self._stubs.add(stub)

    def _balances_operation(self) -> Operation:
        for operation in self._handler.spec.operations:
            if operation.success.is_list:
                return operation
        raise LookupError("no operation of the document returns a list; use account.responses")

    async def _respond(self, request: ReceivedRequest, connection: Connection) -> None:
        """Respond to a request; called in the server's thread."""
        stub = self._stubs.pop_for(request.path)
        with self._lock:
            response = self._handler.handle(request, self._clock.now_ms(), stub.response if stub else None)
            self._received_requests.append(attrs.evolve(request, status=response.status))
        if stub and stub.fault:
            await stub.fault.apply(response, connection)
        else:
            await connection.send(response)


def example_responses(spec: Spec) -> dict[str, Any]:
    """Return this package's examples by operationId, which are longer than those of the document.

    Those that a document does not describe, or describes otherwise, are left out: its own examples take their place.
    """
    text = (files("binance_sandbox") / "example_responses.json").read_text(encoding="utf-8")
    responses: dict[str, Any] = {}
    for operation_id, body in json.loads(text).items():
        with suppress(ValueError):
            responses[operation_id] = spec.conform(operation_id, body)
    return responses


def _as_accounts(accounts: Iterable[Account] | None, spec: Spec) -> list[Account]:
    if accounts is None:
        return [Account(responses=example_responses(spec))]
    expected = "at least one Account, in an iterable"
    check_type("accounts", accounts, Iterable, expected)
    given = list(accounts)
    if not given:
        raise invalid("accounts", expected, given)
    for account in given:
        check_type("accounts", account, Account, expected)
    return given


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        try:
            h11.Response(status_code=200, headers=[(name.encode("ascii"), value.encode("latin-1"))])
        except (AttributeError, TypeError, UnicodeError, h11.LocalProtocolError):
            expected = "names and values that HTTP allows, each a string"
            raise invalid("headers", expected, {name: value}) from None
