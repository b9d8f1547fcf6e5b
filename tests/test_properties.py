"""Properties of all calls: whatever the caller sends is signed, whatever the exchange answers is rows or an error.

The profiles, how many examples are tried, stand in conftest.py; `make fuzz` takes another one than `make test`.
"""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import attrs
import httpx
import pytest
import yaml
from binance_coinm import AuthenticatedClient, engines
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import BinanceError, ResponseError
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.reading import Reader, array, model
from binance_coinm.reading import rows as reading_rows
from binance_coinm.security import Security
from binance_sandbox import Account, Sandbox
from binance_sandbox._signature import split_signature
from binance_signing import Credentials, HmacKey, Signer, SigningClient, connect
from binance_signing._signing import signed
from hypothesis import example, given, settings
from hypothesis import strategies as st
from samples import API_KEY, SECRET
from test_balance import ROW
from test_reading import MORE_ODD_AMOUNTS, ODD_AMOUNTS

Form = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Rows = list[FuturesAccountBalance]
Send = Callable[..., engines.Answer]
Balance = Callable[[AuthenticatedClient], Rows]

KEY = HmacKey(SECRET)
ACCOUNT = Account(API_KEY, secret=SECRET)
PATH = "/dapi/v1/anything"
NAMES = [*"%+&=#?/;'\"\\\n\0é数💰", "", " ", "a b", "%41", "a[]", "symbol", "Timestamp", "timestamp ", "signature2"]
AMOUNTS = list(ROW)[2:7]
# However long an example takes, it is in time.
NOW = 1_700_000_000_000
METHODS = ["GET", "POST", "PUT", "DELETE"]


@pytest.fixture
def _exceptions_without_secrets() -> None:
    """Stand in for the look at all exceptions at a test's end, for here each is looked at when it comes."""


@pytest.fixture(scope="module", params=["sync", "async"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner | None]:
    """Give the event loop of the async side, which is one for all examples, and None for the sync side."""
    with asyncio.Runner() as runner:
        yield runner if request.param == "async" else None


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Give an exchange that has one more path, where each method takes parameters of all these names."""
    document = yaml.safe_load((Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8"))
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
    """Give what sends a signed request: a client of httpx with the signer as a hook, or a client by `connect`."""
    if request.param != "hook":
        with client_of(exchange) as signing_client:
            yield partial(sent_by, signing_client, runner)
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


def client_of(exchange: Sandbox) -> SigningClient:
    """Give a client of the exchange."""
    return connect(
        exchange.credentials,
        server=exchange.url,
        clock=lambda: NOW,
        recv_window=60_000,
        recovery=None,
    )


def sent_by(
    client: SigningClient, runner: asyncio.Runner | None, method: str, url: str, **arguments: Any
) -> engines.Answer:
    """Send a request by a client, in an event loop if there is one."""
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
    """Whatever parameters stand in query and form, the exchange finds the request signed and in time."""
    # The exchange reads no form of a GET.
    content = {} if method == "GET" else {"data": form}

    answer = send(method, PATH, params=query, extensions={"security": Security.TRADE}, **content)

    assert (200, [ROW]) == (answer.status_code, json.loads(answer.content))


@given(method=methods, url=strange_urls, params=strange_forms, body=strange_bodies)
def test_what_arrives_is_signed(send: Send, exchange: Sandbox, method: str, url: str, params: Form, body: Form) -> None:
    """The signature is that of the bytes on the wire, also where they are no proper query and no proper form."""
    send(method, url, params=params or None, extensions={"security": Security.TRADE}, **body)

    received = exchange.requests[-1]
    split = split_signature(received.query, received.body, "signature")
    assert split is not None
    assert ACCOUNT.is_signature(*split)


quoted = st.binary().map(lambda raw: quote_from_bytes(raw).encode())
tails = st.just(b"") | quoted.map(b"=".__add__)
signers = st.builds(bytes.__add__, st.sampled_from([b"timestamp", b"signature", b"%74imestamp", b"signatur%65"]), tails)
callers = st.builds(bytes.__add__, st.sampled_from([b"recvWindow", b"recv%57indow"]) | quoted.map(b"x".__add__), tails)
pairs = st.lists(signers | callers)


@given(query=pairs, body=pairs, timestamp=st.integers(0), recv_window=st.none() | st.integers(1))
def test_what_signing_changes(query: list[bytes], body: list[bytes], timestamp: int, recv_window: int | None) -> None:
    """The caller's own parameters stay as they were, and behind them come one timestamp and one signature."""
    left = [[pair for pair in part if pair.startswith((b"r", b"x"))] for part in (query, body)]
    last = left[1] if body else left[0]
    if recv_window is not None and not any(pair.startswith(b"r") for part in left for pair in part):
        last.append(b"recvWindow=%d" % recv_window)
    last.append(b"timestamp=%d" % timestamp)
    last.append(b"signature=" + KEY.sign(b"".join(map(b"&".join, left))))

    actual = signed(b"&".join(query), b"&".join(body), KEY, timestamp, recv_window)

    assert tuple(map(b"&".join, left)) == actual


@given(*[st.binary() | pairs.map(b"&".join)] * 2, st.integers(0), st.integers(0), st.none() | st.integers(1))
def test_signing_again(query: bytes, body: bytes, earlier: int, later: int, recv_window: int | None) -> None:
    """What is signed twice is what is signed once, at the later time."""
    once = signed(query, body, KEY, later, recv_window)

    assert once == signed(*signed(query, body, KEY, earlier, recv_window), KEY, later, recv_window)


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
refusals = st.fixed_dictionaries({}, optional={"code": codes, "msg": words, "239999": words})


@st.composite
def other_rows(draw: st.DrawFn) -> tuple[dict[str, str], str]:
    """Give the members of a row as JSON, some of them missing, double or of another kind, and an answer of this row."""
    members = [(name, json.dumps(value)) for name, value in draw(rows).items()]
    for _ in range(draw(st.integers(1, 3))):
        members.pop(draw(st.integers(0, len(members) - 1)))
        members += draw(st.lists(st.tuples(st.sampled_from(list(ROW)), texts), max_size=2))
    return dict(members), "[{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members) + "}]"


