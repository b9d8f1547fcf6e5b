"""A call: its properties before the first attempt, and its options."""

import math
from collections.abc import Mapping
from typing import NamedTuple, cast

import httpx
from attrs import field, frozen
from attrs.validators import instance_of, optional
from binance_signing.errors import ConfigurationError, bounded_repr

from binance_client.messages.http import is_safe

from .deadline import deadline_of
from .retry_policy import RetryPolicy
from .validators import expect, positive_seconds

_is_retry_policy = expect("RetryPolicy(…), or None for a single attempt", optional(instance_of(RetryPolicy)))


@frozen
class CallOptions:
    """The seconds that a call may take with all its attempts, and its retry policy, if it has one."""

    timeout: float = field(validator=positive_seconds)
    retry: RetryPolicy | None = field(validator=_is_retry_policy)


class Call(NamedTuple):
    """What the attempts of a call depend on.

    `deadline` is monotonic, in seconds; `max_idle_age` is how many seconds its connection may have been idle.
    """

    method: str
    path: str
    is_safe: bool
    is_signed: bool
    is_replayable: bool
    weight: int
    deadline: float
    max_idle_age: float
    retry: RetryPolicy | None

    @classmethod
    def begin(cls, request: httpx.Request, options: CallOptions, write_keepalive_expiry: float) -> "Call":
        """Return the call of a request; its timeout starts now. Raises `ConfigurationError` for invalid extensions."""
        weight, timeouts = request.extensions.get("weight", 1), cast("object", request.extensions.get("timeout", {}))
        if type(weight) is not int or weight < 0:
            raise ConfigurationError(f'extensions["weight"]: expected an int of at least 0, got {bounded_repr(weight)}')
        if not isinstance(timeouts, Mapping):
            raise ConfigurationError(f'extensions["timeout"]: expected a dict, got {bounded_repr(timeouts)}')
        is_read = is_safe(request.method) and request.extensions.get("repeatable", True) is not False
        return cls(
            method=request.method,
            path=request.url.path,
            is_safe=is_read,
            is_signed=getattr(request.extensions.get("security"), "signed", False),
            # A streamed body is consumed by the first attempt.
            is_replayable=isinstance(request.stream, httpx.ByteStream),
            weight=weight,
            deadline=deadline_of(cast("Mapping[str, object]", timeouts), options.timeout),
            max_idle_age=math.inf if is_read else write_keepalive_expiry,
            retry=options.retry,
        )
