"""The exchange's side of the call on loopback, as default of the examples and as a test double.

The names below are loaded when they are first asked for, so that a run of pytest that does not use the fixture of
`binance_sandbox.pytest_plugin` neither imports uvicorn nor needs it to be installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from binance_sandbox._account import Account
    from binance_sandbox._faults import Fault, Wire, gzip_bomb
    from binance_sandbox._messages import Answer, Headers, ReceivedRequest
    from binance_sandbox._server import Sandbox

__all__ = [
    "Account",
    "Answer",
    "Fault",
    "Headers",
    "ReceivedRequest",
    "Sandbox",
    "Wire",
    "gzip_bomb",
]


_MODULES = ("_account", "_faults", "_messages", "_server")


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name in __all__:
        try:
            modules = [import_module(f"{__name__}.{module}") for module in _MODULES]
        except ModuleNotFoundError as error:
            raise ImportError(
                f"binance_sandbox needs {error.name}, which is not installed: pip install 'binance-coinm[sandbox]'"
            ) from error
        return next(getattr(module, name) for module in modules if hasattr(module, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
