"""What all clients that derive from one `connect` share: their settings, and what is known about the exchange."""

import logging
from typing import Any, NamedTuple

import httpx
from attrs import field, frozen
from attrs.validators import optional

from binance_client import errors
from binance_client.imports import import_errors
from binance_client.lifetime import Lifetime
from binance_client.messages.error_map import from_httpx_error
from binance_client.messages.http import HTTPResponse, is_success
from binance_client.spec import ExchangeSpec

from .clock import Clock, Instant, monotonic_time
from .rate_limit import RateLimit
from .retry_policy import OnRetry
from .retry_quota import RetryQuota
from .validators import expect, positive_integer, seconds, sync_function, true_or_false

_logger = logging.getLogger("binance_client")

# An attempt ends in a response or an exception.
AttemptResult = HTTPResponse | httpx.HTTPError | errors.BinanceError

NO_SERVER_TIME = "the document has no operation that returns the exchange's time"


@frozen
class Settings:
    """The settings that hold for all calls; `connect` describes them."""

    has_credentials: bool
    read_only: bool = field(validator=true_or_false)
    sync_clock: bool = field(validator=true_or_false)
    max_weight_per_minute: int | None = field(validator=optional(positive_integer))
    max_response_bytes: int = field(validator=positive_integer)
    max_connections: int = field(validator=positive_integer)
    keepalive_expiry: float = field(validator=seconds)
    write_keepalive_expiry: float = field(validator=seconds)
    trust_env: bool = field(validator=true_or_false)
    retry_quota: int | None = field(validator=expect("a positive integer, or None", optional(positive_integer)))
    on_retry: OnRetry | None = field(validator=optional(sync_function))


class ClientState(NamedTuple):
    """Settings, clock, rate limit, retry quota and lifetime of clients that share connections."""

    spec: ExchangeSpec
    settings: Settings
    clock: Clock
    rate_limit: RateLimit
    retry_quota: RetryQuota
    lifetime: Lifetime

    def now(self) -> Instant:
        """Return the current time by both clocks."""
        return Instant(self.clock(), monotonic_time())

    def ban_error(self) -> errors.ApiError | None:
        """Return the error of a request during a ban, None outside of one."""
        return self.rate_limit.ban_error(monotonic_time())

    def server_time_request(self) -> dict[str, Any]:
        """Return the request for the exchange's time; raise `ConfigurationError` if the document has none."""
        if self.spec.server_time is None:
            raise errors.ConfigurationError(NO_SERVER_TIME)
        with import_errors:
            return self.spec.server_time().build_request()

    def server_time_weight(self) -> int:
        """Return the weight of the request for the exchange's time."""
        weight: int = self.server_time_request()["extensions"]["weight"]
        return weight

    def record(self, result: AttemptResult, weight: int, sent_ms: int, now: Instant) -> errors.BinanceError | None:
        """Record what a result reports of weight and bans; return its error, None for a success.

        `weight` is the request's, `sent_ms` when it was sent, `now` when its result was received.
        """
        if not isinstance(result, Exception):
            used_weight = self.spec.error_map.used_weight(result.headers)
            if used_weight is not None:
                self.rate_limit.record_usage(used_weight, weight=weight, sent_ms=sent_ms, time_ms=now.exchange_ms)
            # Read by `ErrorMap.from_response`, also for the error that the generated function may raise.
            result.extensions["received_ms"] = now.exchange_ms
        error = self.to_error(result)
        if error is not None and getattr(error, "was_sent", True):
            limit = self.settings.max_weight_per_minute
            self.rate_limit.record_error(error, sent_ms=sent_ms, now=now, max_weight=limit)
        return error

    def update_clock(self, result: AttemptResult, sent: Instant) -> bool:
        """Synchronize the clock with the response to a time request; return False if it has no valid time.

        Also records weight and bans. `sent` is when the request was sent.
        """
        received = monotonic_time()
        is_synchronized = self._synchronize(result, sent.monotonic, received)
        # By the clock as it is now, because weight counts in a minute of the exchange's clock.
        now = Instant(self.clock(), received)
        sent_ms = now.exchange_ms - round(1000 * (received - sent.monotonic))
        self.record(result, self.server_time_weight(), sent_ms, now)
        return is_synchronized

    def _synchronize(self, result: AttemptResult, sent: float, received: float) -> bool:
        if isinstance(result, Exception) or not is_success(result) or self.spec.server_time is None:
            return False
        try:
            server_time = self.spec.server_time().parse_response(result).parsed.server_time
            self.clock.synchronize(server_time, sent, received)
        except errors.BinanceError as failure:
            # Not raised, because the call that needed the time ends in its own error, or is retried.
            _logger.info("clock not synchronized: %s", failure)
            return False
        round_trip = 1000 * (received - sent)
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
