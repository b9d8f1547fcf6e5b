"""Faults over real sockets: what a call ends in, and how many requests that takes.

`FAULTS` is the list of them all, those of test_timeouts.py too; docs/reference/faults.md shows it as a table.
"""

import asyncio
import gzip
import json
import re
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import count, groupby
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import field, frozen
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.engines import Answer
from binance_coinm.facts import REFUSALS
from binance_coinm.models import FuturesAccountBalance
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from binance_signing import Recovery, SigningClient, connect
from calls import Balance
from pages import ROOT
from test_balance import ROW

TEST_FILES = ("test_faults.py", "test_timeouts.py")
DOCUMENT = ROOT / "docs" / "reference" / "faults.md"
BALANCE = "/dapi/v1/balance"
TIME = "/dapi/v1/time"
ORDER = "/dapi/v1/order"
HTML = b"<html><body>no</body></html>"
PAGE = {"content_type": "text/html"}
GIGABYTE = 1 << 30
MEGABYTE = 1 << 20
MEMORY = 64 * MEGABYTE
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
MINUTE_STARTS = 1_591_702_620_000
MINUTE_ENDS = MINUTE_STARTS + 59_980
FOR_EVER = 10_000
LIMIT = len(json.dumps([ROW]))

Tell = Callable[[Sandbox], object]


@frozen
class Case:
    """A fault, what the sandbox is told to make it, and what the call ends in after how many requests.

    `says` is a part of the error's text or of the rows as JSON. `settings` are those of `connect`, `options` those of
    `with_options`.
    """

    part: str
    name: str
    tell: Tell
    ends_in: str
    sent: int
    says: str = field(default="", kw_only=True)
    test: str = field(default="test_fault", kw_only=True)
    settings: Mapping[str, Any] = field(factory=dict, kw_only=True)
    options: Mapping[str, Any] = field(factory=dict, kw_only=True)


def nothing(_: Sandbox) -> None:
    """Tell the sandbox nothing."""


def clock(offset_ms: float, drift: float = 0) -> Tell:
    """Set the exchange's clock so far ahead of this machine's."""

    def tell(sandbox: Sandbox) -> None:
        sandbox.clock_offset_ms, sandbox.clock_drift = offset_ms, drift

    return tell


def answers(status: int, body: object = None, **told: Any) -> Tell:
    """Answer the next request, see `Sandbox.answer_next`."""
    return lambda sandbox: sandbox.answer_next(status, body=body, **told)


def fails(fault: Fault, **told: Any) -> Tell:
    """Let a fault befall the next answer, see `Sandbox.fail_next`."""
    return lambda sandbox: sandbox.fail_next(fault, **told)


def bytes_come(*lines: bytes, times: int = FOR_EVER) -> Tell:
    """Answer with lines that uvicorn would not send."""
    return fails(Fault.garbage(b"\r\n".join(lines)), times=times)


def encoded(encoding: str, body: bytes, *, status: int = 200, **told: Any) -> Tell:
    """Answer with a body that is encoded, or says so."""
    return answers(status, body, headers={"Content-Encoding": encoding}, **told)


def row(text: str) -> Tell:
    """Answer with a row whose first amount is this JSON."""
    return answers(200, json.dumps([ROW]).replace('"0.00250000"', text, 1))


def both(*tells: Tell) -> Tell:
    """Tell one thing after another."""
    return lambda sandbox: [tell(sandbox) for tell in tells]


