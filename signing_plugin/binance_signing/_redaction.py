"""Keep signed queries out of what others write: httpx logs each URL, and httpcore the headers of each response."""

import logging
import re
from contextlib import suppress

import httpcore
import httpx

# A parameter of that name, plain or percent-encoded any number of times, as a redirect repeats it within another URL.
_is_signed = re.compile(
    r"(?:(?<![-\w])|(?<=%26)|(?<=%2526)|(?<=%3F)|(?<=%253F))signature(?:=|%(?:25)*3D)", re.IGNORECASE
).search
_words = re.compile(r"""([\s'"<>]+)""")
_query = re.compile(r"(\?|%3F|%253F)", re.IGNORECASE)
# A filter holds for what is logged by that very logger.
_LOGGERS = (
    httpx.__name__,
    *(f"{httpcore.__name__}.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)


def redacted(text: str) -> str:
    """Return a text without the queries that hold a signature."""
    if not _is_signed(text):
        return text
    return "".join(_without_query(word) if _is_signed(word) else word for word in _words.split(text))


def _without_query(url: str) -> str:
    before, *separator = _query.split(url, maxsplit=1)[:2]
    return f"{before}{separator[0]}[redacted]" if separator else "[redacted]"


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        with suppress(TypeError, ValueError):
            # What does not fit its format is told by the handlers, as ever.
            text = record.getMessage()
            if _is_signed(text):
                record.msg, record.args = redacted(text), None
        return True


_redaction = _Redaction()


def redact_logs() -> None:
    """Let the loggers of httpx and httpcore write no signature any more, for all clients of the process."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_redaction)
