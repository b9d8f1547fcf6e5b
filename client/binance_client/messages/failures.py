"""Exceptions that are not httpx's errors: of transports that should map them, and for invalid arguments."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import httpx

from binance_client.redaction import redacted

# Libraries below httpx; importing them here would take time.
_LIBRARIES = ("anyio", "h11", "h2", "httpcore", "httpcore2", "socksio")

# What httpx raises for values that it cannot use. Others, such as a signal handler's exceptions, have other causes.
ARGUMENT_ERRORS = (
    httpx.InvalidURL,
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@contextmanager
def httpx_errors() -> Generator[None]:
    """Raise httpx's error for one of the system or of a library below httpx, alone or in a group.

    Any other exception stays, such as one of a signal handler, or of a bug in a custom transport.
    """
    try:
        yield
    except Exception as failure:
        mapped = _to_httpx_error(failure)
        if mapped is None:
            raise
        raise mapped from None


def _to_httpx_error(failure: BaseException) -> httpx.TransportError | None:
    if isinstance(failure, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", failure)
        mapped = [_to_httpx_error(error) for error in group.exceptions]
        return None if None in mapped else mapped[0]
    # Without an error number, a signal handler has raised it.
    is_system = isinstance(failure, OSError) and failure.errno is not None
    if is_system or type(failure).__module__.partition(".")[0] in _LIBRARIES:
        return httpx.NetworkError(f"{type(failure).__name__}: {redacted(str(failure))}")
    return None
