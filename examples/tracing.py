"""Trace calls with OpenTelemetry, without secrets in any span: `python examples/tracing.py`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER. The span of a call contains a span for
each of its attempts, which OpenTelemetry's instrumentation of httpx creates. The instrumentation records the URL of the
signed request; the hooks below remove its query, and so the signature, before a span is exported (samplers, and
processors when a span starts, still see it). If it is configured to record headers, with
OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST, the API key is redacted. It sends the trace's ID to the
exchange, in the header `traceparent`, unless OTEL_PROPAGATORS=none is set.
"""

import os
import sys
from io import StringIO
from typing import TextIO

import httpx
from binance_coinm import connect, errors
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Span

SANITIZED = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
# The attribute's names in the older and the newer conventions; OTEL_SEMCONV_STABILITY_OPT_IN decides which are set.
URLS = ("http.url", "url.full")


def line_of(span: ReadableSpan) -> str:
    """Return a span as one line."""
    return f"{span.to_json(indent=None)}\n"


def remove_query(span: Span, request: RequestInfo) -> None:
    """Remove the signed query from the URL that a span has recorded."""
    url = str(httpx.URL(str(request.url)).copy_with(query=None))
    if isinstance(span, ReadableSpan):
        span.set_attributes({name: url for name in URLS if name in (span.attributes or {})})


async def remove_query_async(span: Span, request: RequestInfo) -> None:
    """Remove the query from the span of an async call."""
    remove_query(span, request)


def start_tracing(output: TextIO) -> TracerProvider:
    """Trace all calls from now on; spans are written, and could be sent with an OTLPSpanExporter instead."""
    os.environ[SANITIZED] = ",".join(filter(None, [os.environ.get(SANITIZED), "x-mbx-apikey"]))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=output, formatter=line_of)))
    HTTPXClientInstrumentor().instrument(
        tracer_provider=provider, request_hook=remove_query, async_request_hook=remove_query_async
    )
    return provider


def main(output: TextIO) -> None:
    """Make a call with tracing."""
    provider = start_tracing(output)
    with connect() as client, provider.get_tracer("balances").start_as_current_span("balances") as span:
        rows = client.account.futures_account_balance()
        span.set_attributes({"assets": len(rows), "used_weight": client.used_weight or 0})


if __name__ == "__main__":
    spans, failure = StringIO(), None
    try:
        main(spans)
    except errors.BinanceError as error:
        failure = f"{type(error).__name__}: {error}"
    try:
        print(spans.getvalue(), end="", flush=True)
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(failure)
