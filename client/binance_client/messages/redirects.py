"""Redirects: none is followed, because a request is signed for one origin."""

from collections.abc import Awaitable

import httpx
from binance_signing.signer import DONE

from .error_map import from_redirect


def raise_on_redirect(response: httpx.Response) -> Awaitable[None]:
    """Raise `ResponseError` for a redirect, in a hook, because httpx parses `Location` even without following it."""
    if response.has_redirect_location:
        raise from_redirect(response)
    return DONE
