"""Keep signed queries out of what others write: httpx logs each URL, and httpcore the headers of each response."""

import logging
import re

import httpcore
import httpx

# A URL or a part of one, plain or percent-encoded once or twice, as a redirect repeats it within another.
_signed = re.compile(r"""[^\s'"<>]*signature(?:=|%(?:25)*3D)[^\s'"<>]*""", re.IGNORECASE)
_query = re.compile(r"(\?|%3F|%253F)", re.IGNORECASE)
# A filter holds for what is logged by that very logger.
_LOGGERS = (
    httpx.__name__,
    *(f"{httpcore.__name__}.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)


def redacted(text: str) -> str:
    """Return a text without the queries that hold a signature."""
    return _signed.sub(_without_query, text)


def _without_query(found: re.Match[str]) -> str:
    before, *separator = _query.split(found[0], maxsplit=1)[:2]
    return f"{before}{separator[0]}[redacted]" if separator else "[redacted]"


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if _signed.search(text):
            record.msg, record.args = redacted(text), None
        return True


_redaction = _Redaction()


def redact_logs() -> None:
    """Let the loggers of httpx and httpcore write no signature any more, whoever reads them."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_redaction)
