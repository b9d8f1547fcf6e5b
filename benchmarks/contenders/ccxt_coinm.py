# /// script
# requires-python = ">=3.11"
# dependencies = ["ccxt==4.5.90"]
# [tool.bench]
# title = "ccxt"
# import = "import ccxt"
# ///
"""ccxt, by its method for just this call, without the throttle that would make it wait between two of them."""

from typing import TYPE_CHECKING, Any

from account import WRITE, Account

if TYPE_CHECKING:
    import ccxt
    import ccxt.async_support


def settings(account: Account) -> dict[str, Any]:
    """Give what both halves are made with."""
    is_tls = account.url.startswith("https:")
    return {
        "apiKey": account.api_key,
        "secret": account.secret,
        "enableRateLimit": False,
        # By default it ignores the environment's certificates; with them, the sync half looks for proxies in each call.
        "requests_trust_env": is_tls,
        "options": {"include_OS_certificates": is_tls},
        "urls": {"api": {"dapiPrivate": f"{account.url}/dapi/v1"}},
    }


def connect(account: Account) -> "ccxt.binancecoinm":
    """Make a client."""
    import ccxt

    return ccxt.binancecoinm(settings(account))


def call(client: "ccxt.binancecoinm") -> Any:
    """Call."""
    return client.dapiPrivateGetBalance()


def write(client: "ccxt.binancecoinm") -> Any:
    """Send a write."""
    return client.dapiPrivatePostLeverage(WRITE)


def close(client: "ccxt.binancecoinm") -> None:
    """Close the connections."""
    client.close()


async def connect_async(account: Account) -> "ccxt.async_support.binancecoinm":
    """Make a client."""
    import ccxt.async_support

    return ccxt.async_support.binancecoinm(settings(account))


async def call_async(client: "ccxt.async_support.binancecoinm") -> Any:
    """Call."""
    return await client.dapiPrivateGetBalance()


async def write_async(client: "ccxt.async_support.binancecoinm") -> Any:
    """Send a write."""
    return await client.dapiPrivatePostLeverage(WRITE)


async def close_async(client: "ccxt.async_support.binancecoinm") -> None:
    """Close the connections."""
    await client.close()
