"""The root of the error tree: what signing raises, and what all other errors derive from."""

import reprlib
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


class _BoundedRepr(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxlong = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        # By default, Python refuses to convert more than 4300 digits.
        return super().repr_int(x, level) if x.bit_length() < self.maxlong * 4 else "a huge int"


def bounded_repr(value: object) -> str:
    """Return the `repr` of an invalid value for an error, in at most some hundred characters."""
    try:
        return _BoundedRepr().repr(value)
    except (AttributeError, TypeError):
        # reprlib chooses by the names of classes.
        return f"<{type(value).__name__} instance>"


__all__ = ["BinanceError", "ConfigurationError"]
