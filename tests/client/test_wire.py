"""On the wire: requests are sent as given and signed, responses are returned as sent, and there are no cookies."""

import asyncio
import gzip
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import httpx
import pytest
from binance_client.sending.httpx_utils import rebuild_response
from binance_coinm import Client, Credentials, HmacKey, RetryPolicy, connect
from binance_coinm.errors import ConfigurationError, NetworkError, ResponseError
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from support.call_helpers import Balance
from support.constants import API_KEY, SECRET
from support.recording_proxy import RecordingProxy
from support.scripted_server import Request, ScriptedServer, client_of, response

TIME, BALANCE, ORDER = "/dapi/v1/time", "/dapi/v1/balance", "/dapi/v1/order"
MEGABYTE = 1 << 20


def sent_over(sandbox: Sandbox, request: dict[str, Any], server: str | None = None) -> bytes:
    """Return the first line and the body of a request as sent, to a server or to a proxy in front of it."""
    with RecordingProxy(sandbox.url) as relay:
        clock = partial(int, 1_700_000_000_000)
        proxy = relay.url if server else None
        with connect(sandbox.credentials, server=server or relay.url, clock=clock, retry=None, proxy=proxy) as client:
            client.request(request)
        head, _, body = relay.received[-1].partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0] + body


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/dapi/v1/a b'c", b"/dapi/v1/a%20b'c"),
        ("/dapi/v1/%2F%41", b"/dapi/v1/%2F%41"),
        ("/dapi/v1/é", b"/dapi/v1/%C3%A9"),
        ("/dapi//v1/", b"/dapi//v1/"),
        ("/dapi/v1/;a=1", b"/dapi/v1/;a=1"),
        ("/dapi/v1/[x]{y}", b"/dapi/v1/[x]%7By%7D"),
        ('/dapi/v1/a|b^c`d"<>', b"/dapi/v1/a|b^c%60d%22%3C%3E"),
        ("/dapi/v1/~!$&()*+,:@", b"/dapi/v1/~!$&()*+,:@"),
        ("/dapi/v1/%zz%", b"/dapi/v1/%zz%"),
        ("/dapi/v1/#?b=2", b"/dapi/v1/"),
    ],
)
def test_paths_are_sent_unchanged(sandbox: Sandbox, path: str, arrives: bytes) -> None:
    """A path with unusual characters is sent as httpx encodes it."""
    sent = sent_over(sandbox, {"method": "GET", "url": path, "params": {"a": "'"}})

    assert b"GET " + arrives + b"?a=%27 HTTP/1.1" == sent


@pytest.mark.parametrize(
    ("request_", "arrives"),
    [
        (
            {"method": "GET", "url": "/x", "params": {"a": "it's", "b": "é ~*", "c": [1, 2], "d": ""}},
            b"GET /x?a=it%27s&b=%C3%A9+~%2A&c=1&c=2&d=&timestamp=1700000000000&signature=",
        ),
        (
            {"method": "POST", "url": "/x?a=1", "data": {"a": "it's", "b": "é €", "c": [1, 2]}},
            b"POST /x?a=1 HTTP/1.1a=it%27s&b=%C3%A9+%E2%82%AC&c=1&c=2&timestamp=1700000000000&signature=",
        ),
        ({"method": "DELETE", "url": "/x?a=[1]&b=|^"}, b"DELETE /x?a=[1]&b=|^&timestamp=1700000000000&signature="),
        ({"method": "GET", "url": "/x?a=%c3%a9&b='"}, b"GET /x?a=%c3%a9&b='&timestamp=1700000000000&signature="),
        (
            {"method": "put", "url": "/x", "content": b"\xff\x00=1"},
            b"PUT /x HTTP/1.1\xff\x00=1&timestamp=1700000000000&",
        ),
    ],
    ids=["query", "form", "odd query", "lower case", "bytes"],
)
def test_signed_requests_are_sent_unchanged(sandbox: Sandbox, request_: dict[str, Any], arrives: bytes) -> None:
    """A signed request is sent with the bytes that are signed."""
    sent = sent_over(sandbox, {**request_, "extensions": {"security": Security.TRADE}})

    assert sent.startswith(arrives)


