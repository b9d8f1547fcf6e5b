"""Responses that a test sets: checked against the document, and sent with all their digits."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from binance_coinm import connect, errors
from binance_sandbox import Account, Sandbox
from support.constants import ROW
from support.specs import core_text

BALANCE = "futuresAccountBalance"
LONG = "0.10000000000000000000000000000000000000000000000000000000000000"
ADVICE = " (respond_next(body=...) sends any body without this check)"
FLOAT = '; write an amount as "0.10" or as Decimal'
INVALID = [
    ([ROW, {k: v for k, v in ROW.items() if k != "balance"}], f"{BALANCE}[1]: 'balance' is a required property"),
    (
        [{"balanc" if k == "balance" else k: v for k, v in ROW.items()}],
        f"{BALANCE}[0]: 'balance' is a required property; the document has no such member ('balanc' was unexpected)",
    ),
    ([ROW | {"later": "1"}], f"{BALANCE}[0]: the document has no such member ('later' was unexpected)"),
    ([ROW | {"balance": 0.1}], f"{BALANCE}[0].balance: expected an exact value, got the float 0.1{FLOAT}"),
    ([ROW | {"balance": 1}], f"{BALANCE}[0].balance: 1 is not of type 'string'"),
    ([ROW | {"asset": None}], f"{BALANCE}[0].asset: None is not of type 'string'"),
    ([ROW | {"updateTime": 1.0}], f"{BALANCE}[0].updateTime: expected an exact value, got the float 1.0{FLOAT}"),
    ([ROW | {"updateTime": True}], f"{BALANCE}[0].updateTime: True is not of type 'integer'"),
    (
        [ROW | {"balance": Decimal("NaN")}],
        f"{BALANCE}[0].balance: 'NaN' is not a 'decimal'; 'NaN' does not match '^-?(0|[1-9][0-9]*)(\\\\.[0-9]+)?$'",
    ),
    ({"asset": "BTC"}, f"{BALANCE}: {{'asset': 'BTC'}} is not of type 'array'"),
]
MORE = """
  /dapi/v1/numbers:
    get:
      operationId: numbers
      security: []
      responses:
        '200':
          description: Amounts in several forms.
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Numbers'}
              example: {text: '0.10', number: 0.1000000000000000000000000010, either: '', all: {text: '1', more: 1}}

components:
"""
SCHEMAS = """
  schemas:
    Common:
      type: object
      required: [text]
      properties: {text: {type: string, format: decimal}}
    Numbers:
      type: object
      required: [text, number, either, all]
      properties:
        text: {type: string, format: decimal}
        number: {type: number, format: decimal}
        either: {anyOf: [{type: string, format: decimal}, {const: ''}]}
        all:
          allOf:
            - {$ref: '#/components/schemas/Common'}
            - {type: object, required: [more], properties: {more: {type: integer}}}
        free: {type: object}
        byName: {type: object, additionalProperties: {$ref: '#/components/schemas/Common'}}
"""


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Return a document with amounts as text and as numbers."""
    text = core_text()
    document = tmp_path / "openapi.yaml"
    document.write_text(text.replace("\ncomponents:\n", MORE).replace("\n  schemas:\n", SCHEMAS), encoding="utf-8")
    return document


def set_balances(sandbox: Sandbox, rows: Any) -> None:
    """Set the balances."""
    sandbox.balances = rows


def set_response(sandbox: Sandbox, rows: Any) -> None:
    """Set the response of an account."""
    sandbox.account.responses[BALANCE] = rows


def update_responses(sandbox: Sandbox, rows: Any) -> None:
    """Set several responses of an account."""
    sandbox.account.responses.update({BALANCE: rows})


def add_account(sandbox: Sandbox, rows: Any) -> None:
    """Add an account with a response."""
    sandbox.add_account(responses={BALANCE: rows})


def create_sandbox(_: Sandbox, rows: Any) -> None:
    """Create a sandbox of an account with a response."""
    Sandbox(accounts=[Account(responses={BALANCE: rows})])


@pytest.mark.parametrize(("rows", "message"), INVALID)
@pytest.mark.parametrize("put", [set_balances, set_response, update_responses, add_account, create_sandbox])
def test_invalid_response(put: Callable[[Sandbox, Any], None], rows: Any, message: str) -> None:
    """A response that the document does not describe is an error at once, which names the place and what is wrong."""
    sandbox = Sandbox()
    before = sandbox.balances

    with pytest.raises(ValueError, match=f"^{re.escape(message + ADVICE)}$"):
        put(sandbox, rows)

    assert (before, 1) == (sandbox.balances, len(sandbox.accounts))


@pytest.mark.parametrize("response", [[], lambda _: []], ids=["body", "function"])
def test_operation_that_the_document_does_not_have(response: Any) -> None:
    """A misspelled operationId, whose response would never be sent, is an error that names the three closest ones."""
    closest = "cancelOrder, futuresAccountBalance, allOrders"
    message = f"responses: expected an operationId of the document, got 'balance'; the closest are {closest}"

    with pytest.raises(ValueError, match=f"^{message}$"):
        Sandbox().account.responses["balance"] = response


