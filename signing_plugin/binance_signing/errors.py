"""The root of the error tree: what signing raises, and what all other errors derive from."""

from typing import Any


def _restore(kind: "type[BinanceError]", args: tuple[Any, ...], attributes: dict[str, Any]) -> "BinanceError":
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class BinanceError(Exception):
    """The base class of all errors that a call can raise."""

    def __repr__(self) -> str:
        """Return the name of the class and the text."""
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the attributes too, which the arguments of `Exception` do not hold."""
        return _restore, (type(self), self.args, self.__dict__)


class ConfigurationError(BinanceError, ValueError):
    """Credentials, key, server or an argument is invalid; nothing was sent."""


def bounded_repr(value: object) -> str:
    """Return the `repr` of an invalid value for an error, in at most some hundred characters."""
    try:
        text = repr(value)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return f"a {type(value).__name__}"
    return f"{text:.200}"


__all__ = ["BinanceError", "ConfigurationError"]
