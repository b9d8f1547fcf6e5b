"""Certificates that are trusted, the same by sync and by async calls."""

import ssl
from functools import cache
from pathlib import Path

import httpx
from binance_coinm.errors import ConfigurationError

from ._environment import made_of


@cache
def tls_context(verify: bool | str, environment: tuple[str | None, ...] | None) -> ssl.SSLContext:  # noqa: FBT001, a key
    """Give the context of TLS for what httpx has as `verify`, and for the environment's certificates.

    `environment` is None if it is not to be asked. Raises `ConfigurationError` for certificates that cannot be read.
    """
    # It takes longer to make than all the rest of a client, and clients with the same certificates can have the same.
    if isinstance(verify, bool):
        return made_of(httpx.create_ssl_context, verify=verify, trust_env=environment is not None)
    is_folder = Path(verify).is_dir()
    try:
        return ssl.create_default_context(cafile=None if is_folder else verify, capath=verify if is_folder else None)
    except OSError as error:
        raise ConfigurationError(f"verify: {verify!r} holds no certificates that can be read ({error})") from None
