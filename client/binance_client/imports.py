"""Imports within a call: modules that few programs need, or that take long to import, are imported when needed."""

from binance_client.errors import NetworkError


class _ImportErrors:
    """A context in which a module that the system cannot read, such as without a free descriptor, is a `NetworkError`.

    A later call may succeed.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        # A signal handler's exception has no error number.
        if isinstance(error, OSError) and error.errno is not None:
            raise NetworkError(f"a module of the client cannot be imported: {error}", "not_executed") from None


import_errors = _ImportErrors()
