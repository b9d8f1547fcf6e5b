"""What is not given as an argument comes from the environment."""

import os
from collections.abc import Mapping

from binance_coinm.errors import ConfigurationError
from binance_coinm.servers import Server

from ._credentials import Credentials
from ._keys import HmacKey

_ARGUMENT = "connect(Credentials(api_key, HmacKey(secret)))"


def credentials_from(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Give the credentials of BINANCE_API_KEY and BINANCE_API_SECRET, or raise `ConfigurationError`."""
    return Credentials(_required(environment, "BINANCE_API_KEY"), HmacKey(_required(environment, "BINANCE_API_SECRET")))


def server_from(environment: Mapping[str, str] = os.environ) -> str:
    """Give the server that BINANCE_SERVER names, or by its URL; production if it is not set."""
    server = environment.get("BINANCE_SERVER")
    if server is None:
        return Server.PRODUCTION
    if "://" in server:
        return server
    try:
        return Server[server.upper()]
    except KeyError:
        known = ", ".join(member.name.lower() for member in Server)
        raise ConfigurationError(f"BINANCE_SERVER is {server!r}; expected {known} or a URL") from None


def _required(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable)
    if not value:
        wrong = "is not set" if value is None else "is empty"
        raise ConfigurationError(
            f"no credentials: {variable} {wrong}; set BINANCE_API_KEY and BINANCE_API_SECRET, or call {_ARGUMENT}."
            " API keys are made in the account's API Management on the exchange's web site, one for each server"
        )
    return value
