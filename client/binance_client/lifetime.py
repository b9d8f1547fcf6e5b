"""The lifetime of clients that share connections, and the errors of calls to closed ones."""

import math
import time
from collections.abc import Iterator

from attrs import define

from binance_client.errors import ClientClosedError, Execution

# Seconds after which a call that waits checks whether its client was closed.
_POLL_INTERVAL = 0.1


@define(eq=False)
class Lifetime:
    """The lifetime of the clients that derive from one `connect`; a closed client is never opened again."""

    is_closed: bool = False

    def require_open(self) -> None:
        """Raise `ClientClosedError` for a call that begins after the client was closed."""
        if self.is_closed:
            raise closed_before_call()

    def sleep_steps(self, seconds: float) -> Iterator[float]:
        """Yield seconds to sleep, step by step, until the whole time is over or the client is closed."""
        end = time.monotonic() + seconds
        # Counted too, because the clock may stand still in a test.
        for _ in range(math.ceil(seconds / _POLL_INTERVAL)):
            remaining = end - time.monotonic()
            if remaining <= 0 or self.is_closed:
                return
            yield min(remaining, _POLL_INTERVAL)


def closed_before_call() -> ClientClosedError:
    """Return the error of a call whose client was closed before it was sent."""
    return ClientClosedError("the client is closed; create a new one", "not_executed")


def closed_during_call(execution: Execution) -> ClientClosedError:
    """Return the error of a call during which the client was closed."""
    return ClientClosedError(
        "the client was closed before the call got its response; close it after its calls have ended", execution
    )
