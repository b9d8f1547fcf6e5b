"""Redaction: no key, secret, signature or signed query shows, however a call ends, and none goes to another server."""

import asyncio
import logging
import socket
import warnings
from base64 import b32decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from attrs import field, frozen
from binance_client.messages.http import HTTPResponse
from binance_client.messages.log_filter import redact_logs
from binance_client.redaction import redacted, without_secrets
from binance_coinm import Client, Credentials, Ed25519Key, RetryPolicy, connect, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from support import secret_search
from support.call_helpers import Balance
from support.secret_search import PEM, PUBLIC_PEM

SIGNED = {"security": Security.USER_DATA}
HEADER = "X-MBX-APIKEY"
# The variables of these tests hold the secrets.
texts_of = partial(secret_search.texts_of, skipped_file=__file__)
assert_hidden = partial(secret_search.assert_hidden, skipped_file=__file__)

Send = Callable[..., HTTPResponse]


@pytest.fixture(params=["HMAC", "Ed25519"])
def credentials(request: pytest.FixtureRequest, sandbox: Sandbox) -> Credentials:
    """Return credentials of either kind for an account of the sandbox."""
    if request.param == "HMAC":
        return sandbox.credentials
    return Credentials(sandbox.add_account(public_key_pem=PUBLIC_PEM).api_key, Ed25519Key.from_pem(PEM))


def send_sync(client: Client, url: str, **settings: Any) -> HTTPResponse:
    """Send a request by hand, and close the client."""
    with client:
        return client.request({"method": "GET", "url": url} | settings)


def send_async(client: Client, url: str, **settings: Any) -> HTTPResponse:
    """Send a request by hand in an event loop of its own, and close the client."""

    async def send() -> HTTPResponse:
        async with client:
            return await client.request_async({"method": "GET", "url": url} | settings)

    return asyncio.run(send())


