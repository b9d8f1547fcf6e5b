"""The request hook: which requests it signs, for which server, and which it rejects."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from binance_client.base_client import AuthenticatedClient, BaseClient
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import check_server_time
from binance_coinm.errors import ConfigurationError
from binance_coinm.security import Security
from binance_sandbox import Sandbox
from binance_signing import Credentials, Ed25519Key, HmacKey, Signer
from support.constants import API_KEY, SECRET

SERVER = "https://exchange.example"
HEADER = "X-MBX-APIKEY"


def a_signer(server: str = SERVER, timestamp: int = 1499827319559, recv_window: int | None = None) -> Signer:
    """Return a signer whose clock stands still."""
    return Signer(Credentials(API_KEY, HmacKey(SECRET)), server, clock=lambda: timestamp, recv_window=recv_window)


def a_request(security: object, url: str = f"{SERVER}/dapi/v1/x", method: str = "GET", **content: Any) -> httpx.Request:
    """Return a request with a security type in its extensions."""
    return httpx.Request(method, url, extensions={"security": security}, **content)


@pytest.mark.parametrize("security", [Security.USER_DATA, Security.TRADE])
def test_signed_types_carry_key_and_signature(security: Security) -> None:
    """A request of a signed type has the key in the header, timestamp and signature in the query."""
    request = a_request(security)

    a_signer()(request)

    assert API_KEY == request.headers[HEADER]
    assert ["timestamp", "signature"] == list(request.url.params)


@pytest.mark.parametrize("security", [Security.USER_STREAM, Security.MARKET_DATA])
def test_key_types_carry_the_key_alone(security: Security) -> None:
    """A request of a type that is not signed has the key in the header, and its URL as it was."""
    request = a_request(security)

    a_signer()(request)

    assert API_KEY == request.headers[HEADER]
    assert b"" == request.url.query


@pytest.mark.parametrize("extensions", [{"security": Security.NONE}, {}])
def test_other_requests_are_unchanged(extensions: dict[str, object]) -> None:
    """A request of the security type NONE, or without a security type, is not changed."""
    request = httpx.Request("GET", f"{SERVER}/dapi/v1/x", extensions=extensions)

    a_signer()(request)

    assert HEADER not in request.headers
    assert b"" == request.url.query


def test_invalid_security_type() -> None:
    """A value that is not a security type is an error, so that the request is not sent unsigned."""
    expected = r"""^extensions\["security"\]: expected a member of the generated Security, got 'USER_DATA'$"""

    with pytest.raises(ConfigurationError, match=expected):
        a_signer()(a_request("USER_DATA"))


@pytest.mark.parametrize(
    ("url", "data", "query", "body"),
    [
        pytest.param(
            f"{SERVER}/dapi/v1/order?symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            {"quantity": "1", "price": "0.1", "recvWindow": "5000"},
            b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
            b"&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
            id="query and body",
        ),
        pytest.param(
            f"{SERVER}/dapi/v1/order",
            {"symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.1"},
            b"",
            b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
            b"&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            id="body",
        ),
    ],
)
def test_form_bodies_are_signed(url: str, data: dict[str, str], query: bytes, body: bytes) -> None:
    """A form is part of the signed payload, has the signature in it, and can be signed again."""
    request = a_request(Security.TRADE, url, "POST", data=data)
    signer = a_signer(recv_window=5000)

    signer(request)
    signer(request)

    assert url == str(request.url)
    assert query == request.url.query
    assert body == request.content == b"".join(request.stream)  # type: ignore[arg-type]  # a sync stream
    assert str(len(body)) == request.headers["Content-Length"]
    assert {"security": Security.TRADE} == request.extensions


def test_body_without_a_content_type_becomes_a_form() -> None:
    """A body without a content type is sent as a form."""
    request = a_request(Security.TRADE, method="POST", content=b"a=1")

    a_signer()(request)

    assert "application/x-www-form-urlencoded" == request.headers["Content-Type"]
    assert request.content.startswith(b"a=1&timestamp=1499827319559&signature=")


def stream() -> Iterator[bytes]:
    """Yield a body that can be read once."""
    yield b"a=1"


async def async_stream() -> AsyncIterator[bytes]:
    """Yield a body that can be read once, asynchronously."""
    yield b"a=1"


@pytest.mark.parametrize(
    "content",
    [{"content": stream()}, {"content": async_stream()}, {"files": {"file": b"1"}}],
    ids=["sync", "async", "files"],
)
def test_streams_are_not_signed(content: dict[str, Any]) -> None:
    """A body that can only be streamed cannot be signed before it is sent."""
    expected = "^a body that can only be streamed cannot be signed; pass a form as data=$"

    with pytest.raises(ConfigurationError, match=expected):
        a_signer()(a_request(Security.TRADE, method="POST", **content))


def test_json_bodies_are_not_signed() -> None:
    """A body that is not a form cannot have a signature in it."""
    form = r"\(application/x-www-form-urlencoded\)"

    with pytest.raises(
        ConfigurationError, match=f"^the body of a signed request has to be a form {form}; pass it as data=$"
    ):
        a_signer()(a_request(Security.TRADE, method="POST", json={"a": 1}))


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/dapi/v1/x",
        "https://exchange.example:444/dapi/v1/x",
        "http://exchange.example/dapi/v1/x",
        "https://exchange.example.other.example/dapi/v1/x",
        "https://exchange.example@other.example/dapi/v1/x",
        "https://exchange.example./dapi/v1/x",
    ],
)
@pytest.mark.parametrize("security", [Security.USER_DATA, Security.MARKET_DATA])
def test_other_origins_get_no_credentials(url: str, security: Security) -> None:
    """A request that needs credentials for another origin is an error, and is not changed."""
    request = a_request(security, url)

    with pytest.raises(ConfigurationError, match="https://exchange.example alone"):
        a_signer()(request)

    assert HEADER not in request.headers
    assert b"" == request.url.query


@pytest.mark.parametrize("url", ["https://EXCHANGE.example/x", "https://exchange.example:443/x"])
def test_same_origin_in_another_spelling(url: str) -> None:
    """The case of the host and the default port do not matter."""
    request = a_request(Security.USER_DATA, url)

    a_signer()(request)

    assert "signature" in request.url.params


def test_text_of_a_signed_url() -> None:
    """The text of a signed request's URL has the whole query, because some transports send it."""
    request = a_request(Security.USER_DATA, f"{SERVER}/dapi/v1/x?a=%20b")

    a_signer()(request)

    assert (
        f"{SERVER}/dapi/v1/x?a=%20b&timestamp=1499827319559"
        "&signature=b117df12c06552532eefff5a6035c9e8ab0a7b254d5097798addca34c1e72153"
    ) == str(request.url)
    assert str(request.url).endswith(request.url.query.decode())


