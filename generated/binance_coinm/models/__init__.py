"""All models of the document; each is imported when it is first needed."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .futures_account_balance import FuturesAccountBalance
    from .server_time import ServerTime

__all__ = (
    "FuturesAccountBalance",
    "ServerTime",
)
_MODULES = {
    "FuturesAccountBalance": ".futures_account_balance",
    "ServerTime": ".server_time",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