leading_zeros = ROW | {"balance": "007"}
row_lists = st.lists(rows, max_size=2).map(json.dumps)
bodies = texts | refusals.map(json.dumps) | other_rows().map(lambda row: row[1]) | row_lists
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
answers = st.tuples(statuses, st.fixed_dictionaries({}, optional=header_values), contents | compressed | truncated)


def balance_sync(client: AuthenticatedClient) -> Rows:
    """Call twice, since an answer may leave something behind in the client, and end as the second call does."""
    with client:
        with suppress(BinanceError):
            futures_account_balance.sync(client=client)
        return futures_account_balance.sync(client=client)


async def balance_async(client: AuthenticatedClient) -> Rows:
    """Do the same without blocking."""
    async with client:
        with suppress(BinanceError):
            await futures_account_balance.asyncio(client=client)
        return await futures_account_balance.asyncio(client=client)


@pytest.fixture(scope="module")
def balance(runner: asyncio.Runner | None) -> Balance:
    """Give the balance call."""
    return balance_sync if runner is None else lambda client: runner.run(balance_async(client))


def end_of(balance: Balance, last_query: Callable[[], bytes], **arguments: Any) -> Rows | BinanceError:
    """Give the rows or the error that a call of one try ends in, the error once it is sure to show no secret."""
    try:
        return balance(connect(Credentials(API_KEY, KEY), recovery=None, **arguments))
    except BinanceError as caught:
        error = caught
    signature = last_query().rpartition(b"signature=")[2].decode()
    assert all(secret not in f"{error}{error!r}{vars(error)}" for secret in (API_KEY, SECRET, signature))
    assert (None, None) == (error.__cause__, error.__context__)
    return error


def end_without_socket(balance: Balance, answer: Answer) -> Rows | BinanceError:
    """Give what a call ends in that is answered like this."""
    status, headers, content = answer
    sent = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.query)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(content))

    # What is known of the rate limit of a port of this machine is each client's own.
    return end_of(balance, lambda: sent[-1], server="http://127.0.0.1", transport=httpx.MockTransport(respond))


@given(answer=answers)
def test_every_answer_is_rows_or_an_error(balance: Balance, answer: Answer) -> None:
    """Whatever the exchange answers, a call ends in rows or in an exception of the tree."""
    end = end_without_socket(balance, answer)

    assert isinstance(end, BinanceError) or all(type(row) is FuturesAccountBalance for row in end)


