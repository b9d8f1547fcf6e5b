"""What the exchange answers, and in which order it checks: its pure core, with the time handed in."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from binance_sandbox import Account, Answer, Headers, ReceivedRequest
from binance_sandbox._document import Document, _Reader, read_document
from binance_sandbox._exchange import Exchange
from samples import API_KEY, SECRET

NOW_MS = 1591702613943
BALANCE = "/dapi/v1/balance"
TIME = "/dapi/v1/time"
ROW = {
    "accountAlias": "SgsR",
    "asset": "BTC",
    "balance": "0.00250000",
    "withdrawAvailable": "0.00250000",
    "crossWalletBalance": "0.00241969",
    "crossUnPnl": "0.00000000",
    "availableBalance": "0.00241969",
    "updateTime": 1592468353979,
}
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
def document() -> Document:
    """Read the project's document."""
    return read_document(Path(__file__).parents[1] / "openapi.yaml")


@pytest.fixture
def account() -> Account:
    """Open the account of the published sample key."""
    return Account(API_KEY, secret=SECRET)


@pytest.fixture
def exchange(document: Document, account: Account) -> Exchange:
    """Open an exchange with one account and a limit of ten."""
    return Exchange(document, [account], 10)


@pytest.fixture
def exchange_with_orders(tmp_path: Path, account: Account) -> Exchange:
    """Open an exchange whose document has two more operations."""
    text = (Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8")
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace("\ncomponents:\n", ORDER), encoding="utf-8")
    return Exchange(read_document(path), [account], 100)


def sign(query: str, body: str = "") -> str:
    """Sign by hand."""
    return hmac.new(SECRET.encode(), (query + body).encode(), hashlib.sha256).hexdigest()


def signed(
    query: str = f"timestamp={NOW_MS}",
    *,
    method: str = "GET",
    path: str = BALANCE,
    headers: Headers | None = None,
    caller: str = "127.0.0.1",
) -> ReceivedRequest:
    """Make a request, by default for the balance, signed at the end of its query string."""
    query += f"&signature={sign(query)}"
    return ReceivedRequest(method, path, query.encode(), headers or Headers([("x-mbx-apikey", API_KEY)]), caller=caller)


def said(answer: Answer) -> tuple[int, Any]:
    """Return status and JSON body."""
    return answer.status, json.loads(answer.body)


def test_signed_request_is_answered_with_the_documents_example(exchange: Exchange) -> None:
    """A request in order gets the rows, as JSON, and learns its weight."""
    answer = exchange.answer(signed(), NOW_MS)

    assert said(answer) == (200, [ROW])
    assert dict(answer.headers) == {"content-type": "application/json", "X-MBX-USED-WEIGHT-1M": "1"}


def test_answers_of_an_account_come_back_as_they_are(exchange: Exchange, account: Account) -> None:
    """Whatever an account holds for an operation is sent, bytes unchanged and values as JSON."""
    account.answers["futuresAccountBalance"] = [{"余额": "0.00000000", "asset": None, "n": 10**30}]
    as_json = exchange.answer(signed(), NOW_MS)
    account.answers["futuresAccountBalance"] = b'[ {"balance": 1e-8} ]'
    as_bytes = exchange.answer(signed(), NOW_MS)

    assert as_json.body.decode() == '[{"余额":"0.00000000","asset":null,"n":1000000000000000000000000000000}]'
    assert as_bytes.body == b'[ {"balance": 1e-8} ]'


def test_time_is_that_of_the_clock_and_needs_no_key(exchange: Exchange) -> None:
    """The operation whose answer is the server's time tells the exchange's clock to everybody."""
    answer = exchange.answer(ReceivedRequest("GET", TIME), NOW_MS)

    assert said(answer) == (200, {"serverTime": NOW_MS})
    assert answer.headers["x-mbx-used-weight-1m"] == "1"


@pytest.mark.parametrize(("method", "path"), [("GET", "/dapi/v1/nothing"), ("POST", BALANCE)])
def test_what_is_not_in_the_document_is_not_found(exchange: Exchange, method: str, path: str) -> None:
    """An unknown path, or a known one with another method, gets 404 and is told what there is."""
    answer = exchange.answer(signed(method=method, path=path), NOW_MS)

    assert answer.status == 404
    assert answer.body == (
        f"binance_sandbox: {method} {path} is not among GET /dapi/v1/balance, GET /dapi/v1/time".encode()
    )


