"""Keep signed queries out of logs: httpx logs each URL, and httpcore the headers of each response."""

import logging
from contextlib import suppress

import httpcore
import httpx

from binance_client.redaction import has_signature, redacted

# A filter applies to the records of its own logger alone, not to those of its children.
_LOGGERS = (
    httpx.__name__,
    *(f"{httpcore.__name__}.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        with suppress(TypeError, ValueError):
            # The handlers report a record whose arguments do not match its format, as usual.
            text = record.getMessage()
            if has_signature(text):
                record.msg, record.args = redacted(text), None
        return True


_redaction = _Redaction()


def redact_logs() -> None:
    """Remove signatures from what httpx and httpcore log, for all clients of the process."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_redaction)
