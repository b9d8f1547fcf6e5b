"""The request handler: the response to each request, and the order of the checks. Without I/O."""

import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from binance_sandbox import Account, Headers, ReceivedRequest, Response
from binance_sandbox._handler import RequestHandler
from binance_sandbox._spec import Spec, load_spec
from support.constants import API_KEY, ROW, SECRET
from support.specs import core_text

NOW_MS = 1591702613943
BALANCE = "/dapi/v1/balance"
TIME = "/dapi/v1/time"
ORDER = """
  /dapi/v1/order:
    post:
      operationId: newOrder
      security: [{TRADE: []}]
      x-weight: 5
      parameters:
        - {name: symbol, in: query, required: true, schema: {type: string, pattern: '[A-Z_0-9]+'}}
        - {name: side, in: query, required: true, schema: {type: string, enum: [BUY, SELL]}}
        - {name: price, in: query, schema: {type: string, format: decimal}}
        - $ref: '#/components/parameters/timestamp'
        - $ref: '#/components/parameters/signature'
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, required: [quantity], properties: {quantity: {type: integer, minimum: 1}}}
      responses:
        '200':
          description: The order.
          headers: {X-MBX-USED-WEIGHT-1M: {$ref: '#/components/headers/UsedWeight'}}
          content: {application/json: {example: {orderId: 7}}}
        '400': {$ref: '#/components/responses/BadRequest'}
  /dapi/v1/listenKey:
    post:
      operationId: startStream
      security: [{USER_STREAM: []}]
      responses:
        '200':
          description: The key.
          content: {application/json: {schema: {type: object, properties: {listenKey: {type: string}}}}}
    delete:
      operationId: closeStream
      security: [{USER_STREAM: []}]
      responses:
        '204': {description: It is closed.}

components:
"""


@pytest.fixture(scope="module")
def spec() -> Spec:
    """Load the project's document."""
    return load_spec()


@pytest.fixture
def account() -> Account:
    """Return the account of the published sample key."""
    return Account(API_KEY, secret=SECRET)


@pytest.fixture
def handler(spec: Spec, account: Account) -> RequestHandler:
    """Return a handler with one account and a weight limit of ten."""
    return RequestHandler(spec, [account], 10)


@pytest.fixture
def handler_with_orders(tmp_path: Path, account: Account) -> RequestHandler:
    """Return a handler whose document has more operations."""
    text = core_text()
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace("\ncomponents:\n", ORDER), encoding="utf-8")
    return RequestHandler(load_spec(path), [account], 100)


def sign(query: str, body: str = "") -> str:
    """Return an HMAC signature, computed without the plugin."""
    return hmac.new(SECRET.encode(), (query + body).encode(), hashlib.sha256).hexdigest()


def signed(
    query: str = f"timestamp={NOW_MS}",
    *,
    method: str = "GET",
    path: str = BALANCE,
    headers: Headers | None = None,
    client_ip: str = "127.0.0.1",
) -> ReceivedRequest:
    """Build a request, by default for the balance, signed at the end of its query string."""
    query += f"&signature={sign(query)}"
    return ReceivedRequest(
        method, path, query.encode(), headers or Headers([("x-mbx-apikey", API_KEY)]), client_ip=client_ip
    )


def said(response: Response) -> tuple[int, Any]:
    """Return status and JSON body."""
    return response.status, json.loads(response.body)


def test_response_is_the_documents_example(handler: RequestHandler) -> None:
    """A valid request gets the balances as JSON, and the used weight in a header."""
    response = handler.handle(signed(), NOW_MS)

    assert said(response) == (200, [ROW])
    assert dict(response.headers) == {"content-type": "application/json", "X-MBX-USED-WEIGHT-1M": "1"}


def test_responses_of_an_account(handler: RequestHandler, account: Account) -> None:
    """An account's response to an operation is sent, bytes unchanged and other values as JSON."""
    row = ROW | {"asset": "币", "balance": Decimal("0.00000000"), "updateTime": 2**63 - 1}
    account.responses["futuresAccountBalance"] = [row]
    as_json = handler.handle(signed(), NOW_MS)
    account.responses["futuresAccountBalance"] = b'[ {"balance": 1e-8} ]'
    as_bytes = handler.handle(signed(), NOW_MS)

    expected = ROW | {"asset": "币", "balance": "0.00000000", "updateTime": 9223372036854775807}
    assert as_json.body.decode() == json.dumps([expected], ensure_ascii=False, separators=(",", ":"))
    assert as_bytes.body == b'[ {"balance": 1e-8} ]'


