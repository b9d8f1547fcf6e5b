"""Properties of all calls: every request is signed, and every response becomes rows or an error.

The profiles (how many examples are tried) are in conftest.py; `make fuzz` and `make test` have different ones.
"""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote_from_bytes

import attrs
import httpx
import pytest
import yaml
from binance_client.base_client import AuthenticatedClient
from binance_client.messages import decoders
from binance_client.messages.http import HTTPResponse
from binance_coinm import Client, Credentials, HmacKey, connect
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError, ResponseError
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.security import Security
from binance_coinm.types import UNSET
from binance_sandbox import Account, Sandbox
from binance_sandbox._signature import split_signature
from binance_signing import Signer
from binance_signing.signature import sign_params
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.constants import API_KEY, INVALID_AMOUNT_STRINGS, INVALID_AMOUNT_VALUES, ROW, SECRET
from support.specs import core_text

Form = dict[str, Any]
RawResponse = tuple[int, dict[str, str], bytes]
Rows = list[FuturesAccountBalance]
Send = Callable[..., HTTPResponse]
Balance = Callable[[AuthenticatedClient], Rows]

KEY = HmacKey(SECRET)
ACCOUNT = Account(API_KEY, secret=SECRET)
PATH = "/dapi/v1/anything"
NAMES = [*"%+&=#?/;'\"\\\n\0é数💰", "", " ", "a b", "%41", "a[]", "symbol", "Timestamp", "timestamp ", "signature2"]
AMOUNTS = list(ROW)[2:7]
DECODERS: dict[str, decoders.Decoder[Any]] = {
    **{name: decoders.decimal if name in AMOUNTS else decoders.string for name in ROW},
    "updateTime": decoders.integer,
}
# A clock that stands still, so that no example takes too long.
NOW = 1_700_000_000_000
METHODS = ["GET", "POST", "PUT", "DELETE"]


@pytest.fixture
def _exceptions_without_secrets() -> None:
    """Replace the check of all exceptions at the end of a test, because here each is checked when it is raised."""