@pytest.fixture(params=[send_sync, send_async], ids=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Send:
    """Return a function that sends a request by hand, sync or async."""
    function: Send = request.param
    return function


def test_search_finds(sandbox: Sandbox) -> None:
    """The search finds secrets in messages, attributes, headers, exception chains and variables."""
    with pytest.raises(ValueError, match="base32") as in_variables:
        b32decode(sandbox.account.api_key)
    in_chain, in_headers = ValueError(), ValueError()
    in_chain.__context__ = ValueError(sandbox.account.secret)
    vars(in_headers)["headers"] = httpx.Headers({"Location": "/?signature=1"})

    for value in (in_variables.value, in_chain, in_headers, PEM.decode()):
        with pytest.raises(AssertionError):
            assert_hidden(sandbox, value)


Prepare = Callable[[Sandbox, Client], object]


@frozen
class End:
    """A way in which a call ends: what causes it, and its exception, if there is one."""

    name: str
    kind: type | None
    prepare: Prepare = lambda _, __: None
    settings: dict[str, Any] = field(factory=dict)
    arguments: dict[str, Any] = field(factory=dict)


def responded(kind: type | None, status: int, body: object = b"", **settings: Any) -> End:
    """Return the end that a response causes."""
    if isinstance(body, int):
        body = {"code": body, "msg": "m"}
    return End(f"{status} {body!r:.20}", kind, lambda sandbox, _: sandbox.respond_next(status, body=body, **settings))


def failed(kind: type | None, fault: Fault, **settings: Any) -> End:
    """Return the end that a fault causes."""
    return End(fault.name, kind, lambda sandbox, _: sandbox.inject_fault(fault), settings)


def stale(sandbox: Sandbox, client: Client) -> None:
    """Let the exchange close an idle connection, which the call finds out."""
    client.request({"method": "GET", "url": "/dapi/v1/balance", "extensions": SIGNED})
    sandbox.inject_fault(Fault.disconnect())


def stale_twice(sandbox: Sandbox, client: Client) -> None:
    """Let the exchange close the next connection, too."""
    stale(sandbox, client)
    sandbox.inject_fault(Fault.disconnect())


def ban(sandbox: Sandbox, client: Client) -> None:
    """Let the exchange ban the client."""
    sandbox.respond_next(418, headers={"Retry-After": "120"})
    client.request({"method": "GET", "url": "/dapi/v1/balance", "extensions": SIGNED})


ENDS = [
    End("rows", None),
    failed(None, Fault.disconnect(), retry=RetryPolicy(initial_backoff=0)),
    End("clock", None, lambda sandbox, _: sandbox.respond_next(400, example="lateTimestamp"), {"retry": RetryPolicy()}),
    responded(errors.ApiError, 400, -1102),
    responded(errors.TimestampError, 400, -1021),
    responded(errors.SignatureError, 400, -1022),
    responded(errors.ApiKeyError, 401, -2015),
    responded(errors.FirewallError, 403, b"<html>"),
    responded(errors.IpBannedError, 418, -1003),
    responded(errors.RateLimitError, 429, -1003),
    responded(errors.RestrictedLocationError, 451, 0),
    responded(errors.ExchangeError, 503, -1000),
    responded(errors.SignatureError, 200, -1022),
    responded(errors.ResponseError, 200, b"<html>"),
    responded(errors.ResponseError, 200, [{"asset": 1}]),
    responded(errors.ResponseError, 200, b"[]", headers={"Content-Encoding": "gzip"}),
    responded(errors.ResponseError, 302, headers={"Location": "/elsewhere"}),
    End("huge", errors.ResponseError, settings={"max_response_bytes": 10}),
    failed(errors.NetworkError, Fault.disconnect()),
    failed(errors.NetworkError, Fault.disconnect(reset=True)),
    failed(errors.NetworkError, Fault.cut_headers()),
    failed(errors.NetworkError, Fault.cut_body()),
    failed(errors.NetworkError, Fault.garbage()),
    failed(errors.NetworkError, Fault.broken_chunks()),
    failed(errors.TimeoutError, Fault.silence(), timeout=0.1),
    failed(errors.TimeoutError, Fault.drip_headers(), timeout=0.1),
    failed(errors.TimeoutError, Fault.drip_body(), timeout=0.1),
    End("connection refused", errors.NetworkError, lambda sandbox, _: sandbox.close()),
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
    client = connect(credentials, server=sandbox.url, **{"retry": None, **end.settings})
    end.prepare(sandbox, client)
    error = None

    with warnings.catch_warnings(record=True, action="always") as warned:
        try:
            balance(client, **end.arguments)
        except errors.BinanceError as caught:
            error = caught

    assert end.kind is (type(error) if error else None)
    logged = logged_by(caplog)
    parts = [credentials, credentials.key, client.clock, RetryPolicy(), vars(client)]
    assert_hidden(sandbox, error, logged, [warning.message for warning in warned], client, parts)
    assert ("", "") == capfd.readouterr()


def test_interrupted_call(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, credentials: Credentials, balance: Balance
) -> None:
    """A call that is cancelled while it writes keeps no frames of libraries, which hold what was written."""
    send = socket.socket.send
    server = int(sandbox.url.rpartition(":")[2])

    def interrupt(sending: socket.socket, *arguments: Any) -> int:
        if sending.family == socket.AF_INET and sending.getpeername()[1] == server:
            raise asyncio.CancelledError
        return send(sending, *arguments)

    monkeypatch.setattr(socket.socket, "send", interrupt)

    with pytest.raises(asyncio.CancelledError) as caught:
        balance(connect(credentials, server=sandbox.url))

    assert [] == sandbox.received_requests
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_to_another_server(sandbox: Sandbox, credentials: Credentials, balance: Balance, status: int) -> None:
    """A redirect to another server is not followed."""
    with Sandbox() as other:
        sandbox.respond_next(status, headers={"Location": f"{other.url}/dapi/v1/balance"})

        with pytest.raises(errors.ResponseError, match="got a redirect") as caught:
            balance(connect(credentials, server=sandbox.url))

    assert [] == other.received_requests
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follow_redirects_is_ignored(sandbox: Sandbox, credentials: Credentials, send: Send, status: int) -> None:
    """A signed request is not redirected, even with httpx's setting to follow redirects."""
    with Sandbox() as other:
        sandbox.respond_next(status, headers={"Location": f"{other.url}/dapi/v1/balance"})

        with pytest.raises(errors.ResponseError, match="got a redirect") as caught:
            send(connect(credentials, server=sandbox.url), "/dapi/v1/balance", extensions=SIGNED, follow_redirects=True)

    assert [] == other.received_requests
    assert_hidden(sandbox, caught.value)


def test_redirect_that_repeats_the_query(sandbox: Sandbox, credentials: Credentials, balance: Balance) -> None:
    """The error of a redirect that repeats the query, as many do, does not show the signature."""
    sandbox.respond_next(301, headers={"Location": "https://other.example/?timestamp=1&signature=1"})

    with pytest.raises(errors.ResponseError) as caught:
        balance(connect(credentials, server=sandbox.url))

    assert_hidden(sandbox, caught.value)


def test_requests_to_another_server(sandbox: Sandbox, credentials: Credentials, send: Send) -> None:
    """A request to another server is an error if it needs credentials, and is sent without them otherwise."""
    with Sandbox() as other:
        url = f"{other.url}/dapi/v1/time"

        with pytest.raises(errors.ConfigurationError, match=f"are for {sandbox.url} alone") as caught:
            send(connect(credentials, server=sandbox.url), url, extensions=SIGNED)
        assert [] == other.received_requests
        assert 200 == send(connect(credentials, server=sandbox.url), url).status_code

    assert (b"", False) == (other.received_requests[0].query, HEADER in other.received_requests[0].headers)
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("wrong", [{"headers": {"X-Header": "a\nb"}}, {"method": "G T"}], ids=["header", "method"])
@pytest.mark.parametrize("side", ["sync", "async"])
def test_request_that_cannot_be_sent(
    sandbox: Sandbox, credentials: Credentials, side: str, wrong: dict[str, Any]
) -> None:
    """The error of a signed request that cannot be sent shows nothing that was signed."""
    valid = {"method": "GET", "url": "/dapi/v1/time"}
    invalid = {"method": "GET", "url": "/dapi/v1/balance", "extensions": SIGNED} | wrong

    async def main() -> None:
        async with connect(credentials, server=sandbox.url, retry=None) as client:
            # The first one opens a connection.
            for request in (valid, invalid):
                client.request(request) if side == "sync" else await client.request_async(request)

    with pytest.raises(errors.BinanceError) as caught:
        asyncio.run(main())

    assert ["/dapi/v1/time"] == [request.path for request in sandbox.received_requests]
    assert_hidden(sandbox, caught.value)


def test_messages_of_httpx(sandbox: Sandbox, credentials: Credentials, send: Send) -> None:
    """Httpx's own message for a failed signed request has the URL without its query."""
    response = send(connect(credentials, server=sandbox.url), "/dapi/v1/unknown", extensions=SIGNED)
    assert isinstance(response, httpx.Response)

    with pytest.raises(httpx.HTTPStatusError, match="/dapi/v1/unknown'") as caught:
        response.raise_for_status()

    assert_hidden(sandbox, caught.value, response, response.request, response.url, response.request.headers)


def test_transports_see_the_signature(sandbox: Sandbox, credentials: Credentials, balance: Balance) -> None:
    """A transport, such as one that mocks httpx's own, finds the signature in the URL and in its text."""
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
    """A transport of another library, which gets the text of the URL, sends what was signed."""
    caplog.set_level(1)

    def send(request: httpx.Request) -> httpx.Response:
        with httpx.Client(trust_env=False) as another:
            response = another.request(request.method, str(request.url), headers=request.headers)
        return httpx.Response(response.status_code, content=response.content)

    response = balance(connect(credentials, server=sandbox.url, transport=httpx.MockTransport(send)))

    assert response.parsed
    assert [200] == [request.status for request in sandbox.received_requests]
    assert_hidden(sandbox, logged_by(caplog))


def logged_by(caplog: pytest.LogCaptureFixture) -> list[object]:
    """Return what this side has logged: the lines, and all that the records hold."""
    records = [record for record in caplog.records if record.threadName != "binance_sandbox"]
    return [(record.getMessage(), vars(record)) for record in records]


def test_logs_of_libraries(
    sandbox: Sandbox, credentials: Credentials, balance: Balance, caplog: pytest.LogCaptureFixture
) -> None:
    """Each request is in the logs of httpx and httpcore, with its URL and without its signature."""
    caplog.set_level(logging.DEBUG)

    balance(connect(credentials, server=sandbox.url))

    line = f'HTTP Request: GET {sandbox.url}/dapi/v1/balance?[redacted] "HTTP/1.1 200 OK"'
    assert line in [record.getMessage() for record in caplog.records if record.name == httpx.__name__]
    assert {"http11", "connection"} <= {record.name.rpartition(".")[2] for record in caplog.records}
    assert_hidden(sandbox, logged_by(caplog))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "to https://a.example/x?b=?&signature=c 'https://d.example/?e=1'",
            "to https://a.example/x?[redacted] 'https://d.example/?e=1'",
        ),
        ("to /x?a=b?c&SIGNATURE=d", "to /x?[redacted]"),
        ("next=%3fsignature=a, signature=b", "next=%3f[redacted] [redacted]"),
        ("/x%253Fa=1%2526signature%253Db", "/x%253F[redacted]"),
        ("<a href='/x?a=1&signature=b'>\n\ta?b", "<a href='/x?[redacted]'>\n\ta?b"),
        ("no signature", "no signature"),
    ],
)
def test_redacted_texts(text: str, expected: str) -> None:
    """Of a word with a signature, all after the first question mark is replaced, or else the word."""
    assert expected == redacted(text)


