"""What the exchange answers to a request: no I/O, the clock is handed in."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Final

import attrs

from binance_sandbox._account import KEY_LENGTH, Account
from binance_sandbox._document import Document, DocumentedAnswer, Operation
from binance_sandbox._messages import FORM, JSON, Answer, Headers, ReceivedRequest, encode
from binance_sandbox._parameters import RefusedError, read_parameters
from binance_sandbox._plan import ToldAnswer
from binance_sandbox._rate_limit import RateLimit, Verdict
from binance_sandbox._signature import split_signature

_VARYING: Final = {
    "parameter": r"(?<=')\w+(?=')",
    "caller": r"\d+\.\d+\.\d+\.\d+",
    "until_ms": r"\b\d{13}\b",
    "limit": r"\b\d+(?= requests)",
}
"""The parts of error messages that are other ones in each answer, as they look in the document's examples."""


class Exchange:
    """The exchange: accounts, the rate limit, and the order in which a request is checked."""

    def __init__(self, document: Document, accounts: Sequence[Account], weight_limit: int) -> None:
        """Open with at least one account; the first one is also that of callers who need none."""
        self.document = document
        self.accounts = {account.api_key: account for account in accounts}
        self.rate_limit = RateLimit(
            weight_limit, shortest_ban_ms=document.shortest_ban_ms, longest_ban_ms=document.longest_ban_ms
        )

    def answer(self, request: ReceivedRequest, now_ms: int, told: ToldAnswer | None = None) -> Answer:
        """Answer a request that comes in at `now_ms`; an answer that the exchange was told comes before all checks."""
        operation = self.document.operation(request.method, request.path)
        verdict = self.rate_limit.count(operation.weight if operation else 0, now_ms)
        if told:
            return self._told(told, operation, now_ms)
        try:
            self._check_limit(verdict, now_ms)
            if operation is None:
                known = ", ".join(f"{other.method} {other.path}" for other in self.document.operations)
                return _explain(HTTPStatus.NOT_FOUND, f"{request.method} {request.path} is not among {known}")
            account = self._check_api_key(operation, request)
            is_form = request.method != "GET" and request.headers.get("content-type", "").startswith(FORM)
            form = request.body if is_form else b""
            parameters = read_parameters(operation.parameters, query=request.query, form=form)
            if operation.security and operation.security.signed:
                self._check_time(parameters, now_ms)
                self._check_signature(account, request)
        except RefusedError as refused:
            return self._refuse(refused, operation, request, now_ms)
        return self._accept(operation, account, now_ms)

    def _check_limit(self, verdict: Verdict, now_ms: int) -> None:
        if verdict is not Verdict.PASS:
            example = "tooMany" if verdict is Verdict.TOO_MANY else "banned"
            raise RefusedError(example, RetryAfter=str(self.rate_limit.retry_after(now_ms)))

    def _check_api_key(self, operation: Operation, request: ReceivedRequest) -> Account:
        if operation.security is None:
            return next(iter(self.accounts.values()))
        api_key = request.headers.get(operation.security.header, "")
        if api_key in self.accounts:
            return self.accounts[api_key]
        is_well_formed = len(api_key) == KEY_LENGTH and api_key.isascii() and api_key.isalnum()
        raise RefusedError("rejected" if is_well_formed else "format")

    def _check_time(self, parameters: Mapping[str, str], now_ms: int) -> None:
        """Source: COIN-M Futures, General Info, "Timing security"."""
        timestamp = Decimal(parameters[self._name("timestamp")])
        recv_window = Decimal(parameters.get(self._name("recvWindow"), self.document.default_recv_window_ms))
        if timestamp >= now_ms + self.document.too_far_ahead_ms:
            raise RefusedError("earlyTimestamp")
        if now_ms - timestamp > recv_window:
            raise RefusedError("lateTimestamp")

    def _check_signature(self, account: Account, request: ReceivedRequest) -> None:
        split = split_signature(request.query, request.body, self._name("signature"))
        if split is None or not account.is_signature(*split):
            raise RefusedError("signature")

    def _name(self, component: str) -> str:
        return self.document.parameter_names[component]

    def _accept(self, operation: Operation, account: Account, now_ms: int) -> Answer:
        documented = operation.success
        body = account.answers.get(operation.operation_id, operation.example)
        if documented.component == "ServerTime" and operation.operation_id not in account.answers:
            body = dict.fromkeys(body, now_ms)
        return self._compose(int(documented.status), documented, body, now_ms)

    def _refuse(
        self, refused: RefusedError, operation: Operation | None, request: ReceivedRequest, now_ms: int
    ) -> Answer:
        found = self.document.find_example(operation, name=refused.example)
        if found is None:
            text = f"the document has no error example named {refused.example!r}, which is the answer to this request"
            return _explain(HTTPStatus.NOT_IMPLEMENTED, text)
        documented, example = found
        values = refused.values | {
            "caller": request.caller,
            "until_ms": str(self.rate_limit.banned_until_ms),
            "limit": str(self.rate_limit.limit),
        }
        body = {name: _fill(value, values) if isinstance(value, str) else value for name, value in example.items()}
        return self._compose(int(documented.status), documented, body, now_ms, values)

    def _told(self, told: ToldAnswer, operation: Operation | None, now_ms: int) -> Answer:
        found = self.document.find_example(operation, status=told.status, name=told.example)
        documented, body = found or (None, b"")
        if told.body is not None:
            body = told.body
        answer = self._compose(told.status, documented, body, now_ms)
        headers = [*answer.headers.items(), *told.headers.items()]
        return attrs.evolve(answer, headers=Headers(headers))

    def _compose(
        self,
        status: int,
        documented: DocumentedAnswer | None,
        body: object,
        now_ms: int,
        values: Mapping[str, str] | None = None,
    ) -> Answer:
        """Put an answer together, with those of its documented headers whose value is known."""
        known = {"UsedWeight": str(self.rate_limit.used(now_ms))} | dict(values or {})
        media_type = documented.media_type if documented else JSON
        headers = [("content-type", media_type)] if media_type else []
        if documented:
            headers += [
                (name, known[component]) for component, name in documented.headers.items() if component in known
            ]
        return Answer(status, Headers(headers), encode(body))


def _fill(text: str, values: Mapping[str, str]) -> str:
    for part, pattern in _VARYING.items():
        if part in values:
            text = re.sub(pattern, values[part], text)
    return text


def _explain(status: HTTPStatus, text: str) -> Answer:
    """Tell the developer what the sandbox, not the exchange, has to say."""
    return Answer(status, Headers([("content-type", "text/plain")]), f"binance_sandbox: {text}".encode())
