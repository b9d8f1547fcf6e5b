"""The retry quota: what keeps all calls of a client together from retrying against an exchange that is down."""

import logging
from threading import Lock

from binance_client import fork

_RETRY_COST = 5

_logger = logging.getLogger("binance_client")


class RetryQuota:
    """Tokens of all clients of one `connect`: each retry after a backoff takes five, each success gives one back.

    `size` is how many there are at first and at most; None is a quota without a limit.
    """

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._tokens = size or 0
        self._is_exhausted = False
        fork.register(self)

    def reset_after_fork(self) -> None:
        """Replace the lock."""
        self._lock = Lock()

    def take(self) -> bool:
        """Reserve the tokens of a retry; return False if there are too few, which is logged until all are back."""
        if self._size is None:
            return True
        with self._lock:
            is_first = False
            is_allowed = self._tokens >= _RETRY_COST
            if is_allowed:
                self._tokens -= _RETRY_COST
            else:
                is_first, self._is_exhausted = not self._is_exhausted, True
        if is_first:
            _logger.warning("the retry quota is used up, failed calls are not retried until others succeed")
        return is_allowed

    def give_back(self) -> None:
        """Add a token after a success."""
        if self._size is None or self._tokens >= self._size:
            return
        with self._lock:
            self._tokens = min(self._tokens + 1, self._size)
            self._is_exhausted = self._is_exhausted and self._tokens < self._size