@pytest.mark.parametrize(
    "headers", [[], [("x-mbx-apikey", "")], [("x-mbx-apikey", "short")], [("X-MBX-APIKEY", "-" * 64)]]
)
def test_ill_formed_api_key(exchange: Exchange, headers: list[tuple[str, str]]) -> None:
    """No key, or one that is not of 64 letters and digits, is refused by its format."""
    answer = exchange.answer(ReceivedRequest("GET", BALANCE, headers=Headers(headers)), NOW_MS)

    assert said(answer) == (401, {"code": -2014, "msg": "API-key format invalid."})
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_unknown_api_key(exchange: Exchange) -> None:
    """A key that the exchange does not know is rejected in words that end with the caller's IP address."""
    answer = exchange.answer(signed(headers=Headers([("X-MBX-APIKEY", API_KEY.lower())]), caller="127.0.0.9"), NOW_MS)

    expected = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.9"}
    assert said(answer) == (401, expected)


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
def test_parameters_that_are_not_in_order(exchange: Exchange, query: str, code: int, msg: str) -> None:
    """Each mistake has its code, and the message names the parameter."""
    answer = exchange.answer(_raw(query), NOW_MS)

    assert said(answer) == (400, {"code": code, "msg": msg})
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "1"


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
def test_timestamp_outside_of_its_window(exchange: Exchange, query: str, msg: str) -> None:
    """One millisecond too late or too early is refused, before the signature is looked at."""
    assert said(exchange.answer(signed(query), NOW_MS)) == (400, {"code": -1021, "msg": msg})


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
def test_timestamp_at_the_edge_of_its_window(exchange: Exchange, query: str) -> None:
    """The last millisecond on either side is accepted; 5000 ms is the window when none is sent, 64 bits the widest."""
    assert exchange.answer(signed(query), NOW_MS).status == 200


def test_window_is_that_of_the_document(tmp_path: Path, account: Account) -> None:
    """A document with another window, or with none, has it obeyed."""
    text = (Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8")
    path = tmp_path / "openapi.yaml"
    late, early = signed(f"timestamp={NOW_MS - 8}"), signed(f"timestamp={NOW_MS + 8}")

    path.write_text(text.replace("default: 5000", "default: 7").replace("x-too-far-ahead: 1000", "x-too-far-ahead: 8"))
    narrow = Exchange(read_document(path), [account], 10)
    path.write_text(text.replace("default: 5000", "").replace("x-too-far-ahead: 1000", ""))
    endless = Exchange(read_document(path), [account], 10)

    assert [narrow.answer(request, NOW_MS).status for request in (late, early)] == [400, 400]
    assert [narrow.answer(request, NOW_MS + shift).status for request, shift in ((late, -1), (early, 1))] == [200, 200]
    assert [endless.answer(request, 0).status for request in (late, early)] == [200, 200]
    assert endless.answer(late, 10 * NOW_MS).status == 200


def test_changed_request_does_not_fit_its_signature(exchange: Exchange) -> None:
    """A parameter added after signing is noticed."""
    query = f"timestamp={NOW_MS}"

    answer = exchange.answer(_raw(f"recvWindow=5000&{query}&signature={sign(query)}"), NOW_MS)

    assert said(answer) == (400, {"code": -1022, "msg": "Signature for this request is not valid."})


def test_weight_above_the_limit_and_going_on(exchange: Exchange) -> None:
    """Above the limit there are five warnings with the seconds to the next minute, then a ban, which grows."""
    now_ms = 1591702613943 // 60_000 * 60_000 + 59_500
    request = ReceivedRequest("GET", TIME)
    answers = [exchange.answer(request, now_ms) for _ in range(17)]

    assert [answer.status for answer in answers] == [200] * 10 + [429] * 5 + [418] * 2
    assert [answer.headers["X-MBX-USED-WEIGHT-1M"] for answer in answers] == [str(n) for n in range(1, 18)]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None] * 10 + ["1"] * 5 + ["120", "240"]
    assert json.loads(answers[10].body) == {
        "code": -1003,
        "msg": "Too many requests; current limit of IP(127.0.0.1) is 10 requests per minute.",
    }
    assert json.loads(answers[16].body) == {
        "code": -1003,
        "msg": f"Way too many requests; IP(127.0.0.1) banned until {now_ms + 240_000}.",
    }
    assert exchange.answer(ReceivedRequest("GET", "/nothing"), now_ms + 239_999).status == 418
    assert exchange.answer(request, now_ms + 360_000).status == 200


def test_bans_are_as_long_as_the_document_says(tmp_path: Path, account: Account) -> None:
    """A document with other bans has them obeyed, however often one goes on."""
    text = (Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8")
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace("x-shortest-ban: 120", "x-shortest-ban: 7").replace("ban: 259200", "ban: 8"))
    exchange = Exchange(read_document(path), [account], 0)
    answers = [exchange.answer(ReceivedRequest("GET", TIME), 60_000 - 1000) for _ in range(8)]

    assert [answer.headers["Retry-After"] for answer in answers] == ["1"] * 5 + ["7", "8", "8"]


