"""What is not given as an argument comes from the environment."""

import os
from pathlib import Path

from binance_coinm.errors import ConfigurationError

from ._credentials import Credentials
from ._keys import HmacKey, Key
from ._package import Servers

# Variables that name certificates, for OpenSSL and whoever follows it.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_API_KEY = "BINANCE_API_KEY"
_SECRET = "BINANCE_API_SECRET"  # noqa: S105, the name of a variable
_KEY_FILE = "BINANCE_PRIVATE_KEY_FILE"
_KEY_PASSWORD = "BINANCE_PRIVATE_KEY_PASSWORD"  # noqa: S105, the name of a variable
_SERVER = "BINANCE_SERVER"


def credentials_from() -> Credentials:
    """Give the environment's credentials, or raise `ConfigurationError`."""
    return Credentials(_required(_API_KEY), _key())


def server_from(servers: Servers) -> str:
    """Give the server that the environment names, or its URL; the document's first if it names none."""
    server = os.environ.get(_SERVER)
    if server is None:
        return next(iter(servers))
    try:
        return servers.named(server)
    except ValueError as error:
        raise ConfigurationError(f"{_SERVER} is {server!r}; {error}") from None


def certificates_from() -> tuple[str | None, ...]:
    """Give the file and the folder of certificates that the environment names, None for each that it does not."""
    return tuple(map(os.environ.get, CERTIFICATES))


def _key() -> Key:
    # A variable that is empty counts as one that is not set, as where settings are composed of others.
    if not os.environ.get(_KEY_FILE):
        return HmacKey(_required(_SECRET))
    if os.environ.get(_SECRET):
        raise ConfigurationError(f"{_SECRET} and {_KEY_FILE} are both set, and an API key has one key; unset the other")
    from ._private_keys import load  # noqa: PLC0415, few have such a key

    key = load(Path(os.environ[_KEY_FILE]), os.environ.get(_KEY_PASSWORD) or None)
    if isinstance(key, str):
        raise ConfigurationError(f"the private key {key} ({_KEY_FILE}, {_KEY_PASSWORD})")
    return key


def _required(variable: str) -> str:
    value = os.environ.get(variable)
    if value:
        return value
    raise ConfigurationError(
        f"no credentials: {variable} {'is not set' if value is None else 'is empty'}; set {_API_KEY} and {_SECRET}"
        f" (or {_KEY_FILE}), or call connect(Credentials(api_key, HmacKey(secret))). API keys are made in the account's"
        " API Management on the exchange's web site, for each server its own"
    )
