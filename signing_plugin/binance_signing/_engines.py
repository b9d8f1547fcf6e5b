"""Engines: what requests are sent by. Each is a module of its own, imported when it is chosen."""

from typing import Any, Literal, Protocol, get_args

from binance_coinm.engines import AsyncEngine, Engine
from binance_coinm.errors import ConfigurationError

from ._exchange import Exchange

EngineName = Literal["httpx", "curl"]


class Engines(Protocol):
    """A module that makes engines."""

    def prepared(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Give a client's settings as the engine takes them; raise `ConfigurationError` for what it cannot do."""
        ...

    def engine(self, exchange: Exchange, settings: dict[str, Any]) -> Engine:
        """Make what sync calls are sent through."""
        ...

    def async_engine(self, exchange: Exchange, settings: dict[str, Any]) -> AsyncEngine:
        """Make what the async calls of one event loop are sent through."""
        ...


def engines_of(name: EngineName) -> Engines:
    """Give the module of an engine; raise `ConfigurationError` if there is none, or its library is not installed."""
    if name == "httpx":
        from . import _httpx_engine  # noqa: PLC0415, where another engine is chosen it is not needed

        return _httpx_engine
    if name == "curl":
        try:
            from . import _curl_engine  # noqa: PLC0415, its library is an extra
        except ImportError:
            raise ConfigurationError(
                "engine='curl' needs pycurl, which is not installed: pip install 'binance-coinm[curl]'"
            ) from None
        return _curl_engine
    raise ConfigurationError(f"engine: expected one of {', '.join(get_args(EngineName))}, got {name!r}")