def test_weight_is_counted_by_the_minute(exchange: Exchange) -> None:
    """A new minute of the exchange's clock starts at zero, and those who waited are not banned."""
    minute_ms = 1591702613943 // 60_000 * 60_000
    answer = [exchange.answer(ReceivedRequest("GET", TIME), minute_ms) for _ in range(15)][-1]
    later = exchange.answer(ReceivedRequest("GET", TIME), minute_ms + 60_000)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert (later.status, later.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "1")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"symbol=BTCUSD_PERP&side=BUY&price=0.10&quantity=1&timestamp={NOW_MS}", ""),
        ("", f"symbol=BTCUSD_PERP&side=BUY&price=0.10&quantity=1&timestamp={NOW_MS}"),
        ("symbol=BTCUSD_PERP&side=BUY", f"side=NONE&quantity=1&timestamp={NOW_MS}"),
    ],
)
def test_parameters_in_query_string_and_form_body(exchange_with_orders: Exchange, query: str, body: str) -> None:
    """An operation that is in the document only is served; its parameters may stand in either place, or in both."""
    form = Headers([("x-mbx-apikey", API_KEY), ("Content-Type", "application/x-www-form-urlencoded")])
    signature = f"signature={sign(query, body)}"
    request = ReceivedRequest("POST", "/dapi/v1/order", headers=form)
    in_body = _with(request, query, f"{body}&{signature}" if body else signature)
    in_query = _with(request, f"{query}&{signature}" if query else signature, body)

    assert said(exchange_with_orders.answer(in_body, NOW_MS)) == (200, {"orderId": 7})
    answer = exchange_with_orders.answer(in_query, NOW_MS)
    assert said(answer) == (200, {"orderId": 7})
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "10"


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
def test_parameters_are_checked_by_their_schema(exchange_with_orders: Exchange, query: str, code: int) -> None:
    """Patterns, choices, smallest values and decimals are those of the document."""
    request = ReceivedRequest("POST", "/dapi/v1/order", headers=Headers([("x-mbx-apikey", API_KEY)]))

    answer = exchange_with_orders.answer(_with(request, f"{query}&timestamp=1&signature=0", ""), NOW_MS)

    assert said(answer)[1]["code"] == code


def test_operation_without_an_example(exchange_with_orders: Exchange, account: Account) -> None:
    """An answer is made of its schema if nobody gave one; a key is enough where no signature is asked for."""
    request = ReceivedRequest("POST", "/dapi/v1/listenKey", headers=Headers([("x-mbx-apikey", API_KEY)]))

    made = exchange_with_orders.answer(request, NOW_MS)
    account.answers["startStream"] = {"listenKey": "x"}
    given = exchange_with_orders.answer(request, NOW_MS)

    assert said(made) == (200, {"listenKey": "0"})
    assert said(given) == (200, {"listenKey": "x"})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "examples": [7], "minimum": 3}, 7),
        ({"type": ["string", "null"], "enum": ["NEW", "FILLED"]}, "NEW"),
        ({"const": "LIMIT"}, "LIMIT"),
        ({"type": "array", "items": {"type": "boolean"}}, [False]),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}]}, [0, None]),
        ({"oneOf": [{"$ref": "#/components/schemas/Side"}, {"type": "null"}]}, "SELL"),
        ({"allOf": [{"properties": {"a": {"type": "number"}}}], "properties": {"b": {"default": 1}}}, {"a": 0, "b": 1}),
    ],
)
def test_answers_that_are_made_of_their_schema(schema: dict[str, Any], expected: object) -> None:
    """A value without an example is like those that its schema tells of."""
    document = {"components": {"schemas": {"Side": {"enum": ["SELL", "BUY"]}}}}

    assert _Reader(document).sample(schema) == expected


def test_answer_without_content(exchange_with_orders: Exchange) -> None:
    """An answer that has no content in the document has none, nor a type of it."""
    answer = exchange_with_orders.answer(
        ReceivedRequest("DELETE", "/dapi/v1/listenKey", headers=Headers([("x-mbx-apikey", API_KEY)])), NOW_MS
    )

    assert (answer.status, answer.body, answer.headers.get("content-type")) == (204, b"", None)


def test_schema_that_holds_itself() -> None:
    """An answer that would have no end ends with null."""
    tree = {"type": "object", "properties": {"leaf": {"$ref": "#/components/schemas/Tree"}}}

    assert _Reader({"components": {"schemas": {"Tree": tree}}}).sample(tree) == {"leaf": None}


def test_document_without_an_error_example(tmp_path: Path, account: Account) -> None:
    """An error that the document does not tell of is named, instead of being made up."""
    text = (Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8")
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace("            signature:\n", "            other:\n"), encoding="utf-8")
    exchange = Exchange(read_document(path), [account], 10)

    answer = exchange.answer(_raw(f"timestamp={NOW_MS}&signature=0"), NOW_MS)

    assert answer.status == 501
    assert b"no error example named 'signature'" in answer.body


def test_nothing_secret_in_any_repr(account: Account) -> None:
    """Neither an account nor a request shows key, secret, signature or balances."""
    shown = repr((account, signed()))

    assert shown == (
        "(Account(HMAC secret, answers to []),"
        " ReceivedRequest(method='GET', path='/dapi/v1/balance', caller='127.0.0.1', status=None))"
    )


def _raw(query: str) -> ReceivedRequest:
    return ReceivedRequest("GET", BALANCE, query.encode(), Headers([("x-mbx-apikey", API_KEY)]))


def _with(request: ReceivedRequest, query: str, body: str) -> ReceivedRequest:
    return ReceivedRequest(request.method, request.path, query.encode(), request.headers, body.encode())
