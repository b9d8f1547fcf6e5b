"""Leaks: no key, secret, signature or signed query shows, however a call ends, and nothing goes to another server."""

import asyncio
import logging
import socket
import traceback
import warnings
from base64 import b32decode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

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


def stale(sandbox: Sandbox, client: SigningClient) -> None:
    """Let the exchange close a connection that is idle, which is found out by the call."""
    client.request({"method": "GET", "url": "/dapi/v1/balance", "extensions": SIGNED})
    sandbox.fail_next(Fault.disconnect())


def stale_twice(sandbox: Sandbox, client: SigningClient) -> None:
    """Let the exchange close the connection after it too."""
    stale(sandbox, client)
    sandbox.fail_next(Fault.disconnect())


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
    End("stale", None, stale),
    End("stale twice", errors.NetworkError, stale_twice),
    End("closed", errors.ClientClosedError, lambda _, client: client.close()),
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
    logged = logged_by(caplog)
    parts = [credentials, credentials.key, client.clock, Recovery(), vars(client)]
    assert_hidden(sandbox, error, logged, [warning.message for warning in warned], client, parts)
    assert ("", "") == capfd.readouterr()


def test_interrupted_call(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, credentials: Credentials, balance: Balance
) -> None:
    """A call that is cancelled while it writes does not bring the engine's frames along, which hold what it wrote."""
    send = socket.socket.send
    server = int(sandbox.url.rpartition(":")[2])

    def interrupt(sending: socket.socket, *arguments: Any) -> int:
        if sending.family == socket.AF_INET and sending.getpeername()[1] == server:
            raise asyncio.CancelledError
        return send(sending, *arguments)

    monkeypatch.setattr(socket.socket, "send", interrupt)

    with pytest.raises(asyncio.CancelledError) as caught:
        balance(connect(credentials, server=sandbox.url))

    assert [] == sandbox.requests
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

    assert_hidden(sandbox, caught.value, response, response.request, response.url, response.request.headers)


def test_transports_see_the_signature(sandbox: Sandbox, credentials: Credentials, balance: Balance) -> None:
    """A transport, as libraries that stand in for httpx's own are, finds the signature in the URL and in its text."""
    seen: list[httpx.Request] = []

    def see(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[])

    balance(connect(credentials, server=sandbox.url, transport=httpx.MockTransport(see)))

    signature = seen[0].url.params["signature"]
    query = seen[0].url.query.decode()
    assert signature == unquote(query.rpartition("&signature=")[2])
    assert f"{sandbox.url}/dapi/v1/balance?{query}" == str(seen[0].url)
    assert seen[0].url == httpx.URL(str(seen[0].url))


def test_transports_that_send_by_the_text_of_the_url(
    sandbox: Sandbox, credentials: Credentials, balance: Balance, caplog: pytest.LogCaptureFixture
) -> None:
    """A transport of another library, which is given the text of the URL, sends what was signed."""
    caplog.set_level(1)

    def send(request: httpx.Request) -> httpx.Response:
        with httpx.Client(trust_env=False) as another:
            answer = another.request(request.method, str(request.url), headers=request.headers)
        return httpx.Response(answer.status_code, content=answer.content)

    answer = balance(connect(credentials, server=sandbox.url, transport=httpx.MockTransport(send)))

    assert answer.parsed
    assert [200] == [request.status for request in sandbox.requests]
    assert_hidden(sandbox, logged_by(caplog))


def logged_by(caplog: pytest.LogCaptureFixture) -> list[object]:
    """Return what this side of the wire has logged: the lines, and all that the records hold."""
    records = [record for record in caplog.records if record.threadName != "binance_sandbox"]
    return [(record.getMessage(), vars(record)) for record in records]


def test_logs_of_libraries(
    sandbox: Sandbox, credentials: Credentials, balance: Balance, caplog: pytest.LogCaptureFixture
) -> None:
    """Each request is in the logs of httpx and of httpcore, which write the URL and no signature."""
    caplog.set_level(logging.DEBUG)

    balance(connect(credentials, server=sandbox.url))

    line = f'HTTP Request: GET {sandbox.url}/dapi/v1/balance?[redacted] "HTTP/1.1 200 OK"'
    assert line in [record.getMessage() for record in caplog.records if record.name == httpx.__name__]
    assert {"http11", "connection"} <= {record.name.rpartition(".")[2] for record in caplog.records}
    assert_hidden(sandbox, logged_by(caplog))


