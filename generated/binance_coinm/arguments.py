"""Check the arguments of a call before anything is sent."""

from decimal import Decimal

from .errors import ConfigurationError
from .types import Unset


def integer(name: str, value: object, minimum: int | None) -> None:
    """Raise `ConfigurationError` if the argument is there and is not such an integer."""
    if isinstance(value, Unset):
        return
    if not isinstance(value, int) or isinstance(value, bool) or (minimum is not None and value < minimum):
        bound = "" if minimum is None else f" of at least {minimum}"
        raise ConfigurationError(f"{name}: expected an integer{bound}, got {value!r}")


def decimal(name: str, value: object, minimum: int | None) -> None:
    """Raise `ConfigurationError` if the argument is there and is not such a decimal."""
    if isinstance(value, Unset):
        return
    if not isinstance(value, Decimal) or not value.is_finite() or (minimum is not None and value < minimum):
        bound = "" if minimum is None else f" of at least {minimum}"
        raise ConfigurationError(f"{name}: expected a decimal.Decimal{bound}, got {value!r}")
