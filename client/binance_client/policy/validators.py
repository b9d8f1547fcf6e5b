"""Validators of settings: those of attrs, with an error that says what was expected."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs.validators import and_, ge, gt, instance_of, le, not_
from binance_signing.errors import bounded_repr

from binance_client.errors import ConfigurationError

from .deadline import SECONDS_PER_DAY

if TYPE_CHECKING:
    from attrs import Attribute

_Validator = Callable[[Any, "Attribute[Any]", Any], None]


def expect(expected: str, *validators: _Validator) -> _Validator:
    """Return a validator that raises `ConfigurationError`, with what was expected, if one of attrs' fails."""
    check = and_(*validators)

    def validate(instance: Any, attribute: "Attribute[Any]", value: Any) -> None:
        try:
            check(instance, attribute, value)
        except (TypeError, ValueError, RecursionError):
            raise ConfigurationError(f"{attribute.name}: expected {expected}, got {bounded_repr(value)}") from None

    return validate


_is_integer: _Validator = and_(not_(instance_of(bool)), instance_of(int))
_is_number: _Validator = and_(not_(instance_of(bool)), instance_of((int, float)))


def is_sync_function(value: object) -> bool:
    """Return True for a function, except an async one, whose result nothing would await."""
    return callable(value) and not any(map(inspect.iscoroutinefunction, (value, type(value).__call__)))


def sync_function(_: object, attribute: "Attribute[Any]", value: object) -> None:
    """Raise `ConfigurationError` for anything but a function that is not async."""
    if not is_sync_function(value):
        raise ConfigurationError(
            f"{attribute.name}: expected a function that is not async, or None, got {bounded_repr(value)}"
        )


true_or_false = expect("True or False", instance_of(bool))
positive_integer = expect("a positive integer", _is_integer, ge(1))
seconds = expect("a number of seconds, at most a day", _is_number, ge(0), le(SECONDS_PER_DAY))
positive_seconds = expect("a positive number of seconds, at most a day", _is_number, gt(0), le(SECONDS_PER_DAY))
