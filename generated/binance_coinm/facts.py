"""What the document says of the exchange as a whole."""

import re

from . import errors
from .refusals import Refusals

REFUSALS = Refusals(
    used_weight_header="X-MBX-USED-WEIGHT-1M",
    retry_after_header="Retry-After",
    banned_until=re.compile("banned until (\\d+)"),
    shortest_ban=120,
    longest_ban=259200,
    exception_by_status={
        403: errors.FirewallError,
        418: errors.IpBannedError,
        429: errors.RateLimitError,
        451: errors.RestrictedLocationError,
    },
    exception_by_code={
        -1003: errors.RateLimitError,
        -1021: errors.TimestampError,
        -1022: errors.SignatureError,
        -2008: errors.ApiKeyError,
        -2014: errors.ApiKeyError,
        -2015: errors.ApiKeyError,
    },
    exception_by_status_else={
        401: errors.ApiKeyError,
        408: errors.ExchangeError,
        503: errors.ExchangeError,
    },
    exception_by_class_else={
        5: errors.ExchangeError,
    },
    outcome_by_msg={
        "Unknown error": "unknown",
        "Service Unavailable": "failed",
        "Internal error; unable to process": "failed",
    },
    outcome_by_code={
        -1001: "failed",
        -1006: "unknown",
        -1007: "unknown",
        -1008: "failed",
        -1016: "failed",
    },
    advice_by_code={
        -1021: "check this machine's clock, and whether recvWindow leaves the way to the exchange enough time",
        -1022: "check that the secret or private key is the one of this API key and of the kind that is registered, HMAC, RSA or Ed25519; signed is the query followed by the body, as on the wire, so that nothing on the way may change them",
        -2008: "check the API key and the server: each server has its own keys",
        -2014: "check that the API key is copied as a whole",
        -2015: "check the API key, its list of IP addresses, its permissions, and the server: each server has its own keys",
    },
)
# How many milliseconds after its timestamp a request without recvWindow is accepted; None if the document tells none.
DEFAULT_RECV_WINDOW = 5000
# By how many milliseconds a timestamp must not be ahead of the exchange's clock; None if the document does not say it.
TOO_FAR_AHEAD = 1000
# The module, within this package, of the operation that tells the exchange's time; None if the document has none.
SERVER_TIME: str | None = "api.market.server_time"
