# /// script
# requires-python = ">=3.11"
# dependencies = ["ccxt==4.5.90"]
# [tool.bench]
# title = "ccxt"
# import = "import ccxt"
# ///
"""ccxt, with its method for this endpoint, and without the throttle, which would wait between calls."""

from typing import Any

from account import WRITE, Account, Client


def settings(account: Account) -> dict[str, Any]:
    """Return the settings of sync and async clients."""
    is_tls = account.url.startswith("https:")
    return {
        "apiKey": account.api_key,
        "secret": account.secret,
        "enableRateLimit": False,
        # It ignores the environment's certificates by default; with them, each sync call looks for proxies.
        "requests_trust_env": is_tls,
        "options": {"include_OS_certificates": is_tls},
        "urls": {"api": {"dapiPrivate": f"{account.url}/dapi/v1"}},
    }


def connect(account: Account) -> Client:
    """Return a client."""
    import ccxt

    client = ccxt.binancecoinm(settings(account))
    return Client(client.dapiPrivateGetBalance, lambda: client.dapiPrivatePostLeverage(WRITE), client.close)


async def connect_async(account: Account) -> Client:
    """Return an async client."""
    import ccxt.async_support

    client = ccxt.async_support.binancecoinm(settings(account))
    return Client(client.dapiPrivateGetBalance, lambda: client.dapiPrivatePostLeverage(WRITE), client.close)
