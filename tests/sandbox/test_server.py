"""The sandbox over real sockets: stubs, received requests, network faults."""

import contextlib
import gzip
import hashlib
import hmac
import http.client
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from binance_sandbox import Account, Connection, Fault, Response, Sandbox, gzip_bomb
from support.constants import BUNDLED_SPEC, ROW
from support.specs import core_text

NOW_MS = 1591702613943
TIME = "/dapi/v1/time"
BALANCE = "/dapi/v1/balance"
SPEED = 0.0001
ED25519_PEM = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGUIKv9dSpWXBViXp2m6vAIb8QMFJYBgyFEQsFJlqgA0=
-----END PUBLIC KEY-----
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Run a sandbox with a stopped clock."""
    with Sandbox(document=BUNDLED_SPEC, clock=lambda: NOW_MS) as sandbox:
        yield sandbox


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[http.client.HTTPConnection]:
    """Connect to it."""
    connection = connect(sandbox)
    yield connection
    connection.close()


class ObservedClock:
    """A stopped clock that signals when a request has read the time."""

    def __init__(self) -> None:
        """Start as a clock that was not read."""
        self._times = threading.Semaphore(0)

    def __call__(self) -> float:
        """Return the time."""
        self._times.release()
        return NOW_MS

    def wait(self) -> None:
        """Wait for the first request; the sandbox itself reads the clock once, when it is created."""
        for _ in range(2):
            assert self._times.acquire(timeout=10)


def connect(sandbox: Sandbox, timeout: float = 10) -> http.client.HTTPConnection:
    """Return a connection to a sandbox."""
    return http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=timeout)


def get(connection: http.client.HTTPConnection, target: str = TIME, **headers: str) -> http.client.HTTPResponse:
    """Send a request and read the head of the response."""
    connection.request("GET", target, headers=headers)
    return connection.getresponse()


def get_balance(
    connection: http.client.HTTPConnection, account: Account, timestamp_ms: int = NOW_MS
) -> tuple[int, dict[str, str], Any]:
    """Send a request signed by hand; return status, headers and JSON."""
    query = f"timestamp={timestamp_ms}"
    signature = hmac.new((account.secret or "").encode(), query.encode(), hashlib.sha256).hexdigest()
    response = get(connection, f"{BALANCE}?{query}&signature={signature}", **{"X-MBX-APIKEY": account.api_key})
    return response.status, dict(response.headers), json.loads(response.read())


def read_raw(sandbox: Sandbox, header: str = "X-Header: value") -> bytes:
    """Send a request by hand and return all that is received until the connection is closed."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"GET {TIME} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n".encode())
        return b"".join(iter(lambda: raw.recv(65536), b""))