ECHOED = "0123456789abcdef" * 4
QUERY = f"recvWindow=5000&timestamp=1499827319559&signature={ECHOED}"
URL = f"https://dapi.example/dapi/v1/balance?{QUERY}"
LOCATIONS = {
    "another host": f"https://other.example/dapi/v1/balance?{QUERY}",
    "path": f"/login?{QUERY}",
    "query alone": f"?{QUERY}",
    "signature first": f"/login?signature={ECHOED}&timestamp=1",
    "fragment": f"/login#{QUERY}",
    "in a parameter": f"https://portal.example/login?next={URL}",
    "encoded": f"https://portal.example/login?next={quote(URL, safe='')}",
    "encoded in small letters": f"https://portal.example/login?next={quote(URL, safe='')}".replace("%3D", "%3d"),
    "encoded, signature first": f"/login?next={quote(f'/?signature={ECHOED}', safe='')}",
    "encoded twice": f"https://portal.example/login?next={quote(quote(URL, safe=''), safe='')}",
    "encoded in part": f"/login?next=/dapi/v1/balance%3Ftimestamp=1%26signature={ECHOED}",
}


@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS)
def test_logs_of_redirects(
    sandbox: Sandbox, credentials: Credentials, balance: Balance, caplog: pytest.LogCaptureFixture, location: str
) -> None:
    """A redirect that echoes the signed query, as those of captive portals do, brings it into no log and no error."""
    caplog.set_level(logging.DEBUG)
    sandbox.answer_next(302, headers={"Location": location})

    with pytest.raises(errors.ResponseError, match="got a redirect") as caught:
        balance(connect(credentials, server=sandbox.url))

    logged = logged_by(caplog)
    assert "302" in str(logged)
    assert ECHOED not in "\n".join(texts_of([logged, caught.value]))
    assert_hidden(sandbox, logged, caught.value)


def test_requests_of_callers_stay_unsigned(sandbox: Sandbox, credentials: Credentials) -> None:
    """What is signed is a copy: the caller's own request, and that of the answer, show neither key nor signature."""
    requests: list[httpx.Request] = []

    def a_request() -> httpx.Request:
        requests.append(httpx.Request("GET", f"{sandbox.url}/dapi/v1/balance?recvWindow=5000", extensions=SIGNED))
        return requests[-1]

    async def main() -> list[httpx.Response]:
        async with connect(credentials, server=sandbox.url) as client:
            http = client.get_async_httpx_client()
            answers = [await http.send(a_request()), await http.send(a_request(), stream=True)]
            await answers[1].aread()
            return answers

    with connect(credentials, server=sandbox.url) as client:
        http = client.get_httpx_client()
        answers = [http.send(a_request()), http.send(a_request(), stream=True)]
        answers[1].read()
    answers += asyncio.run(main())

    assert [200] * 4 == [answer.status_code for answer in answers]
    assert all(answer.request is request for answer, request in zip(answers, requests, strict=True))
    assert [f"{sandbox.url}/dapi/v1/balance?recvWindow=5000"] * 4 == [str(request.url) for request in requests]
    assert [SIGNED] * 4 == [request.extensions for request in requests]
    headers = [(request.headers, answer.headers) for request, answer in zip(requests, answers, strict=True)]
    assert_hidden(sandbox, requests, [vars(request) for request in requests], headers, [vars(it) for it in answers])


