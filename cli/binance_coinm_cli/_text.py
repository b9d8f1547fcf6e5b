"""Pieces of text that several outputs need."""

from contextlib import suppress
from datetime import UTC, datetime

_SHOWN = 4
_LONG = 16


def printable(text: str) -> str:
    """Escape what moves a cursor or breaks a line: a server's words, or a proxy's, are shown on a terminal."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def masked(api_key: str) -> str:
    """Show as much of an API key as tells it from others."""
    ends = f"{api_key[:_SHOWN]}...{api_key[-_SHOWN:]}, " if len(api_key) >= _LONG else ""
    return f"{ends}{len(api_key)} characters"


def moment(milliseconds: int) -> str:
    """Write milliseconds since the epoch as a time of UTC; as they are if no calendar has it."""
    with suppress(OverflowError, ValueError, OSError):
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{milliseconds} ms"