def test_server_time_needs_no_key(handler: RequestHandler) -> None:
    """The operation that returns the server time needs no API key."""
    response = handler.handle(ReceivedRequest("GET", TIME), NOW_MS)

    assert said(response) == (200, {"serverTime": NOW_MS})
    assert response.headers["x-mbx-used-weight-1m"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "closest"),
    [
        ("GET", "/dapi/v1/orders", "GET /dapi/v1/order, GET /dapi/v1/order/asyn, GET /dapi/v1/openOrders"),
        ("POST", BALANCE, "GET /dapi/v1/balance, POST /dapi/v1/batchOrders, POST /dapi/v1/algoOrder"),
    ],
)
def test_unknown_operation(handler: RequestHandler, method: str, path: str, closest: str) -> None:
    """An unknown path, or a known one with another method, gets 404 and the operations with the closest names."""
    response = handler.handle(signed(method=method, path=path), NOW_MS)

    assert said(response) == (
        404,
        {
            "code": 0,
            "msg": f"binance_sandbox: {method} {path} is not one of the document's 70 operations; "
            f"the closest are {closest}",
        },
    )


@pytest.mark.parametrize(
    "headers", [[], [("x-mbx-apikey", "")], [("x-mbx-apikey", "short")], [("X-MBX-APIKEY", "-" * 64)]]
)
def test_malformed_api_key(handler: RequestHandler, headers: list[tuple[str, str]]) -> None:
    """A missing API key, or one that is not 64 letters and digits, is rejected for its format."""
    response = handler.handle(ReceivedRequest("GET", BALANCE, headers=Headers(headers)), NOW_MS)

    assert said(response) == (401, {"code": -2014, "msg": "API-key format invalid."})
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_unknown_api_key(handler: RequestHandler) -> None:
    """An unknown API key is rejected with a message that ends with the client's IP address."""
    response = handler.handle(
        signed(headers=Headers([("X-MBX-APIKEY", API_KEY.lower())]), client_ip="127.0.0.9"), NOW_MS
    )

    expected = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.9"}
    assert said(response) == (401, expected)


