"""Weights in the rate limit that depend on a parameter."""

from collections.abc import Mapping

from binance_client.types import Unset


def weight_up_to(weights: Mapping[int, int], value: int | Unset, default: int = 0) -> int:
    """Return the weight of the first limit, in ascending order, that the value does not exceed, else that of the last.

    A value that is not sent has the weight of its default.
    """
    size = default if isinstance(value, Unset) else value
    *_, largest = weights.values()
    return next((weight for limit, weight in weights.items() if size <= limit), largest)
