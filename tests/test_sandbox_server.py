"""The sandbox over real sockets: what it is told, what it tells, what goes wrong on the wire."""

import contextlib
import gzip
import hashlib
import hmac
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from binance_sandbox import Account, Fault, Sandbox, gzip_bomb

DOCUMENT = Path(__file__).parents[1] / "openapi.yaml"
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
    """Run a sandbox whose clock stands still."""
    with Sandbox(document=DOCUMENT, clock=lambda: NOW_MS) as sandbox:
        yield sandbox


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[http.client.HTTPConnection]:
    """Connect to it."""
    connection = connect(sandbox)
    yield connection
    connection.close()


class Asked:
    """A clock that stands still and tells when a request has asked for the time."""

    def __init__(self) -> None:
        """Start as a clock that was not asked."""
        self._times = threading.Semaphore(0)

    def __call__(self) -> float:
        """Return the time."""
        self._times.release()
        return NOW_MS

    def wait(self) -> None:
        """Wait for the first request; the sandbox itself asks once, when it is made."""
        for _ in range(2):
            assert self._times.acquire(timeout=10)


def connect(sandbox: Sandbox, timeout: float = 10) -> http.client.HTTPConnection:
    """Make a connection to a sandbox."""
    return http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=timeout)


def get(connection: http.client.HTTPConnection, target: str = TIME, **headers: str) -> http.client.HTTPResponse:
    """Send a request and read the beginning of its answer."""
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


def read_raw(sandbox: Sandbox) -> bytes:
    """Send a request by hand and read all that comes until the connection ends."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"GET {TIME} HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode())
        return b"".join(iter(lambda: raw.recv(65536), b""))


def test_signed_request_gets_the_example_rows(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """The default account has rows for several assets: the document's one, others, and one of nothing."""
    status, headers, rows = get_balance(connection, sandbox.account)

    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["X-MBX-USED-WEIGHT-1M".lower()] == "1"
    assert [row["asset"] for row in rows] == ["BTC", "ETH", "XRP", "ADA", "DOT"]
    assert rows == sandbox.rows
    assert rows[0]["crossWalletBalance"] == "0.00241969"
    assert rows[4]["balance"] == "0.00000000"
    assert rows[4]["updateTime"] == 0


