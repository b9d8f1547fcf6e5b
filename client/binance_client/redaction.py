"""Keep signed queries out of texts, and requests out of exceptions."""

import re

import httpx

# A parameter with the name `signature`, also if percent-encoded, as in a redirect whose query repeats the URL.
has_signature = re.compile(
    r"(?:(?<![-\w])|(?<=%26)|(?<=%2526)|(?<=%3F)|(?<=%253F))signature(?:=|%(?:25)*3D)", re.IGNORECASE
).search
# As long as an API key, a secret or a signature, percent-encoded or not. JSON may escape the slashes of base64.
_long_word = re.compile(r"[\w+/=%\\-]{40,}", re.ASCII)
_unfinished_word = re.compile(r"[\w+/=%\\-]*\Z", re.ASCII)
_is_random = re.compile("[0-9]|[a-z].*[A-Z]|[A-Z].*[a-z]").search
_word_separators = re.compile(r"""([\s'"<>]+)""")
_query_start = re.compile(r"\?|%3F|%253F", re.IGNORECASE).search


def redacted(text: str) -> str:
    """Return a text without the queries that contain a signature."""
    if not has_signature(text):
        return text
    return "".join(_without_query(word) if has_signature(word) else word for word in _word_separators.split(text))


def _without_query(url: str) -> str:
    start = _query_start(url)
    return f"{url[: start.end()]}[redacted]" if start else "[redacted]"


def without_secrets(text: str) -> str:
    """Return what a server sent without anything that looks like a key, a signature or a signed query.

    A proxy's page may show the URL that it got, and the exchange may repeat a key.
    """
    return _long_word.sub(lambda word: "[redacted]" if _is_random(word[0]) else word[0], redacted(text))


def beginning_without_secrets(text: str, length: int) -> str:
    """Return the beginning of what a server sent like `without_secrets`, also without a word that is cut off."""
    return without_secrets(text if len(text) <= length else _unfinished_word.sub("", text[:length]))


def strip_traceback(failure: BaseException, request: httpx.Request, outer: BaseException | None) -> BaseException:
    """Return the exception of an attempt without anything that holds the signed request.

    That is its frames and those of its causes, the request that an exception of httpx carries, and texts of a
    transport. `request` is the unsigned one. `outer` is what the caller was handling before the attempt, which stays.
    """
    visited = {id(outer)}
    pending: list[BaseException | None] = [failure]
    while pending:
        error = pending.pop()
        if error is None or id(error) in visited:
            continue
        visited.add(id(error))
        error.__traceback__ = None
        if isinstance(error, httpx.HTTPError):
            error.request = request
            error.args = tuple(redacted(arg) if isinstance(arg, str) else arg for arg in error.args)
        if isinstance(error, httpx.HTTPStatusError):
            error.response.request = request
        pending += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
    return failure
