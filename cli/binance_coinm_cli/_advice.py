"""What an error says, and what to do about it."""

import copy
import time

from binance_coinm import errors
from binance_coinm.facts import REFUSALS
from binance_signing import Recovery

from ._text import moment

_BY_KIND: dict[type[errors.BinanceError], str] = {
    errors.FirewallError: (
        "wait some minutes and call less often; if it stays, ask from another network: a firewall refused the request,"
        " the exchange's or one on the way"
    ),
    errors.RestrictedLocationError: "call from a place that the exchange serves; no setting changes this",
    errors.ExchangeError: (
        f"try again later; a client of the SDK does so by itself (recovery), up to {Recovery().tries} times"
    ),
    errors.ApiError: "look the code up in the exchange's documentation",
    errors.ResponseError: "check that the server is the exchange's, and that nothing on the way answers for it",
    errors.TimeoutError: "check the network and the proxies on the way, or give it more time by --timeout",
    errors.NetworkError: "check the network, the proxies on the way, and that the server's URL is right",
}


def words(error: errors.BinanceError) -> str:
    """Give what was said, without the advice."""
    if isinstance(error, errors.ApiError) and error.note == REFUSALS.advice_by_code.get(error.code):
        error = copy.copy(error)
        error.note = None
    return str(error)


def what_to_do(error: errors.BinanceError) -> str:
    """Give the advice: the document's, or that for errors of this kind."""
    if isinstance(error, errors.IpBannedError | errors.RateLimitError):
        return f"send nothing {_until(error)}: who goes on is banned, and for longer; connect(pacing=...) keeps below"
    if isinstance(error, errors.ApiError) and error.code in REFUSALS.advice_by_code:
        return REFUSALS.advice_by_code[error.code]
    return next((advice for kind, advice in _BY_KIND.items() if isinstance(error, kind)), "")


def _until(error: errors.IpBannedError | errors.RateLimitError) -> str:
    # An end that is over does not count, here as in the client.
    if error.banned_until is not None and error.banned_until > time.time() * 1000:
        return f"until {moment(error.banned_until)}"
    return "for some minutes" if error.retry_after is None else f"for {error.retry_after} s"