@pytest.mark.parametrize(
    ("text", "is_redacted"),
    [
        ("a" * 39 + "1", True),
        ("a" * 38 + "1", False),
        ("a" * 39 + "B", True),
        ("a" * 40, False),
        ("A" * 40, False),
        ("aB+/" * 10, True),
        ("aB+\\/" * 10, True),
        ("aB " * 40, False),
    ],
)
def test_texts_of_servers(text: str, is_redacted: bool) -> None:  # noqa: FBT001, an expectation
    """Of what a server sends, 40 characters of base64 are replaced, if a digit or both cases are among them."""
    assert ("[redacted]" if is_redacted else text) == without_secrets(text)


@pytest.mark.parametrize(
    ("message", "arguments", "is_valid"),
    [("%s of %d", ("/?signature=a", 1), True), ("%d", ("x",), False), ("%q", (1,), False), ("%d %s", (1,), False)],
)
def test_log_records(message: str, arguments: tuple[object, ...], *, is_valid: bool) -> None:
    """A record of httpx is logged whatever it is; one whose arguments do not match its format stays as it is."""
    logger = logging.getLogger(httpx.__name__)
    redact_logs()
    record = logger.makeRecord(logger.name, logging.INFO, __file__, 1, message, arguments, None)

    assert logger.filter(record)
    if is_valid:
        assert ("/?[redacted] of 1", None) == (record.msg, record.args)
        assert "/?[redacted] of 1" == record.getMessage()
    else:
        assert (message, arguments) == (record.msg, record.args)


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
    "encoded in lower case": f"https://portal.example/login?next={quote(URL, safe='')}".replace("%3D", "%3d"),
    "encoded, signature first": f"/login?next={quote(f'/?signature={ECHOED}', safe='')}",
    "encoded twice": f"https://portal.example/login?next={quote(quote(URL, safe=''), safe='')}",
    "encoded in part": f"/login?next=/dapi/v1/balance%3Ftimestamp=1%26signature={ECHOED}",
}