def bomb(status: int) -> Tell:
    """Answer with a megabyte of gzip that becomes a gigabyte; its end is left out, for nobody gets that far."""
    compressor = zlib.compressobj(wbits=31)
    first, more = (
        compressor.compress(bytes(MEGABYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)  # from here on all is as before
        for _ in range(2)
    )
    return encoded("gzip", first + more * (GIGABYTE // MEGABYTE - 1), status=status)


def code(number: int, msg: str = "m") -> dict[str, Any]:
    """Give the body by which the exchange says no."""
    return {"code": number, "msg": msg}


def clock_cases() -> Iterator[Case]:
    """Give the faults of the clock, above all of this machine's: when it is behind, the exchange's is ahead."""
    part = "Clock"
    for far, offset_ms in (("10 seconds", 10_000), ("an hour", HOUR_MS), ("a year", YEAR_MS)):
        yield Case(part, f"clock {far} behind", clock(offset_ms), "rows", 3, test="test_clock")
        yield Case(part, f"clock {far} ahead", clock(-offset_ms), "rows", 3, test="test_clock")
    yield Case(part, "clock 10 seconds behind, and drifting", clock(10_000, drift=100), "rows", 3, test="test_clock")
    yield Case(part, "clock drifts for as long as the client lives", nothing, "rows", 7, test="test_drift")
    yield Case(part, "clock steps by an hour after it was measured", nothing, "rows", 3, test="test_step")
    slow, ends_in = clock(10_000), "TimestampError"
    settings: dict[str, Any] = {"sync_clock": True}
    yield Case(part, "clock off, measured beforehand", slow, "rows", 2, settings=settings)
    yield Case(
        part, "clock right, measuring it beforehand fails", answers(500, path=TIME), "rows", 2, settings=settings
    )
    settings = {"recovery": None}
    yield Case(part, "clock off, recovery off", slow, ends_in, 1, says="was not measured", settings=settings)
    yield Case(part, "clock off, time call fails once", both(slow, answers(500, path=TIME)), "rows", 5)
    for name, tell in (
        ("fails", answers(500, times=FOR_EVER, path=TIME)),
        ("is cut off", fails(Fault.disconnect(), times=FOR_EVER, path=TIME)),
        ("gets a page", answers(200, HTML, times=FOR_EVER, path=TIME)),
        ("gets no time", answers(200, {"serverTime": "soon"}, times=FOR_EVER, path=TIME)),
    ):
        yield Case(part, f"clock off, time call {name} for ever", both(slow, tell), ends_in, 8)
    wrong = answers(200, {"serverTime": MINUTE_STARTS}, times=FOR_EVER, path=TIME)
    yield Case(part, "clock off, time call gets a wrong time", both(slow, wrong), ends_in, 3)
    banned = answers(418, times=FOR_EVER, path=TIME)
    yield Case(part, "clock off, time call is banned", both(slow, banned), "IpBannedError", 2)
    late = answers(400, example="lateTimestamp", times=FOR_EVER, path=BALANCE)
    yield Case(part, "timestamp refused whatever it is", late, ends_in, 3, says="ahead of this machine's by")


def recovery_cases() -> Iterator[Case]:
    """Give the faults that pass, or do not."""
    part = "Recovery"
    for name, fault in (
        ("disconnect", Fault.disconnect()),
        ("reset", Fault.disconnect(reset=True)),
        ("cut headers", Fault.cut_headers()),
        ("cut body", Fault.cut_body()),
        ("garbage", Fault.garbage()),
        ("broken chunks", Fault.broken_chunks()),
    ):
        yield Case(part, f"{name} once", fails(fault), "rows", 2)
        yield Case(part, f"{name} for ever", fails(fault, times=FOR_EVER), "NetworkError, unknown", 4)
    for name, tell, ends_in in (
        ("408", {"status": 408}, "ExchangeError, unknown"),
        ("500", {"status": 500}, "ExchangeError, unknown"),
        ("502, a page", {"status": 502, "body": HTML, **PAGE}, "ExchangeError, unknown"),
        ("503 Unknown error", {"status": 503, "example": "unknown"}, "ExchangeError, unknown"),
        ("503 Service Unavailable", {"status": 503, "example": "unavailable"}, "ExchangeError, failed"),
        ("503 Internal error", {"status": 503, "example": "internal"}, "ExchangeError, failed"),
        ("503 throttled", {"status": 503, "example": "throttled"}, "ExchangeError, failed"),
        ("503 maintenance", {"status": 503, "example": "maintenance"}, "ExchangeError, failed"),
        ("503, a page", {"status": 503, "body": HTML, **PAGE}, "ExchangeError, unknown"),
        ("520", {"status": 520, "body": HTML, **PAGE}, "ExchangeError, unknown"),
        ("broken gzip", {"status": 200, "body": b"[]", "headers": {"Content-Encoding": "gzip"}}, "ResponseError"),
    ):
        yield Case(part, f"{name}, once", answers(**tell), "rows", 2)
        yield Case(part, f"{name}, for ever", answers(**tell, times=FOR_EVER), ends_in, 4)
    for status, body, ends_in in (
        (400, code(-1102), "ApiError"),
        (400, code(-1022), "SignatureError"),
        (401, code(-2015), "ApiKeyError"),
        (403, HTML, "FirewallError"),
        (404, HTML, "ApiError"),
        (451, code(0), "RestrictedLocationError"),
    ):
        told = f"code {body['code']}" if isinstance(body, dict) else "a page"
        yield Case(part, f"{status}, {told}, for ever", answers(status, body, times=FOR_EVER), ends_in, 1)
    yield Case(part, "connection refused", Sandbox.close, "NetworkError, failed", 0)
    settings: dict[str, Any] = {"recovery": Recovery(tries=1100, backoff=0)}
    yield Case(part, "connection refused 1,100 times", Sandbox.close, "NetworkError, failed", 0, settings=settings)
    settings = {"server": "https://dapi..example"}
    yield Case(part, "host name that is none", nothing, "NetworkError, failed", 0, settings=settings)
    yield Case(part, "name not resolved once", nothing, "rows", 1, test="test_names")
    yield Case(part, "name not resolved for ever", nothing, "NetworkError, failed", 0, test="test_names")
    yield from limits_of_recovery()
    yield from write_cases()


def limits_of_recovery() -> Iterator[Case]:
    """Give one fault that lasts, under each setting of recovery."""
    part, tell, ends_in = "Recovery", answers(503, example="unavailable", times=FOR_EVER), "ExchangeError, failed"
    for name, recovery, sent in (("off", None, 1), ("of 2 tries", Recovery(tries=2, backoff=0), 2)):
        chosen = {"recovery": recovery}
        yield Case(part, f"503 for ever, recovery {name} for the client", tell, ends_in, sent, settings=chosen)
        yield Case(part, f"503 for ever, recovery {name} for the call", tell, ends_in, sent, options=chosen)


def write_cases() -> Iterator[Case]:
    """Give the faults of a request that changes something, which goes out twice only if nothing was done before."""
    for name, tell, ends_in, sent in (
        ("503 Unknown error", answers(503, example="unknown"), "ExchangeError, unknown", 1),
        ("503 Service Unavailable", answers(503, example="unavailable"), "answer", 2),
        ("500", answers(500, code(-1000)), "ExchangeError, unknown", 1),
        ("408", answers(408), "ExchangeError, unknown", 1),
        ("429", answers(429), "answer", 2),
        ("timestamp refused", answers(400, example="lateTimestamp"), "answer", 3),
        ("disconnect", fails(Fault.disconnect()), "NetworkError, unknown", 1),
        ("cut body", answers(200, {}, path=ORDER, fault=Fault.cut_body()), "NetworkError, unknown", 1),
        ("broken gzip", encoded("gzip", b"{}"), "ResponseError", 1),
        ("500 with a cut body", answers(500, fault=Fault.cut_body()), "ExchangeError, unknown", 1),
        ("503 with broken gzip", encoded("gzip", b"{}", status=503), "ExchangeError, unknown", 1),
        ("429 with a cut body", answers(429, fault=Fault.cut_body()), "answer", 2),
        ("404 with a cut body", answers(404, fault=Fault.cut_body()), "ApiError", 1),
    ):
        yield Case(
            "Recovery", f"write: {name}", both(tell, answers(200, {}, path=ORDER)), ends_in, sent, test="test_write"
        )


def rate_limit_cases() -> Iterator[Case]:
    """Give the faults of a caller who asks too often."""
    part, ends_in = "Rate limit", "RateLimitError"
    page = {"body": HTML, **PAGE}
    yield Case(part, "429 once", answers(429), "rows", 2)
    yield Case(part, "429 for ever", answers(429, times=FOR_EVER), ends_in, 4)
    yield Case(part, "429, a page, once", answers(429, **page), "rows", 2)
    yield Case(part, "429, a page, for ever", answers(429, times=FOR_EVER, **page), ends_in, 4)
    yield Case(part, "429 with Retry-After 0", answers(429, headers={"Retry-After": "0"}), "rows", 2)
    after = {"Retry-After": "60"}
    yield Case(part, "429 with Retry-After beyond the timeout", answers(429, headers=after), ends_in, 1)
    yield Case(
        part, "503 with Retry-After beyond the timeout", answers(503, headers=after), "ExchangeError, unknown", 1
    )
    yield Case(part, "code -1003 with status 500", answers(500, code(-1003), times=FOR_EVER), ends_in, 4)
    for name, tell, says in (
        ("418 with Retry-After", answers(418, headers={"Retry-After": "3600"}), "not sent: the ban lasts until"),
        (
            "418 with banned until",
            answers(418, code(-1003, "banned until 4102444800000")),
            "not sent: the ban lasts until",
        ),
        ("418 with an end that is past", answers(418), "not sent: the ban lasts until"),
        ("418, a page", answers(418, **page), "not sent: the ban lasts until"),
        ("418 with an end beyond all dates", answers(418, code(-1003, "banned until 99999999999999999")), "not sent"),
        ("418 with Retry-After beyond all dates", answers(418, headers={"Retry-After": "9" * 18}), "not sent"),
    ):
        yield Case(part, f"{name}, then another call", tell, "IpBannedError", 1, says=says, test="test_ban")
    tell = answers(429, code(-1003, "banned until 4102444800000"))
    yield Case(
        part,
        "429 that tells of a ban, then another call",
        tell,
        ends_in,
        1,
        says="not sent: the ban lasts until",
        test="test_ban",
    )
    yield Case(part, "more calls than the limit", nothing, ends_in, 2, test="test_limit")
    yield Case(part, "calls until the ban, and one more", nothing, "IpBannedError", 7, test="test_limit_ignored")
    yield Case(part, "pacing: more calls than that", nothing, "rows", 4, test="test_pacing")
    test = "test_pacing_of_all_processes"
    yield Case(part, "pacing: another process uses the weight", nothing, "rows", 4, test=test)
    yield Case(part, "pacing: 429 all the same", answers(429), "rows", 2, test="test_pacing_after_429")
    test, says = "test_pacing_without_time", "not sent: the weight of this minute"
    yield Case(part, "pacing: the wait does not fit", nothing, ends_in, 1, says=says, test=test)


def unexpected_cases() -> Iterator[Case]:
    """Give the answers that nobody expects."""
    part, refused = "Unexpected answers", "ResponseError"
    is_json, is_rows = "expected JSON", "expected an array"

    def one(name: str, tell: Tell, says: str, ends_in: str = refused, sent: int = 1, **settings: Any) -> Case:
        return Case(part, name, tell, ends_in, sent, says=says, settings=settings)

    yield one("200, a page", answers(200, HTML, **PAGE), is_json)
    yield one("403, a page", answers(403, HTML, **PAGE), "HTTP 403, no code, text/html", "FirewallError")
    yield one("empty body", answers(200, b""), is_json)
    yield one("204", answers(204, b""), "HTTP 204")
    yield one("201", answers(201, []), "HTTP 201")
    yield one("truncated JSON", answers(200, json.dumps([ROW])[:-5]), is_json)
    yield one("JSON as text/plain", answers(200, [ROW], content_type="text/plain"), '"0.00250000"', "rows")
    yield one("JSON as image/png of charset x", answers(200, [], content_type="image/png; charset=x"), "[]", "rows")
    yield one("status 600", bytes_come(b"HTTP/1.1 600 Odd", b"content-length: 2", b"", b"[]"), "HTTP 600", "ApiError")
    yield one("status 999", bytes_come(b"HTTP/1.1 999 Odd", b"content-length: 2", b"", b"[]"), "HTTP 999", "ApiError")
    for name, body, says in (
        ("an object", {}, is_rows),
        ("null", b"null", is_rows),
        ("a string", b'"rows"', is_rows),
        ("a number", b"5", is_rows),
        ("two values", b"[][]", is_json),
        ("a row that is an array", [ROW, []], "row 1: expected an object"),
        ("a row that is null", [None], "row 0: expected an object"),
        (
            "field missing",
            [{name: ROW[name] for name in ROW if name != "asset"}],
            "field asset: expected a string, got n",
        ),
        ("field null", [ROW | {"asset": None}], "row 0, field asset: expected a string, got null"),
        ("field of another type", [ROW | {"updateTime": "5"}], "field updateTime: expected an integer"),
        ("time with a fraction", [ROW | {"updateTime": 1.5}], "field updateTime: expected an integer"),
        ("time beyond 64 bits", [ROW | {"updateTime": 2**63}], "field updateTime: expected an integer"),
        ("100,000 brackets", b"[" * 100_000, is_json),
        ("invalid UTF-8", json.dumps([ROW]).replace("BTC", "\xff").encode("latin-1"), "no UTF-8"),
        ("UTF-16", json.dumps([ROW]).encode("utf-16"), "no UTF-8"),
        ("byte order mark", b"\xef\xbb\xbf[]", is_json),
    ):
        yield one(name, answers(200, body), says)
    yield one("amount is a JSON number", row("0.1000000000000000000001"), '"0.1000000000000000000001"', "rows")
    yield one("amount is a JSON number with an exponent", row("1e-8"), '"balance": "0.00000001"', "rows")
    for amount in ("null", "true", '"NaN"', '"1e5"', "1e999999"):
        yield one(f"amount is {amount}", row(amount), "field balance: expected a decimal string")
    yield one("amount has 10,000 digits", row("0." + "1" * 10_000), "field balance: expected a decimal string")
    yield one("amount is a string of 10,000 digits", row(f'"{"1" * 10_000}"'), "field balance")
    yield one("amount is an integer of 10,000 digits", row("1" * 10_000), is_json)
    yield one("amount is NaN, which is no JSON", row("NaN"), is_json)
    yield one("amount is 1e99999999999999999999", row("1e99999999999999999999"), is_json)
    yield one("unknown field", answers(200, [ROW | {"later": "1.50"}]), '"later": "1.50"', "rows")
    yield one("field twice, the last one counts", row('"9", "balance": "8"'), '"balance": "8"', "rows")
    yield one("code and msg with status 200", answers(200, code(-1022)), "HTTP 200, code -1022", "SignatureError")
    yield one("unknown code and msg with status 200", answers(200, code(-9999)), "code -9999", "ApiError")
    yield one("unknown code with status 400", answers(400, code(-9999)), "HTTP 400, code -9999", "ApiError")
    yield one("code of 60 digits", answers(400, code(-(10**59))), "HTTP 400, code -1000", "ApiError")
    yield one("code of 10,000 digits", answers(400, b'{"code": -' + b"1" * 10_000 + b"}"), "no code", "ApiError")
    closed = {"239999": "closed"}
    yield one("maintenance without code, 200", answers(200, closed), is_rows)
    yield one("maintenance without code, 503", answers(503, closed, times=4), "HTTP 503", "ExchangeError, unknown", 4)
    for location in (
        "/elsewhere",
        "https://elsewhere.example/",
        "//",
        "http:x",
        "mailto:x@y",
        "http://xn--a-/",
        "http://[::1",
    ):
        tell = answers(302, b"", headers={"Location": location}, times=FOR_EVER)
        yield one(f"redirect to {location}", tell, "HTTP 302: expected an answer, got a redirect")
    yield one("redirect to nowhere", answers(302, b""), "HTTP 302: expected an answer, got a redirect")
    yield one("304", answers(304, b""), "HTTP 304")
    yield from encoding_cases(part)
    yield from head_cases(part)


def encoding_cases(part: str) -> Iterator[Case]:
    """Give bodies that are encoded, and too large ones."""
    content = json.dumps([ROW]).encode()
    packed, cannot_be_read = gzip.compress(content), "the answer cannot be read"
    yield Case(part, "gzip", encoded("gzip", packed), "rows", 1)
    yield Case(part, "deflate", encoded("deflate", zlib.compress(content)), "rows", 1)
    for name, encoding, body in (
        ("gzip that ends early", "gzip", packed[:-1]),
        ("gzip that something follows", "gzip", packed + b"x"),
        ("gzip of a wrong checksum", "gzip", packed[:-8] + bytes(8)),
        ("gzip that is none", "gzip", content),
        ("deflate that is none", "deflate", content),
    ):
        tell = encoded(encoding, body, times=FOR_EVER)
        yield Case(part, name, tell, "ResponseError", 4, says=cannot_be_read)
    for encoding in ("br", "gzip, gzip", "\xff"):
        name = f"encoding {encoding if encoding.isascii() else 'that is no ASCII'}"
        yield Case(part, name, encoded(encoding, packed), "ResponseError", 1, says="another encoding")
    limit = {"max_answer_bytes": LIMIT}
    too_large = f"at most {LIMIT} bytes"
    longer = content + b" "
    yield Case(part, "body as long as the limit", answers(200, content), "rows", 1, settings=limit)
    yield Case(part, "gzip as long as the limit", encoded("gzip", packed), "rows", 1, settings=limit)
    for name, tell in (
        ("body a byte beyond the limit", answers(200, longer)),
        ("gzip a byte beyond the limit", encoded("gzip", gzip.compress(longer))),
    ):
        yield Case(part, name, tell, "ResponseError", 1, says=too_large, settings=limit)
    tell, says = answers(400, longer), "HTTP 400, no code"
    yield Case(part, "error a byte beyond the limit", tell, "ApiError", 1, says=says, settings=limit)
    huge, beyond = Fault.huge_body(GIGABYTE), "at most 16777216 bytes"
    for name, tell, ends_in, sent, says in (
        ("body of a gigabyte", fails(huge), "ResponseError", 1, beyond),
        ("error of a gigabyte", answers(400, fault=huge), "ApiError", 1, "HTTP 400, no code"),
        ("gzip of a gigabyte", bomb(200), "ResponseError", 1, beyond),
        ("error of gzip of a gigabyte", bomb(500), "rows", 2, ""),
    ):
        yield Case(part, name, tell, ends_in, sent, says=says, test="test_huge_body")


def unreadable_error_cases() -> Iterator[Case]:
    """Return errors whose bodies cannot be read: the status, which is known before, decides all the same."""
    part, limit = "Errors that cannot be read", {"max_answer_bytes": 1 << 14}
    ways: dict[str, dict[str, Any]] = {
        "of an unknown encoding": {"body": b"{}", "headers": {"Content-Encoding": "br"}},
        "that is no gzip": {"body": b"{}", "headers": {"Content-Encoding": "gzip"}},
        "beyond the limit": {"body": b" " * (1 << 15)},
        "that is cut": {"body": code(-1003), "fault": Fault.cut_body()},
    }
    for way, told in ways.items():
        later = told | {"headers": told.get("headers", {}) | {"Retry-After": "600"}}
        for status, ends_in in ((429, "RateLimitError"), (503, "ExchangeError, unknown")):
            name, says = f"{status}, body {way}", f"HTTP {status}, no code"
            tell = answers(status, times=FOR_EVER, **told)
            yield Case(part, f"{name}, once", answers(status, **told), "rows", 2, settings=limit)
            yield Case(part, f"{name}, for ever", tell, ends_in, 4, says=says, settings=limit)
            late = f"{name}, Retry-After beyond the timeout"
            yield Case(part, late, answers(status, **later), ends_in, 1, says=says, settings=limit)
        name, says = f"418, body {way}, then another call", "not sent: the ban lasts until"
        yield Case(part, name, answers(418, **later), "IpBannedError", 1, says=says, test="test_ban", settings=limit)
    for status, ends_in in ((400, "ApiError"), (403, "FirewallError"), (451, "RestrictedLocationError")):
        tell = answers(status, **ways["of an unknown encoding"])
        name, says = f"{status}, body of an unknown encoding", f"HTTP {status}, no code"
        yield Case(part, name, tell, ends_in, 1, says=says)


def head_cases(part: str) -> Iterator[Case]:
    """Give status lines and headers that no proper server sends."""
    ok, two, none = b"HTTP/1.1 200 OK", b"content-length: 2", b""
    for name, tell in (
        ("hints before the answer", bytes_come(b"HTTP/1.1 103 Hints", none, ok, two, none, b"[]")),
        ("HTTP/1.0 without a length", bytes_come(b"HTTP/1.0 200 OK", none, b"[]")),
        ("cookie that is none", bytes_come(ok, b"set-cookie: =;;expires=x;domain=..", two, none, b"[]")),
        ("header that is no ASCII", bytes_come(ok, b"x-mbx-used-weight-1m: \xff", two, none, b"[]")),
    ):
        yield Case(part, name, tell, "rows", 1)
    for name, tell in (
        (
            "switch of protocols",
            bytes_come(b"HTTP/1.1 101 Switching", b"upgrade: x", b"connection: upgrade", none, none),
        ),
        ("two lengths", bytes_come(ok, two, b"content-length: 3", none, b"[]")),
        ("negative length", bytes_come(ok, b"content-length: -1", none, b"[]")),
        ("length of 5,000 digits", bytes_come(ok, b"content-length: " + b"9" * 5000, none, b"[]")),
        ("header without a colon", bytes_come(ok, b"header", none, b"[]")),
        ("header of 200,000 bytes", bytes_come(ok, b"x: " + b"x" * 200_000, none, b"[]")),
        ("unknown transfer encoding", bytes_come(ok, b"transfer-encoding: gzip", none, b"[]")),
        ("chunk of a length beyond 64 bits", bytes_come(ok, b"transfer-encoding: chunked", none, b"f" * 30, b"[]")),
    ):
        yield Case(part, name, tell, "NetworkError, unknown", 4)


def time_cases() -> Iterator[Case]:
    """Give the faults that take time; test_timeouts.py tries them."""
    part, ends_in, test = "Time", "TimeoutError, unknown", "test_fault_in_time"
    silence, slow = Fault.silence(), answers(503, fault=Fault.delay(0.4), times=FOR_EVER)
    # What takes several requests, or succeeds, gets time enough for them on a busy machine.
    second: dict[str, Any] = {"timeout": 1}
    patient = second | {"recovery": Recovery(tries=1000, backoff=0.7)}
    for name, tell, ends, sent, settings in (
        ("headers drip", fails(Fault.drip_headers(), times=FOR_EVER), ends_in, 1, {}),
        ("body drips", fails(Fault.drip_body(), times=FOR_EVER), ends_in, 1, {}),
        ("silence", fails(silence, times=FOR_EVER), ends_in, 1, {}),
        ("silence of the time call", both(clock(10_000), fails(silence, path=TIME)), "TimestampError", 2, second),
        ("answer comes late, but in time", fails(Fault.delay(0.05)), "rows", 1, second),
        ("answer comes after the timeout", fails(Fault.delay(60)), ends_in, 1, {}),
        ("503 for ever, with waits in between", answers(503, times=FOR_EVER), "ExchangeError, unknown", 2, patient),
        ("503 for ever, slowly", slow, ends_in, 3, second),
        ("wait of a minute is asked for", answers(429, headers={"Retry-After": "60"}), "RateLimitError", 1, {}),
    ):
        yield Case(part, name, tell, ends, sent, settings=settings, test=test)
    failed = "TimeoutError, failed"
    yield Case(part, "nobody accepts", nothing, failed, 0, test="test_nobody_accepts")
    yield Case(part, "name resolution takes for ever", nothing, failed, 0, test="test_name_that_is_not_resolved")
    for name in (
        "handshake stalls",
        "handshake drips",
        "proxy says nothing",
        "proxy drips its answer",
        "handshake stalls behind a proxy",
        "handshake drips behind a proxy",
        "handshake of an https proxy stalls",
        "handshake stalls behind an https proxy",
        "handshake drips behind an https proxy",
        "SOCKS proxy says nothing",
        "handshake stalls behind a SOCKS proxy",
        "handshake drips behind a SOCKS proxy",
    ):
        yield Case(part, name, nothing, failed, 0, test="test_way_to_the_server")
    dripping, name = fails(Fault.drip_body()), "body drips, over a transport of one's own"
    yield Case(part, name, dripping, ends_in, 1, test="test_transport_of_ones_own")
    yield Case(part, "four addresses, all silent", nothing, failed, 0, test="test_silent_addresses")
    test = "test_silent_address_before_another"
    yield Case(part, "two addresses, the first one silent", nothing, "rows", 1, test=test)


FAULTS = [
    *clock_cases(),
    *recovery_cases(),
    *rate_limit_cases(),
    *unexpected_cases(),
    *unreadable_error_cases(),
    *time_cases(),
]


def faults_of(test: str) -> pytest.MarkDecorator:
    """Give a test the faults that it is to try."""
    cases = [case for case in FAULTS if case.test == test]
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def end_of(call: Callable[[], list[FuturesAccountBalance]]) -> tuple[str, str]:
    """Give what a call ends in, and its words: the error's text, or the rows as JSON."""
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
    """Name an error's class and, if it has one, its outcome."""
    outcome = getattr(error, "outcome", None)
    return f"{type(error).__name__}, {outcome}" if outcome else type(error).__name__


def addresses_of_localhost(monkeypatch: pytest.MonkeyPatch, resolve: Callable[[], list[str]]) -> None:
    """Let `resolve` say to which addresses the name of this machine resolves, each time that it is asked.

    What takes the place of `socket.getaddrinfo` has no names for its arguments, as wrappers of others may have none.
    """
    getaddrinfo = socket.getaddrinfo

    def patched(
        host: str | bytes | None, port: Any, family: int = 0, kind: int = 0, protocol: int = 0, flags: int = 0, /
    ) -> list[Any]:
        # A number is no name, and what is asked for as one is never looked up.
        is_name = host in ("localhost", b"localhost") and not flags & socket.AI_NUMERICHOST
        hosts = resolve() if is_name else [host]
        return [info for one in hosts for info in getaddrinfo(one, port, family, kind, protocol, flags)]

    monkeypatch.setattr(socket, "getaddrinfo", patched)


class Calls:
    """Calls of clients that stay open, sync or, in one event loop, async."""

    def __init__(self, runner: asyncio.Runner, *, is_async: bool) -> None:
        """Take a runner, whose event loop the async calls share."""
        self._runner = runner
        self._is_async = is_async
        self._clients: list[SigningClient] = []

    def connect(self, sandbox: Sandbox, **settings: Any) -> SigningClient:
        """Connect to a sandbox, with a recovery that does not wait."""
        chosen: dict[str, Any] = {"server": sandbox.url, "recovery": Recovery(backoff=0)} | settings
        client = connect(sandbox.credentials, **chosen)
        self._clients.append(client)
        return client

    def balance(self, client: SigningClient) -> list[FuturesAccountBalance]:
        """Ask for the balance."""
        if self._is_async:
            return self._runner.run(futures_account_balance.asyncio(client=client))
        return futures_account_balance.sync(client=client)

    def write(self, client: SigningClient) -> Answer:
        """Send a request that changes something."""
        request = {"method": "POST", "url": ORDER, "extensions": {"security": Security.TRADE}}
        return self._runner.run(client.request_async(request)) if self._is_async else client.request(request)

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            self._runner.run(client.aclose())


@pytest.fixture(params=["sync", "async"])
def calls(request: pytest.FixtureRequest) -> Iterator[Calls]:
    """Give calls, once sync and once async."""
    with asyncio.Runner() as runner:
        calls = Calls(runner, is_async=request.param == "async")
        yield calls
        calls.close()


class StandingClock:
    """A clock of the exchange and of this machine alike, which stands still until it is moved or started."""

    def __init__(self, now: int = MINUTE_STARTS) -> None:
        """Stand at a time in milliseconds since the epoch."""
        self.now = now
        self._started: float | None = None

    def __call__(self) -> int:
        """Give the time."""
        return self.now + (0 if self._started is None else int((time.monotonic() - self._started) * 1000))

    def start(self) -> None:
        """Run from now on."""
        self._started = time.monotonic()


@faults_of("test_fault")
def test_fault(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A call that meets a fault ends as the list says, after as many requests."""
    settings: dict[str, Any] = {"server": sandbox.url, "recovery": Recovery(backoff=0)} | dict(case.settings)
    case.tell(sandbox)

    ended_in, words = end_of(
        lambda: balance(connect(sandbox.credentials, **settings).with_options(**case.options)).parsed
    )

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.requests))
    assert case.says in words


@faults_of("test_clock")
def test_clock(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A wrong clock costs one time call and one repeated call, and no wider window."""
    case.tell(sandbox)

    ended_in, _ = end_of(lambda: balance(connect(sandbox.credentials, server=sandbox.url)).parsed)

    assert case.ends_in == ended_in
    assert [BALANCE, TIME, BALANCE] == [request.path for request in sandbox.requests]
    assert case.sent == len(sandbox.requests)
    assert not any(b"recvWindow" in request.query for request in sandbox.requests)


@faults_of("test_drift")
def test_drift(calls: Calls, case: Case) -> None:
    """A clock that goes on drifting is measured again whenever the exchange says so."""
    clock = StandingClock()
    with Sandbox(clock=clock) as sandbox:
        sandbox.clock_drift = 1000
        client = calls.connect(sandbox, clock=clock)
        for _ in range(3):
            assert case.ends_in == end_of(lambda: calls.balance(client))[0]
            clock.now += 20_000

    assert [BALANCE, BALANCE, TIME, BALANCE, BALANCE, TIME, BALANCE] == [request.path for request in sandbox.requests]
    assert case.sent == len(sandbox.requests)


@faults_of("test_step")
def test_step(calls: Calls, case: Case) -> None:
    """Once the clock is measured, a step of this machine's does no harm."""
    clock = StandingClock()
    with Sandbox(clock=lambda: MINUTE_STARTS) as sandbox:
        client = calls.connect(sandbox, clock=clock, sync_clock=True)
        for _ in range(2):
            assert case.ends_in == end_of(lambda: calls.balance(client))[0]
            clock.now += HOUR_MS

    assert [TIME, BALANCE, BALANCE] == [request.path for request in sandbox.requests]
    assert case.sent == len(sandbox.requests)


@faults_of("test_names")
def test_names(sandbox: Sandbox, balance: Balance, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """A name that is not resolved is a connection that failed, and asked for again."""
    failures = iter(range(1 if "once" in case.name else FOR_EVER))

    def resolve() -> list[str]:
        if next(failures, None) is None:
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    addresses_of_localhost(monkeypatch, resolve)
    url = httpx.URL(sandbox.url).copy_with(host="localhost")
    client = connect(sandbox.credentials, server=str(url), recovery=Recovery(backoff=0))

    assert case.ends_in == end_of(lambda: balance(client).parsed)[0]
    assert case.sent == len(sandbox.requests)


@faults_of("test_write")
def test_write(sandbox: Sandbox, calls: Calls, case: Case) -> None:
    """A write is sent again when it is known not to have been carried out, and never when that is unknown."""
    case.tell(sandbox)
    client = calls.connect(sandbox)

    try:
        response = calls.write(client)
        ended_in = "answer" if response.status_code == 200 else kind_of(REFUSALS.from_answer(response))
    except errors.BinanceError as error:
        ended_in = kind_of(error)

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.requests))


def test_each_try_is_signed_afresh(balance: Balance) -> None:
    """Each try has a timestamp and a signature of its own."""
    times = count(MINUTE_STARTS)
    with Sandbox(clock=lambda: MINUTE_STARTS) as sandbox:
        sandbox.answer_next(503, times=3)
        balance(
            connect(
                sandbox.credentials,
                server=sandbox.url,
                clock=lambda: next(times),
                recovery=Recovery(backoff=0),
            )
        )

    queries = [httpx.QueryParams(request.query.decode()) for request in sandbox.requests]
    timestamps = [int(query["timestamp"]) for query in queries]
    assert sorted(set(timestamps)) == timestamps
    assert 4 == len({query["signature"] for query in queries})
    assert [503, 503, 503, 200] == [request.status for request in sandbox.requests]


@faults_of("test_ban")
def test_ban(sandbox: Sandbox, calls: Calls, case: Case) -> None:
    """After a ban the next call is refused without being sent, and says until when."""
    case.tell(sandbox)
    client = calls.connect(sandbox, **case.settings)
    first = end_of(lambda: calls.balance(client))[0]

    ended_in, words = end_of(lambda: calls.balance(client))

    assert (case.ends_in, case.ends_in, case.sent) == (first, ended_in, len(sandbox.requests))
    assert case.says in words


@faults_of("test_limit")
def test_limit(calls: Calls, case: Case) -> None:
    """The wait that the exchange asks for is not slept through when it does not fit."""
    clock = StandingClock()
    with Sandbox(clock=clock, weight_limit=1) as sandbox:
        client = calls.connect(sandbox, clock=clock)
        calls.balance(client)

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.requests)


@faults_of("test_limit_ignored")
def test_limit_ignored(calls: Calls, case: Case) -> None:
    """Who goes on after 429 until the exchange bans is stopped by the client from then on."""
    clock = StandingClock()
    with Sandbox(clock=clock, weight_limit=1) as sandbox:
        client = calls.connect(sandbox, clock=clock)
        ends = [end_of(lambda: calls.balance(client))[0] for _ in range(8)]

        assert ["rows", *["RateLimitError"] * 5, case.ends_in, case.ends_in] == ends
        assert case.sent == len(sandbox.requests)


@faults_of("test_pacing")
def test_pacing(calls: Calls, case: Case) -> None:
    """With pacing, a call beyond the weight of this minute waits for the next one rather than meet a 429."""
    clock = StandingClock(MINUTE_ENDS)
    with Sandbox(clock=clock, weight_limit=3) as sandbox:
        client = calls.connect(sandbox, clock=clock, pacing=3)
        for _ in range(3):
            calls.balance(client)
        clock.start()

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.requests)


@faults_of("test_pacing_of_all_processes")
def test_pacing_of_all_processes(calls: Calls, case: Case) -> None:
    """What others of this IP address use counts, for the exchange tells it in each answer."""
    clock = StandingClock(MINUTE_ENDS)
    with Sandbox(clock=clock, weight_limit=3) as sandbox:
        # Clients of an exchange on this machine share nothing, so that the other one is as good as another process.
        client, other = calls.connect(sandbox, clock=clock, pacing=3), calls.connect(sandbox, clock=clock)
        for one in (other, other, client):
            calls.balance(one)
        clock.start()

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.requests)


