"""What can be set for a client and, otherwise, for a single call."""

from attrs import field, frozen
from binance_coinm.client import DEFAULT_TIMEOUT
from binance_coinm.errors import ConfigurationError

from ._recovery import A_DAY, Recovery


def _require_seconds(_: object, __: object, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= A_DAY:
        raise ConfigurationError(f"timeout: expected a positive number of seconds, at most a day, got {value!r}")


def _require_recovery(_: object, __: object, value: object) -> None:
    if value is not None and not isinstance(value, Recovery):
        raise ConfigurationError(f"recovery: expected Recovery(…), or None for a single try, got {value!r}")


@frozen
class CallOptions:
    """The seconds that a call may take with all its tries, and how it recovers, if at all."""

    timeout: float = field(default=DEFAULT_TIMEOUT, validator=_require_seconds)
    recovery: Recovery | None = field(factory=Recovery, validator=_require_recovery)