@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS)
def test_logs_of_redirects(
    sandbox: Sandbox, credentials: Credentials, balance: Balance, caplog: pytest.LogCaptureFixture, location: str
) -> None:
    """A redirect that echoes the signed query, as captive portals do, shows it in no log and no error."""
    caplog.set_level(logging.DEBUG)
    sandbox.respond_next(302, headers={"Location": location})

    with pytest.raises(errors.ResponseError, match="got a redirect") as caught:
        balance(connect(credentials, server=sandbox.url))

    logged = logged_by(caplog)
    assert "302" in str(logged)
    assert ECHOED not in "\n".join(texts_of([logged, caught.value]))
    assert_hidden(sandbox, logged, caught.value)


def test_requests_of_callers_stay_unsigned(sandbox: Sandbox, credentials: Credentials) -> None:
    """A copy is signed: neither the caller's request nor that of the response has key or signature."""
    requests: list[httpx.Request] = []

    def a_request() -> httpx.Request:
        requests.append(httpx.Request("GET", f"{sandbox.url}/dapi/v1/balance?recvWindow=5000", extensions=SIGNED))
        return requests[-1]

    async def main() -> list[httpx.Response]:
        async with connect(credentials, server=sandbox.url) as client:
            http = client.get_async_httpx_client()
            responses = [await http.send(a_request()), await http.send(a_request(), stream=True)]
            await responses[1].aread()
            return responses

    with connect(credentials, server=sandbox.url) as client:
        http = client.get_httpx_client()
        responses = [http.send(a_request()), http.send(a_request(), stream=True)]
        responses[1].read()
    responses += asyncio.run(main())

    assert [200] * 4 == [response.status_code for response in responses]
    assert all(response.request is request for response, request in zip(responses, requests, strict=True))
    assert [f"{sandbox.url}/dapi/v1/balance?recvWindow=5000"] * 4 == [str(request.url) for request in requests]
    assert [SIGNED] * 4 == [request.extensions for request in requests]
    headers = [(request.headers, response.headers) for request, response in zip(requests, responses, strict=True)]
    assert_hidden(
        sandbox, requests, [vars(request) for request in requests], headers, [vars(response) for response in responses]
    )