@pytest.fixture(scope="module", params=["sync", "async"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner | None]:
    """Return the event loop of all async examples, None for sync ones."""
    with asyncio.Runner() as runner:
        yield runner if request.param == "async" else None


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return an exchange with one more path, where each method has parameters of all these names."""
    document = yaml.safe_load(core_text())
    operation = document["paths"]["/dapi/v1/balance"]["get"]
    operation["parameters"] += [
        {"name": name, "in": "query", "schema": {"type": "array", "items": {"type": "string"}}} for name in NAMES
    ]
    document["paths"][PATH] = {method.lower(): operation | {"operationId": method} for method in METHODS}
    path = tmp_path_factory.mktemp("exchange") / "openapi.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with Sandbox(document=path, accounts=[ACCOUNT], clock=lambda: NOW, weight_limit=10**9) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", params=["hook", "client"])
def send(request: pytest.FixtureRequest, runner: asyncio.Runner | None, exchange: Sandbox) -> Iterator[Send]:
    """Return a function that sends a signed request: of httpx with the signer as a hook, or of `connect`."""
    if request.param != "hook":
        with client_of(exchange) as signing_client:
            yield partial(send_with, signing_client, runner)
        return
    signer = Signer(exchange.credentials, exchange.url, clock=lambda: NOW, recv_window=60_000)
    arguments: dict[str, Any] = {"base_url": exchange.url, "event_hooks": {"request": [signer]}, "trust_env": False}
    if runner is None:
        with httpx.Client(**arguments) as client:
            yield client.request
    else:
        async_client = httpx.AsyncClient(**arguments)
        yield lambda *args, **kwargs: runner.run(async_client.request(*args, **kwargs))
        runner.run(async_client.aclose())


def client_of(exchange: Sandbox) -> Client:
    """Return a client of the exchange."""
    return connect(
        exchange.credentials,
        server=exchange.url,
        clock=lambda: NOW,
        recv_window=60_000,
        retry=None,
    )


def send_with(client: Client, runner: asyncio.Runner | None, method: str, url: str, **arguments: Any) -> HTTPResponse:
    """Send a request with a client, in an event loop if there is one."""
    request = {"method": method, "url": url, **arguments}
    return client.request(request) if runner is None else runner.run(client.request_async(request))


values = st.lists(st.text() | st.integers() | st.booleans() | st.none(), max_size=2)
known = st.dictionaries(st.sampled_from([*NAMES, "timestamp", "signature"]), values, max_size=5)
forms = st.builds(dict.__or__, known, st.just({}) | st.builds(dict, recvWindow=st.integers(30_000, 60_000)))
strange_forms = st.dictionaries(st.text(), values, max_size=5)
strange_urls = st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(f"{PATH}?{{}}".format)
strange_bodies = strange_forms.map(lambda form: {"data": form}) | st.binary().map(lambda body: {"content": body})
methods = st.sampled_from(METHODS)


@given(method=methods, query=forms, form=forms)
def test_every_request_is_accepted(send: Send, method: str, query: Form, form: Form) -> None:
    """The exchange accepts signature and timestamp, whatever the parameters in query and form are."""
    # The exchange ignores the form of a GET.
    content = {} if method == "GET" else {"data": form}

    response = send(method, PATH, params=query, extensions={"security": Security.TRADE}, **content)

    assert (200, [ROW]) == (response.status_code, json.loads(response.content))


@given(method=methods, url=strange_urls, params=strange_forms, body=strange_bodies)
def test_signature_is_of_the_bytes_on_the_wire(
    send: Send, exchange: Sandbox, method: str, url: str, params: Form, body: Form
) -> None:
    """The signature is that of the bytes on the wire, even if they are not a proper query or form."""
    send(method, url, params=params or None, extensions={"security": Security.TRADE}, **body)

    received = exchange.received_requests[-1]
    split = split_signature(received.query, received.body, "signature")
    assert split is not None
    assert ACCOUNT.verify_signature(*split)


quoted = st.binary().map(lambda raw: quote_from_bytes(raw).encode())
tails = st.just(b"") | quoted.map(b"=".__add__)
signers = st.builds(bytes.__add__, st.sampled_from([b"timestamp", b"signature", b"%74imestamp", b"signatur%65"]), tails)
callers = st.builds(bytes.__add__, st.sampled_from([b"recvWindow", b"recv%57indow"]) | quoted.map(b"x".__add__), tails)
pairs = st.lists(signers | callers)


@given(query=pairs, body=pairs, timestamp=st.integers(0), recv_window=st.none() | st.integers(1))
def test_signing_appends(query: list[bytes], body: list[bytes], timestamp: int, recv_window: int | None) -> None:
    """The caller's parameters are unchanged, and followed by one timestamp and one signature."""
    left = [[pair for pair in part if pair.startswith((b"r", b"x"))] for part in (query, body)]
    last = left[1] if body else left[0]
    if recv_window is not None and not any(pair.startswith(b"r") for part in left for pair in part):
        last.append(b"recvWindow=%d" % recv_window)
    last.append(b"timestamp=%d" % timestamp)
    last.append(b"signature=" + KEY.sign(b"".join(map(b"&".join, left))))

    actual = sign_params(b"&".join(query), b"&".join(body), KEY, timestamp, recv_window)

    assert tuple(map(b"&".join, left)) == actual


@given(*[st.binary() | pairs.map(b"&".join)] * 2, st.integers(0), st.integers(0), st.none() | st.integers(1))
def test_signing_again(query: bytes, body: bytes, earlier: int, later: int, recv_window: int | None) -> None:
    """Signing twice is the same as signing once, at the later time."""
    once = sign_params(query, body, KEY, later, recv_window)

    assert once == sign_params(*sign_params(query, body, KEY, earlier, recv_window), KEY, later, recv_window)


fractions = st.just("") | st.text("0123456789", min_size=1, max_size=64).map(".".__add__)
amounts = st.builds("{}{}{}".format, st.sampled_from(["", "-"]), st.integers(0, 10**64 - 1), fractions)
exponents = st.sampled_from(["", "e5", "E-9", "e+64", "e999999", "E-999999", "e" + "9" * 30])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(), scalars, max_size=2)
later_fields = st.dictionaries(st.text().filter(lambda name: name not in ROW), anything, max_size=2)
int64 = st.integers(-(2**63), 2**63 - 1)
field_values = {name: amounts if name in AMOUNTS else st.text() for name in ROW} | {"updateTime": int64}
rows = st.builds(dict.__or__, later_fields, st.fixed_dictionaries(field_values))
strange = st.sampled_from(["NaN", "-Infinity", '"007"', '"1e5"', '" 1"', '"+1"', '"\\ud800"', '"', "", "\ufeff1"])
huge = st.sampled_from(["9" * 10_000, "0." + "7" * 10_000, f'"{10**4000}"', "[" * 100_000, "[" * 500 + "]" * 500])
texts = anything.map(json.dumps) | st.builds(str.__add__, amounts, exponents) | strange | huge
codes = st.sampled_from([-1003, -1021, 0, 200, -(10**4299), True, "-1021", -1e999, -1.5]) | anything
words = st.sampled_from(["banned until 1592468353979.", "banned until " + "9" * 18, "Service Unavailable."]) | anything
errors = st.fixed_dictionaries({}, optional={"code": codes, "msg": words, "239999": words})


