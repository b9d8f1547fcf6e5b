"""examples/tracing.py."""

import json
import sys
from typing import Any

import pytest
from binance_sandbox import Fault, Sandbox
from support.example_runner import EXAMPLES, arguments_of, environment_of, run

CAPTURE = {
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST": ".*",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE": ".*",
}


def spans_of(output: str) -> list[dict[str, Any]]:
    """Return the exported spans in the order of their start; `run` has searched them for secrets."""
    spans: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    return sorted(spans, key=lambda span: span["start_time"])


def test_a_call_has_a_span_for_each_attempt(sandbox: Sandbox) -> None:
    """The spans of the attempts are within that of the call; each has its status, and a URL without query."""
    sandbox.respond_next(503)
    sandbox.respond_next(200, body=sandbox.balances, headers={"X-MBX-USED-WEIGHT-1M": "7"})

    code, output, errors = run(sandbox, arguments_of("tracing.py"))

    call, *attempts = spans_of(output)
    url = f"{sandbox.url}/dapi/v1/balance"
    assert (0, "") == (code, errors)
    assert ("balances", None) == (call["name"], call["parent_id"])
    assert call["attributes"] == {"assets": 5, "used_weight": 7}
    assert [span["attributes"] for span in attempts] == [
        {"http.method": "GET", "http.url": url, "http.status_code": 503},
        {"http.method": "GET", "http.url": url, "http.status_code": 200},
    ]
    assert {span["parent_id"] for span in attempts} == {call["context"]["span_id"]}


ASYNC = f"""
import asyncio, sys
sys.path.insert(0, {str(EXAMPLES)!r})
import tracing

async def main():
    async with tracing.connect() as client:
        await client.aio.account.futures_account_balance()

tracing.start_tracing(sys.stdout)
asyncio.run(main())
"""


@pytest.mark.parametrize("conventions", ["", "http", "http/dup"])
def test_async_calls_have_a_span_for_each_attempt(sandbox: Sandbox, conventions: str) -> None:
    """Async calls are traced like sync ones, in each convention, failed attempts too."""
    sandbox.respond_next(503)
    sandbox.inject_fault(Fault.cut_headers())
    environment = environment_of(sandbox) | CAPTURE | {"OTEL_SEMCONV_STABILITY_OPT_IN": conventions}

    code, output, errors = run(sandbox, [sys.executable, "-c", ASYNC], environment)

    attributes = [span["attributes"] for span in spans_of(output)]
    names = {"": ["http.url"], "http": ["url.full"], "http/dup": ["http.url", "url.full"]}[conventions]
    assert (0, "", 3) == (code, errors, len(sandbox.received_requests))
    assert [dict.fromkeys(names, f"{sandbox.url}/dapi/v1/balance")] * 3 == [
        {name: value for name, value in one.items() if name in ("http.url", "url.full")} for one in attributes
    ]


@pytest.mark.parametrize("conventions", ["", "http", "http/dup"])
@pytest.mark.parametrize("sanitized", ["", "cookie,authorization"])
def test_captured_headers_show_no_key(sandbox: Sandbox, conventions: str, sanitized: str) -> None:
    """If headers are recorded, in any convention, the API key is redacted."""
    environment = environment_of(sandbox) | CAPTURE | {"OTEL_SEMCONV_STABILITY_OPT_IN": conventions}
    environment["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"] = sanitized

    code, output, errors = run(sandbox, arguments_of("tracing.py"), environment)

    assert (0, "") == (code, errors)
    attributes = spans_of(output)[1]["attributes"]
    assert attributes["http.request.header.x_mbx_apikey"] == ["[REDACTED]"]
    assert attributes["http.response.header.x_mbx_used_weight_1m"] == ["1"]
    assert attributes["url.full" if conventions else "http.url"] == f"{sandbox.url}/dapi/v1/balance"


def test_errors_are_in_the_span(sandbox: Sandbox) -> None:
    """The error of a call is an event of its span, with a traceback without secrets."""
    environment = environment_of(sandbox) | {"BINANCE_API_SECRET": "another"}

    code, output, errors = run(sandbox, arguments_of("tracing.py"), environment)

    call, _ = spans_of(output)
    assert (1, "SignatureError") == (code, errors.partition(":")[0])
    assert call["status"]["status_code"] == "ERROR"
    (event,) = call["events"]
    assert event["attributes"]["exception.type"] == "binance_client.errors.SignatureError"
    assert "Traceback" in event["attributes"]["exception.stacktrace"]


@pytest.mark.parametrize(("propagators", "is_sent"), [("tracecontext,baggage", True), ("none", False)])
def test_trace_header(sandbox: Sandbox, propagators: str, is_sent: bool) -> None:  # noqa: FBT001, a parameter
    """OTEL_PROPAGATORS determines whether the trace's ID is sent to the exchange."""
    run(sandbox, arguments_of("tracing.py"), environment_of(sandbox) | {"OTEL_PROPAGATORS": propagators})

    assert is_sent == ("traceparent" in sandbox.received_requests[0].headers)