FAULTS = [Fault.disconnect(), Fault.disconnect(reset=True), Fault.cut_headers(), Fault.garbage(), Fault.silence()]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("side", ["sync", "async"])
def test_requests_of_exceptions_are_unsigned(
    sandbox: Sandbox, credentials: Credentials, fault: Fault, side: str, *, is_streamed: bool
) -> None:
    """Httpx's exceptions for a request by hand hold the request as the caller created it."""
    sandbox.inject_fault(fault)
    request = httpx.Request(
        "GET",
        f"{sandbox.url}/dapi/v1/balance",
        extensions=SIGNED | {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), 0.2)},
    )

    async def send() -> None:
        async with connect(credentials, server=sandbox.url, retry=None) as client:
            if side == "async":
                await client.get_async_httpx_client().send(request, stream=is_streamed)
            else:
                client.get_httpx_client().send(request, stream=is_streamed)

    with pytest.raises(httpx.RequestError) as caught:
        asyncio.run(send())

    assert request is caught.value.request
    assert 1 == len(sandbox.received_requests)
    assert_hidden(sandbox, caught.value, request, request.headers)


@pytest.mark.parametrize("fault", [Fault.cut_body(), Fault.broken_chunks()], ids=lambda fault: fault.name)
@pytest.mark.parametrize("side", ["sync", "async"])
def test_streams_that_break(sandbox: Sandbox, credentials: Credentials, fault: Fault, side: str) -> None:
    """A streamed response that breaks off while it is read ends in an exception without a signature."""
    sandbox.inject_fault(fault)

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


# Exceptions of keys, clocks, hooks and transports, and of requests that cannot be signed.

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


def call_balance(client: Client) -> None:
    """Call by the generated function."""
    with client:
        futures_account_balance.sync(client=client)


def call_balance_async(client: Client) -> None:
    """Call by the generated async function."""

    async def call() -> None:
        async with client:
            await futures_account_balance.asyncio(client=client)

    asyncio.run(call())


def get_by_hand(client: Client) -> None:
    """Send a request over the httpx client."""
    with client:
        client.get_httpx_client().get("/dapi/v1/balance", extensions=SIGNED)


def get_by_hand_async(client: Client) -> None:
    """Send a request over the async httpx client."""

    async def get() -> None:
        async with client:
            await client.get_async_httpx_client().get("/dapi/v1/balance", extensions=SIGNED)

    asyncio.run(get())


def stream_by_hand(client: Client) -> None:
    """Send a request over the httpx client, and stream the response."""
    with client, client.get_httpx_client().stream("GET", "/dapi/v1/balance", extensions=SIGNED) as response:
        response.read()


def stream_by_hand_async(client: Client) -> None:
    """Send a request over the async httpx client, and stream the response."""

    async def stream() -> None:
        async with (
            client,
            client.get_async_httpx_client().stream("GET", "/dapi/v1/balance", extensions=SIGNED) as response,
        ):
            await response.aread()

    asyncio.run(stream())