FAULTS = [Fault.disconnect(), Fault.disconnect(reset=True), Fault.cut_headers(), Fault.garbage(), Fault.silence()]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("side", ["sync", "async"])
def test_requests_of_exceptions_are_unsigned(
    sandbox: Sandbox, credentials: Credentials, fault: Fault, side: str, *, is_streamed: bool
) -> None:
    """What is raised by httpx for a request by hand holds the request as the caller made it."""
    sandbox.fail_next(fault)
    request = httpx.Request(
        "GET",
        f"{sandbox.url}/dapi/v1/balance",
        extensions=SIGNED | {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), 0.2)},
    )

    async def send() -> None:
        async with connect(credentials, server=sandbox.url, recovery=None) as client:
            if side == "async":
                await client.get_async_httpx_client().send(request, stream=is_streamed)
            else:
                client.get_httpx_client().send(request, stream=is_streamed)

    with pytest.raises(httpx.RequestError) as caught:
        asyncio.run(send())

    assert request is caught.value.request
    assert 1 == len(sandbox.requests)
    assert_hidden(sandbox, caught.value, request, request.headers)


@pytest.mark.parametrize("fault", [Fault.cut_body(), Fault.broken_chunks()], ids=lambda fault: fault.name)
@pytest.mark.parametrize("side", ["sync", "async"])
def test_streams_that_break(sandbox: Sandbox, credentials: Credentials, fault: Fault, side: str) -> None:
    """A streamed answer that breaks off while the caller reads it ends in an exception without a signature."""
    sandbox.fail_next(fault)

    async def read() -> None:
        async with connect(credentials, server=sandbox.url) as client:
            if side == "async":
                async with client.get_async_httpx_client().stream(
                    "GET", "/dapi/v1/balance", extensions=SIGNED
                ) as response:
                    await response.aread()
            else:
                with client.get_httpx_client().stream("GET", "/dapi/v1/balance", extensions=SIGNED) as response:
                    response.read()

    with pytest.raises(httpx.RemoteProtocolError) as caught:
        asyncio.run(read())

    assert_hidden(sandbox, caught.value)


# What is raised by keys, clocks, hooks and transports, and by requests that cannot be signed.

Raised = Callable[[], BaseException]
RAISED: list[Raised] = [
    lambda: ValueError("v"),
    lambda: OSError(5, "o"),
    lambda: RuntimeError("r"),
    lambda: MemoryError("m"),
    lambda: TimeoutError("t"),
    lambda: AssertionError("a"),
    lambda: RecursionError("r"),
    lambda: ExceptionGroup("group", [ValueError("v"), ExceptionGroup("inner", [OSError("o")])]),
    lambda: BaseExceptionGroup("group", [asyncio.CancelledError("c")]),
    lambda: httpx.ReadError("h"),
    lambda: httpx.ConnectTimeout("h"),
    lambda: httpx.InvalidURL("i"),
    lambda: httpx.StreamError("s"),
    lambda: errors.ConfigurationError("c"),
    lambda: errors.NetworkError("n", "unknown"),
    lambda: errors.ResponseError("r"),
    lambda: asyncio.CancelledError("c"),
    lambda: KeyboardInterrupt("k"),
    lambda: SystemExit(3),
    lambda: GeneratorExit("g"),
]
each_raised = pytest.mark.parametrize("raised", RAISED, ids=lambda raised: type(raised()).__name__)


def call_balance(client: SigningClient) -> None:
    """Call by the generated function."""
    with client:
        futures_account_balance.sync(client=client)


def call_balance_async(client: SigningClient) -> None:
    """Call by the generated function in async code."""

    async def call() -> None:
        async with client:
            await futures_account_balance.asyncio(client=client)

    asyncio.run(call())


def get_by_hand(client: SigningClient) -> None:
    """Send a request over the client of httpx."""
    with client:
        client.get_httpx_client().get("/dapi/v1/balance", extensions=SIGNED)


def get_by_hand_async(client: SigningClient) -> None:
    """Send a request over the async client of httpx."""

    async def get() -> None:
        async with client:
            await client.get_async_httpx_client().get("/dapi/v1/balance", extensions=SIGNED)

    asyncio.run(get())


def stream_by_hand(client: SigningClient) -> None:
    """Send a request over the client of httpx, and have its answer streamed."""
    with client, client.get_httpx_client().stream("GET", "/dapi/v1/balance", extensions=SIGNED) as response:
        response.read()


