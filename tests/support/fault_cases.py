"""Every fault that a balance call is tested with: the rows of docs/reference/failure-modes.md, in their order.

A row reads as the table does: the name of the fault, what the call ends in, how many requests it takes. After these
come the calls of the sandbox that cause the fault; the arguments of `respond_next` and `inject_fault` are those of the
sandbox's methods. client/test_faults.py and client/test_timeouts.py make the calls.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from attrs import field, frozen
from binance_coinm import RetryPolicy, errors
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Fault, Sandbox

from support.constants import ROW

BALANCE = "/dapi/v1/balance"
TIME = "/dapi/v1/time"
ORDER = "/dapi/v1/order"

MEGABYTE = 1 << 20
GIGABYTE = 1 << 30
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
# The beginning of a minute of the exchange, and a moment shortly before its end.
MINUTE_STARTS = 1_591_702_620_000
MINUTE_ENDS = MINUTE_STARTS + 59_980
# For a fault that outlasts the call.
FOREVER = 10_000

HTML = b"<html><body>no</body></html>"
PAGE: dict[str, Any] = {"body": HTML, "content_type": "text/html"}
ROWS_JSON = json.dumps([ROW])
GZIPPED_ROWS = gzip.compress(ROWS_JSON.encode())

Step = Callable[[Sandbox], object]


@frozen
class Case:
    """A fault, what a call that meets it ends in, and after how many requests.

    `ends_in` is "rows", or the error's class with its `execution`. `says` is a part of the error's text, or of the rows
    as JSON. `settings` are those of `connect`, `options` those of `with_options`. `test` makes the call.
    """

    name: str
    ends_in: str
    sent: int
    steps: Sequence[Step] = ()
    says: str = field(default="", kw_only=True)
    test: str = field(default="test_fault", kw_only=True)
    settings: Mapping[str, Any] = field(factory=dict, kw_only=True)
    options: Mapping[str, Any] = field(factory=dict, kw_only=True)

    def arrange(self, sandbox: Sandbox) -> None:
        """Prepare the sandbox, so that the next call meets the fault."""
        for step in self.steps:
            step(sandbox)


def respond_next(status: int, **settings: Any) -> Step:
    """Return a step that calls `Sandbox.respond_next` with these arguments."""
    return lambda sandbox: sandbox.respond_next(status, **settings)


def inject_fault(fault: Fault, **settings: Any) -> Step:
    """Return a step that calls `Sandbox.inject_fault` with these arguments."""
    return lambda sandbox: sandbox.inject_fault(fault, **settings)


def set_clock(offset_ms: float, drift: float = 0) -> Step:
    """Return a step that sets the exchange's clock ahead of this machine's, which is behind then."""

    def step(sandbox: Sandbox) -> None:
        sandbox.clock_offset_ms, sandbox.clock_drift = offset_ms, drift

    return step


def send_lines(*lines: bytes) -> Step:
    """Return a step that responds to all requests with lines that no HTTP server would send."""
    return inject_fault(Fault.garbage(b"\r\n".join(lines)), times=FOREVER)


def error_body(code: int, msg: str = "m") -> dict[str, Any]:
    """Return the body of an error of the exchange."""
    return {"code": code, "msg": msg}


def banned_until(ms: str) -> dict[str, Any]:
    """Return the body of an error that reports a ban until this time."""
    return error_body(-1003, f"banned until {ms}")


def rows_with_balance(amount: str) -> str:
    """Return rows as JSON with other JSON in the place of the first amount."""
    return ROWS_JSON.replace('"0.00250000"', amount, 1)


def gzip_bomb() -> bytes:
    """Return a megabyte of gzip that decompresses to a gigabyte; its end is missing, because no decoder gets there."""
    compressor = zlib.compressobj(wbits=31)
    first, more = (
        compressor.compress(bytes(MEGABYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)  # each further one is the same
        for _ in range(2)
    )
    return first + more * (GIGABYTE // MEGABYTE - 1)


BEHIND = set_clock(10_000)

CLOCK_CASES = [
    Case("clock 10 seconds behind", "rows", 3, [BEHIND], test="test_clock"),
    Case("clock 10 seconds ahead", "rows", 3, [set_clock(-10_000)], test="test_clock"),
    Case("clock an hour behind", "rows", 3, [set_clock(HOUR_MS)], test="test_clock"),
    Case("clock an hour ahead", "rows", 3, [set_clock(-HOUR_MS)], test="test_clock"),
    Case("clock a year behind", "rows", 3, [set_clock(YEAR_MS)], test="test_clock"),
    Case("clock a year ahead", "rows", 3, [set_clock(-YEAR_MS)], test="test_clock"),
    Case("clock 10 seconds behind, and drifting", "rows", 3, [set_clock(10_000, drift=100)], test="test_clock"),
    Case("clock jumps with the exchange's, again and again", "rows", 6, test="test_drift"),
    Case("clock steps by an hour after it was synchronized", "rows", 4, test="test_step"),
    Case("clock off, synchronized beforehand", "rows", 2, [BEHIND], settings={"sync_clock": True}),
    Case(
        "clock right, synchronizing it beforehand fails",
        "rows",
        2,
        [respond_next(500, path=TIME)],
        settings={"sync_clock": True},
    ),
    Case("clock off, retries off", "TimestampError", 1, [BEHIND], says="was not measured", settings={"retry": None}),
    Case("clock off, time call fails once", "rows", 5, [BEHIND, respond_next(500, path=TIME)]),
    *(
        Case(f"clock off, time call {name}", "TimestampError", sent, [BEHIND, step])
        for name, sent, step in (
            ("fails forever", 8, respond_next(500, times=FOREVER, path=TIME)),
            ("is cut off forever", 8, inject_fault(Fault.disconnect(), times=FOREVER, path=TIME)),
            ("gets a page forever", 8, respond_next(200, body=HTML, times=FOREVER, path=TIME)),
            ("gets no time forever", 8, respond_next(200, body={"serverTime": "soon"}, times=FOREVER, path=TIME)),
            ("gets a wrong time", 3, respond_next(200, body={"serverTime": MINUTE_STARTS}, times=FOREVER, path=TIME)),
        )
    ),
    Case("clock off, time call is banned", "IpBannedError", 2, [BEHIND, respond_next(418, times=FOREVER, path=TIME)]),
    Case(
        "timestamp rejected whatever it is",
        "TimestampError",
        3,
        [respond_next(400, example="lateTimestamp", times=FOREVER, path=BALANCE)],
        says=" this machine's",
    ),
]

NETWORK_FAULTS = {
    "disconnect": Fault.disconnect(),
    "reset": Fault.disconnect(reset=True),
    "cut headers": Fault.cut_headers(),
    "cut body": Fault.cut_body(),
    "garbage": Fault.garbage(),
    "broken chunks": Fault.broken_chunks(),
}

# Transient responses: what a call ends in if it gets one each time, and the response.
TRANSIENT_RESPONSES: dict[str, tuple[str, dict[str, Any]]] = {
    "408": ("ExchangeError, unknown", {"status": 408}),
    "500": ("ExchangeError, unknown", {"status": 500}),
    "502, a page": ("ExchangeError, unknown", {"status": 502, **PAGE}),
    "503 Unknown error": ("ExchangeError, unknown", {"status": 503, "example": "unknown"}),
    "503 Service Unavailable": ("ExchangeError, not_executed", {"status": 503, "example": "unavailable"}),
    "503 Internal error": ("ExchangeError, not_executed", {"status": 503, "example": "internal"}),
    "503 throttled": ("ExchangeError, not_executed", {"status": 503, "example": "throttled"}),
    "503 maintenance": ("ExchangeError, not_executed", {"status": 503, "example": "maintenance"}),
    "503, a page": ("ExchangeError, unknown", {"status": 503, **PAGE}),
    "520": ("ExchangeError, unknown", {"status": 520, **PAGE}),
    "broken gzip": ("ResponseError, unknown", {"status": 200, "body": b"[]", "headers": {"Content-Encoding": "gzip"}}),
}

# One response forever, under different retry policies.
UNAVAILABLE = respond_next(503, example="unavailable", times=FOREVER)

# Responses to a write, which is sent again only if it is known that it was not executed.
WRITE_CASES: list[tuple[str, str, int, Step]] = [
    ("503 Unknown error", "ExchangeError, unknown", 1, respond_next(503, example="unknown")),
    ("503 Service Unavailable", "response", 2, respond_next(503, example="unavailable")),
    ("500", "ExchangeError, unknown", 1, respond_next(500, body=error_body(-1000))),
    ("408", "ExchangeError, unknown", 1, respond_next(408)),
    ("429", "response", 2, respond_next(429)),
    ("timestamp rejected", "response", 3, respond_next(400, example="lateTimestamp")),
    ("disconnect", "NetworkError, unknown", 1, inject_fault(Fault.disconnect())),
    ("cut body", "NetworkError, unknown", 1, respond_next(200, body={}, path=ORDER, fault=Fault.cut_body())),
    ("broken gzip", "ResponseError, unknown", 1, respond_next(200, body=b"{}", headers={"Content-Encoding": "gzip"})),
    ("500 with a cut body", "ExchangeError, unknown", 1, respond_next(500, fault=Fault.cut_body())),
    (
        "503 with broken gzip",
        "ExchangeError, unknown",
        1,
        respond_next(503, body=b"{}", headers={"Content-Encoding": "gzip"}),
    ),
    ("429 with a cut body", "response", 2, respond_next(429, fault=Fault.cut_body())),
    ("404 with a cut body", "ApiError", 1, respond_next(404, fault=Fault.cut_body())),
]

RETRY_CASES = [
    *(
        case
        for name, fault in NETWORK_FAULTS.items()
        for case in (
            Case(f"{name} once", "rows", 2, [inject_fault(fault)]),
            Case(f"{name} forever", "NetworkError, unknown", 4, [inject_fault(fault, times=FOREVER)]),
        )
    ),
    *(
        case
        for name, (ends_in, response) in TRANSIENT_RESPONSES.items()
        for case in (
            Case(f"{name}, once", "rows", 2, [respond_next(**response)]),
            Case(f"{name}, forever", ends_in, 4, [respond_next(**response, times=FOREVER)]),
        )
    ),
    Case("400, code -1102, forever", "ApiError", 1, [respond_next(400, body=error_body(-1102), times=FOREVER)]),
    Case("400, code -1022, forever", "SignatureError", 1, [respond_next(400, body=error_body(-1022), times=FOREVER)]),
    Case("401, code -2015, forever", "ApiKeyError", 1, [respond_next(401, body=error_body(-2015), times=FOREVER)]),
    Case("403, a page, forever", "FirewallError", 1, [respond_next(403, body=HTML, times=FOREVER)]),
    Case("404, a page, forever", "ApiError", 1, [respond_next(404, body=HTML, times=FOREVER)]),
    Case("451, code 0, forever", "RestrictedLocationError", 1, [respond_next(451, body=error_body(0), times=FOREVER)]),
    Case("connection refused", "NetworkError, not_executed", 0, [Sandbox.close]),
    Case(
        "connection refused 1,100 times",
        "NetworkError, not_executed",
        0,
        [Sandbox.close],
        settings={"retry": RetryPolicy(max_attempts=1100, initial_backoff=0)},
    ),
    Case("invalid host name", "NetworkError, not_executed", 0, settings={"server": "https://dapi..example"}),
    Case("name not resolved once", "rows", 1, test="test_names"),
    Case("name not resolved forever", "NetworkError, not_executed", 0, test="test_names"),
    *(
        case
        for name, sent, retry in (
            ("retries off", 1, None),
            ("2 attempts", 2, RetryPolicy(max_attempts=2, initial_backoff=0)),
        )
        for case in (
            Case(
                f"503 forever, {name} for the client",
                "ExchangeError, not_executed",
                sent,
                [UNAVAILABLE],
                settings={"retry": retry},
            ),
            Case(
                f"503 forever, {name} for the call",
                "ExchangeError, not_executed",
                sent,
                [UNAVAILABLE],
                options={"retry": retry},
            ),
        )
    ),
    *(
        Case(f"write: {name}", ends_in, sent, [step, respond_next(200, body={}, path=ORDER)], test="test_write")
        for name, ends_in, sent, step in WRITE_CASES
    ),
]

NOT_SENT = "not sent: the ban lasts until"
FAR_AWAY = {"Retry-After": "60"}

RATE_LIMIT_CASES = [
    Case("429 once", "rows", 2, [respond_next(429)]),
    Case("429 forever", "RateLimitError", 4, [respond_next(429, times=FOREVER)]),
    Case("429, a page, once", "rows", 2, [respond_next(429, **PAGE)]),
    Case("429, a page, forever", "RateLimitError", 4, [respond_next(429, **PAGE, times=FOREVER)]),
    Case("429 with Retry-After 0", "rows", 2, [respond_next(429, headers={"Retry-After": "0"})]),
    Case("429 with Retry-After beyond the timeout", "RateLimitError", 1, [respond_next(429, headers=FAR_AWAY)]),
    Case("503 with Retry-After beyond the timeout", "ExchangeError, unknown", 1, [respond_next(503, headers=FAR_AWAY)]),
    Case("code -1003 with status 500", "RateLimitError", 4, [respond_next(500, body=error_body(-1003), times=FOREVER)]),
    *(
        Case(f"{name}, then another call", "IpBannedError", 1, [step], says=NOT_SENT, test="test_ban")
        for name, step in (
            ("418 with Retry-After", respond_next(418, headers={"Retry-After": "3600"})),
            ("418 with banned until", respond_next(418, body=banned_until("4102444800000"))),
            ("418 with an end in the past", respond_next(418)),
            ("418, a page", respond_next(418, **PAGE)),
        )
    ),
    *(
        Case(f"{name}, then another call", "IpBannedError", 1, [step], says="not sent", test="test_ban")
        for name, step in (
            ("418 with an end beyond all dates", respond_next(418, body=banned_until("99999999999999999"))),
            ("418 with Retry-After beyond all dates", respond_next(418, headers={"Retry-After": "9" * 18})),
        )
    ),
    Case(
        "429 that reports a ban, then another call",
        "RateLimitError",
        1,
        [respond_next(429, body=banned_until("4102444800000"))],
        says=NOT_SENT,
        test="test_ban",
    ),
    Case("more calls than the limit", "RateLimitError", 2, test="test_limit"),
    Case("calls until the ban, and one more", "IpBannedError", 7, test="test_limit_ignored"),
    Case("client-side limit: more calls than that", "rows", 4, test="test_client_side_limit"),
    Case(
        "client-side limit: another process uses the weight", "rows", 4, test="test_client_side_limit_of_all_processes"
    ),
    Case(
        "client-side limit: 429 nevertheless", "rows", 2, [respond_next(429)], test="test_client_side_limit_after_429"
    ),
    Case(
        "client-side limit: no time to wait",
        "RateLimitError",
        1,
        says="not sent: the weight of this minute",
        test="test_client_side_limit_without_time",
    ),
]

NOT_JSON = "expected JSON"
NOT_ROWS = "expected an array"
NOT_AN_AMOUNT = "field balance: expected a decimal string"
REDIRECT = "HTTP 302: expected a response, got a redirect"

# Bodies with status 200 that are not rows, and what the error says.
INVALID_BODIES: dict[str, tuple[object, str]] = {
    "an object": ({}, NOT_ROWS),
    "null": (b"null", NOT_ROWS),
    "a string": (b'"rows"', NOT_ROWS),
    "a number": (b"5", NOT_ROWS),
    "two values": (b"[][]", NOT_JSON),
    "a row that is an array": ([ROW, []], "row 1: expected an object"),
    "a row that is null": ([None], "row 0: expected an object"),
    "field missing": ([{name: ROW[name] for name in ROW if name != "asset"}], "field asset: expected a string, got n"),
    "field null": ([ROW | {"asset": None}], "row 0, field asset: expected a string, got null"),
    "field of another type": ([ROW | {"updateTime": "5"}], "field updateTime: expected an integer"),
    "time with a fraction": ([ROW | {"updateTime": 1.5}], "field updateTime: expected an integer"),
    "time beyond 64 bits": ([ROW | {"updateTime": 2**63}], "field updateTime: expected an integer"),
    "100,000 brackets": (b"[" * 100_000, NOT_JSON),
    "invalid UTF-8": (ROWS_JSON.replace("BTC", "\xff").encode("latin-1"), "not UTF-8"),
    "UTF-16": (ROWS_JSON.encode("utf-16"), "not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf[]", NOT_JSON),
}

# JSON in the place of a row's first amount, and what the error says.
INVALID_AMOUNTS: dict[str, tuple[str, str]] = {
    "amount is null": ("null", NOT_AN_AMOUNT),
    "amount is true": ("true", NOT_AN_AMOUNT),
    'amount is "NaN"': ('"NaN"', NOT_AN_AMOUNT),
    'amount is "1e5"': ('"1e5"', NOT_AN_AMOUNT),
    "amount is 1e999999": ("1e999999", NOT_AN_AMOUNT),
    "amount has 10,000 digits": ("0." + "1" * 10_000, NOT_AN_AMOUNT),
    "amount is a string of 10,000 digits": (f'"{"1" * 10_000}"', "field balance"),
    "amount is an integer of 10,000 digits": ("1" * 10_000, NOT_JSON),
    "amount is NaN, which is not JSON": ("NaN", NOT_JSON),
    "amount is 1e99999999999999999999": ("1e99999999999999999999", NOT_JSON),
}

LOCATIONS = ("/elsewhere", "https://elsewhere.example/", "//", "http:x", "mailto:x@y", "http://xn--a-/", "http://[::1")

BODY_CASES = [
    Case("200, a page", "ResponseError, unknown", 1, [respond_next(200, **PAGE)], says=NOT_JSON),
    Case("403, a page", "FirewallError", 1, [respond_next(403, **PAGE)], says="HTTP 403, no code, text/html"),
    Case("empty body", "ResponseError, unknown", 1, [respond_next(200, body=b"")], says=NOT_JSON),
    Case("204", "ResponseError, unknown", 1, [respond_next(204, body=b"")], says="HTTP 204"),
    Case("201", "ResponseError, unknown", 1, [respond_next(201, body=[])], says="HTTP 201"),
    Case("truncated JSON", "ResponseError, unknown", 1, [respond_next(200, body=ROWS_JSON[:-5])], says=NOT_JSON),
    Case(
        "JSON as text/plain", "rows", 1, [respond_next(200, body=[ROW], content_type="text/plain")], says='"0.00250000"'
    ),
    Case(
        "JSON as image/png of charset x",
        "rows",
        1,
        [respond_next(200, body=[], content_type="image/png; charset=x")],
        says="[]",
    ),
    Case(
        "status 600",
        "ApiError",
        1,
        [send_lines(b"HTTP/1.1 600 Odd", b"content-length: 2", b"", b"[]")],
        says="HTTP 600",
    ),
    Case(
        "status 999",
        "ApiError",
        1,
        [send_lines(b"HTTP/1.1 999 Odd", b"content-length: 2", b"", b"[]")],
        says="HTTP 999",
    ),
    *(
        Case(name, "ResponseError, unknown", 1, [respond_next(200, body=body)], says=says)
        for name, (body, says) in INVALID_BODIES.items()
    ),
    Case(
        "amount is a JSON number",
        "rows",
        1,
        [respond_next(200, body=rows_with_balance("0.1000000000000000000001"))],
        says='"0.1000000000000000000001"',
    ),
    Case(
        "amount is a JSON number with an exponent",
        "rows",
        1,
        [respond_next(200, body=rows_with_balance("1e-8"))],
        says='"balance": "0.00000001"',
    ),
    *(
        Case(name, "ResponseError, unknown", 1, [respond_next(200, body=rows_with_balance(amount))], says=says)
        for name, (amount, says) in INVALID_AMOUNTS.items()
    ),
    Case("unknown field", "rows", 1, [respond_next(200, body=[ROW | {"later": "1.50"}])], says='"later": "1.50"'),
    Case(
        "field twice, the last one counts",
        "rows",
        1,
        [respond_next(200, body=rows_with_balance('"9", "balance": "8"'))],
        says='"balance": "8"',
    ),
    *(
        Case(name, ends_in, 1, [respond_next(status, body=body)], says=says)
        for name, ends_in, status, body, says in (
            ("code and msg with status 200", "SignatureError", 200, error_body(-1022), "HTTP 200, code -1022"),
            ("unknown code and msg with status 200", "ApiError", 200, error_body(-9999), "code -9999"),
            ("unknown code with status 400", "ApiError", 400, error_body(-9999), "HTTP 400, code -9999"),
            ("code of 60 digits", "ApiError", 400, error_body(-(10**59)), "HTTP 400, code -1000"),
            ("code of 10,000 digits", "ApiError", 400, b'{"code": -' + b"1" * 10_000 + b"}", "no code"),
        )
    ),
    Case(
        "maintenance without code, 200",
        "ResponseError, unknown",
        1,
        [respond_next(200, body={"239999": "closed"})],
        says=NOT_ROWS,
    ),
    Case(
        "maintenance without code, 503",
        "ExchangeError, unknown",
        4,
        [respond_next(503, body={"239999": "closed"}, times=4)],
        says="HTTP 503",
    ),
    *(
        Case(
            f"redirect to {location}",
            "ResponseError, unknown",
            1,
            [respond_next(302, body=b"", headers={"Location": location}, times=FOREVER)],
            says=REDIRECT,
        )
        for location in LOCATIONS
    ),
    Case("redirect to nowhere", "ResponseError, unknown", 1, [respond_next(302, body=b"")], says=REDIRECT),
    Case("304", "ResponseError, unknown", 1, [respond_next(304, body=b"")], says="HTTP 304"),
]


def encoded(encoding: str, body: bytes, *, status: int = 200, **settings: Any) -> Step:
    """Return a step that responds with an encoded body, or with one that only claims to be."""
    return respond_next(status, body=body, headers={"Content-Encoding": encoding}, **settings)


def unreadable(name: str, encoding: str, body: bytes) -> Case:
    """Return the case of an encoded body that is broken each time."""
    step = encoded(encoding, body, times=FOREVER)
    return Case(name, "ResponseError, unknown", 4, [step], says="the response cannot be read")


# As long as the rows, and a byte longer.
AT_LIMIT = {"max_response_bytes": len(ROWS_JSON)}
BEYOND_LIMIT = ROWS_JSON.encode() + b" "
TOO_LARGE = f"at most {len(ROWS_JSON)} bytes"
TOO_LARGE_BY_DEFAULT = "at most 16777216 bytes"
HUGE_BODY = Fault.huge_body(GIGABYTE)

ENCODING_CASES = [
    Case("gzip", "rows", 1, [encoded("gzip", GZIPPED_ROWS)]),
    Case("deflate", "rows", 1, [encoded("deflate", zlib.compress(ROWS_JSON.encode()))]),
    unreadable("gzip that ends early", "gzip", GZIPPED_ROWS[:-1]),
    unreadable("gzip followed by more data", "gzip", GZIPPED_ROWS + b"x"),
    unreadable("gzip with a wrong checksum", "gzip", GZIPPED_ROWS[:-8] + bytes(8)),
    unreadable("not gzip", "gzip", ROWS_JSON.encode()),
    unreadable("not deflate", "deflate", ROWS_JSON.encode()),
    Case("encoding br", "ResponseError, unknown", 1, [encoded("br", GZIPPED_ROWS)], says="another encoding"),
    Case(
        "encoding gzip, gzip",
        "ResponseError, unknown",
        1,
        [encoded("gzip, gzip", GZIPPED_ROWS)],
        says="another encoding",
    ),
    Case(
        "encoding that is not ASCII",
        "ResponseError, unknown",
        1,
        [encoded("\xff", GZIPPED_ROWS)],
        says="another encoding",
    ),
    Case("body as long as the limit", "rows", 1, [respond_next(200, body=ROWS_JSON.encode())], settings=AT_LIMIT),
    Case("gzip as long as the limit", "rows", 1, [encoded("gzip", GZIPPED_ROWS)], settings=AT_LIMIT),
    *(
        Case(name, ends_in, 1, [step], says=says, settings=AT_LIMIT)
        for name, ends_in, step, says in (
            ("body a byte beyond the limit", "ResponseError, unknown", respond_next(200, body=BEYOND_LIMIT), TOO_LARGE),
            (
                "gzip a byte beyond the limit",
                "ResponseError, unknown",
                encoded("gzip", gzip.compress(BEYOND_LIMIT)),
                TOO_LARGE,
            ),
            ("error a byte beyond the limit", "ApiError", respond_next(400, body=BEYOND_LIMIT), "HTTP 400, no code"),
        )
    ),
    *(
        Case(name, ends_in, sent, [step], says=says, test="test_huge_body")
        for name, ends_in, sent, step, says in (
            ("body of a gigabyte", "ResponseError, unknown", 1, inject_fault(HUGE_BODY), TOO_LARGE_BY_DEFAULT),
            ("error of a gigabyte", "ApiError", 1, respond_next(400, fault=HUGE_BODY), "HTTP 400, no code"),
            ("gzip of a gigabyte", "ResponseError, unknown", 1, encoded("gzip", gzip_bomb()), TOO_LARGE_BY_DEFAULT),
            ("error of gzip of a gigabyte", "rows", 2, encoded("gzip", gzip_bomb(), status=500), ""),
        )
    ),
]

OK = b"HTTP/1.1 200 OK"
LENGTH = b"content-length: 2"

# Status lines and headers that no correct server sends.
HEAD_CASES = [
    *(
        Case(name, "rows", 1, [send_lines(*lines, b"", b"[]")])
        for name, lines in {
            "hints before the response": (b"HTTP/1.1 103 Hints", b"", OK, LENGTH),
            "HTTP/1.0 without a length": (b"HTTP/1.0 200 OK",),
            "invalid cookie": (OK, b"set-cookie: =;;expires=x;domain=..", LENGTH),
            "header that is not ASCII": (OK, b"x-mbx-used-weight-1m: \xff", LENGTH),
        }.items()
    ),
    *(
        Case(name, "NetworkError, unknown", 4, [send_lines(*lines)])
        for name, lines in {
            "switch of protocols": (b"HTTP/1.1 101 Switching", b"upgrade: x", b"connection: upgrade", b"", b""),
            "two lengths": (OK, LENGTH, b"content-length: 3", b"", b"[]"),
            "negative length": (OK, b"content-length: -1", b"", b"[]"),
            "length of 5,000 digits": (OK, b"content-length: " + b"9" * 5000, b"", b"[]"),
            "header without a colon": (OK, b"header", b"", b"[]"),
            "header of 200,000 bytes": (OK, b"x: " + b"x" * 200_000, b"", b"[]"),
            "unknown transfer encoding": (OK, b"transfer-encoding: gzip", b"", b"[]"),
            "chunk of a length beyond 64 bits": (OK, b"transfer-encoding: chunked", b"", b"f" * 30, b"[]"),
        }.items()
    ),
]

UNKNOWN_ENCODING: dict[str, Any] = {"body": b"{}", "headers": {"Content-Encoding": "br"}}
# Bodies of errors that cannot be read.
UNREADABLE_ERRORS: dict[str, dict[str, Any]] = {
    "of an unknown encoding": UNKNOWN_ENCODING,
    "that is not gzip": {"body": b"{}", "headers": {"Content-Encoding": "gzip"}},
    "beyond the limit": {"body": b" " * (1 << 15)},
    "that is cut off": {"body": error_body(-1003), "fault": Fault.cut_body()},
}


def unreadable_error_cases(form: str, response: dict[str, Any]) -> list[Case]:
    """Return the cases of an error whose body cannot be read: the status, which is read earlier, decides."""
    settings = {"max_response_bytes": 1 << 14}
    with_retry_after = response | {"headers": response.get("headers", {}) | {"Retry-After": "600"}}
    cases = []
    for status, ends_in in ((429, "RateLimitError"), (503, "ExchangeError, unknown")):
        name, says = f"{status}, body {form}", f"HTTP {status}, no code"
        cases += [
            Case(f"{name}, once", "rows", 2, [respond_next(status, **response)], settings=settings),
            Case(
                f"{name}, forever",
                ends_in,
                4,
                [respond_next(status, **response, times=FOREVER)],
                says=says,
                settings=settings,
            ),
            Case(
                f"{name}, Retry-After beyond the timeout",
                ends_in,
                1,
                [respond_next(status, **with_retry_after)],
                says=says,
                settings=settings,
            ),
        ]
    banned = Case(
        f"418, body {form}, then another call",
        "IpBannedError",
        1,
        [respond_next(418, **with_retry_after)],
        says=NOT_SENT,
        test="test_ban",
        settings=settings,
    )
    return [*cases, banned]


UNREADABLE_ERROR_CASES = [
    *(case for form, response in UNREADABLE_ERRORS.items() for case in unreadable_error_cases(form, response)),
    *(
        Case(
            f"{status}, body of an unknown encoding",
            ends_in,
            1,
            [respond_next(status, **UNKNOWN_ENCODING)],
            says=f"HTTP {status}, no code",
        )
        for status, ends_in in ((400, "ApiError"), (403, "FirewallError"), (451, "RestrictedLocationError"))
    ),
]

# Calls that take several requests, or succeed, get enough time for them on a busy machine.
ONE_SECOND: dict[str, Any] = {"timeout": 1}
MANY_ATTEMPTS: dict[str, Any] = ONE_SECOND | {"retry": RetryPolicy(max_attempts=1000, initial_backoff=0.7)}

TIME_CASES = [
    *(
        Case(name, ends_in, sent, steps, settings=settings, test="test_fault_in_time")
        for name, ends_in, sent, settings, steps in (
            ("headers drip", "TimeoutError, unknown", 1, {}, [inject_fault(Fault.drip_headers(), times=FOREVER)]),
            ("body drips", "TimeoutError, unknown", 1, {}, [inject_fault(Fault.drip_body(), times=FOREVER)]),
            ("silence", "TimeoutError, unknown", 1, {}, [inject_fault(Fault.silence(), times=FOREVER)]),
            (
                "silence of the time call",
                "TimestampError",
                2,
                ONE_SECOND,
                [BEHIND, inject_fault(Fault.silence(), path=TIME)],
            ),
            ("response comes late, but in time", "rows", 1, ONE_SECOND, [inject_fault(Fault.delay(0.05))]),
            ("response comes after the timeout", "TimeoutError, unknown", 1, {}, [inject_fault(Fault.delay(60))]),
            (
                "503 forever, with waits in between",
                "ExchangeError, unknown",
                2,
                MANY_ATTEMPTS,
                [respond_next(503, times=FOREVER)],
            ),
            (
                "503 forever, slowly",
                "TimeoutError, unknown",
                3,
                ONE_SECOND,
                [respond_next(503, fault=Fault.delay(0.4), times=FOREVER)],
            ),
            ("Retry-After of a minute", "RateLimitError", 1, {}, [respond_next(429, headers=FAR_AWAY)]),
        )
    ),
    Case("no connection accepted", "TimeoutError, not_executed", 0, test="test_no_connection_accepted"),
    Case("name resolution takes forever", "TimeoutError, not_executed", 0, test="test_slow_name_resolution"),
    *(
        Case(name, "TimeoutError, not_executed", 0, test="test_connecting")
        for name in (
            "handshake stalls",
            "handshake drips",
            "proxy stays silent",
            "proxy drips its response",
            "handshake stalls behind a proxy",
            "handshake drips behind a proxy",
            "handshake of an https proxy stalls",
            "handshake stalls behind an https proxy",
            "handshake drips behind an https proxy",
            "SOCKS proxy stays silent",
            "handshake stalls behind a SOCKS proxy",
            "handshake drips behind a SOCKS proxy",
        )
    ),
    Case(
        "body drips, over a custom transport",
        "TimeoutError, unknown",
        1,
        [inject_fault(Fault.drip_body())],
        test="test_custom_transport",
    ),
    Case("four addresses, all silent", "TimeoutError, not_executed", 0, test="test_silent_addresses"),
    Case("two addresses, the first one silent", "rows", 1, test="test_silent_address_before_another"),
]

# By the headings of docs/reference/failure-modes.md.
CASES_BY_HEADING: dict[str, list[Case]] = {
    "Clock": CLOCK_CASES,
    "Retries": RETRY_CASES,
    "Rate limit": RATE_LIMIT_CASES,
    "Unexpected responses": [*BODY_CASES, *ENCODING_CASES, *HEAD_CASES],
    "Errors that cannot be read": UNREADABLE_ERROR_CASES,
    "Time": TIME_CASES,
}
FAULTS = [case for cases in CASES_BY_HEADING.values() for case in cases]


def faults_of(test: str) -> pytest.MarkDecorator:
    """Parametrize a test by the cases that name it."""
    cases = [case for case in FAULTS if case.test == test]
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def end_of(call: Callable[[], list[FuturesAccountBalance]]) -> tuple[str, str]:
    """Return what a call ends in, like `Case.ends_in`, and the error's text or the rows as JSON."""
    try:
        rows = call()
    except errors.BinanceError as raised:
        error = raised
    else:
        return "rows", json.dumps([row.to_dict() for row in rows])
    assert error.__cause__ is None
    assert error.__context__ is None
    return kind_of(error), str(error)


def kind_of(error: errors.BinanceError) -> str:
    """Return an error's class and, if it has one, its `execution`."""
    execution = getattr(error, "execution", None)
    return f"{type(error).__name__}, {execution}" if execution else type(error).__name__