def test_decimal_in_place_of_a_text(tmp_path: Path) -> None:
    """A Decimal as a whole body that is a text is an error that says so, like any other body."""
    document = tmp_path / "openapi.yaml"
    schema = "schema: {$ref: '#/components/schemas/ServerTime'}"
    document.write_text(core_text().replace(schema, "schema: {type: string}"), encoding="utf-8")

    with pytest.raises(ValueError, match=r"^checkServerTime: Decimal\('1'\) is not of type 'string'"):
        Sandbox(document=document).account.responses["checkServerTime"] = Decimal(1)


def test_invalid_change_in_place(sandbox: Sandbox) -> None:
    """A change within the rows is checked when they are sent; the response says what is wrong, until it is mended."""
    with connect(sandbox.credentials, server=sandbox.url, retry=None) as client:
        sandbox.balances[0]["balance"] = 0.1
        with pytest.raises(
            errors.ExchangeError, match=r"HTTP 501.*futuresAccountBalance\[0\]\.balance: expected an exact"
        ):
            client.account.futures_account_balance()

        sandbox.balances[0]["balance"] = "0.2"
        assert Decimal("0.2") == client.account.futures_account_balance()[0].balance


@pytest.mark.parametrize("text", ["0.10", "0.00000000", "-0.1", LONG, "1E+3", "1E-9"])
def test_decimal_is_sent_as_text(sandbox: Sandbox, text: str) -> None:
    """An amount that was set as a Decimal is sent as text, with exactly its digits."""
    sandbox.balances = [ROW | {"balance": Decimal(text)}]

    with connect(sandbox.credentials, server=sandbox.url) as client:
        [row] = client.account.futures_account_balance()

    assert f"{Decimal(text):f}" == f"{row.balance:f}"
    assert [ROW | {"balance": Decimal(text)}] == sandbox.balances


def test_decimal_is_sent_in_the_documented_type(numbers: Path) -> None:
    """A Decimal is text where the document says text, also as one of several choices, and a number where it says so."""
    amount = Decimal("0.10000000000000000001")
    with Sandbox(document=numbers) as sandbox:
        example = httpx.get(f"{sandbox.url}/dapi/v1/numbers").text
        body = {"text": amount, "number": amount, "either": amount, "all": {"text": amount, "more": 1}}
        sandbox.account.responses["numbers"] = body
        changed = httpx.get(f"{sandbox.url}/dapi/v1/numbers").text

    assert '{"text":"0.10","number":0.1000000000000000000000000010,"either":"","all":{"text":"1","more":1}}' == example
    exact = "0.10000000000000000001"
    assert f'{{"text":"{exact}","number":{exact},"either":"{exact}","all":{{"text":"{exact}","more":1}}}}' == changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"all": {"text": "1", "more": 1, "other": 1}}, r"^numbers\.all: the document has no such member \('other'"),
        ({"all": {"text": 1, "more": 1}}, r"^numbers\.all\.text: 1 is not of type 'string'"),
        ({"byName": {"a": {"text": "1", "other": 1}}}, r"^numbers\.byName\.a: .*'other' was unexpected"),
        ({"number": "1"}, r"^numbers\.number: '1' is not of type 'number'"),
        ({"number": 0.1}, r"^numbers\.number: expected an exact value, got the float 0.1"),
        ({"free": {"any": 1}}, None),
        ({"byName": {"a": {"text": "1"}}}, None),
    ],
)
def test_members_of_members(numbers: Path, change: dict[str, Any], message: str | None) -> None:
    """Members are known if any part of a schema names them, and free where it names none."""
    account = Sandbox(document=numbers).account
    body = {"text": "1", "number": 1, "either": "", "all": {"text": "1", "more": 1}} | change

    if message:
        with pytest.raises(ValueError, match=message):
            account.responses["numbers"] = body
    else:
        account.responses["numbers"] = body
        assert body == account.responses["numbers"]


def test_malformed_responses_can_be_sent(sandbox: Sandbox) -> None:
    """Canned responses, and text or bytes as an account's response, are sent without this check."""
    rows = [ROW | {"balance": 0.1, "later": Decimal("0.10")}]
    with connect(sandbox.credentials, server=sandbox.url) as client:
        sandbox.respond_next(200, body=rows)
        [first] = client.account.futures_account_balance()
        sandbox.account.responses[BALANCE] = json.dumps([ROW | {"later": 1}])
        [second] = client.account.futures_account_balance()

    assert ("0.1", "0.10") == (f"{first.balance:f}", f"{first.additional_properties['later']:f}")
    assert {"later": 1} == second.additional_properties


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([float("nan")], "^body: expected a value that JSON has, got nan$"),
        ([Decimal("Infinity")], r"^body: expected a value that JSON has, got Decimal\('Infinity'\)$"),
        ({"a": {1, 2}}, "^body: expected a value that JSON has, got {1, 2}$"),
        ({1: "a"}, "^body: expected a string as the name of a member, got 1$"),
    ],
)
def test_body_that_json_does_not_have(sandbox: Sandbox, body: Any, message: str) -> None:
    """A body that cannot be sent is an error where it is set, not a broken response."""
    with pytest.raises(ValueError, match=message):
        sandbox.respond_next(200, body=body)


def test_document_that_describes_the_balance_otherwise(tmp_path: Path) -> None:
    """The document's own example is sent if this package's longer one is not what the document describes."""
    text = core_text()
    document = tmp_path / "openapi.yaml"
    document.write_text(
        text.replace("        - accountAlias\n        - asset\n", "        - later\n"), encoding="utf-8"
    )

    assert {} == Sandbox(document=document).account.responses
