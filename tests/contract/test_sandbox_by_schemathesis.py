"""The sandbox conforms to the document: Schemathesis sends what openapi.yaml allows, and what it does not."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
import schemathesis
from binance_coinm import HmacKey
from binance_coinm.security import Security
from binance_sandbox import Account, Sandbox
from binance_signing.signature import sign_params
from hypothesis import HealthCheck, settings
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import HookContext
from schemathesis.filters import HasAPIOperation
from support.constants import API_KEY, BUNDLED_SPEC, SECRET

NOW_MS = 1591702613943
CONFIG = {
    "seed": 1,
    "generation": {"deterministic": True, "max-examples": 100, "database": "none"},
    "phases": {"coverage": {"generate-duplicate-query-parameters": True}},
    # All checks are on but one.
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["200"]},
        "negative_data_rejection": {"expected-statuses": ["400", "401"]},
        "missing_required_header": {"expected-statuses": ["401"]},
        # It expects 405, but the exchange responds with 404 to a method that a path does not have.
        "unsupported_method": {"enabled": False},
    },
}
PARAMETER_ERRORS = {-1100, -1101, -1102, -1104, -1130}
"""The codes of parameters: illegal characters, duplicate, missing, unknown, invalid value."""

schema = schemathesis.openapi.from_path(
    BUNDLED_SPEC,
    config=schemathesis.Config.from_dict(CONFIG),
)


class Signing(AuthBase):
    """Adds key and signature to requests, with the plugin's own function."""

    def __init__(self, security: Security) -> None:
        """Store the security type by which requests are signed."""
        self.security = security

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request, unless Schemathesis made its timestamp or signature invalid."""
        assert request.url
        assert self.security.api_key_header
        request.headers[self.security.api_key_header] = API_KEY
        url, _, query = request.url.partition("?")
        if self.security.signed and _can_be_signed(query):
            body = request.body or b""
            assert isinstance(body, bytes | str)
            form = body.encode() if isinstance(body, str) else body
            signed_query, form = sign_params(query.encode(), form, HmacKey(SECRET), NOW_MS)
            request.url = f"{url}?{signed_query.decode()}"
            request.body = form
            request.prepare_content_length(form)
        return request

    def is_required_by(self, context: HasAPIOperation) -> bool:
        """Return True if an operation has this security type."""
        return {self.security.name: []} in context.operation.definition.raw["security"]


def _can_be_signed(query: str) -> bool:
    """Return True if timestamp and signature are valid by the document."""
    sent = parse_qs(query)
    timestamp, *more = sent.get("timestamp", [""])
    is_time = re.fullmatch("[0-9]{1,19}", timestamp) and int(timestamp) < 2**63
    return bool(is_time and not more and len(sent.get("signature", [])) == 1)


for signing in map(Signing, Security):
    if signing.security.api_key_header:
        schema.auth.set_from_requests(signing).apply_to(signing.is_required_by)


@schema.hook
def map_headers(_: HookContext, headers: dict[str, str] | None) -> dict[str, str]:
    """Leave out the header that says where a request ends: a server does not get as far as the document with it."""
    return {name: value for name, value in (headers or {}).items() if name.lower() != "transfer-encoding"}


@attrs.define
class Exchange:
    """A sandbox with its expected and actual responses: codes of errors, or statuses of responses without a code."""

    sandbox: Sandbox
    expected: set[int] = attrs.field(factory=set)
    actual: set[int] = attrs.field(factory=set)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """Return an exchange for one operation; assert at the end that each expected response was sent."""
    account = Account(API_KEY, secret=SECRET, responses=Sandbox().account.responses)
    with Sandbox(accounts=[account], clock=lambda: NOW_MS, weight_limit=10**9) as sandbox:
        exchange = Exchange(sandbox)
        yield exchange
    missing = exchange.expected - exchange.actual
    assert not missing


# All requests of an operation are sent to one exchange.
@schema.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sandbox_conforms(case: schemathesis.Case[Any], exchange: Exchange) -> None:
    """Valid requests get 200, invalid ones their error, and each response is one of the document."""
    response = case.call_and_validate(base_url=exchange.sandbox.url)

    requirements = case.operation.definition.raw["security"]
    security = Security[next(iter(requirements[0]))] if requirements else Security.NONE
    exchange.expected |= {HTTPStatus.OK}
    # Methods that a path does not have are sent with its first operation.
    is_first = case.operation.method == next(iter(schema[case.operation.path]))
    exchange.expected |= {HTTPStatus.NOT_FOUND} if is_first else set()
    exchange.expected |= {-2014} if security.api_key_header else set()
    exchange.expected |= PARAMETER_ERRORS if security.signed else set()
    is_error = response.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}
    exchange.actual.add(response.json()["code"] if is_error else response.status_code)


@pytest.mark.parametrize(
    "response",
    [
        {"status": 404},
        {"status": 200, "body": [{}]},
        {"status": 200, "body": b"\xff"},
        {"status": 200, "body": "[]", "content_type": "text/html"},
        {"status": 200, "headers": {"X-MBX-USED-WEIGHT-1M": "much"}},
    ],
    ids=["status", "schema", "invalid UTF-8", "media type", "header"],
)
def test_violations_are_detected(exchange: Exchange, response: dict[str, Any]) -> None:
    """A response that the document does not describe is a failure, on which the other test depends."""
    exchange.sandbox.respond_next(**response)
    case = schema["/dapi/v1/balance"]["GET"].Case(query={"timestamp": NOW_MS, "signature": "-"})

    with pytest.raises(BaseExceptionGroup, match="Schemathesis found 1 distinct failure"):
        case.call_and_validate(base_url=exchange.sandbox.url, auth=Signing(Security.USER_DATA))