@pytest.mark.parametrize(("before", "after"), [("", "?"), ("?", "?"), ("?a=1", "?a=1&")])
def test_fragment_of_a_url(before: str, after: str) -> None:
    """A fragment, which is never sent, is not signed, and the signature does not become a part of it."""
    request = a_request(Security.USER_DATA, f"{SERVER}/dapi/v1/x{before}#top")

    a_signer()(request)

    assert str(request.url).startswith(f"{SERVER}/dapi/v1/x{after}timestamp=1499827319559&signature=")
    assert "" == request.url.fragment


@pytest.mark.parametrize(
    "content",
    [{"json": {}}, {"content": b"a", "headers": {"Content-Type": "text/plain"}}, {"content": stream()}],
    ids=["json", "text", "stream"],
)
def test_requests_that_cannot_be_signed_are_unchanged(content: dict[str, Any]) -> None:
    """A request that cannot be signed has neither key nor timestamp afterwards."""
    request = a_request(Security.TRADE, method="POST", **content)

    with pytest.raises(ConfigurationError):
        a_signer()(request)

    assert HEADER not in request.headers
    assert b"" == request.url.query


@pytest.mark.parametrize("error", [ValueError("v"), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
def test_keys_that_raise(error: BaseException) -> None:
    """An exception of a custom key is raised unchanged, and the request has no API key."""

    def sign(_: bytes) -> bytes:
        raise error

    request = a_request(Security.USER_DATA)

    with pytest.raises(type(error)) as caught:
        Signer(Credentials(API_KEY, Ed25519Key(sign)), SERVER)(request)

    assert error is caught.value
    assert HEADER not in request.headers
    assert b"" == request.url.query


def test_signer_with_other_credentials() -> None:
    """`with_credentials` keeps server, clock and recvWindow, and leaves the first signer as it is."""
    signer = a_signer(recv_window=5000)
    other = signer.with_credentials(Credentials("another", HmacKey(SECRET)))
    requests = [a_request(Security.USER_DATA), a_request(Security.USER_DATA)]

    signer(requests[0])
    other(requests[1])

    assert [API_KEY, "another"] == [request.headers[HEADER] for request in requests]
    assert requests[0].url == requests[1].url
    with pytest.raises(ConfigurationError, match="https://exchange.example alone"):
        other(a_request(Security.USER_DATA, "https://other.example/"))
    with pytest.raises(ConfigurationError, match=r"^credentials: expected Credentials\(api_key, key\), got str$"):
        signer.with_credentials("key")  # type: ignore[arg-type]  # this is what is tested


def test_credentials_can_be_replaced() -> None:
    """The next request after the credentials were replaced is signed with the new ones."""
    signer = a_signer()
    signer.credentials = Credentials("another", HmacKey(SECRET))
    request = a_request(Security.USER_DATA)

    signer(request)

    assert "another" == request.headers[HEADER]


async def balance_sync_and_async(client: AuthenticatedClient) -> tuple[object, object]:
    """Call the sync and the async function with one client."""
    async with client:
        return futures_account_balance.sync(client=client), await futures_account_balance.asyncio(client=client)


def hooked(sandbox: Sandbox) -> AuthenticatedClient:
    """Return a client with a signer as hook, without `connect`."""
    signer = Signer(sandbox.credentials, sandbox.url)
    return AuthenticatedClient(sandbox.url, httpx_args={"event_hooks": {"request": [signer]}})


def test_one_signer_serves_sync_and_async(sandbox: Sandbox) -> None:
    """The same signer in one httpx_args signs sync and async calls of one client."""
    sync, from_async = asyncio.run(balance_sync_and_async(hooked(sandbox)))

    assert sync == from_async
    assert [200, 200] == [request.status for request in sandbox.received_requests]
    assert all("signature=" in request.query.decode() for request in sandbox.received_requests)


def test_requests_by_hand(sandbox: Sandbox) -> None:
    """A request made by hand is signed if its extensions have a security type, and otherwise not."""
    with hooked(sandbox) as client:
        http = client.get_httpx_client()
        bare = http.get("/dapi/v1/balance")
        signed = http.get("/dapi/v1/balance", extensions={"security": Security.USER_DATA})

    assert 401 == bare.status_code
    assert 200 == signed.status_code


def test_unsigned_operations(sandbox: Sandbox) -> None:
    """An operation of the security type NONE is sent without key and signature, with any client."""
    with hooked(sandbox) as client:
        check_server_time.sync(client=client)
    with BaseClient(sandbox.url) as client:
        check_server_time.sync(client=client)

    for request in sandbox.received_requests:
        assert HEADER not in request.headers
        assert b"" == request.query


@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirect_to_another_server(sandbox: Sandbox, status: int) -> None:
    """A client that follows redirects sends neither key nor signature to another server."""
    signer = Signer(sandbox.credentials, sandbox.url)
    settings = {"event_hooks": {"request": [signer]}, "follow_redirects": True}
    with Sandbox() as other, AuthenticatedClient(sandbox.url, httpx_args=settings) as client:
        sandbox.respond_next(status, headers={"Location": f"{other.url}/dapi/v1/balance?signature=1"}, body=b"")

        with pytest.raises(ConfigurationError, match="do not follow redirects"):
            futures_account_balance.sync(client=client)

    assert 1 == len(sandbox.received_requests)
    assert [] == other.received_requests


def test_redirect_to_the_same_server(sandbox: Sandbox) -> None:
    """A client that follows redirects signs each request to the same server again."""
    signer = Signer(sandbox.credentials, sandbox.url)
    settings = {"event_hooks": {"request": [signer]}, "follow_redirects": True}
    with AuthenticatedClient(sandbox.url, httpx_args=settings) as client:
        sandbox.respond_next(307, headers={"Location": "/dapi/v1/balance?recvWindow=4000"}, body=b"")

        assert futures_account_balance.sync(client=client)

    assert [307, 200] == [request.status for request in sandbox.received_requests]
    assert sandbox.received_requests[1].query.startswith(b"recvWindow=4000&timestamp=")


def test_least_recv_window() -> None:
    """A millisecond is enough."""
    request = a_request(Security.USER_DATA)

    a_signer(recv_window=1)(request)

    assert "1" == request.url.params["recvWindow"]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-Urlencoded"]
)
def test_content_types_of_forms(content_type: str) -> None:
    """The content type of a form may have parameters, and upper-case letters."""
    request = a_request(Security.TRADE, method="POST", content=b"a=1", headers={"Content-Type": content_type})

    a_signer()(request)

    assert content_type == request.headers["Content-Type"]
    assert request.content.startswith(b"a=1&timestamp=1499827319559&signature=")


def test_greatest_recv_window() -> None:
    """A window and a time may have 63 bits, as integers of the exchange have."""
    request = a_request(Security.USER_DATA)

    a_signer(timestamp=2**63 - 1, recv_window=2**63 - 1)(request)

    assert ("9223372036854775807",) * 2 == (request.url.params["recvWindow"], request.url.params["timestamp"])


@pytest.mark.parametrize("recv_window", [0, -1, 1.5, "5000", True, 2**63])
def test_recv_window_has_to_be_positive(recv_window: Any) -> None:
    """A default that is not a positive integer is an error before anything is sent."""
    with pytest.raises(ConfigurationError) as caught:
        a_signer(recv_window=recv_window)

    assert f"recv_window: expected a positive number of milliseconds, got {recv_window!r}" == str(caught.value)


@pytest.mark.parametrize(
    ("recv_window", "shown"),
    [("-" * 199, f"'{'-' * 199}"), ("-" * 198, repr("-" * 198)), (10**5000, "a int"), (b"", "b''")],
    ids=["long", "at the limit", "too long for a repr", "short"],
)
def test_invalid_values_are_shown_in_short(recv_window: Any, shown: str) -> None:
    """An invalid value is shown by at most 200 characters; one that cannot be shown, by its type."""
    with pytest.raises(ConfigurationError) as caught:
        a_signer(recv_window=recv_window)

    assert f"recv_window: expected a positive number of milliseconds, got {shown}" == str(caught.value)


def test_beginning_of_the_epoch() -> None:
    """A clock may return 0."""
    request = a_request(Security.USER_DATA)

    a_signer(timestamp=0)(request)

    assert "0" == request.url.params["timestamp"]


@pytest.mark.parametrize("timestamp", [-1, 2**63, 1.5, True, None])
def test_clocks_that_return_no_milliseconds(timestamp: Any) -> None:
    """A clock that returns anything but milliseconds is an error, and the request has no API key."""
    request = a_request(Security.USER_DATA)

    with pytest.raises(ConfigurationError) as caught:
        a_signer(timestamp=timestamp)(request)

    assert f"clock: expected milliseconds as an int, got {timestamp!r}" == str(caught.value)
    assert HEADER not in request.headers


def test_clock_that_is_not_a_function() -> None:
    """A time in place of a clock is an error at once, not at the first request."""
    clock: Any = 1499827319559

    with pytest.raises(ConfigurationError) as caught:
        Signer(Credentials(API_KEY, HmacKey(SECRET)), SERVER, clock=clock)

    assert "clock: expected a function that returns milliseconds, got 1499827319559" == str(caught.value)


def test_clock_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a clock, the timestamp is this machine's time in whole milliseconds since the epoch."""
    monkeypatch.setattr("time.time_ns", lambda: 1_499_827_319_559_999_999)
    request = a_request(Security.USER_DATA)

    Signer(Credentials(API_KEY, HmacKey(SECRET)), SERVER)(request)

    assert "1499827319559" == request.url.params["timestamp"]


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        ("https://exchange.example/gateway", "https://exchange.example"),
        ("https://exchange.example:8443", "https://exchange.example:8443"),
    ],
)
def test_repr_of_a_signer(server: str, shown: str) -> None:
    """The repr is the origin alone, also that of a signer whose constructor has failed, which has none yet."""
    assert f"Signer({shown!r})" == repr(a_signer(server))
    assert "Signer()" == repr(Signer.__new__(Signer))