SENDERS: dict[str, Callable[[Client], object]] = {
    "function": call_balance,
    "async function": call_balance_async,
    "request": lambda client: send_sync(client, "/dapi/v1/balance", extensions=SIGNED),
    "async request": lambda client: send_async(client, "/dapi/v1/balance", extensions=SIGNED),
    "by hand": get_by_hand,
    "async by hand": get_by_hand_async,
    "streamed": stream_by_hand,
    "async streamed": stream_by_hand_async,
}
each_sender = pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)
# How often a call reads the clock before it is signed; a streamed one has a single attempt, which needs no time.
CLOCK_READINGS = [(sender, readings) for sender in SENDERS for readings in ([0] if "streamed" in sender else [0, 1])]


def ends_in(raised: Raised, sender: Callable[[Client], object], client: Client) -> BaseException:
    """Return the exception that a call ends in: the raised one, or the error of httpx or of the tree for it."""
    with pytest.raises((type(raised()), errors.BinanceError, httpx.TimeoutException)) as caught:
        sender(client)
    return caught.value


@each_raised
@each_sender
def test_keys_that_raise(sandbox: Sandbox, sender: Callable[[Client], object], raised: Raised) -> None:
    """An exception of a custom key shows neither key nor query nor payload."""
    payloads: list[bytes] = []

    def sign(payload: bytes) -> bytes:
        payloads.append(payload)
        raise raised()

    client = connect(Credentials(sandbox.account.api_key, Ed25519Key(sign)), server=sandbox.url, retry=None)

    error = ends_in(raised, sender, client)

    assert 1 == len(payloads)
    assert payloads[0].decode() not in "\n".join(texts_of(error))
    assert [] == sandbox.received_requests
    assert_hidden(sandbox, error)


@each_raised
@pytest.mark.parametrize(("sender", "readings"), CLOCK_READINGS)
def test_clocks_that_raise(sandbox: Sandbox, sender: str, raised: Raised, readings: int) -> None:
    """An exception of a custom clock, before the call is signed or then, shows no secret."""
    remaining = [sandbox.now_ms] * readings

    def clock() -> int:
        if remaining:
            return remaining.pop()
        raise raised()

    client = connect(sandbox.credentials, server=sandbox.url, clock=clock, retry=None)

    error = ends_in(raised, SENDERS[sender], client)

    assert [] == remaining
    assert [] == sandbox.received_requests
    assert_hidden(sandbox, error)


def hook_into(client: Client, event: str, hook: Callable[[Any], object]) -> None:
    """Add a custom hook after the existing ones."""

    async def hook_async(value: object) -> None:
        hook(value)

    for http, function in ((client.get_httpx_client(), hook), (client.get_async_httpx_client(), hook_async)):
        hooks = http.event_hooks
        hooks[event].append(function)
        http.event_hooks = hooks


@each_raised
@each_sender
@pytest.mark.parametrize("event", ["request", "response"])
def test_hooks_that_raise(sandbox: Sandbox, sender: Callable[[Client], object], raised: Raised, event: str) -> None:
    """An exception of a hook that sees the signed request shows no secret."""
    seen: list[str] = []

    def hook(value: httpx.Request | httpx.Response) -> None:
        seen.append(str(value.url))
        raise raised()

    client = connect(sandbox.credentials, server=sandbox.url, retry=None)
    hook_into(client, event, hook)

    error = ends_in(raised, sender, client)

    assert "signature=" in seen[0]
    assert_hidden(sandbox, error)


@each_sender
def test_hooks_that_raise_for_a_status(sandbox: Sandbox, sender: Callable[[Client], object]) -> None:
    """A hook that calls `raise_for_status`, as is common, ends in an error without the signed URL."""
    sandbox.respond_next(400, body={"code": -1102, "msg": "m"})
    client = connect(sandbox.credentials, server=sandbox.url, retry=None)
    hook_into(client, "response", httpx.Response.raise_for_status)

    error = ends_in(lambda: httpx.HTTPError("h"), sender, client)

    assert_hidden(sandbox, error)


class RaisingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that raises an exception created from the signed request."""

    def __init__(self, create: Callable[[httpx.Request], BaseException]) -> None:
        """Store the function that creates the exception."""
        self.create = create

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raise the exception."""
        raise self.create(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise the exception."""
        raise self.create(request)


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """Return an exception with a cause."""
    error.__cause__ = cause
    return error


def in_context(error: BaseException, context: BaseException) -> BaseException:
    """Return an exception with a context, which is not its cause."""
    error.__context__ = context
    return error


CREATED: dict[str, Callable[[httpx.Request], BaseException]] = {
    "message": lambda request: httpx.ConnectError(f"cannot connect: {request.url}"),
    "request": lambda request: httpx.ReadError("r", request=request),
    "cause": lambda request: caused(httpx.ReadError("r"), httpx.ReadError(f"for {request.url}", request=request)),
    "cause of another kind": lambda request: caused(RuntimeError("r"), httpx.ReadError("r", request=request)),
    "status": lambda request: httpx.HTTPStatusError(
        f"for {request.url}", request=request, response=httpx.Response(400, request=request)
    ),
    "group": lambda request: ExceptionGroup(
        "group", [httpx.ReadError("r", request=request), httpx.WriteError("w", request=request)]
    ),
    "cause and context": lambda request: in_context(
        caused(httpx.ReadError("r"), httpx.ReadError("cause", request=request)),
        httpx.ReadError("context", request=request),
    ),
}


@each_sender
@pytest.mark.parametrize("create", CREATED.values(), ids=CREATED)
def test_transports_that_raise(
    sandbox: Sandbox,
    sender: Callable[[Client], object],
    create: Callable[[httpx.Request], BaseException],
) -> None:
    """A transport's exception about the signed request does not show the signature."""
    client = connect(sandbox.credentials, server=sandbox.url, retry=None, transport=RaisingTransport(create))

    with pytest.raises(Exception) as caught:  # noqa: PT011, the class is not what is tested
        sender(client)

    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("sender", ["by hand", "async by hand"])
def test_responses_of_exceptions_are_unsigned(sandbox: Sandbox, sender: str) -> None:
    """An exception of a status has the unsigned request, and so has its response; arguments that are no text stay."""
    transport = RaisingTransport(
        lambda request: httpx.HTTPStatusError(
            5,  # type: ignore[arg-type]  # what a transport might do
            request=request,
            response=httpx.Response(400, request=request),
        )
    )
    client = connect(sandbox.credentials, server=sandbox.url, retry=None, transport=transport)

    with pytest.raises(httpx.HTTPStatusError) as caught:
        SENDERS[sender](client)

    assert f"{sandbox.url}/dapi/v1/balance" == str(caught.value.request.url)
    assert caught.value.response.request is caught.value.request
    assert (5,) == caught.value.args


@each_sender
def test_exception_that_a_caller_handles(sandbox: Sandbox, sender: Callable[[Client], object]) -> None:
    """What a caller was handling when it made the call, such as an earlier failure, keeps its traceback."""
    transport = RaisingTransport(lambda request: httpx.ReadError("r", request=request))
    client = connect(sandbox.credentials, server=sandbox.url, retry=None, transport=transport)

    handled: list[BaseException] = []

    try:
        int("")
    except ValueError as error:
        handled.append(error)
        with pytest.raises(httpx.TransportError):
            sender(client)

    assert handled[0].__traceback__ is not None


@pytest.mark.parametrize("sender", ["by hand", "async by hand"])
def test_exceptions_that_cause_each_other(sandbox: Sandbox, sender: str) -> None:
    """Each of two exceptions that are the cause of each other has the unsigned request."""

    def create(request: httpx.Request) -> BaseException:
        error = httpx.ReadError("r", request=request)
        return caused(error, caused(httpx.WriteError("w", request=request), error))

    client = connect(sandbox.credentials, server=sandbox.url, retry=None, transport=RaisingTransport(create))

    with pytest.raises(httpx.ReadError) as caught:
        SENDERS[sender](client)

    cause = caught.value.__cause__
    assert isinstance(cause, httpx.WriteError)
    assert [f"{sandbox.url}/dapi/v1/balance"] * 2 == [str(error.request.url) for error in (caught.value, cause)]


async def never(_: httpx.Request) -> httpx.Response:
    """Never respond."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("sender", ["async function", "async request", "async by hand"])
def test_slow_transports(sandbox: Sandbox, sender: str) -> None:
    """A transport that ignores deadlines is cancelled, and the exception does not hold its frames."""
    transport = httpx.MockTransport(never)
    client = connect(sandbox.credentials, server=sandbox.url, retry=None, transport=transport, timeout=0.1)

    with pytest.raises(httpx.TimeoutException) as caught:
        SENDERS[sender](client)

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
    """A signed request whose body is not a form is an error that shows nothing of key and query."""
    client = connect(credentials, server=sandbox.url)

    with pytest.raises(errors.ConfigurationError) as caught:
        send(client, "/dapi/v1/order", **{"method": "POST", "extensions": SIGNED, "params": {"a": "1"}, **body()})

    assert [] == sandbox.received_requests
    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("side", ["sync", "async"])
def test_bodies_of_requests_by_hand(
    sandbox: Sandbox, credentials: Credentials, side: str, body: Callable[[], dict[str, Any]]
) -> None:
    """The same goes for requests over the httpx client, whole and streamed, which stay as they were."""
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
    assert [] == sandbox.received_requests


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_see_nothing_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, credentials: Credentials, balance: Balance, variable: str
) -> None:
    """A call to this machine goes through no proxy of the environment."""
    with Sandbox() as proxy:
        monkeypatch.setenv(variable, proxy.url)

        assert balance(connect(credentials, server=sandbox.url)).parsed

    assert [] == proxy.received_requests


def test_proxies_see_no_more_than_the_server(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials, balance: Balance
) -> None:
    """A proxy of the environment sees the server of a call over https, and nothing else."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        with pytest.raises(errors.NetworkError) as caught:
            balance(connect(credentials, server="https://exchange.example", retry=None))

    assert "not_executed" == caught.value.execution
    request = proxy.received_requests[0]
    assert ("CONNECT", "exchange.example:443", b"") == (request.method, request.path, request.query)
    assert HEADER not in request.headers


def test_rotation_while_threads_call(sandbox: Sandbox) -> None:
    """No call is lost while credentials are replaced: each attempt is signed by a consistent pair."""
    pair = [sandbox.credentials, sandbox.add_account().credentials]

    def calls(first: int) -> None:
        for number in range(20):
            client.credentials = pair[(first + number) % 2]
            assert futures_account_balance.sync(client=client)

    with connect(server=sandbox.url, credentials=pair[0], retry=None) as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(calls, range(4)))
        for client.credentials in pair:
            futures_account_balance.sync(client=client)

    assert [200] * 82 == [request.status for request in sandbox.received_requests]
    assert [one.api_key for one in pair] == [request.headers[HEADER] for request in sandbox.received_requests[-2:]]


