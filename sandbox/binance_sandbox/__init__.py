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
    from binance_sandbox._validation import RequestRejectedError

__all__ = [
    "Account",
    "Connection",
    "Fault",
    "Headers",
    "ReceivedRequest",
    "RequestRejectedError",
    "Response",
    "Sandbox",
    "gzip_bomb",
]


def __getattr__(name: str) -> object:
    """Import a public name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        # Statements of this form, because they raise ModuleNotFoundError for each module that is missing.
        import binance_sandbox._account as account  # noqa: PLC0415, it needs an extra
        import binance_sandbox._faults as faults  # noqa: PLC0415, the same
        import binance_sandbox._http as http  # noqa: PLC0415, the same
        import binance_sandbox._sandbox as sandbox  # noqa: PLC0415, the same
        import binance_sandbox._validation as validation  # noqa: PLC0415, the same
    except ModuleNotFoundError as error:
        raise ImportError(
            f"binance_sandbox needs {error.name}, which is not installed: pip install 'binance-coinm[sandbox]'"
        ) from error
    modules = (account, faults, http, sandbox, validation)
    return next(getattr(module, name) for module in modules if hasattr(module, name))


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__]
