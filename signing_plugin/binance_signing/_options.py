"""What can be set for a client and, otherwise, for a single call."""

from typing import NamedTuple

from binance_coinm.errors import ConfigurationError

from ._recovery import A_DAY, Recovery


class CallOptions(NamedTuple):
    """The seconds that a call may take with all its tries, and how it recovers, if at all."""

    timeout: float
    recovery: Recovery | None


def require_seconds(name: str, value: object) -> None:
    """Raise `ConfigurationError` unless a value is a number of seconds, from 0 to a day."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= A_DAY:
        raise ConfigurationError(f"{name}: expected a number of seconds, at most a day, got {value!r}")


def call_options(timeout: object, recovery: object) -> CallOptions:
    """Give options; raise `ConfigurationError` if they are none."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= A_DAY:
        raise ConfigurationError(f"timeout: expected a positive number of seconds, at most a day, got {timeout!r}")
    if recovery is not None and not isinstance(recovery, Recovery):
        raise ConfigurationError(f"recovery: expected Recovery(…), or None for a single try, got {recovery!r}")
    return CallOptions(timeout, recovery)