@pytest.mark.parametrize("url", [f"{BALANCE}?recvWindow=5000'", f"{BALANCE}?recvWindow=%35000&x'='"])
def test_apostrophes_are_signed(sandbox: Sandbox, url: str) -> None:
    """An apostrophe in a URL is signed as sent: the exchange rejects the parameters, and not the signature."""
    with connect(sandbox.credentials, server=sandbox.url, retry=None) as client:
        response = client.request({"method": "GET", "url": url, "extensions": {"security": Security.USER_DATA}})

    assert 400 == response.status_code
    assert b"-1022" not in response.content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "identity") for name in ("User-Agent", "Accept-Encoding", "Accept", "X-Header", "Content-Type")),
        ("Host", "exchange.localhost"),
    ],
)
def test_headers_of_a_request(sandbox: Sandbox, name: str, value: str) -> None:
    """A header of a request replaces the client's own."""
    with connect(sandbox.credentials, server=sandbox.url) as client:
        client.request({"method": "GET", "url": TIME, "headers": {name: value}})

    assert value == sandbox.received_requests[0].headers[name]


def test_headers_of_a_response(sandbox: Sandbox, balance: Balance) -> None:
    """Headers are returned as sent: in any case, repeated ones, and empty ones."""
    lines = [b"HTTP/1.1 200 OK", b"X-A: 1", b"x-a: 2", b"X-Empty:", b"X-Case: ABC", b"content-length: 2", b"", b"[]"]
    sandbox.inject_fault(Fault.garbage(b"\r\n".join(lines)))

    headers = balance(connect(sandbox.credentials, server=sandbox.url)).headers

    assert isinstance(headers, httpx.Headers)
    assert {"x-a": "1, 2", "x-empty": "", "x-case": "ABC", "content-length": "2"} == dict(headers)
    assert "ABC" == headers["X-CASE"]


def test_no_cookie_is_kept(sandbox: Sandbox, balance: Balance) -> None:
    """A cookie of a response is never sent back."""
    sandbox.respond_next(200, body=[], headers={"Set-Cookie": "name=value; Path=/"})
    with connect(sandbox.credentials, server=sandbox.url) as client:
        client.request({"method": "GET", "url": TIME})

        balance(connect(sandbox.credentials, server=sandbox.url))
        client.request({"method": "GET", "url": TIME})

    assert all("Cookie" not in request.headers for request in sandbox.received_requests)


def test_write_over_a_used_connection(sandbox: Sandbox, relay: RecordingProxy) -> None:
    """A write is not sent again if its connection, which had served another call, ends."""
    with connect(sandbox.credentials, server=relay.url) as client:
        client.request({"method": "GET", "url": TIME})
        sandbox.inject_fault(Fault.disconnect(), times=5, path=ORDER)

        with pytest.raises(NetworkError) as caught:
            client.request({"method": "POST", "url": ORDER, "extensions": {"security": Security.TRADE}})

    assert "unknown" == caught.value.execution
    assert [TIME, ORDER] == [request.path for request in sandbox.received_requests]