@st.composite
def other_rows(draw: st.DrawFn) -> tuple[dict[str, str], str]:
    """Return members of a row as JSON, some missing, duplicated or of another type, and the response with that row."""
    members = [(name, json.dumps(value)) for name, value in draw(rows).items()]
    for _ in range(draw(st.integers(1, 3))):
        members.pop(draw(st.integers(0, len(members) - 1)))
        members += draw(st.lists(st.tuples(st.sampled_from(list(ROW)), texts), max_size=2))
    return dict(members), "[{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members) + "}]"


leading_zeros = ROW | {"balance": "007"}
row_lists = st.lists(rows, max_size=2).map(json.dumps)
bodies = texts | errors.map(json.dumps) | other_rows().map(lambda row: row[1]) | row_lists
contents = st.binary() | bodies.map(str.encode) | bodies.map(lambda text: text.encode("utf-16"))
compressed = contents.map(zlib.compress) | contents.map(lambda raw: gzip.compress(raw, mtime=0))
truncated = st.builds(lambda raw, missing: raw[:-missing], compressed, st.integers(1, 9))
visible = st.text(st.characters(codec="latin-1", exclude_categories=["Cc", "Z"]))
counts = st.integers().map(str) | visible
header_values = {
    "Content-Type": st.sampled_from(["application/json", "text/html; charset=utf-7"]) | visible,
    "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "gzip, deflate"]) | visible,
    "Location": st.builds(str.__add__, st.sampled_from(["http://", "http://xn--", "a:", "//", ""]), visible),
    "Retry-After": counts,
    "Set-Cookie": st.builds("{}={}; Expires={}; Max-Age={}".format, visible, visible, visible, counts) | visible,
    "X-MBX-USED-WEIGHT-1M": counts,
}
statuses = st.just(200) | st.sampled_from([302, 307, 400, 403, 418, 429, 503]) | st.integers(200, 599)
responses = st.tuples(statuses, st.fixed_dictionaries({}, optional=header_values), contents | compressed | truncated)


def balance_sync(client: AuthenticatedClient) -> Rows:
    """Call twice, because a response may leave something behind in the client, and return the second call's rows."""
    with client:
        with suppress(BinanceError):
            futures_account_balance.sync(client=client)
        return futures_account_balance.sync(client=client)


async def balance_async(client: AuthenticatedClient) -> Rows:
    """Call twice, as `balance_sync` does."""
    async with client:
        with suppress(BinanceError):
            await futures_account_balance.asyncio(client=client)
        return await futures_account_balance.asyncio(client=client)


@pytest.fixture(scope="module")
def balance(runner: asyncio.Runner | None) -> Balance:
    """Return the balance call."""
    return balance_sync if runner is None else lambda client: runner.run(balance_async(client))


def result_of(balance: Balance, last_query: Callable[[], bytes], **arguments: Any) -> Rows | BinanceError:
    """Return the rows or the error of a call with one attempt; assert that the error shows no secret."""
    try:
        return balance(connect(Credentials(API_KEY, KEY), retry=None, **arguments))
    except BinanceError as caught:
        error = caught
    signature = last_query().rpartition(b"signature=")[2].decode()
    assert all(secret not in f"{error}{error!r}{vars(error)}" for secret in (API_KEY, SECRET, signature))
    assert (None, None) == (error.__cause__, error.__context__)
    return error


def result_without_socket(balance: Balance, response: RawResponse) -> Rows | BinanceError:
    """Return the rows or the error of a call that gets this response."""
    status, headers, content = response
    sent = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.query)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(content))

    # Clients of this machine's ports do not share what they know of the rate limit.
    return result_of(balance, lambda: sent[-1], server="http://127.0.0.1", transport=httpx.MockTransport(respond))


@given(response=responses)
def test_every_response_is_rows_or_an_error(balance: Balance, response: RawResponse) -> None:
    """Every response becomes rows or an error of the tree."""
    result = result_without_socket(balance, response)

    assert isinstance(result, BinanceError) or all(type(row) is FuturesAccountBalance for row in result)


