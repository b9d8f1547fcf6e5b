"""How a call recovers: how often it is tried, and how long it waits in between."""

from attrs import field, frozen
from binance_coinm.errors import ConfigurationError

A_DAY = 86_400
# Beyond any timeout, and within what a float holds.
_MAX_DOUBLINGS = 60


def _require_tries(_: object, __: object, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"Recovery(tries=): expected a positive number of tries, got {value!r}")


def _require_seconds(_: object, __: object, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= A_DAY:
        raise ConfigurationError(f"Recovery(backoff=): expected a number of seconds, at most a day, got {value!r}")


@frozen
class Recovery:
    """How often a call is tried at most, and how long it waits before its second try, in seconds.

    Each further wait is twice as long, and each is cut by chance to between half and all of it, so that clients that
    failed together do not come back together. What the exchange says goes before: its Retry-After is the wait.
    Source: General Info, "HTTP Return Codes" (503: 200, 400, 800 ms, at most 3 to 5 tries).

    `tries` is at least 1, `backoff` from 0 to a day. Raises `ConfigurationError` for anything else.
    """

    tries: int = field(default=4, validator=_require_tries)
    backoff: float = field(default=0.2, validator=_require_seconds)

    def wait_after(self, failures: int, chance: float) -> float:
        """Give the seconds to wait after so many failed tries, at least 1; `chance` is from 0 to 1."""
        return self.backoff * 2.0 ** min(failures - 1, _MAX_DOUBLINGS) * (1 + chance) / 2