def wait_for_request(sandbox: Sandbox) -> None:
    """Wait until the sandbox has received a request."""
    deadline = time.monotonic() + 10
    while not sandbox.received_requests:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_default_balances(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """The default account has balances of several assets, one of them zero."""
    status, headers, rows = get_balance(connection, sandbox.account)

    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["X-MBX-USED-WEIGHT-1M".lower()] == "1"
    assert [row["asset"] for row in rows] == ["BTC", "ETH", "XRP", "ADA", "DOT"]
    assert rows == sandbox.balances
    assert rows[0]["crossWalletBalance"] == "0.00241969"
    assert rows[4]["balance"] == "0.00000000"
    assert rows[4]["updateTime"] == 0


def test_balances_may_be_replaced_and_changed_in_place(
    sandbox: Sandbox, connection: http.client.HTTPConnection
) -> None:
    """Changed balances are returned by the next request."""
    sandbox.balances[0]["balance"] = "7"
    changed = get_balance(connection, sandbox.account)[2]
    sandbox.balances = []
    replaced = get_balance(connection, sandbox.account)[2]

    assert changed[0]["balance"] == "7"
    assert replaced == []


def test_changed_balances_do_not_affect_other_sandboxes() -> None:
    """Balances are a copy of the document's example."""
    first = Sandbox(document=BUNDLED_SPEC, accounts=[Account()])
    first.balances[0]["balance"] = "7"

    assert Sandbox(document=BUNDLED_SPEC, accounts=[Account()]).balances[0]["balance"] == "0.00250000"


def test_accounts_have_separate_responses(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Another account has its own key, and its own balances or the document's example."""
    other = sandbox.add_account()
    third = sandbox.add_account("key", "secret", responses={"futuresAccountBalance": [ROW]})

    assert [row["asset"] for row in get_balance(connection, other)[2]] == ["BTC"]
    assert get_balance(connection, third)[2] == [ROW]
    assert sandbox.accounts == [sandbox.account, other, third]
    assert len({account.api_key for account in sandbox.accounts} | {a.secret for a in sandbox.accounts}) == 6
    assert [len(sandbox.account.api_key), len(sandbox.account.secret or "")] == [64, 64]
    with pytest.raises(ValueError, match="an account with this API key exists already"):
        sandbox.add_account("key")
    with pytest.raises(ValueError, match="a secret or a public key, not both"):
        sandbox.add_account(secret="s", public_key_pem="p")


def test_credentials_are_those_of_the_first_account(sandbox: Sandbox) -> None:
    """Credentials are available for an account with a secret, not for one with a public key."""
    key_pair = sandbox.add_account("key", public_key_pem=ED25519_PEM)

    assert sandbox.credentials.api_key == sandbox.account.api_key
    assert repr(key_pair) == "Account(public key, responses of [])"
    with pytest.raises(RuntimeError, match="sign with the private key you have"):
        _ = key_pair.credentials


def test_clock_can_be_set_while_it_runs() -> None:
    """The offset takes effect at once; the drift adds to it as time passes at the source."""
    now = [NOW_MS]
    with Sandbox(document=BUNDLED_SPEC, clock=lambda: now[0], clock_offset_ms=-250) as sandbox:
        connection = connect(sandbox)
        assert json.loads(get(connection).read()) == {"serverTime": NOW_MS - 250}

        sandbox.clock_offset_ms = 5001
        assert get_balance(connection, sandbox.account)[2]["code"] == -1021

        sandbox.clock_drift = 100
        now[0] += 2000
        assert json.loads(get(connection).read()) == {"serverTime": NOW_MS + 2000 + 5001 + 200}
        assert sandbox.now_ms == NOW_MS + 7201

        sandbox.clock_drift = 0
        now[0] += 1000
        assert sandbox.clock_offset_ms == 5201
        assert sandbox.clock_drift == 0
        connection.close()


def test_default_clock() -> None:
    """The default clock is that of this machine, in milliseconds."""
    assert Sandbox(document=BUNDLED_SPEC).now_ms > NOW_MS


def test_received_requests_are_kept(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """A request is recorded byte for byte, with the status of its response."""
    connection.request("POST", "/dapi/v1/x?a=%20b&&c", b"d=%e9", {"X-Mbx-ApiKey": "k"})
    connection.getresponse().read()
    get(connection).read()
    first, second = sandbox.received_requests

    assert (first.method, first.path, first.query, first.body) == ("POST", "/dapi/v1/x", b"a=%20b&&c", b"d=%e9")
    assert first.headers["x-MBX-apikey"] == "k"
    assert "nothing" not in first.headers
    assert first.client_ip == "127.0.0.1"
    assert (first.status, second.status) == (404, 200)
    assert sandbox.used_weight == 1


def test_weight_limit_is_counted_on_the_sandboxs_clock() -> None:
    """The used weight is readable, and reset in a new minute of the clock."""
    with Sandbox(document=BUNDLED_SPEC, clock=lambda: NOW_MS, weight_limit=1) as sandbox:
        connection = connect(sandbox)
        statuses = [get(connection).read() and sandbox.received_requests[-1].status for _ in range(2)]
        used = sandbox.used_weight
        sandbox.clock_offset_ms = 60_000

        assert statuses == [200, 429]
        assert (used, sandbox.used_weight) == (2, 0)
        connection.close()


def test_stubs_are_used_in_fifo_order(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Canned responses are sent without validation, as many times as requested; then requests are checked again."""
    sandbox.respond_next(429, headers={"Retry-After": "1"})
    sandbox.respond_next(503, example="throttled", times=2)
    answers = [(r.status, r.headers, json.loads(r.read())) for r in (get(connection, BALANCE) for _ in range(4))]

    assert [status for status, _, _ in answers] == [429, 503, 503, 401]
    assert [body["code"] for _, _, body in answers] == [-1003, -1008, -1008, -2014]
    assert [headers["X-MBX-USED-WEIGHT-1M"] for _, headers, _ in answers] == ["1", "2", "3", "4"]
    assert [headers["Retry-After"] for _, headers, _ in answers] == ["1", None, None, None]


def test_stub_for_one_path(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """A stub for a path waits for a request to this path."""
    sandbox.respond_next(503, path=BALANCE)

    assert [get_status(connection, target) for target in (TIME, BALANCE, BALANCE)] == [200, 503, 401]


@pytest.mark.parametrize(
    ("status", "arguments", "expected"),
    [
        (200, {"body": b"<html>", "content_type": "text/html"}, ("text/html", b"<html>")),
        (200, {"body": "é"}, ("application/json", "é".encode())),
        (200, {"body": {"code": -1000, "msg": "é"}}, ("application/json", '{"code":-1000,"msg":"é"}'.encode())),
        (403, {"body": {"code": -1}}, ("application/json", b'{"code":-1}')),
        (503, {"body": {"239999": "…"}}, ("application/json", '{"239999":"…"}'.encode())),
        (
            520,
            {},
            ("application/json", b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'),
        ),
        (451, {}, ("application/json", b'{"code":0,"msg":"Service unavailable from a restricted location."}')),
        (204, {}, ("application/json", b"")),
        (307, {"headers": {"Location": "https://example.invalid/"}}, ("application/json", b"")),
    ],
)
def test_stub_responses(
    sandbox: Sandbox,
    connection: http.client.HTTPConnection,
    status: int,
    arguments: dict[str, Any],
    expected: tuple[str, bytes],
) -> None:
    """A stub has any status, with any body, or with the document's example for the status if there is one."""
    sandbox.respond_next(status, **arguments)
    response = get(connection)

    assert response.status == status
    assert (response.headers["Content-Type"], response.read()) == expected
    for name, value in arguments.get("headers", {}).items():
        assert response.headers.get_all(name) == [value]
    assert get(connection).status == 200


def test_stub_with_an_html_example(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """An example that is not JSON is sent as it is in the document."""
    sandbox.respond_next(403)
    response = get(connection)

    assert (response.status, response.headers["Content-Type"]) == (403, "text/html")
    assert response.read().startswith(b"<html><head><title>403")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.disconnect(), http.client.RemoteDisconnected),
        (Fault.disconnect(reset=True), ConnectionResetError),
        (Fault.cut_headers(), http.client.HTTPException),
        (Fault.cut_headers(9999), http.client.HTTPException),
        (Fault.cut_body(), http.client.IncompleteRead),
        (Fault.cut_body(9999), http.client.IncompleteRead),
        (Fault.garbage(), http.client.BadStatusLine),
        (Fault.broken_chunks(), http.client.IncompleteRead),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_fault_affects_one_response(sandbox: Sandbox, fault: Fault, error: type[Exception]) -> None:
    """A broken response is an error for the client, and the next request is served."""
    sandbox.inject_fault(fault)
    connection = connect(sandbox)
    with pytest.raises(error):
        _read_all(get(connection))
    connection.close()

    assert get_status(connection) == 200
    connection.close()


def test_cut_headers_end_within_the_headers(sandbox: Sandbox) -> None:
    """Exactly the requested number of bytes is sent."""
    sandbox.inject_fault(Fault.cut_headers(12))

    assert read_raw(sandbox) == b"HTTP/1.1 200"


@pytest.mark.parametrize("fault", [Fault.drip_headers(SPEED), Fault.drip_body(SPEED), Fault.delay(SPEED)])
def test_slow_responses_are_complete(sandbox: Sandbox, connection: http.client.HTTPConnection, fault: Fault) -> None:
    """A dripping or delayed response is complete for a client that waits."""
    sandbox.inject_fault(fault)

    assert json.loads(get(connection).read()) == {"serverTime": NOW_MS}


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.delay(3600), Fault.drip_headers(3600), Fault.drip_body(3600)])
def test_client_may_give_up(fault: Fault) -> None:
    """A client may disconnect during a fault; its request is recorded."""
    clock = ObservedClock()
    with Sandbox(document=BUNDLED_SPEC, clock=clock) as sandbox:
        sandbox.inject_fault(fault)
        connection = connect(sandbox, timeout=0.05)
        with pytest.raises(TimeoutError), contextlib.closing(connection):
            get(connection).read()
        clock.wait()

    assert [request.status for request in sandbox.received_requests] == [200]


@pytest.mark.parametrize(
    "fault", [Fault.silence(), Fault.delay(3600), Fault.drip_headers(3600), Fault.drip_body(3600), Fault.huge_body()]
)
def test_close_does_not_wait_for_slow_responses(fault: Fault) -> None:
    """Connections in the middle of a response are aborted when the sandbox closes."""
    clock = ObservedClock()
    with Sandbox(document=BUNDLED_SPEC, clock=clock) as sandbox:
        sandbox.inject_fault(fault)
        connection = connect(sandbox)
        connection.request("GET", TIME)
        clock.wait()

    with pytest.raises((OSError, http.client.HTTPException)), contextlib.closing(connection):
        _read_all(connection.getresponse())
    assert "binance_sandbox" not in [thread.name for thread in threading.enumerate()]


def test_fault_for_a_stub_and_for_one_path(sandbox: Sandbox) -> None:
    """A canned response and a fault can be combined, and a fault can be for one path."""
    connection = connect(sandbox)
    sandbox.respond_next(503, example="internal", fault=Fault.delay(SPEED))
    sandbox.inject_fault(Fault.disconnect(), path=BALANCE, times=2)

    assert get_status(connection) == 503
    assert get_status(connection) == 200
    for _ in range(2):
        with pytest.raises(http.client.RemoteDisconnected):
            get(connection, BALANCE)
        connection.close()
    assert get_status(connection, BALANCE) == 401
    connection.close()


def test_huge_body_has_the_requested_size(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """The body is padded with spaces, streamed, and still JSON."""
    sandbox.inject_fault(Fault.huge_body(1_000_001))
    body = get(connection).read()

    assert len(body) == 1_000_001
    assert json.loads(body) == {"serverTime": NOW_MS}
    assert get_status(connection) == 200


def test_compressed_body(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """A compressed body is sent as it is, with its header; a gzip bomb expands a thousandfold."""
    bomb = gzip_bomb(10_000_000)
    sandbox.respond_next(200, body=bomb, headers={"Content-Encoding": "gzip"})
    response = get(connection)

    assert response.headers["Content-Encoding"] == "gzip"
    assert response.read() == bomb
    assert len(bomb) < 20_000
    assert gzip.decompress(bomb) == b" " * 10_000_000


def test_keep_alive(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Several requests are served over one connection."""
    get(connection).read()
    first = connection.sock
    get(connection).read()

    assert connection.sock is first
    assert first is not None
    assert len(sandbox.received_requests) == 2


def test_invalid_http(sandbox: Sandbox) -> None:
    """Bytes that are not HTTP get 400 and are not recorded as a request."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01\r\n\r\n")

        assert raw.recv(12) == b"HTTP/1.1 400"
    assert sandbox.received_requests == []


def test_pipelined_requests(sandbox: Sandbox) -> None:
    """Requests that arrive at once, or during a fault, are responded to one after the other."""
    sandbox.inject_fault(Fault.delay(0.2))
    request = f"GET {TIME} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(request + b"\r\n")
        wait_for_request(sandbox)
        raw.sendall(request + b"\r\n" + request + b"Connection: close\r\n\r\n")
        received = b"".join(iter(lambda: raw.recv(65536), b""))

    assert received.count(b"HTTP/1.1 200 OK") == received.count(b'{"serverTime"') == 3
    assert [200, 200, 200] == [request.status for request in sandbox.received_requests]


def test_client_that_resets_the_connection(sandbox: Sandbox) -> None:
    """A fault ends when the client resets the connection."""
    closed = threading.Event()

    async def apply(_response: Response, connection: Connection) -> None:
        if await connection.wait_closed():
            closed.set()

    sandbox.inject_fault(Fault("wait", apply))
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"GET {TIME} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_for_request(sandbox)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert closed.wait(10)


def test_response_to_head_has_no_body(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """The headers are those of a response with a body, and the connection can be used again."""
    sandbox.respond_next(200, body=b"body")
    connection.request("HEAD", TIME)
    response = connection.getresponse()

    assert (response.headers["content-length"], response.read()) == ("4", b"")
    assert get_status(connection) == 200


def test_client_that_waits_before_it_sends_the_body(sandbox: Sandbox) -> None:
    """A client that expects 100 Continue gets it before it sends the body."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(
            f"POST {TIME} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"body")
        assert raw.recv(12) == b"HTTP/1.1 404"
    assert sandbox.received_requests[0].body == b"body"


def test_client_that_wants_the_connection_closed(sandbox: Sandbox) -> None:
    """The connection is closed after the response if the request says so."""
    assert read_raw(sandbox, "Connection: close").endswith(b'{"serverTime":%d}' % NOW_MS)


@pytest.mark.parametrize("error", [LookupError("mistake"), SystemExit("mistake"), pytest.fail.Exception("mistake")])
def test_exception_in_a_fault(sandbox: Sandbox, connection: http.client.HTTPConnection, error: BaseException) -> None:
    """An exception of a custom fault is reported in the response, and the sandbox goes on."""

    async def apply(_response: Response, _connection: Connection) -> None:
        raise error

    sandbox.inject_fault(Fault("mistaken", apply))
    response = get(connection)

    text = f"binance_sandbox: {type(error).__name__}: mistake"
    assert (response.status, json.loads(response.read())["msg"]) == (500, text)
    assert get_status(connection) == 200


def test_exception_within_a_response(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """If the response has begun already, the connection is closed."""
    sandbox.respond_next(200, body=b"longer than that", headers={"Content-Length": "4"})

    with pytest.raises(http.client.IncompleteRead):
        get(connection).read()


def test_incomplete_request(sandbox: Sandbox) -> None:
    """An incomplete request is not recorded."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"POST {TIME} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf".encode())
    connection = connect(sandbox)

    assert get_status(connection) == 200
    assert len(sandbox.received_requests) == 1
    connection.close()


def test_restart_and_repeated_close() -> None:
    """Only a running sandbox has a URL, and only a stopped one can start."""
    sandbox = Sandbox(document=BUNDLED_SPEC)
    with pytest.raises(RuntimeError, match="is not running"):
        _ = sandbox.url
    for _ in range(2):
        sandbox.start()
        with pytest.raises(RuntimeError, match="is running already at http://127"):
            sandbox.start()
        connection = connect(sandbox)
        assert get_status(connection) == 200
        connection.close()
        sandbox.close()
        sandbox.close()


def test_start_raises_exceptions_of_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure to start is raised by start(), which does not hang."""
    monkeypatch.setattr("asyncio.start_server", None)
    sandbox = Sandbox(document=BUNDLED_SPEC)

    with pytest.raises(TypeError, match="not callable"):
        sandbox.start()
    with pytest.raises(RuntimeError, match="is not running"):
        _ = sandbox.url


def test_document_without_a_list_has_no_balances(tmp_path: Path) -> None:
    """Balances need an operation that returns a list; without one responses are set by operationId."""
    path = tmp_path / "openapi.yaml"
    path.write_text(core_text().replace("type: array", "type: object"), encoding="utf-8")

    with pytest.raises(LookupError, match=r"use account\.responses"):
        _ = Sandbox(document=path).balances


def test_port_may_be_chosen() -> None:
    """A sandbox listens on the given port, unless it is in use."""
    with Sandbox(document=BUNDLED_SPEC) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Sandbox(document=BUNDLED_SPEC, port=port).start()
    with Sandbox(document=BUNDLED_SPEC, port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"


def test_concurrent_clients(sandbox: Sandbox) -> None:
    """Concurrent requests are all served and all counted."""

    def ask() -> None:
        connection = connect(sandbox)
        for _ in range(5):
            get(connection).read()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sandbox.used_weight == 40
    assert [request.status for request in sandbox.received_requests] == [200] * 40


def get_status(connection: http.client.HTTPConnection, target: str = TIME) -> int:
    """Send a request, read the whole response and return its status."""
    response = get(connection, target)
    response.read()
    return response.status


def _read_all(response: http.client.HTTPResponse) -> None:
    if response.getheader("content-length") is None and response.getheader("transfer-encoding") is None:
        raise http.client.HTTPException("the headers do not describe the body")
    response.read()


def test_pop_requests(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Popped requests are not returned again."""
    for path in ("/first", "/second"):
        get(connection, path).read()

    assert ["/first", "/second"] == [request.path for request in sandbox.pop_requests()]
    assert [] == sandbox.received_requests == sandbox.pop_requests()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:80", "localhost:80", "LOCALHOST", "[::1]:80", "app.localhost"]
)
def test_hosts_of_this_machine(sandbox: Sandbox, host: str) -> None:
    """Each name of this machine is served, with any port: a tunnel or a container may have another one."""
    connection = connect(sandbox)

    assert get(connection, Host=host).status == 200
    connection.close()


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:80", "localhost.example.com", "10.0.0.1", "", "[::1", "a@b"]
)
def test_other_hosts(sandbox: Sandbox, host: str) -> None:
    """A name of another machine is refused: a page of that name could have it lead to this machine (DNS rebinding)."""
    sandbox.respond_next(503)
    connection = connect(sandbox)
    response = get(connection, Host=host)

    assert (response.status, json.loads(response.read())["msg"]) == (
        421,
        f"binance_sandbox: expected a Host of this machine, such as 127.0.0.1, got {host!r}; use the sandbox's URL",
    )
    assert get_status(connection) == 503
    assert [request.status for request in sandbox.received_requests] == [503]
    connection.close()


def test_connect_names_another_host(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """A client that uses the sandbox as its proxy names the server behind it, which no page in a browser can do."""
    connection.request("CONNECT", "example.com:443", headers={"Host": "example.com:443"})

    assert connection.getresponse().status == 404
    assert [(request.method, request.path) for request in sandbox.received_requests] == [("CONNECT", "example.com:443")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_origins(sandbox: Sandbox, method: str, headers: dict[str, str]) -> None:
    """A page in a browser can neither use up a canned response nor be recorded."""
    sandbox.respond_next(503)
    connection = connect(sandbox)
    connection.request(method, TIME, b"a=1" if method == "POST" else None, headers)
    response = connection.getresponse()

    assert (response.status, json.loads(response.read())["msg"]) == (
        403,
        "binance_sandbox: a page of another origin cannot use the sandbox",
    )
    assert get_status(connection) == 503
    assert sandbox.used_weight == 1
    connection.close()


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_own_origin(sandbox: Sandbox, connection: http.client.HTTPConnection, site: str) -> None:
    """What is typed into the browser's address bar, and a request of the sandbox's own origin, is served."""
    assert get(connection, TIME, Origin=sandbox.url, **{"Sec-Fetch-Site": site}).status == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_that_is_too_long(sandbox: Sandbox, connection: http.client.HTTPConnection, *, is_chunked: bool) -> None:
    """A body of a mebibyte is read, a longer one is refused, and neither it nor its end is kept."""
    for size, status in ((1 << 20, 404), ((1 << 20) + 1, 413), (5 << 20, 413)):
        body = iter([bytes(size)]) if is_chunked else bytes(size)
        connection.request("POST", "/dapi/v1/x", body, encode_chunked=is_chunked)
        response = connection.getresponse()
        response.read()
        assert response.status == status

    assert [len(request.body) for request in sandbox.received_requests] == [1 << 20]


def test_headers_that_are_too_long(sandbox: Sandbox) -> None:
    """Headers without an end are refused before they fill the memory."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"GET {TIME} HTTP/1.1\r\nX: {'a' * 40_000}".encode())

        assert raw.recv(12) == b"HTTP/1.1 431"
    assert sandbox.received_requests == []


def test_client_that_goes_on_sending_during_a_fault(sandbox: Sandbox) -> None:
    """What arrives while a response is on its way is kept for later up to a mebibyte, then the connection is closed."""
    sandbox.inject_fault(Fault.silence())
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"GET {TIME} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with pytest.raises(ConnectionError):
            raw.sendall(bytes(1 << 28))


def test_requests_are_popped_once(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Of requests that several threads pop at once, each is returned to one of them, and no thread fails."""
    for number in range(300):
        get(connection, f"/{number}").read()
    start = threading.Barrier(8)

    def pop(_: int) -> list[str]:
        start.wait()
        return [request.path for request in sandbox.pop_requests()]

    interval = sys.getswitchinterval()
    # Threads take turns so often that one is interrupted while it pops.
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            popped = [path for paths in threads.map(pop, range(8)) for path in paths]
    finally:
        sys.setswitchinterval(interval)

    assert sorted(popped) == sorted(f"/{number}" for number in range(300))
