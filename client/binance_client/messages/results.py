"""The results of a batch: one for each item of the request, in the order of the items."""

from collections.abc import Sized

from binance_client.types import Unset


def count_results(*lists: Sized | Unset) -> int | None:
    """Return how many results a request has that is sent with one of these lists; None if it is not exactly one."""
    counts = [len(items) for items in lists if not isinstance(items, Unset)]
    return counts[0] if len(counts) == 1 else None
