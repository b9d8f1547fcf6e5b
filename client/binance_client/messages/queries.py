"""How to find out what became of a write whose execution is unknown."""

from collections.abc import Mapping
from typing import Any, TypeVar

from binance_client.errors import BinanceError, ExchangeError, NetworkError, ResponseError

# The extension of a request, and of its response, with the method of the operation that shows what became of it.
QUERIED_BY = "queried_by"
E = TypeVar("E", bound=BinanceError)


def query_hint(method: str | None) -> str:
    """Return what to do after a write that may have been executed; `method` shows whether it was, if it is known."""
    how = f" with {method}" if method else ""
    return f"the exchange may have executed this request; query its state{how} before you send it again"


def with_query(error: E, extensions: Mapping[str, Any]) -> E:
    """Return an error, whose hint names the method that shows what became of the request, if that is unknown."""
    method = extensions.get(QUERIED_BY)
    if method and isinstance(error, ExchangeError | NetworkError | ResponseError) and error.execution == "unknown":
        error.hint = "; ".join(filter(None, (error.hint, query_hint(method))))
    return error