@settings(max_examples=settings().max_examples // 10)
@given(response=responses)
def test_every_response_over_a_socket_is_rows_or_an_error(balance: Balance, response: RawResponse) -> None:
    """Every response over a socket becomes rows or an error of the tree."""
    with Sandbox(accounts=[ACCOUNT]) as sandbox:
        sandbox.respond_next(response[0], headers=response[1], body=response[2], times=2)

        result = result_of(balance, lambda: sandbox.received_requests[-1].query, server=sandbox.url)

    assert isinstance(result, BinanceError) or all(type(row) is FuturesAccountBalance for row in result)


@given(sent=row_lists)
def test_documented_rows_keep_their_values(balance: Balance, sent: str) -> None:
    """Rows keep every digit, and the fields that the document does not name."""
    result = result_without_socket(balance, (200, {}, sent.encode()))

    assert isinstance(result, list)
    assert json.loads(sent, parse_float=Decimal) == [row.to_dict() | row.additional_properties for row in result]
    # Undocumented numbers are text there.
    assert json.dumps([row.to_dict() for row in result])


@example(row=({name: json.dumps(value) for name, value in leading_zeros.items()}, json.dumps([leading_zeros])))
@given(row=other_rows())
def test_other_rows_are_errors_or_keep_their_values(balance: Balance, row: tuple[dict[str, str], str]) -> None:
    """A row that is not as documented is an error, or has the amounts that were sent."""
    members, text = row
    result = result_without_socket(balance, (200, {}, text.encode()))

    for received in result if isinstance(result, list) else []:
        for name, amount in zip(AMOUNTS, attrs.astuple(received)[2:7], strict=True):
            sent = json.loads(members[name], parse_float=Decimal)
            assert type(amount) is Decimal
            assert sent == (received.to_dict()[name] if isinstance(sent, str) else amount)


invalid_amounts = (
    st.sampled_from([*INVALID_AMOUNT_STRINGS, *INVALID_AMOUNT_VALUES])
    | st.builds(str.__add__, amounts, exponents)
    | anything
)
invalid_integers = st.sampled_from([2**63, -(2**63) - 1, 10**30, True, "5", Decimal("1.0"), None])
invalid_values = st.one_of(invalid_amounts, invalid_integers, st.just("\ud800"), anything)
invalid_members = st.dictionaries(st.sampled_from([*ROW, "later", ""]), invalid_values, min_size=1, max_size=2)
invalid_rows: st.SearchStrategy[Any] = (
    st.builds(dict.__or__, rows, invalid_members)
    | st.builds(
        lambda row, name: {other: row[other] for other in row if other != name}, rows, st.sampled_from(list(ROW))
    )
    | st.sampled_from([None, [], [ROW], "row", 5, {}])
)
usual_lists = st.lists(rows, max_size=8)
lists = usual_lists | st.builds(
    lambda usual, invalid, place: [*usual[:place], invalid, *usual[place:]],
    usual_lists,
    invalid_rows,
    st.integers(0, 8),
)


def decode_members(value: object) -> FuturesAccountBalance:
    """Decode a row member by member, without what the generated model checks itself."""
    members = decoders.mapping(value)
    # Amounts come first, because the generated model decodes them together.
    order = sorted(DECODERS, key=lambda name: DECODERS[name] is not decoders.decimal)
    values = {name: decoders.member(DECODERS[name], members.pop(name, UNSET), name) for name in order}
    row = FuturesAccountBalance(*(values[name] for name in DECODERS))
    row.additional_properties = members
    return row


def result_of_decoding(decode: decoders.Decoder[Rows], value: object) -> object:
    """Return the text of the rows, with every digit and field, or the path and reason of the error."""
    try:
        return repr(decode(value))
    except ResponseError as caught:
        error = caught
    assert (None, None) == (error.__cause__, error.__context__)
    return error.path, error.reason


@given(value=lists | invalid_values)
def test_rows_are_decoded_as_their_members(value: object) -> None:
    """The checks in a generated model are those of the decoders: equal rows, or an error with the same path."""
    before = repr(value)

    by_members = result_of_decoding(decoders.array(decode_members), value)

    assert by_members == result_of_decoding(decoders.array(decoders.model(FuturesAccountBalance)), value)
    assert before == repr(value)


decimals = st.builds("{}E{}".format, st.integers(-(10**32), 10**32), st.integers(-64, 31)).map(Decimal)
models = st.builds(FuturesAccountBalance, st.text(), st.text(), *[decimals] * 5, int64)


@given(row=models, later=later_fields)
def test_models_are_equal_after_a_round_trip(row: FuturesAccountBalance, later: dict[str, Any]) -> None:
    """A model becomes a dictionary with amounts in plain digits, which becomes an equal model."""
    row.additional_properties = later

    members = row.to_dict()

    assert row == FuturesAccountBalance.from_dict(members)
    assert all(set(members[name]) <= set("-.0123456789") for name in AMOUNTS)
