"""The sandbox keeps to the document: Schemathesis sends it what openapi.yaml allows, and what it forbids."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
import schemathesis
from binance_coinm.security import Security
from binance_sandbox import Account, Sandbox
from binance_signing import HmacKey
from binance_signing._signing import signed
from hypothesis import HealthCheck, settings
from requests import PreparedRequest
from requests.auth import AuthBase
from samples import API_KEY, SECRET
from schemathesis.filters import HasAPIOperation

NOW_MS = 1591702613943
CONFIG = {
    "seed": 1,
    "generation": {"deterministic": True, "max-examples": 300, "database": "none"},
    "phases": {"coverage": {"generate-duplicate-query-parameters": True}},
    # All checks are on but one.
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["200"]},
        "negative_data_rejection": {"expected-statuses": ["400", "401"]},
        "missing_required_header": {"expected-statuses": ["401"]},
        # It asks for 405, but the exchange answers 404 to a method that a path does not have, as to an unknown path.
        "unsupported_method": {"enabled": False},
    },
}
REFUSALS = {-1100, -1101, -1102, -1104, -1130}
"""How parameters are refused: illegal characters, twice, missing, unknown, a value that is not allowed."""

schema = schemathesis.openapi.from_path(
    Path(__file__).parents[2] / "openapi.yaml", config=schemathesis.Config.from_dict(CONFIG)
)


class Signing(AuthBase):
    """Puts key and signature on requests, by the plugin's own function."""

    def __init__(self, security: Security) -> None:
        """Sign as this type asks for."""
        self.security = security

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request, unless its timestamp or signature is one of those that Schemathesis broke."""
        assert request.url
        assert self.security.api_key_header
        request.headers[self.security.api_key_header] = API_KEY
        url, _, query = request.url.partition("?")
        if self.security.signed and _can_be_signed(query):
            body = request.body or b""
            assert isinstance(body, bytes | str)
            form = body.encode() if isinstance(body, str) else body
            signed_query, form = signed(query.encode(), form, HmacKey(SECRET), NOW_MS)
            request.url = f"{url}?{signed_query.decode()}"
            request.body = form
            request.prepare_content_length(form)
        return request

    def is_asked_for(self, context: HasAPIOperation) -> bool:
        """Return whether an operation is of this security type."""
        return {self.security.name: []} in context.operation.definition.raw["security"]


def _can_be_signed(query: str) -> bool:
    """Return whether the document allows these timestamp and signature."""
    sent = parse_qs(query)
    timestamp, *more = sent.get("timestamp", [""])
    is_time = re.fullmatch("[0-9]{1,19}", timestamp) and int(timestamp) < 2**63
    return bool(is_time and not more and len(sent.get("signature", [])) == 1)


for signing in map(Signing, Security):
    if signing.security.api_key_header:
        schema.auth.set_from_requests(signing).apply_to(signing.is_asked_for)


@attrs.define
class Exchange:
    """A sandbox, and what it has to answer and has answered: codes of errors, and statuses where there is none."""

    sandbox: Sandbox
    expected: set[int] = attrs.field(factory=set)
    answered: set[int] = attrs.field(factory=set)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """Give an exchange that is asked one operation; fail if it did not come to all that is expected of it."""
    account = Account(API_KEY, secret=SECRET, answers=Sandbox().account.answers)
    with Sandbox(accounts=[account], clock=lambda: NOW_MS, weight_limit=10**9) as sandbox:
        exchange = Exchange(sandbox)
        yield exchange
    assert exchange.expected <= exchange.answered


# All requests of an operation go to one exchange.
@schema.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sandbox_keeps_to_the_document(case: schemathesis.Case[Any], exchange: Exchange) -> None:
    """What the document allows gets 200, what it forbids its error, and each answer is one that the document has."""
    response = case.call_and_validate(base_url=exchange.sandbox.url)

    requirements = case.operation.definition.raw["security"]
    security = Security[next(iter(requirements[0]))] if requirements else Security.NONE
    exchange.expected |= {HTTPStatus.OK, HTTPStatus.NOT_FOUND}
    exchange.expected |= {-2014} if security.api_key_header else set()
    exchange.expected |= REFUSALS if security.signed else set()
    is_error = response.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}
    exchange.answered.add(response.json()["code"] if is_error else response.status_code)


@pytest.mark.parametrize(
    "told",
    [
        {"status": 404},
        {"status": 200, "body": [{}]},
        {"status": 200, "body": b"\xff"},
        {"status": 200, "body": "[]", "content_type": "text/html"},
        {"status": 200, "headers": {"X-MBX-USED-WEIGHT-1M": "much"}},
    ],
    ids=["status", "schema", "no text", "media type", "header"],
)
def test_breach_of_the_document_is_noticed(exchange: Exchange, told: dict[str, Any]) -> None:
    """What the other test relies on: an answer that is none of the document's is a failure."""
    exchange.sandbox.answer_next(**told)
    case = schema["/dapi/v1/balance"]["GET"].Case(query={"timestamp": NOW_MS, "signature": "-"})

    with pytest.raises(BaseExceptionGroup, match="Schemathesis found 1 distinct failure"):
        case.call_and_validate(base_url=exchange.sandbox.url, auth=Signing(Security.USER_DATA))
