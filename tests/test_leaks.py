"""Leaks: no key, secret, signature or signed query shows, however a call ends, and nothing goes to another server."""

import asyncio
import traceback
import warnings
from base64 import b32decode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx
import pytest
from attrs import field, frozen
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.engines import Answer
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from binance_signing import Credentials, Ed25519Key, Recovery, SigningClient, connect
from calls import Balance
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PRIVATE = Ed25519PrivateKey.generate()
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SIGNED = {"security": Security.USER_DATA}
HEADER = "X-MBX-APIKEY"

Send = Callable[..., Answer]


@pytest.fixture(params=["HMAC", "Ed25519"])
def credentials(request: pytest.FixtureRequest, sandbox: Sandbox) -> Credentials:
    """Give credentials of either kind for an account of the sandbox."""
    if request.param == "HMAC":
        return sandbox.credentials
    return Credentials(sandbox.add_account(public_key_pem=PUBLIC_PEM).api_key, Ed25519Key.from_pem(PEM))


def send_sync(client: SigningClient, url: str, **settings: Any) -> Answer:
    """Send a request by hand, and close the client."""
    with client:
        return client.request({"method": "GET", "url": url} | settings)


def send_async(client: SigningClient, url: str, **settings: Any) -> Answer:
    """Do the same in async code, in an event loop of its own."""

    async def send() -> Answer:
        async with client:
            return await client.request_async({"method": "GET", "url": url} | settings)

    return asyncio.run(send())


