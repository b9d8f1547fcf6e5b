"""Trace calls by OpenTelemetry, with no secret in any span: `python examples/tracing.py`.

The account is the one that BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER name. There is a span for the call,
and within it one for each of its tries, which OpenTelemetry's instrumentation of httpx makes. That one sees the signed
request and writes down its URL; hooks here take away the query, and so the signature, before a span is exported (a
sampler, and what a processor does when a span starts, come before them). It can be told to write down headers too, by
OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST; that of the API key is kept out here. By itself it tells the
exchange the trace's number, in the header `traceparent`; with OTEL_PROPAGATORS=none it does not.
"""

import os
import sys

import httpx
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_signing import connect
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Span

SANITIZED = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
# By the older and by the newer conventions; which of them there are, OTEL_SEMCONV_STABILITY_OPT_IN decides.
URLS = ("http.url", "url.full")


def line_of(span: ReadableSpan) -> str:
    """Give a span as one line."""
    return f"{span.to_json(indent=None)}\n"


def leave_out_query(span: Span, request: RequestInfo) -> None:
    """Take the query, which is signed, out of what a span has of a URL."""
    url = str(httpx.URL(str(request.url)).copy_with(query=None))
    if isinstance(span, ReadableSpan):
        span.set_attributes({name: url for name in URLS if name in (span.attributes or {})})


async def leave_out_query_async(span: Span, request: RequestInfo) -> None:
    """Do the same for async calls."""
    leave_out_query(span, request)


def traced() -> TracerProvider:
    """Trace all calls from now on; spans are printed, and would be sent by OTLPSpanExporter just so."""
    os.environ[SANITIZED] = ",".join(filter(None, [os.environ.get(SANITIZED), "x-mbx-apikey"]))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line_of)))
    HTTPXClientInstrumentor().instrument(
        tracer_provider=provider, request_hook=leave_out_query, async_request_hook=leave_out_query_async
    )
    return provider


def main() -> None:
    """Make a traced call."""
    provider = traced()
    with connect() as client, provider.get_tracer("balances").start_as_current_span("balances") as span:
        rows = futures_account_balance.sync(client=client)
        span.set_attributes({"assets": len(rows), "used_weight": client.used_weight or 0})


if __name__ == "__main__":
    try:
        main()
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")