def test_rows_may_be_replaced_and_changed_in_place(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """What one makes of the rows is what comes back."""
    sandbox.rows[0]["balance"] = "7"
    changed = get_balance(connection, sandbox.account)[2]
    sandbox.rows = []
    replaced = get_balance(connection, sandbox.account)[2]

    assert changed[0]["balance"] == "7"
    assert replaced == []


def test_changed_rows_stay_in_their_sandbox() -> None:
    """Rows taken from the document's example can be changed without changing the document for others."""
    first = Sandbox(document=DOCUMENT, accounts=[Account()])
    first.rows[0]["balance"] = "7"

    assert Sandbox(document=DOCUMENT, accounts=[Account()]).rows[0]["balance"] == "0.00250000"


def test_accounts_have_answers_of_their_own(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Another account signs with its own key, and is answered with its own rows or the document's example."""
    other = sandbox.add_account()
    third = sandbox.add_account("key", "secret", answers={"futuresAccountBalance": [{"asset": "X"}]})

    assert [row["asset"] for row in get_balance(connection, other)[2]] == ["BTC"]
    assert get_balance(connection, third)[2] == [{"asset": "X"}]
    assert sandbox.accounts == [sandbox.account, other, third]
    assert len({account.api_key for account in sandbox.accounts} | {a.secret for a in sandbox.accounts}) == 6
    assert [len(sandbox.account.api_key), len(sandbox.account.secret or "")] == [64, 64]
    with pytest.raises(ValueError, match="an account with this API key already"):
        sandbox.add_account("key")
    with pytest.raises(ValueError, match="a secret or a public key, not both"):
        sandbox.add_account(secret="s", public_key_pem="p")


def test_credentials_are_those_of_the_first_account(sandbox: Sandbox) -> None:
    """A client of the default account is handed what it signs with; a private key has to come from elsewhere."""
    key_pair = sandbox.add_account("key", public_key_pem=ED25519_PEM)

    assert sandbox.credentials.api_key == sandbox.account.api_key
    assert repr(key_pair) == "Account(public key, answers to [])"
    with pytest.raises(RuntimeError, match="sign with the private key you have"):
        _ = key_pair.credentials


def test_clock_can_be_set_while_it_runs() -> None:
    """The offset counts at once; the drift adds to it with the time that passes at the source."""
    now = [NOW_MS]
    with Sandbox(document=DOCUMENT, clock=lambda: now[0], clock_offset_ms=-250) as sandbox:
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


def test_clock_is_the_machines_unless_told_otherwise() -> None:
    """By default the time is that of the machine, in milliseconds."""
    assert Sandbox(document=DOCUMENT).now_ms > NOW_MS


def test_received_requests_are_kept(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """A request is there byte for byte, with the status that it was answered with."""
    connection.request("POST", "/dapi/v1/x?a=%20b&&c", b"d=%e9", {"X-Mbx-ApiKey": "k"})
    connection.getresponse().read()
    get(connection).read()
    first, second = sandbox.requests

    assert (first.method, first.path, first.query, first.body) == ("POST", "/dapi/v1/x", b"a=%20b&&c", b"d=%e9")
    assert first.headers["x-MBX-apikey"] == "k"
    assert "nothing" not in first.headers
    assert first.caller == "127.0.0.1"
    assert (first.status, second.status) == (404, 200)
    assert sandbox.used_weight == 1


def test_weight_limit_is_counted_on_the_sandboxs_clock() -> None:
    """The used weight is there for tests, and a new minute of the clock frees it."""
    with Sandbox(document=DOCUMENT, clock=lambda: NOW_MS, weight_limit=1) as sandbox:
        connection = connect(sandbox)
        statuses = [get(connection).read() and sandbox.requests[-1].status for _ in range(2)]
        used = sandbox.used_weight
        sandbox.clock_offset_ms = 60_000

        assert statuses == [200, 429]
        assert (used, sandbox.used_weight) == (2, 0)
        connection.close()


def test_told_answers_come_in_their_order(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Answers that were told come without any check, as often as told, then things are as before."""
    sandbox.answer_next(429, headers={"Retry-After": "1"})
    sandbox.answer_next(503, example="throttled", times=2)
    answers = [(r.status, r.headers, json.loads(r.read())) for r in (get(connection, BALANCE) for _ in range(4))]

    assert [status for status, _, _ in answers] == [429, 503, 503, 401]
    assert [body["code"] for _, _, body in answers] == [-1003, -1008, -1008, -2014]
    assert [headers["X-MBX-USED-WEIGHT-1M"] for _, headers, _ in answers] == ["1", "2", "3", "4"]
    assert [headers["Retry-After"] for _, headers, _ in answers] == ["1", None, None, None]


def test_told_answer_for_one_path(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """What is told for a path waits for a request to it."""
    sandbox.answer_next(503, path=BALANCE)

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
def test_told_answers_may_be_anything(
    sandbox: Sandbox,
    connection: http.client.HTTPConnection,
    status: int,
    arguments: dict[str, Any],
    expected: tuple[str, bytes],
) -> None:
    """Any status, with a body of any kind, or the document's example for it, or none."""
    sandbox.answer_next(status, **arguments)
    response = get(connection)

    assert response.status == status
    assert (response.headers["Content-Type"], response.read()) == expected
    for name, value in arguments.get("headers", {}).items():
        assert response.headers.get_all(name) == [value]
    assert get(connection).status == 200


def test_firewall_answers_a_page(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """An example that is no JSON is sent as it stands in the document."""
    sandbox.answer_next(403)
    response = get(connection)

    assert (response.status, response.headers["Content-Type"]) == (403, "text/html")
    assert response.read().startswith(b"<html><head><title>403")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"status": 199}, "from 200 to 599, not 199"),
        ({"status": 600}, "from 200 to 599, not 600"),
        ({"status": 503, "example": "other"}, "no example named 'other' for status 503"),
        ({"status": 503, "times": 0}, "times must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    """A mistake in the test shows where it is made, not in the server."""
    with pytest.raises(ValueError, match=message):
        Sandbox(document=DOCUMENT).answer_next(**arguments)


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
def test_fault_breaks_one_answer(sandbox: Sandbox, fault: Fault, error: type[Exception]) -> None:
    """A broken answer is an error for the client, and the next request is served."""
    sandbox.fail_next(fault)
    connection = connect(sandbox)
    with pytest.raises(error):
        _read_all(get(connection))
    connection.close()

    assert get_status(connection) == 200
    connection.close()


def test_cut_headers_end_within_the_headers(sandbox: Sandbox) -> None:
    """So many bytes of the headers arrive and no more."""
    sandbox.fail_next(Fault.cut_headers(12))

    assert read_raw(sandbox) == b"HTTP/1.1 200"


@pytest.mark.parametrize("fault", [Fault.drip_headers(SPEED), Fault.drip_body(SPEED), Fault.delay(SPEED)])
def test_slow_answers_are_whole(sandbox: Sandbox, connection: http.client.HTTPConnection, fault: Fault) -> None:
    """An answer that drips or comes late is the right one for those who wait."""
    sandbox.fail_next(fault)

    assert json.loads(get(connection).read()) == {"serverTime": NOW_MS}


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.delay(3600), Fault.drip_headers(3600), Fault.drip_body(3600)])
def test_client_may_give_up(fault: Fault) -> None:
    """A client that does not wait is let go, and the request was received."""
    asked = Asked()
    with Sandbox(document=DOCUMENT, clock=asked) as sandbox:
        sandbox.fail_next(fault)
        connection = connect(sandbox, timeout=0.05)
        with pytest.raises(TimeoutError), contextlib.closing(connection):
            get(connection).read()
        asked.wait()

    assert [request.status for request in sandbox.requests] == [200]


@pytest.mark.parametrize(
    "fault", [Fault.silence(), Fault.delay(3600), Fault.drip_headers(3600), Fault.drip_body(3600), Fault.huge_body()]
)
def test_close_does_not_wait_for_slow_answers(fault: Fault) -> None:
    """Connections that are in the middle of an answer are aborted when the sandbox closes."""
    asked = Asked()
    with Sandbox(document=DOCUMENT, clock=asked) as sandbox:
        sandbox.fail_next(fault)
        connection = connect(sandbox)
        connection.request("GET", TIME)
        asked.wait()

    with pytest.raises((OSError, http.client.HTTPException)), contextlib.closing(connection):
        _read_all(connection.getresponse())
    assert "binance_sandbox" not in [thread.name for thread in threading.enumerate()]


def test_fault_may_befall_a_told_answer_and_one_path_only(sandbox: Sandbox) -> None:
    """What is said and how it goes wrong can be told together."""
    connection = connect(sandbox)
    sandbox.answer_next(503, example="internal", fault=Fault.delay(SPEED))
    sandbox.fail_next(Fault.disconnect(), path=BALANCE, times=2)

    assert get_status(connection) == 503
    assert get_status(connection) == 200
    for _ in range(2):
        with pytest.raises(http.client.RemoteDisconnected):
            get(connection, BALANCE)
        connection.close()
    assert get_status(connection, BALANCE) == 401
    connection.close()


def test_huge_body_has_the_size_told(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """The answer is padded with spaces, streamed, and still JSON."""
    sandbox.fail_next(Fault.huge_body(1_000_001))
    body = get(connection).read()

    assert len(body) == 1_000_001
    assert json.loads(body) == {"serverTime": NOW_MS}
    assert get_status(connection) == 200


def test_compressed_body(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """A body that is compressed already goes out as it is, with its header; a bomb is one that is mostly air."""
    bomb = gzip_bomb(10_000_000)
    sandbox.answer_next(200, body=bomb, headers={"Content-Encoding": "gzip"})
    response = get(connection)

    assert response.headers["Content-Encoding"] == "gzip"
    assert response.read() == bomb
    assert len(bomb) < 20_000
    assert gzip.decompress(bomb) == b" " * 10_000_000


def test_connection_is_kept_between_requests(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """Many requests go over one connection."""
    get(connection).read()
    first = connection.sock
    get(connection).read()

    assert connection.sock is first
    assert first is not None
    assert len(sandbox.requests) == 2


def test_what_is_no_http_is_refused(sandbox: Sandbox) -> None:
    """A client that does not speak HTTP is told so, and is no request."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01\r\n\r\n")

        assert raw.recv(12) == b"HTTP/1.1 400"
    assert sandbox.requests == []


def test_client_that_leaves_in_the_middle_of_a_request(sandbox: Sandbox) -> None:
    """Half a request is none."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"POST {TIME} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 9\r\n\r\nhalf".encode())
    connection = connect(sandbox)

    assert get_status(connection) == 200
    assert len(sandbox.requests) == 1
    connection.close()


def test_sandbox_starts_again_and_closes_twice() -> None:
    """Only a running sandbox has a URL, and only one that does not run can start."""
    sandbox = Sandbox(document=DOCUMENT)
    with pytest.raises(RuntimeError, match="does not run"):
        _ = sandbox.url
    for _ in range(2):
        sandbox.start()
        with pytest.raises(RuntimeError, match="runs already at http://127"):
            sandbox.start()
        connection = connect(sandbox)
        assert get_status(connection) == 200
        connection.close()
        sandbox.close()
        sandbox.close()


def test_start_raises_what_went_wrong_in_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot start is an error where it was started, not a wait without end."""
    monkeypatch.setattr("uvicorn.Config", None)
    sandbox = Sandbox(document=DOCUMENT)

    with pytest.raises(TypeError, match="not callable"):
        sandbox.start()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = sandbox.url


def test_document_without_a_list_has_no_rows(tmp_path: Path) -> None:
    """Rows are the answer of an operation that answers with a list; without one, answers are set by operationId."""
    path = tmp_path / "openapi.yaml"
    path.write_text(DOCUMENT.read_text(encoding="utf-8").replace("type: array", "type: object"), encoding="utf-8")

    with pytest.raises(LookupError, match=r"use account\.answers"):
        _ = Sandbox(document=path).rows


def test_port_has_to_be_one() -> None:
    """A number that cannot be a port is refused when it is given."""
    with pytest.raises(ValueError, match="from 1 to 65535, or 0 for any free one, not 65536"):
        Sandbox(document=DOCUMENT, port=65536)


def test_port_may_be_chosen() -> None:
    """A sandbox listens where it is told, unless another one does."""
    with Sandbox(document=DOCUMENT) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Sandbox(document=DOCUMENT, port=port).start()
    with Sandbox(document=DOCUMENT, port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"


def test_many_threads_at_once(sandbox: Sandbox) -> None:
    """Requests that come together are all answered and all counted."""

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
    assert [request.status for request in sandbox.requests] == [200] * 40


def get_status(connection: http.client.HTTPConnection, target: str = TIME) -> int:
    """Send a request and read its answer to the end."""
    response = get(connection, target)
    response.read()
    return response.status


def _read_all(response: http.client.HTTPResponse) -> None:
    if response.getheader("content-length") is None and response.getheader("transfer-encoding") is None:
        raise http.client.HTTPException("the headers say nothing of the body")
    response.read()


def test_requests_can_be_taken(sandbox: Sandbox, connection: http.client.HTTPConnection) -> None:
    """What was taken is not given again."""
    for path in ("/first", "/second"):
        get(connection, path).read()

    assert ["/first", "/second"] == [request.path for request in sandbox.take_requests()]
    assert [] == sandbox.requests == sandbox.take_requests()