@pytest.mark.parametrize(
    ("query", "code", "msg"),
    [
        ("", -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."),
        ("timestamp=", -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."),
        (
            "timestamp=1&signature=",
            -1102,
            "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.",
        ),
        ("timestamp=1&signature=0&asset=BTC", -1104, "Not all sent parameters were read."),
        ("timestamp=1.5&signature=0", -1100, "Illegal characters found in a parameter."),
        ("timestamp=%D9%A1&signature=0", -1100, "Illegal characters found in a parameter."),
        ("recvWindow=&timestamp=1&signature=0", -1105, "Parameter 'recvWindow' was empty."),
        ("timestamp=1&timestamp=1&signature=0", -1101, "Duplicate values for a parameter detected."),
        ("timestamp=-1&signature=0", -1130, "Data sent for parameter 'timestamp' is not valid."),
        ("timestamp=9223372036854775808000&signature=0", -1130, "Data sent for parameter 'timestamp' is not valid."),
        ("recvWindow=0&timestamp=1&signature=0", -1130, "Data sent for parameter 'recvWindow' is not valid."),
        (f"timestamp={NOW_MS}&signature=0", -1022, "Signature for this request is not valid."),
        (f"signature=0&timestamp={NOW_MS}", -1022, "Signature for this request is not valid."),
    ],
)
def test_invalid_parameters(handler: RequestHandler, query: str, code: int, msg: str) -> None:
    """Each kind of mistake has its error code, and the message names the parameter."""
    response = handler.handle(_raw(query), NOW_MS)

    assert said(response) == (400, {"code": code, "msg": msg})
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == "1"


@pytest.mark.parametrize(
    ("query", "msg"),
    [
        (f"timestamp={NOW_MS - 5001}", "Timestamp for this request is outside of the recvWindow."),
        (f"timestamp={NOW_MS - 11}&recvWindow=10", "Timestamp for this request is outside of the recvWindow."),
        (f"timestamp={NOW_MS + 1000}", "Timestamp for this request was 1000ms ahead of the server's time."),
        (
            f"timestamp={NOW_MS + 1000}&recvWindow=60000",
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ),
    ],
)
def test_timestamp_outside_of_the_window(handler: RequestHandler, query: str, msg: str) -> None:
    """One millisecond too late or too early is rejected, before the signature is checked."""
    assert said(handler.handle(signed(query), NOW_MS)) == (400, {"code": -1021, "msg": msg})


@pytest.mark.parametrize(
    "query",
    [
        f"timestamp={NOW_MS - 5000}",
        f"timestamp={NOW_MS + 999}",
        f"recvWindow=10&timestamp={NOW_MS - 10}",
        f"timestamp={NOW_MS - 60000}&recvWindow=60000",
        f"timestamp={NOW_MS}&recvWindow=9223372036854775807",
        f"timestamp={'0' * 5000}{NOW_MS}",
    ],
)
def test_timestamp_at_the_edge_of_the_window(handler: RequestHandler, query: str) -> None:
    """The last millisecond on either side is accepted; 5000 ms is the window when none is sent, 64 bits the widest."""
    assert handler.handle(signed(query), NOW_MS).status == 200


def test_window_of_another_document(tmp_path: Path, account: Account) -> None:
    """The window is read from the document; without one there is no limit."""
    text = core_text()
    path = tmp_path / "openapi.yaml"
    late, early = signed(f"timestamp={NOW_MS - 8}"), signed(f"timestamp={NOW_MS + 8}")

    path.write_text(
        text.replace("default: 5000", "default: 7").replace("x-max-clock-skew: 1000", "x-max-clock-skew: 8")
    )
    narrow = RequestHandler(load_spec(path), [account], 10)
    path.write_text(text.replace("default: 5000", "").replace("x-max-clock-skew: 1000", ""))
    endless = RequestHandler(load_spec(path), [account], 10)

    assert [narrow.handle(request, NOW_MS).status for request in (late, early)] == [400, 400]
    assert [narrow.handle(request, NOW_MS + shift).status for request, shift in ((late, -1), (early, 1))] == [200, 200]
    assert [endless.handle(request, 0).status for request in (late, early)] == [200, 200]
    assert endless.handle(late, 10 * NOW_MS).status == 200


def test_request_changed_after_signing(handler: RequestHandler) -> None:
    """A parameter added after signing invalidates the signature."""
    query = f"timestamp={NOW_MS}"

    response = handler.handle(_raw(f"recvWindow=5000&{query}&signature={sign(query)}"), NOW_MS)

    assert said(response) == (400, {"code": -1022, "msg": "Signature for this request is not valid."})


def test_rate_limit_and_ban(handler: RequestHandler) -> None:
    """Above the limit there are five 429 responses with Retry-After, then a ban, which each request extends."""
    now_ms = 1591702613943 // 60_000 * 60_000 + 59_500
    request = ReceivedRequest("GET", TIME)
    responses = [handler.handle(request, now_ms) for _ in range(17)]

    assert [response.status for response in responses] == [200] * 10 + [429] * 5 + [418] * 2
    assert [response.headers["X-MBX-USED-WEIGHT-1M"] for response in responses] == [str(n) for n in range(1, 18)]
    assert [response.headers.get("Retry-After") for response in responses] == [None] * 10 + ["1"] * 5 + ["120", "240"]
    assert json.loads(responses[10].body) == {
        "code": -1003,
        "msg": "Too many requests; current limit of IP(127.0.0.1) is 10 requests per minute.",
    }
    assert json.loads(responses[16].body) == {
        "code": -1003,
        "msg": f"Way too many requests; IP(127.0.0.1) banned until {now_ms + 240_000}.",
    }
    assert handler.handle(ReceivedRequest("GET", "/nothing"), now_ms + 239_999).status == 418
    assert handler.handle(request, now_ms + 360_000).status == 200


def test_ban_durations_of_another_document(tmp_path: Path, account: Account) -> None:
    """Shortest and longest duration of a ban are read from the document."""
    text = core_text()
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace("x-shortest-ban: 120", "x-shortest-ban: 7").replace("ban: 259200", "ban: 8"))
    handler = RequestHandler(load_spec(path), [account], 0)
    responses = [handler.handle(ReceivedRequest("GET", TIME), 60_000 - 1000) for _ in range(8)]

    assert [response.headers["Retry-After"] for response in responses] == ["1"] * 5 + ["7", "8", "8"]


def test_weight_is_counted_per_minute(handler: RequestHandler) -> None:
    """A new minute of the exchange's clock starts at zero, and a client that waited is not banned."""
    minute_ms = 1591702613943 // 60_000 * 60_000
    response = [handler.handle(ReceivedRequest("GET", TIME), minute_ms) for _ in range(15)][-1]
    later = handler.handle(ReceivedRequest("GET", TIME), minute_ms + 60_000)

    assert (response.status, response.headers["Retry-After"]) == (429, "60")
    assert (later.status, later.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "1")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"symbol=BTCUSD_PERP&side=BUY&price=0.10&quantity=1&timestamp={NOW_MS}", ""),
        ("", f"symbol=BTCUSD_PERP&side=BUY&price=0.10&quantity=1&timestamp={NOW_MS}"),
        ("symbol=BTCUSD_PERP&side=BUY", f"side=NONE&quantity=1&timestamp={NOW_MS}"),
    ],
)
def test_parameters_in_query_string_and_form_body(
    handler_with_orders: RequestHandler, account: Account, query: str, body: str
) -> None:
    """Parameters of an operation may be in the query string, in the form body, or in both; a function gets them all."""
    form = Headers([("x-mbx-apikey", API_KEY), ("Content-Type", "application/x-www-form-urlencoded")])
    signature = f"signature={sign(query, body)}"
    request = ReceivedRequest("POST", "/dapi/v1/order", headers=form)
    in_body = _with(request, query, f"{body}&{signature}" if body else signature)
    in_query = _with(request, f"{query}&{signature}" if query else signature, body)

    assert said(handler_with_orders.handle(in_body, NOW_MS)) == (200, {"orderId": 7})
    account.responses["newOrder"] = lambda parameters: {"given": sorted(parameters.items())}
    given = [["price", Decimal("0.10")]] if "price" in query + body else []
    given += [["quantity", 1], ["side", "BUY"], ["symbol", "BTCUSD_PERP"]]
    response = handler_with_orders.handle(in_query, NOW_MS)
    assert (response.status, json.loads(response.body, parse_float=Decimal)) == (200, {"given": given})
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == "10"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("symbol=btc&side=BUY&quantity=1", -1100),
        ("symbol=BTC&side=HOLD&quantity=1", -1130),
        ("symbol=BTC&side=BUY&quantity=0", -1130),
        ("symbol=BTC&side=BUY&quantity=1&price=1e3", -1100),
        ("symbol=BTC&side=BUY", -1102),
    ],
)
def test_parameters_are_validated_by_their_schema(handler_with_orders: RequestHandler, query: str, code: int) -> None:
    """Patterns, enums, minimums and decimals are read from the document."""
    request = ReceivedRequest("POST", "/dapi/v1/order", headers=Headers([("x-mbx-apikey", API_KEY)]))

    response = handler_with_orders.handle(_with(request, f"{query}&timestamp=1&signature=0", ""), NOW_MS)

    assert said(response)[1]["code"] == code


