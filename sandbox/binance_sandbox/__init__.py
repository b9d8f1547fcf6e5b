"""The exchange on loopback: an HTTP server for tests and examples.

Public names are imported on first access, so a pytest run that does not use the fixture of
`binance_sandbox.pytest_plugin` neither imports h11 nor needs it to be installed.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from binance_sandbox._account import Account
    from binance_sandbox._faults import Connection, Fault, gzip_bomb
    from binance_sandbox._http import Headers, ReceivedRequest, Response
    from binance_sandbox._sandbox import Sandbox

__all__ = [
    "Account",
    "Connection",
    "Fault",
    "Headers",
    "ReceivedRequest",
    "Response",
    "Sandbox",
    "gzip_bomb",
]


def __getattr__(name: str) -> object:
    """Import a public name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from . import _account, _faults, _http, _sandbox  # noqa: PLC0415, they need an extra
    except ModuleNotFoundError as error:
        raise ImportError(
            f"binance_sandbox needs {error.name}, which is not installed: pip install 'binance-coinm[sandbox]'"
        ) from error
    modules = (_account, _faults, _http, _sandbox)
    return next(getattr(module, name) for module in modules if hasattr(module, name))


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__]
