"""The retry policy: how often a call is attempted, and how long it backs off in between."""

from collections.abc import Callable
from typing import Any, NamedTuple

from attrs import field, frozen

from binance_client.errors import BinanceError

from .validators import positive_integer, seconds

# Enough for any timeout, and few enough for a float.
_MAX_DOUBLINGS = 60


@frozen
class RetryPolicy:
    """The maximum number of attempts of a call, and the seconds of backoff before the second attempt.

    Each further backoff is twice as long, and each is reduced at random to between half and all of it, so that clients
    that failed together do not return together. The exchange's own Retry-After takes precedence.
    Source: General Info, "HTTP Return Codes" (503: 200, 400, 800 ms, at most 3 to 5 attempts).

    `max_attempts` is at least 1, `initial_backoff` from 0 to a day. Raises `ConfigurationError` for anything else.
    """

    max_attempts: int = field(default=4, validator=positive_integer)
    initial_backoff: float = field(default=0.2, validator=seconds)

    def backoff(self, failed_attempts: int, jitter: float) -> float:
        """Return the seconds to wait after a number of failed attempts, at least 1; `jitter` is from 0 to 1."""
        return self.initial_backoff * 2.0 ** min(failed_attempts - 1, _MAX_DOUBLINGS) * (1 + jitter) / 2


class RetryDetails(NamedTuple):
    """A retry that is about to happen, as `on_retry` gets it.

    `attempt` is the number of the attempt that failed, from 1; `wait` is in seconds; `error` is why it failed.
    """

    method: str
    path: str
    attempt: int
    wait: float
    error: BinanceError


OnRetry = Callable[[RetryDetails], Any]