def test_operation_without_an_example(handler_with_orders: RequestHandler, account: Account) -> None:
    """Without an example or a response of the account the sandbox says what to add; an API key is sufficient here."""
    request = ReceivedRequest("POST", "/dapi/v1/listenKey", headers=Headers([("x-mbx-apikey", API_KEY)]))

    missing = handler_with_orders.handle(request, NOW_MS)
    account.responses["startStream"] = {"listenKey": "x"}
    given = handler_with_orders.handle(request, NOW_MS)

    assert missing.status == 501
    assert said(missing)[1]["msg"] == (
        "binance_sandbox: the document has no example of the 200 response of startStream;"
        " add one to the document, or set account.responses['startStream']"
    )
    assert said(given) == (200, {"listenKey": "x"})


def test_response_without_content(handler_with_orders: RequestHandler, account: Account) -> None:
    """A response without content in the document has neither body nor Content-Type, whatever a test sets."""
    request = ReceivedRequest("DELETE", "/dapi/v1/listenKey", headers=Headers([("x-mbx-apikey", API_KEY)]))
    responses = [handler_with_orders.handle(request, NOW_MS)]
    for empty in (None, b"", lambda _: None):
        account.responses["closeStream"] = empty
        responses.append(handler_with_orders.handle(request, NOW_MS))

    assert {(204, b"", None)} == {(r.status, r.body, r.headers.get("content-type")) for r in responses}
    with pytest.raises(ValueError, match="^closeStream: expected None, because the document describes no content, got"):
        account.responses["closeStream"] = {}


