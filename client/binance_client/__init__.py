"""The runtime of generated packages: retries, clock, rate limit, messages and connections of their clients."""

from .policy.retry_policy import RetryDetails, RetryPolicy

__all__ = ["RetryDetails", "RetryPolicy"]


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__]