@faults_of("test_pacing_after_429")
def test_pacing_after_429(calls: Calls, case: Case) -> None:
    """A 429 in spite of pacing is taken for the end of this minute's weight."""
    clock = StandingClock(MINUTE_ENDS)
    with Sandbox(clock=clock) as sandbox:
        client = calls.connect(sandbox, clock=clock, pacing=3)
        case.tell(sandbox)
        clock.start()

        assert case.ends_in == end_of(lambda: calls.balance(client))[0]
        assert case.sent == len(sandbox.requests)


@faults_of("test_pacing_without_time")
def test_pacing_without_time(calls: Calls, case: Case) -> None:
    """A wait for the next minute that does not fit ends the call at once, before anything is sent."""
    clock = StandingClock()
    with Sandbox(clock=clock) as sandbox:
        client = calls.connect(sandbox, clock=clock, pacing=1)
        calls.balance(client)

        ended_in, words = end_of(lambda: calls.balance(client))

        assert (case.ends_in, case.sent) == (ended_in, len(sandbox.requests))
        assert case.says in words


def test_used_weight(sandbox: Sandbox, calls: Calls) -> None:
    """A client tells the weight that was used at the last answer, an error among them, and None before."""
    client = calls.connect(sandbox)
    told = [client.used_weight]

    calls.balance(client)
    told.append(client.used_weight)
    sandbox.answer_next(403, headers={"X-MBX-USED-WEIGHT-1M": "77"})
    end_of(lambda: calls.balance(client))
    told.append(client.used_weight)

    assert [None, 1, 77] == told


