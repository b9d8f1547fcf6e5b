"""What all clients that derive from one `connect` share: their settings, and what is known about the exchange."""

import logging
import time
from typing import Any, NamedTuple

import httpx
from attrs import field, frozen
from attrs.validators import instance_of, is_callable, optional

from binance_client import errors
from binance_client.lifetime import Lifetime
from binance_client.messages.error_map import from_httpx_error
from binance_client.messages.http import HTTPResponse, is_success
from binance_client.spec import ExchangeSpec

from .clock import Clock, Instant
from .rate_limit import RateLimit
from .retry_policy import OnRetry
from .validators import expect, positive_integer, seconds

_logger = logging.getLogger("binance_client")

# An attempt ends in a response or an exception.
AttemptResult = HTTPResponse | httpx.HTTPError | errors.BinanceError

NO_SERVER_TIME = "the document has no operation that returns the exchange's time"


@frozen
class Settings:
    """The settings that hold for all calls; `connect` describes them."""

    sync_clock: bool = field(validator=expect("True or False", instance_of(bool)))
    max_weight_per_minute: int | None = field(validator=optional(positive_integer))
    max_response_bytes: int = field(validator=positive_integer)
    max_connections: int = field(validator=positive_integer)
    keepalive_expiry: float = field(validator=seconds)
    write_keepalive_expiry: float = field(validator=seconds)
    trust_env: bool = field(validator=expect("True or False", instance_of(bool)))
    on_retry: OnRetry | None = field(validator=expect("a function, or None", optional(is_callable())))


class ClientState(NamedTuple):
    """Settings, clock, rate limit and lifetime of clients that share connections."""

    spec: ExchangeSpec
    settings: Settings
    clock: Clock
    rate_limit: RateLimit
    lifetime: Lifetime

    def now(self) -> Instant:
        """Return the current time by both clocks."""
        return Instant(self.clock(), time.monotonic())

    def server_time_request(self) -> dict[str, Any]:
        """Return the request for the exchange's time; raise `ConfigurationError` if the document has none."""
        if self.spec.server_time is None:
            raise errors.ConfigurationError(NO_SERVER_TIME)
        return self.spec.server_time().build_request()

    def update_clock(self, result: AttemptResult, sent: Instant) -> bool:
        """Synchronize the clock with the response to a time request; return False if it has no time.

        Also records a ban. `sent` is when the request was sent.
        """
        now = self.now()
        error = self.to_error(result)
        if error is not None:
            limit = self.settings.max_weight_per_minute
            self.rate_limit.record_error(error, sent_ms=sent.exchange_ms, now=now, max_weight=limit)
        if isinstance(result, Exception) or self.spec.server_time is None:
            return False
        try:
            server_time = self.spec.server_time().parse_response(result).parsed.server_time
        except errors.BinanceError:
            # Not raised, because the call that needed the time ends in its own error, or is retried.
            return False
        self.clock.synchronize(server_time, sent.monotonic, now.monotonic)
        round_trip = 1000 * (now.monotonic - sent.monotonic)
        _logger.info("clock synchronized: offset %s ms, round trip %.0f ms", self.clock.offset_ms, round_trip)
        return True

    def pool_timeout(self) -> httpx.PoolTimeout:
        """Return the result of an attempt that got no connection before the call's deadline."""
        limit = self.settings.max_connections
        return httpx.PoolTimeout(f"{limit} other calls (max_connections) were in flight until the call's deadline")

    def to_error(self, result: AttemptResult) -> errors.BinanceError | None:
        """Return the error of a result, None for a response with a status of success."""
        if isinstance(result, errors.BinanceError):
            return result
        if isinstance(result, httpx.HTTPError):
            return from_httpx_error(result)
        return None if is_success(result) else self.spec.error_map.from_response(result)