@pytest.mark.parametrize(
    "variables", [{"SERVER": "prod"}, {"API_KEY": ""}, {"PRIVATE_KEY_FILE": "key.pem"}], ids=lambda it: next(iter(it))
)
def test_invalid_environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, variables: dict[str, str]) -> None:
    """An error about one variable of the environment shows none of the others, nor do its frames."""
    account = {"API_KEY": sandbox.account.api_key, "API_SECRET": str(sandbox.account.secret)}
    for variable, value in (account | variables).items():
        monkeypatch.setenv(f"BINANCE_{variable}", value)

    with pytest.raises(errors.ConfigurationError) as caught:
        connect()

    assert_hidden(sandbox, caught.value)


@pytest.mark.parametrize("place", ["argument", "attribute"])
def test_tuple_instead_of_credentials(sandbox: Sandbox, place: str) -> None:
    """A value that is not credentials is an error as argument and attribute, and frames do not show it."""
    pair: Any = (sandbox.account.api_key, sandbox.account.secret)

    with connect(sandbox.credentials, server=sandbox.url) as client:
        set_credentials = partial(setattr, client, "credentials")
        with pytest.raises(errors.ConfigurationError) as caught:
            connect(pair, server=sandbox.url) if place == "argument" else set_credentials(pair)

    assert_hidden(sandbox, caught.value)
