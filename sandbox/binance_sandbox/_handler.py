"""The exchange's response to a request. Performs no I/O; the time is an argument."""

import itertools
import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

import attrs

from binance_sandbox._account import API_KEY_LENGTH, Account
from binance_sandbox._arguments import closest
from binance_sandbox._http import FORM, JSON, Headers, ReceivedRequest, Response, diagnostic, encode
from binance_sandbox._rate_limit import OrderCount, RateLimit, Verdict
from binance_sandbox._signature import split_signature
from binance_sandbox._spec import Operation, ResponseSpec, Spec
from binance_sandbox._stubs import StubResponse
from binance_sandbox._validation import RequestRejectedError, first_values, typed_values, validate_parameters

_PLACEHOLDERS: Final = {
    "parameter": r"(?<=')\w+(?=')",
    "client_ip": r"\d+\.\d+\.\d+\.\d+",
    "until_ms": r"\b\d{13}\b",
    "limit": r"\b\d+(?= requests)",
}
"""Patterns for the parts of the document's error messages that are replaced in each response."""

_LOGGER = logging.getLogger("binance_sandbox")


class _FunctionError(Exception):
    """A function among an account's responses failed."""


class RequestHandler:
    """The accounts, the rate limit, and the checks of a request in the exchange's order."""

    def __init__(self, spec: Spec, accounts: Sequence[Account], weight_limit: int) -> None:
        """Create a handler for at least one account; operations that need no API key are answered from the first."""
        self.spec = spec
        self.accounts: dict[str, Account] = {}
        self.rate_limit = RateLimit(weight_limit, min_ban_ms=spec.min_ban_ms, max_ban_ms=spec.max_ban_ms)
        self._order_counts: dict[tuple[str, str], OrderCount] = {}
        self._checked: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        for account in accounts:
            self.add_account(account)

    def add_account(self, account: Account) -> None:
        """Add an account; raise ValueError if its API key is in use, or for a response that the document has not."""
        if account.api_key in self.accounts:
            raise ValueError("an account with this API key exists already; use another key, or change that account")
        account.responses.check_with(self.spec.check_response)
        self.accounts[account.api_key] = account

    def handle(self, request: ReceivedRequest, now_ms: int, stub: StubResponse | None = None) -> Response:
        """Return the response to a request received at `now_ms`; a stub is returned without any check."""
        operation = self.spec.operation(request.method, request.path)
        form = _form_of(request)
        weight = operation.weight_of(first_values(query=request.query, form=form)) if operation else 0
        verdict = self.rate_limit.count(weight, now_ms)
        if stub:
            return self._from_stub(stub, operation, now_ms)
        try:
            self._check_rate_limit(verdict, now_ms)
            if operation is None:
                return diagnostic(HTTPStatus.NOT_FOUND, self._unknown(f"{request.method} {request.path}"))
            account = self._check_api_key(operation, request)
            parameters = validate_parameters(operation.parameters, query=request.query, form=form)
            if operation.security and operation.security.signed:
                self._check_timestamp(parameters, now_ms)
                self._check_signature(account, request)
            return self._accept(operation, account, request, now_ms)
        except RequestRejectedError as error:
            return self._reject(error, operation, request, now_ms)

    def _check_rate_limit(self, verdict: Verdict, now_ms: int) -> None:
        if verdict is not Verdict.PASS:
            example = "tooMany" if verdict is Verdict.TOO_MANY else "banned"
            raise RequestRejectedError(example, RetryAfter=str(self.rate_limit.retry_after(now_ms)))

    def _unknown(self, name: str) -> str:
        known = [f"{operation.method} {operation.path}" for operation in self.spec.operations]
        return f"{name} is not one of the document's {len(known)} operations{closest(name, known)}"

    def _check_api_key(self, operation: Operation, request: ReceivedRequest) -> Account:
        if operation.security is None:
            return next(iter(self.accounts.values()))
        api_key = request.headers.get(operation.security.header, "")
        if api_key in self.accounts:
            return self.accounts[api_key]
        is_well_formed = len(api_key) == API_KEY_LENGTH and api_key.isascii() and api_key.isalnum()
        raise RequestRejectedError("rejected" if is_well_formed else "format")

    def _check_timestamp(self, parameters: Mapping[str, str], now_ms: int) -> None:
        """Check the timestamp. Source: COIN-M Futures, General Info, "Timing security"."""
        timestamp = Decimal(parameters[self._name("timestamp")])
        recv_window = Decimal(parameters.get(self._name("recvWindow"), self.spec.default_recv_window_ms))
        if timestamp >= now_ms + self.spec.max_clock_skew_ms:
            raise RequestRejectedError("earlyTimestamp")
        if now_ms - timestamp > recv_window:
            raise RequestRejectedError("lateTimestamp")

    def _check_signature(self, account: Account, request: ReceivedRequest) -> None:
        split = split_signature(request.query, request.body, self._name("signature"))
        if split is None or not account.verify_signature(*split):
            raise RequestRejectedError("signature")

    def _name(self, component: str) -> str:
        return self.spec.parameter_names[component]

    def _accept(self, operation: Operation, account: Account, request: ReceivedRequest, now_ms: int) -> Response:
        success = operation.success
        try:
            if operation.operation_id in account.responses:
                given = account.responses[operation.operation_id]
                if callable(given):
                    given = self._call(given, operation, request)
                body = self._encode(account, operation.operation_id, given)
            else:
                body = self._example(operation, request)
                if success.component == "ServerTime":
                    body = encode(dict.fromkeys(body, now_ms))
        except _FunctionError as error:
            return _report(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), error.__cause__)
        except (LookupError, ValueError) as error:
            return _report(HTTPStatus.NOT_IMPLEMENTED, str(error))
        counts = self._count_orders(operation, account, request, now_ms)
        return self._build_response(int(success.status), success, body, now_ms, counts)

    def _count_orders(
        self, operation: Operation, account: Account, request: ReceivedRequest, now_ms: int
    ) -> dict[str, str]:
        """Count the orders of a request; return the account's, in each interval, by the component of their header."""
        items = _items_of(operation, request) if operation.order_count else None
        orders = operation.order_count * (1 if items is None else items)
        return {
            component: str(
                self._order_counts.setdefault((account.api_key, component), OrderCount(interval_ms)).add(orders, now_ms)
            )
            for component, interval_ms in self.spec.order_intervals_ms.items()
        }

    def _example(self, operation: Operation, request: ReceivedRequest) -> Any:
        """Return the example; if it has a result for each item of a list that is sent, its results are repeated."""
        example = operation.example
        items = _items_of(operation, request)
        return example if items is None else [*itertools.islice(itertools.cycle(example), items)]

    def _call(self, function: Callable[[dict[str, Any]], Any], operation: Operation, request: ReceivedRequest) -> Any:
        """Return what a function of the test returns; raise `RequestRejectedError` if it does."""
        values = _values_of(operation, request)
        for name in self.spec.signer_parameters:
            values.pop(name, None)
        try:
            return function(values)
        except RequestRejectedError:
            raise
        except BaseException as error:
            # pytest.fail() and sys.exit() too are meant for the test; here they would end the server.
            reason = "".join(traceback.format_exception_only(error)).strip()
            raise _FunctionError(f"the function in responses[{operation.operation_id!r}] raised {reason}") from error

    def _encode(self, account: Account, operation_id: str, body: Any) -> bytes:
        """Return an account's response as it is sent; raise ValueError if it is an invalid one."""
        given = encode(body)
        # A body is sent more often than it changes, and to check it takes much longer than to send it.
        checked, sent = self._checked.get((account.api_key, operation_id), (None, b""))
        if given != checked:
            sent = encode(self.spec.conform(operation_id, body))
            self._checked[account.api_key, operation_id] = given, sent
        return sent

    def _reject(
        self, error: RequestRejectedError, operation: Operation | None, request: ReceivedRequest, now_ms: int
    ) -> Response:
        try:
            status, documented, body = self.spec.find_error(operation, error.reason, error.status)
        except LookupError as unknown:
            return _report(HTTPStatus.NOT_IMPLEMENTED, f"the request is rejected, but {unknown}")
        values = error.values | {
            "client_ip": request.client_ip,
            "until_ms": str(self.rate_limit.banned_until_ms),
            "limit": str(self.rate_limit.limit),
        }
        if not isinstance(body, str):  # A text is an HTML page.
            body = {name: _render(value, values) if isinstance(value, str) else value for name, value in body.items()}
            body |= {} if error.msg is None else {"msg": error.msg}
        return self._build_response(status, documented, body, now_ms, values)

    def _from_stub(self, stub: StubResponse, operation: Operation | None, now_ms: int) -> Response:
        found = self.spec.find_example(operation, status=stub.status, name=stub.example)
        documented, example = found or (None, b"")
        response = self._build_response(stub.status, documented, example if stub.body is None else stub.body, now_ms)
        return attrs.evolve(response, headers=Headers([*response.headers.items(), *stub.headers.items()]))

    def _build_response(
        self,
        status: int,
        documented: ResponseSpec | None,
        body: object,
        now_ms: int,
        values: Mapping[str, str] | None = None,
    ) -> Response:
        """Build a response, with those of its documented headers whose value is known."""
        known = {"UsedWeight": str(self.rate_limit.used(now_ms)), **(values or {})}
        media_type = documented.media_type if documented else JSON
        headers = [("content-type", media_type)] if media_type else []
        if documented:
            headers += [
                (name, known[component]) for component, name in documented.headers.items() if component in known
            ]
        return Response(status, Headers(headers), encode(body))


def _report(status: HTTPStatus, text: str, cause: BaseException | None = None) -> Response:
    """Return and log what is wrong with a test or a document, because the program under test may handle the error."""
    _LOGGER.error("%s", text, exc_info=cause)
    return diagnostic(status, text)


def _items_of(operation: Operation, request: ReceivedRequest) -> int | None:
    """Return how many items the list has for which the response has results, None if not exactly one is sent."""
    if not operation.result_for:
        return None
    values = _values_of(operation, request)
    counts = [len(values[name]) for name in operation.result_for if name in values]
    return counts[0] if len(counts) == 1 else None


def _values_of(operation: Operation, request: ReceivedRequest) -> dict[str, Any]:
    return typed_values(operation.parameters, query=request.query, form=_form_of(request))


def _form_of(request: ReceivedRequest) -> bytes:
    is_form = request.method != "GET" and request.headers.get("content-type", "").startswith(FORM)
    return request.body if is_form else b""


def _render(message: str, values: Mapping[str, str]) -> str:
    """Replace the placeholders of an error message that have a value."""
    for name, pattern in _PLACEHOLDERS.items():
        if name in values:
            message = re.sub(pattern, values[name], message)
    return message
