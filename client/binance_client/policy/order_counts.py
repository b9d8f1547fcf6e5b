"""The order counts: how many orders an account has placed, as the exchange last reported."""

from collections.abc import Awaitable, Mapping
from types import MappingProxyType

import httpx
from binance_signing.signer import DONE

from binance_client.messages.error_map import ErrorMap


class OrderCounts:
    """A response hook that keeps the order counts of the last response that reported any.

    `by_interval` is replaced as a whole, so that no thread sees half of it.
    """

    def __init__(self, error_map: ErrorMap) -> None:
        self._error_map = error_map
        self.by_interval: Mapping[str, int]
        self.clear()

    def clear(self) -> None:
        """Forget the order counts."""
        self.by_interval = MappingProxyType({})

    def __call__(self, response: httpx.Response) -> Awaitable[None]:
        """Record the order counts of a response, whatever its status."""
        counts = self._error_map.order_counts(response.headers)
        if counts:
            self.by_interval = MappingProxyType(counts)
        return DONE