@pytest.fixture(params=[send_sync, send_async], ids=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Send:
    """Give a request by hand, once sync and once async."""
    function: Send = request.param
    return function


def texts_of(value: object) -> Iterator[str]:
    """Give all that can be read of a value, an exception's attributes, chain and frames' variables among it."""
    yield from (str(value), repr(value))
    if isinstance(value, BaseException):
        yield from texts_of([value.args, vars(value), value.__cause__, value.__context__])
        stack = traceback.TracebackException.from_exception(value, capture_locals=True).stack
        # The tests' own variables hold what they hide.
        yield from (str(frame.locals) for frame in stack if frame.filename != __file__)
    elif isinstance(value, Mapping):
        yield from texts_of(list(value.items()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_of(item)


def needles_of(sandbox: Sandbox) -> set[str]:
    """Give what must not be found: each account's key and secret, and what of signatures came in."""
    needles = {"signature=", PEM.decode().splitlines()[1], PRIVATE.private_bytes_raw().hex()}
    needles |= {text for account in sandbox.accounts for text in (account.api_key, account.secret) if text}
    for query in (request.query.decode() for request in sandbox.requests if request.query):
        signature = query.partition("signature=")[2]
        needles |= {query, signature, unquote(signature)}
    return needles


def assert_hidden(sandbox: Sandbox, *values: object) -> None:
    """Fail if anything that can be read of the values is secret."""
    shown = "\n".join(text for value in values for text in texts_of(value))
    assert [] == [needle for needle in needles_of(sandbox) if needle in shown]


def test_search_finds(sandbox: Sandbox) -> None:
    """What is searched for is found in words, attributes, headers, chains and variables."""
    with pytest.raises(ValueError, match="base32") as in_variables:
        b32decode(sandbox.account.api_key)
    in_chain, in_headers = ValueError(), ValueError()
    in_chain.__context__ = ValueError(sandbox.account.secret)
    vars(in_headers)["headers"] = httpx.Headers({"Location": "/?signature=1"})

    for value in (in_variables.value, in_chain, in_headers, PEM.decode()):
        with pytest.raises(AssertionError):
            assert_hidden(sandbox, value)


Prepare = Callable[[Sandbox, SigningClient], object]


@frozen
class End:
    """A way in which a call ends: what leads to it, and its exception, if it is one."""

    name: str
    kind: type | None
    prepare: Prepare = lambda _, __: None
    settings: dict[str, Any] = field(factory=dict)
    arguments: dict[str, Any] = field(factory=dict)


def answered(kind: type | None, status: int, body: object = b"", **settings: Any) -> End:
    """Give the end that an answer leads to."""
    if isinstance(body, int):
        body = {"code": body, "msg": "m"}
    return End(f"{status} {body!r:.20}", kind, lambda sandbox, _: sandbox.answer_next(status, body=body, **settings))


def failed(kind: type | None, fault: Fault, **settings: Any) -> End:
    """Give the end that a fault leads to."""
    return End(fault.name, kind, lambda sandbox, _: sandbox.fail_next(fault), settings)


def ban(sandbox: Sandbox, client: SigningClient) -> None:
    """Let the exchange ban the client."""
    sandbox.answer_next(418, headers={"Retry-After": "120"})
    client.request({"method": "GET", "url": "/dapi/v1/balance", "extensions": SIGNED})


ENDS = [
    End("rows", None),
    failed(None, Fault.disconnect(), recovery=Recovery(backoff=0)),
    End("clock", None, lambda sandbox, _: sandbox.answer_next(400, example="lateTimestamp"), {"recovery": Recovery()}),
    answered(errors.ApiError, 400, -1102),
    answered(errors.TimestampError, 400, -1021),
    answered(errors.SignatureError, 400, -1022),
    answered(errors.ApiKeyError, 401, -2015),
    answered(errors.FirewallError, 403, b"<html>"),
    answered(errors.IpBannedError, 418, -1003),
    answered(errors.RateLimitError, 429, -1003),
    answered(errors.RestrictedLocationError, 451, 0),
    answered(errors.ExchangeError, 503, -1000),
    answered(errors.SignatureError, 200, -1022),
    answered(errors.ResponseError, 200, b"<html>"),
    answered(errors.ResponseError, 200, [{"asset": 1}]),
    answered(errors.ResponseError, 200, b"[]", headers={"Content-Encoding": "gzip"}),
    answered(errors.ResponseError, 302, headers={"Location": "/elsewhere"}),
    End("huge", errors.ResponseError, settings={"max_answer_bytes": 10}),
    failed(errors.NetworkError, Fault.disconnect()),
    failed(errors.NetworkError, Fault.disconnect(reset=True)),
    failed(errors.NetworkError, Fault.cut_headers()),
    failed(errors.NetworkError, Fault.cut_body()),
    failed(errors.NetworkError, Fault.garbage()),
    failed(errors.NetworkError, Fault.broken_chunks()),
    failed(errors.TimeoutError, Fault.silence(), timeout=0.1),
    failed(errors.TimeoutError, Fault.drip_headers(), timeout=0.1),
    failed(errors.TimeoutError, Fault.drip_body(), timeout=0.1),
    End("nobody listens", errors.NetworkError, lambda sandbox, _: sandbox.close()),
    End("banned", errors.IpBannedError, ban),
    End("closed", errors.ConfigurationError, lambda _, client: client.close()),
    End("argument", errors.ConfigurationError, arguments={"recv_window": 0}),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
def test_ends_of_a_call(
    sandbox: Sandbox,
    balance: Balance,
    credentials: Credentials,
    end: End,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """However a call ends: no exception, log record, warning, output or attribute of the client shows a secret."""
    caplog.set_level(1)
    client = connect(credentials, server=sandbox.url, **{"recovery": None, **end.settings})
    end.prepare(sandbox, client)
    error = None

    with warnings.catch_warnings(record=True, action="always") as warned:
        try:
            balance(client, **end.arguments)
        except errors.BinanceError as caught:
            error = caught

    assert end.kind is (type(error) if error else None)
    # What the exchange's side of the wire logs is another matter.
    records = [record for record in caplog.records if record.threadName != "binance_sandbox"]
    logged = [(record.getMessage(), vars(record)) for record in records]
    parts = [credentials, credentials.key, client.clock, Recovery(), vars(client)]
    assert_hidden(sandbox, error, logged, [warning.message for warning in warned], client, parts)
    assert ("", "") == capfd.readouterr()


class Interrupted:
    """A connection on which each call is cancelled while it writes, as by a task group or Ctrl+C."""

    def write(self, *_: object, **__: object) -> Any:
        """Interrupt."""
        raise asyncio.CancelledError

    def get_extra_info(self, _: str) -> None:
        """Tell nothing."""

    async def aclose(self) -> None:
        """Close."""

    def close(self) -> None:
        """Close."""


def test_interrupted_call(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, credentials: Credentials, balance: Balance
) -> None:
    """A call that is cancelled while it writes does not bring the engine's frames along, which hold what it wrote."""

    async def connected(*_: object, **__: object) -> Interrupted:
        return Interrupted()

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connected)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_: Interrupted())

    with pytest.raises(asyncio.CancelledError) as caught:
        balance(connect(credentials, server=sandbox.url))

    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_to_another_server(sandbox: Sandbox, credentials: Credentials, balance: Balance, status: int) -> None:
    """A call that is told to go elsewhere does not."""
    with Sandbox() as other:
        sandbox.answer_next(status, headers={"Location": f"{other.url}/dapi/v1/balance"})

        with pytest.raises(errors.ResponseError, match="got a redirect") as caught:
            balance(connect(credentials, server=sandbox.url))

    assert [] == other.requests
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_that_httpx_is_to_follow(sandbox: Sandbox, credentials: Credentials, send: Send, status: int) -> None:
    """A signed request that is told to follow redirects, by a setting of httpx, follows none."""
    with Sandbox() as other:
        sandbox.answer_next(status, headers={"Location": f"{other.url}/dapi/v1/balance"})

        with pytest.raises(errors.ResponseError, match="got a redirect") as caught:
            send(connect(credentials, server=sandbox.url), "/dapi/v1/balance", extensions=SIGNED, follow_redirects=True)

    assert [] == other.requests
    assert_hidden(sandbox, caught.value)


def test_redirect_that_repeats_the_query(sandbox: Sandbox, credentials: Credentials, balance: Balance) -> None:
    """A redirect that keeps the query, as those to another host do, does not bring the signature into the error."""
    sandbox.answer_next(301, headers={"Location": "https://other.example/?timestamp=1&signature=1"})

    with pytest.raises(errors.ResponseError) as caught:
        balance(connect(credentials, server=sandbox.url))

    assert_hidden(sandbox, caught.value)


def test_requests_to_another_server(sandbox: Sandbox, credentials: Credentials, send: Send) -> None:
    """By its whole URL another server is refused what needs credentials, and gets the rest without them."""
    with Sandbox() as other:
        url = f"{other.url}/dapi/v1/time"

        with pytest.raises(errors.ConfigurationError, match=f"are for {sandbox.url} alone") as caught:
            send(connect(credentials, server=sandbox.url), url, extensions=SIGNED)
        assert [] == other.requests
        assert 200 == send(connect(credentials, server=sandbox.url), url).status_code

    assert (b"", False) == (other.requests[0].query, HEADER in other.requests[0].headers)
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("wrong", [{"headers": {"X-Header": "a\nb"}}, {"method": "G T"}], ids=["header", "method"])
@pytest.mark.parametrize("side", ["sync", "async"])
def test_request_that_cannot_be_sent(
    sandbox: Sandbox, credentials: Credentials, side: str, wrong: dict[str, Any]
) -> None:
    """A signed request that no engine would send is refused without a word of what was signed."""
    proper = {"method": "GET", "url": "/dapi/v1/time"}
    refused = {"method": "GET", "url": "/dapi/v1/balance", "extensions": SIGNED} | wrong

    async def main() -> None:
        async with connect(credentials, server=sandbox.url, recovery=None) as client:
            # The first one opens a connection.
            for request in (proper, refused):
                client.request(request) if side == "sync" else await client.request_async(request)

    with pytest.raises(errors.BinanceError) as caught:
        asyncio.run(main())

    assert ["/dapi/v1/time"] == [request.path for request in sandbox.requests]
    assert_hidden(sandbox, caught.value)


def test_words_of_httpx(sandbox: Sandbox, credentials: Credentials, send: Send) -> None:
    """What httpx itself says of a signed request that failed names the URL without its query."""
    response = send(connect(credentials, server=sandbox.url), "/dapi/v1/unknown", extensions=SIGNED)
    assert isinstance(response, httpx.Response)

    with pytest.raises(httpx.HTTPStatusError, match="/dapi/v1/unknown'") as caught:
        response.raise_for_status()

    assert_hidden(sandbox, str(caught.value), response, response.request, response.url)


def test_transports_see_the_signature(sandbox: Sandbox, credentials: Credentials, balance: Balance) -> None:
    """A transport, as libraries that stand in for httpx's own are, finds the signature, though the text hides it."""
    seen: list[httpx.Request] = []

    def see(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[])

    balance(connect(credentials, server=sandbox.url, transport=httpx.MockTransport(see)))

    signature = seen[0].url.params["signature"]
    assert signature == unquote(seen[0].url.query.decode().rpartition("&signature=")[2])
    assert_hidden(sandbox, seen[0].url, seen[0])
    assert signature not in f"{seen[0].url} {seen[0].url!r}"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_see_nothing_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, credentials: Credentials, balance: Balance, variable: str
) -> None:
    """A call to this machine goes through no proxy of the environment."""
    with Sandbox() as proxy:
        monkeypatch.setenv(variable, proxy.url)

        assert balance(connect(credentials, server=sandbox.url)).parsed

    assert [] == proxy.requests


def test_proxies_see_no_more_than_the_server(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials, balance: Balance
) -> None:
    """A proxy of the environment is told of a call over https where it goes, and nothing else."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        with pytest.raises(errors.NetworkError) as caught:
            balance(connect(credentials, server="https://exchange.example", recovery=None))

    assert "failed" == caught.value.outcome
    request = proxy.requests[0]
    assert ("CONNECT", "exchange.example:443", b"") == (request.method, request.path, request.query)
    assert HEADER not in request.headers


def test_rotation_while_threads_call(sandbox: Sandbox) -> None:
    """While credentials are exchanged no call is lost: each try is signed by those that it names."""
    pair = [sandbox.credentials, sandbox.add_account().credentials]

    def calls(first: int) -> None:
        for number in range(20):
            client.credentials = pair[(first + number) % 2]
            assert futures_account_balance.sync(client=client)

    with connect(server=sandbox.url, credentials=pair[0], recovery=None) as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(calls, range(4)))
        for client.credentials in pair:
            futures_account_balance.sync(client=client)

    assert [200] * 82 == [request.status for request in sandbox.requests]
    assert [one.api_key for one in pair] == [request.headers[HEADER] for request in sandbox.requests[-2:]]


@pytest.mark.parametrize(
    "variables", [{"SERVER": "prod"}, {"API_KEY": ""}, {"PRIVATE_KEY_FILE": "key.pem"}], ids=lambda it: next(iter(it))
)
def test_wrong_environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, variables: dict[str, str]) -> None:
    """An error about one variable of the environment shows none of the others, in its frames neither."""
    account = {"API_KEY": sandbox.account.api_key, "API_SECRET": str(sandbox.account.secret)}
    for variable, value in (account | variables).items():
        monkeypatch.setenv(f"BINANCE_{variable}", value)

    with pytest.raises(errors.ConfigurationError) as caught:
        connect()

    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("way", ["argument", "attribute"])
def test_something_in_place_of_credentials(sandbox: Sandbox, way: str) -> None:
    """What is no credentials is refused as argument and as a client's attribute, and frames do not show it."""
    pair: Any = (sandbox.account.api_key, sandbox.account.secret)

    with connect(sandbox.credentials, server=sandbox.url) as client:
        exchange = partial(setattr, client, "credentials")
        with pytest.raises(errors.ConfigurationError) as caught:
            connect(pair, server=sandbox.url) if way == "argument" else exchange(pair)

    assert_hidden(sandbox, caught.value)