def stream_by_hand_async(client: SigningClient) -> None:
    """Do the same over the async client of httpx."""

    async def stream() -> None:
        async with (
            client,
            client.get_async_httpx_client().stream("GET", "/dapi/v1/balance", extensions=SIGNED) as response,
        ):
            await response.aread()

    asyncio.run(stream())


WAYS: dict[str, Callable[[SigningClient], object]] = {
    "function": call_balance,
    "async function": call_balance_async,
    "request": lambda client: send_sync(client, "/dapi/v1/balance", extensions=SIGNED),
    "async request": lambda client: send_async(client, "/dapi/v1/balance", extensions=SIGNED),
    "by hand": get_by_hand,
    "async by hand": get_by_hand_async,
    "streamed": stream_by_hand,
    "async streamed": stream_by_hand_async,
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
# How often a call reads the clock before it is signed; one whose answer is streamed is in one try, which needs no time.
READINGS = [(way, readings) for way in WAYS for readings in ([0] if "streamed" in way else [0, 1])]


def ends_in(raised: Raised, way: Callable[[SigningClient], object], client: SigningClient) -> BaseException:
    """Return what a call ends in, which is what was raised, or the error of httpx or of the tree that it becomes."""
    with pytest.raises((type(raised()), errors.BinanceError, httpx.TimeoutException)) as caught:
        way(client)
    return caught.value


@each_raised
@each_way
def test_keys_that_raise(sandbox: Sandbox, way: Callable[[SigningClient], object], raised: Raised) -> None:
    """Whatever a key of the user's own raises, it comes without key, query and payload."""
    payloads: list[bytes] = []

    def sign(payload: bytes) -> bytes:
        payloads.append(payload)
        raise raised()

    client = connect(Credentials(sandbox.account.api_key, Ed25519Key(sign)), server=sandbox.url, recovery=None)

    error = ends_in(raised, way, client)

    assert 1 == len(payloads)
    assert payloads[0].decode() not in "\n".join(texts_of(error))
    assert [] == sandbox.requests
    assert_hidden(sandbox, error)


@each_raised
@pytest.mark.parametrize(("way", "readings"), READINGS)
def test_clocks_that_raise(sandbox: Sandbox, way: str, raised: Raised, readings: int) -> None:
    """Whatever a clock of the user's own raises, before its call is signed or while it is, comes without secrets."""
    left = [sandbox.now_ms] * readings

    def clock() -> int:
        if left:
            return left.pop()
        raise raised()

    client = connect(sandbox.credentials, server=sandbox.url, clock=clock, recovery=None)

    error = ends_in(raised, WAYS[way], client)

    assert [] == left
    assert [] == sandbox.requests
    assert_hidden(sandbox, error)


def hook_into(client: SigningClient, event: str, hook: Callable[[Any], object]) -> None:
    """Add a hook of the user's own behind those that there are."""

    async def hook_async(value: object) -> None:
        hook(value)

    for http, function in ((client.get_httpx_client(), hook), (client.get_async_httpx_client(), hook_async)):
        hooks = http.event_hooks
        hooks[event].append(function)
        http.event_hooks = hooks


@each_raised
@each_way
@pytest.mark.parametrize("event", ["request", "response"])
def test_hooks_that_raise(sandbox: Sandbox, way: Callable[[SigningClient], object], raised: Raised, event: str) -> None:
    """Whatever a hook raises that sees the signed request, it comes without secrets."""
    seen: list[str] = []

    def hook(value: httpx.Request | httpx.Response) -> None:
        seen.append(str(value.url))
        raise raised()

    client = connect(sandbox.credentials, server=sandbox.url, recovery=None)
    hook_into(client, event, hook)

    error = ends_in(raised, way, client)

    assert "signature=" in seen[0]
    assert_hidden(sandbox, error)


@each_way
def test_hooks_that_raise_for_a_status(sandbox: Sandbox, way: Callable[[SigningClient], object]) -> None:
    """A hook that calls `raise_for_status`, as users of httpx have it, ends in an error without the signed URL."""
    sandbox.answer_next(400, body={"code": -1102, "msg": "m"})
    client = connect(sandbox.credentials, server=sandbox.url, recovery=None)
    hook_into(client, "response", httpx.Response.raise_for_status)

    error = ends_in(lambda: httpx.HTTPError("h"), way, client)

    assert_hidden(sandbox, error)


class Raising(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that raises what is made of the signed request."""

    def __init__(self, make: Callable[[httpx.Request], BaseException]) -> None:
        """Prepare it."""
        self.make = make

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raise."""
        raise self.make(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise."""
        raise self.make(request)


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """Return an error that has a cause."""
    error.__cause__ = cause
    return error


MADE: dict[str, Callable[[httpx.Request], BaseException]] = {
    "words": lambda request: httpx.ConnectError(f"cannot connect: {request.url}"),
    "request": lambda request: httpx.ReadError("r", request=request),
    "cause": lambda request: caused(httpx.ReadError("r"), httpx.ReadError(f"for {request.url}", request=request)),
    "cause of another kind": lambda request: caused(RuntimeError("r"), httpx.ReadError("r", request=request)),
    "status": lambda request: httpx.HTTPStatusError(
        f"for {request.url}", request=request, response=httpx.Response(400, request=request)
    ),
    "group": lambda request: ExceptionGroup("group", [httpx.ReadError("r", request=request)]),
}


@each_way
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_transports_that_raise(
    sandbox: Sandbox,
    way: Callable[[SigningClient], object],
    make: Callable[[httpx.Request], BaseException],
) -> None:
    """What a transport says of the signed request that it could not send comes without the signature."""
    client = connect(sandbox.credentials, server=sandbox.url, recovery=None, transport=Raising(make))

    with pytest.raises(Exception) as caught:  # noqa: PT011, whatever it is
        way(client)

    assert_hidden(sandbox, caught.value)


async def never(_: httpx.Request) -> httpx.Response:
    """Answer after the end of time."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("way", ["async function", "async request", "async by hand"])
def test_transports_that_are_late(sandbox: Sandbox, way: str) -> None:
    """A transport that knows no deadline is cancelled, and what is raised comes without its frames."""
    transport = httpx.MockTransport(never)
    client = connect(sandbox.credentials, server=sandbox.url, recovery=None, transport=transport, timeout=0.1)

    with pytest.raises(httpx.TimeoutException) as caught:
        WAYS[way](client)

    assert_hidden(sandbox, caught.value)


def text_stream() -> Iterator[bytes]:
    """Return a body that can be read once."""
    yield b"symbol=BTCUSD_PERP"


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "json": lambda: {"json": {}},
    "text": lambda: {"content": "symbol", "headers": {"Content-Type": "text/plain"}},
    "files": lambda: {"files": {"file": b"1"}},
    "stream": lambda: {"content": text_stream()},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_cannot_be_signed(
    sandbox: Sandbox, credentials: Credentials, send: Send, body: Callable[[], dict[str, Any]]
) -> None:
    """A signed request whose body is no form is refused, and nothing of key and query is shown."""
    client = connect(credentials, server=sandbox.url)

    with pytest.raises(errors.ConfigurationError) as caught:
        send(client, "/dapi/v1/order", **{"method": "POST", "extensions": SIGNED, "params": {"a": "1"}, **body()})

    assert [] == sandbox.requests
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("side", ["sync", "async"])
def test_bodies_of_requests_by_hand(
    sandbox: Sandbox, credentials: Credentials, side: str, body: Callable[[], dict[str, Any]]
) -> None:
    """The same goes for requests over the client of httpx, whole and streamed, whose request stays as it was."""
    request = httpx.Request("POST", f"{sandbox.url}/dapi/v1/order?a=1", extensions=SIGNED, **body())

    async def requests(*, stream: bool) -> None:
        async with connect(credentials, server=sandbox.url) as client:
            if side == "async":
                await client.get_async_httpx_client().send(request, stream=stream)
            else:
                client.get_httpx_client().send(request, stream=stream)

    for stream in (False, True):
        with pytest.raises(errors.ConfigurationError) as caught:
            asyncio.run(requests(stream=stream))
        assert_hidden(sandbox, caught.value, request, request.headers)

    assert f"{sandbox.url}/dapi/v1/order?a=1" == str(request.url)
    assert [] == sandbox.requests


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