def test_document_without_an_error_example(tmp_path: Path, account: Account) -> None:
    """A missing error example is reported with its name."""
    text = core_text()
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace("            signature:\n", "            other:\n"), encoding="utf-8")
    handler = RequestHandler(load_spec(path), [account], 10)

    response = handler.handle(_raw(f"timestamp={NOW_MS}&signature=0"), NOW_MS)

    assert response.status == 501
    assert b"no error example named 'signature'" in response.body


@pytest.mark.parametrize(
    ("weight", "query", "counted"),
    [
        ("{parameter: symbol, sent: 1, not-sent: 40}", "symbol=X", 1),
        ("{parameter: symbol, sent: 1, not-sent: 40}", "symbol=", 1),
        ("{parameter: symbol, sent: 1, not-sent: 40}", "", 40),
        ("{parameter: limit, up-to: {100: 5, 50: 2}}", "limit=50", 2),
        ("{parameter: limit, up-to: {100: 5, 50: 2}}", "limit=51", 5),
        ("{parameter: limit, up-to: {100: 5, 50: 2}}", "limit=5000", 5),
        ("{parameter: limit, up-to: {100: 5, 50: 2}}", "", 2),
        ("{parameter: limit, up-to: {100: 5, 50: 2}}", "limit=-1", 2),
        ("{parameter: limit, up-to: {100: 5, 50: 2}}", f"limit={'9' * 5000}", 2),
    ],
)
def test_weight_that_depends_on_a_parameter(
    tmp_path: Path, account: Account, weight: str, query: str, counted: int
) -> None:
    """The weight is that of the parameter's value; a value that is none counts as the default."""
    text = core_text()
    before, operation, after = text.partition("      operationId: checkServerTime\n")
    parameters = (
        "      parameters:\n        - {name: symbol, in: query, schema: {type: string}}\n"
        "        - {name: limit, in: query, schema: {type: integer, default: 10}}\n"
    )
    path = tmp_path / "openapi.yaml"
    path.write_text(before + operation + parameters + after.replace("x-weight: 1", f"x-weight: {weight}", 1))
    handler = RequestHandler(load_spec(path), [account], 100)

    handler.handle(ReceivedRequest("GET", "/dapi/v1/time", query.encode(), Headers([])), NOW_MS)

    assert counted == handler.rate_limit.used(NOW_MS)


def test_yaml_without_surprises(tmp_path: Path, account: Account) -> None:
    """A document is read as the generator reads it: keys are text, and words such as no and dates too."""
    text = core_text()
    path = tmp_path / "openapi.yaml"
    path.write_text(
        text.replace("'200':", "200:").replace("serverTime: 1499827319559", "{on: no, 1: 2020-01-01, last: true}")
    )
    handler = RequestHandler(load_spec(path), [account], 100)

    assert {"on": "no", "1": "2020-01-01", "last": True} == handler.spec.operations[1].example


def test_nothing_secret_in_any_repr(account: Account) -> None:
    """Neither an account nor a request shows key, secret, signature or balances."""
    shown = repr((account, signed()))

    assert shown == (
        "(Account(HMAC secret, responses of []),"
        " ReceivedRequest(method='GET', path='/dapi/v1/balance', client_ip='127.0.0.1', status=None))"
    )


def _raw(query: str) -> ReceivedRequest:
    return ReceivedRequest("GET", BALANCE, query.encode(), Headers([("x-mbx-apikey", API_KEY)]))


def _with(request: ReceivedRequest, query: str, body: str) -> ReceivedRequest:
    return ReceivedRequest(request.method, request.path, query.encode(), request.headers, body.encode())