@faults_of("test_huge_body")
def test_huge_body(sandbox: Sandbox, balance: Balance, case: Case) -> None:
    """A body that is or becomes a gigabyte is given up at the limit, and never held in memory."""
    case.tell(sandbox)
    tracemalloc.start()
    try:
        ended_in, words = end_of(lambda: balance(connect(sandbox.credentials, server=sandbox.url)).parsed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (case.ends_in, case.sent) == (ended_in, len(sandbox.requests))
    assert case.says in words
    assert peak < MEMORY


def document() -> str:
    """Give what docs/reference/faults.md says from its figures on."""
    parts = [f"Faults tried: {len(FAULTS)}. Survived: {len(FAULTS)}."]
    for part, cases in groupby(FAULTS, lambda case: case.part):
        rows = [f"| {case.name} | {case.ends_in} | {case.sent} | `{case.test}[{case.name}]` |" for case in cases]
        head = ["| fault | what the call ends in | requests sent | test |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {part}", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def test_document_shows_the_faults() -> None:
    """The table in docs/reference/faults.md is the list of faults, in its order, each of which a test tries."""
    text = DOCUMENT.read_text(encoding="utf-8")
    tests = "".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in TEST_FILES)

    assert document() == text[text.index("Faults tried:") : text.index("\n## Attacks")]
    assert len(FAULTS) == len({case.name for case in FAULTS})
    assert [] == [case.name for case in FAULTS if f"\ndef {case.test}(" not in tests]


def test_document_names_tests_that_exist() -> None:
    """Each attack in docs/reference/faults.md, and each promise of SECURITY.md, names tests that there are."""
    text = DOCUMENT.read_text(encoding="utf-8")
    attacks = re.findall(r"^\| [GW]\d+ .*$", text, re.MULTILINE)
    named = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", attack) for attack in attacks]
    files = re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))

    assert attacks
    assert all(named)
    for file, name in (one for names in named for one in names):
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), name
    assert [] == [file for file in files if not (ROOT / file).is_file()]