@settings(max_examples=settings().max_examples // 10)
@given(answer=answers)
def test_every_answer_over_a_socket_is_rows_or_an_error(balance: Balance, answer: Answer) -> None:
    """The same goes for answers that come over a socket."""
    with Sandbox(accounts=[ACCOUNT]) as sandbox:
        sandbox.answer_next(answer[0], headers=answer[1], body=answer[2], times=2)

        end = end_of(balance, lambda: sandbox.requests[-1].query, server=sandbox.url)

    assert isinstance(end, BinanceError) or all(type(row) is FuturesAccountBalance for row in end)


@given(sent=row_lists)
def test_documented_rows_come_as_they_were_sent(balance: Balance, sent: str) -> None:
    """Rows come with every digit, and with the fields that the document does not have yet."""
    end = end_without_socket(balance, (200, {}, sent.encode()))

    assert isinstance(end, list)
    assert json.loads(sent, parse_float=Decimal) == [row.to_dict() for row in end]


@example(row=({name: json.dumps(value) for name, value in leading_zeros.items()}, json.dumps([leading_zeros])))
@given(row=other_rows())
def test_other_rows_are_refused_or_come_as_they_were_sent(balance: Balance, row: tuple[dict[str, str], str]) -> None:
    """A row that is not as documented is refused, or it comes with the amounts that were sent."""
    members, text = row
    end = end_without_socket(balance, (200, {}, text.encode()))

    for received in end if isinstance(end, list) else []:
        for name, amount in zip(AMOUNTS, attrs.astuple(received)[2:7], strict=True):
            sent = json.loads(members[name], parse_float=Decimal)
            assert type(amount) is Decimal
            assert sent == (received.to_dict()[name] if isinstance(sent, str) else amount)


odd_amounts = st.sampled_from([*ODD_AMOUNTS, *MORE_ODD_AMOUNTS]) | st.builds(str.__add__, amounts, exponents) | anything
odd_integers = st.sampled_from([2**63, -(2**63) - 1, 10**30, True, "5", Decimal("1.0"), None])
odd_values = st.one_of(odd_amounts, odd_integers, st.just("\ud800"), anything)
odd_members = st.dictionaries(st.sampled_from([*ROW, "later", ""]), odd_values, min_size=1, max_size=2)
odd_rows: st.SearchStrategy[Any] = (
    st.builds(dict.__or__, rows, odd_members)
    | st.builds(
        lambda row, name: {other: row[other] for other in row if other != name}, rows, st.sampled_from(list(ROW))
    )
    | st.sampled_from([None, [], [ROW], "row", 5, {}])
)
usual_lists = st.lists(rows, max_size=8)
lists = usual_lists | st.builds(
    lambda usual, odd, place: [*usual[:place], odd, *usual[place:]], usual_lists, odd_rows, st.integers(0, 8)
)


def end_of_reading(read: Reader[Rows], value: object) -> object:
    """Give all that can be told of what a list is read as: every digit and field, or the error's place and reason."""
    try:
        return repr(read(value, "list"))
    except ResponseError as caught:
        error = caught
    assert (None, None) == (error.__cause__, error.__context__)
    return error.path, error.reason


@given(value=lists | odd_values)
def test_rows_are_read_at_once_as_one_by_one(value: object) -> None:
    """A list of rows is read column by column as it is row by row: to equal rows, or to an error of the same place."""
    before = repr(value)

    one_by_one = end_of_reading(array(model(FuturesAccountBalance.from_dict)), value)

    assert one_by_one == end_of_reading(reading_rows(FuturesAccountBalance), value)
    assert before == repr(value)


decimals = st.builds("{}E{}".format, st.integers(-(10**32), 10**32), st.integers(-64, 31)).map(Decimal)
models = st.builds(FuturesAccountBalance, st.text(), st.text(), *[decimals] * 5, int64)


@given(row=models, later=later_fields)
def test_models_go_out_and_come_back(row: FuturesAccountBalance, later: dict[str, Any]) -> None:
    """A model becomes a dictionary with amounts in plain digits, and this the same model."""
    row.additional_properties = later

    members = row.to_dict()

    assert row == FuturesAccountBalance.from_dict(members)
    assert all(set(members[name]) <= set("-.0123456789") for name in AMOUNTS)