@pytest.mark.parametrize("side", ["sync", "async"])
def test_write_after_the_server_closed_the_connection(sandbox: Sandbox, side: str) -> None:
    """A write is sent over a new connection if the server has closed the idle one."""
    received: list[bytes] = []
    ready = [Event(), Event()]

    def serve(listener: socket.socket) -> None:
        for closed in ready:
            with listener.accept()[0] as connection:
                received.append(connection.recv(MEGABYTE))
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")
            closed.set()

    async def main(url: str) -> None:
        async with connect(sandbox.credentials, server=url, timeout=5) as client:
            for request, closed in zip(requests, ready, strict=True):
                response = client.request(request) if side == "sync" else await client.request_async(request)
                assert b"[]" == response.content
                assert closed.wait(5)

    requests: list[dict[str, Any]] = [
        {"method": "GET", "url": TIME},
        {"method": "POST", "url": ORDER, "extensions": {"security": Security.TRADE}},
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        served = threads.submit(serve, listener)
        asyncio.run(main(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        served.result()

    assert [b"GET", b"POST"] == [request.partition(b" ")[0] for request in received]


@pytest.mark.parametrize("path", ["/x?a=%c3%a9", "/dapi/v1/%2e%2e/x"])
def test_proxy_of_plain_http(sandbox: Sandbox, path: str) -> None:
    """An HTTP proxy gets the whole URL of a plain http request, with the bytes that are signed."""
    request = {"method": "GET", "url": path, "extensions": {"security": Security.USER_DATA}}

    sent = sent_over(sandbox, request, "http://127.0.0.1:1")

    assert sent.startswith(b"GET http://127.0.0.1:1" + path.encode())


def test_huge_body_is_not_read(sandbox: Sandbox, relay: RecordingProxy, balance: Balance) -> None:
    """Of a body of a gigabyte only a little more than the limit is read."""
    sandbox.inject_fault(Fault.huge_body(1 << 30))

    with pytest.raises(ResponseError, match="at most 16777216 bytes"):
        balance(connect(sandbox.credentials, server=relay.url))

    assert relay.settles_at(0)
    assert 16 * MEGABYTE < relay.sent < 64 * MEGABYTE


def test_cookies_cannot_be_set(sandbox: Sandbox) -> None:
    """Setting cookies of the httpx clients is an error that says why."""
    with connect(sandbox.credentials, server=sandbox.url) as client:
        for http_client in (client.get_httpx_client(), client.get_async_httpx_client()):
            with pytest.raises(
                ConfigurationError,
                match=r"^no cookie is sent or kept; the exchange identifies callers by their API key$",
            ):
                http_client.cookies = httpx.Cookies({"name": "value"})
            assert not http_client.cookies


def test_rebuilt_response() -> None:
    """A decoded response keeps status, headers of the message and extensions; its request is the unsigned one."""
    headers = [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"), ("X-Name", "value")]
    encoded = httpx.Response(418, headers=headers, extensions={"http_version": b"HTTP/2"})
    unsigned = httpx.Request("GET", "https://exchange.example/x")

    rebuilt = rebuild_response(encoded, b"[]", unsigned)

    assert 418 == rebuilt.status_code
    assert b"[]" == rebuilt.content
    assert [("x-name", "value"), ("content-length", "2")] == rebuilt.headers.multi_items()
    assert unsigned is rebuilt.request
    assert "HTTP/2" == rebuilt.http_version


async def send_async(client: Client, request: httpx.Request) -> httpx.Response:
    """Send a request by hand, async."""
    async with client:
        return await client.get_async_httpx_client().send(request)


@pytest.mark.parametrize("side", ["sync", "async"])
def test_order_of_headers(side: str) -> None:
    """The headers of a response are in the order in which they were sent, also the length of its body."""

    def respond(_: Request) -> bytes:
        return response(b"[]", X_Last="a")

    with ScriptedServer(respond) as server, client_of(server) as client:
        http = client.get_httpx_client()
        request = http.build_request("GET", TIME)
        got = http.send(request) if side == "sync" else asyncio.run(send_async(client, request))

    assert [("content-length", "2"), ("x-last", "a")] == got.headers.multi_items()
    assert b"[]" == got.content
    assert request is got.request


@pytest.mark.parametrize("side", ["sync", "async"])
@pytest.mark.parametrize(
    ("status", "encoding", "stream", "content"),
    [
        pytest.param(200, "identity", httpx.ByteStream(b"[]"), b"[]", id="not encoded"),
        pytest.param(200, "gzip", httpx.ByteStream(gzip.compress(b"[]")), b"[]", id="encoded"),
        pytest.param(200, "identity", None, b"", id="read already"),
        pytest.param(503, "gzip", httpx.ByteStream(b"garbage"), b"", id="error whose body cannot be read"),
    ],
)
def test_request_of_a_response(
    side: str, status: int, encoding: str, stream: httpx.ByteStream | None, content: bytes
) -> None:
    """A response has the request that was passed, which is not signed, even if the body of an error is lost."""

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"Content-Encoding": encoding}, stream=stream)

    client = connect(
        Credentials(API_KEY, HmacKey(SECRET)), transport=httpx.MockTransport(respond), retry=RetryPolicy(1)
    )
    http = client.get_httpx_client()
    request = http.build_request("GET", BALANCE, extensions={"security": Security.USER_DATA})

    got = http.send(request) if side == "sync" else asyncio.run(send_async(client, request))

    assert (status, content) == (got.status_code, got.content)
    assert request is got.request
    assert b"" == request.url.query
