"""TLS settings: which certificates sync and async calls trust."""

import os
import ssl
from functools import cache
from pathlib import Path

import httpx

from binance_client.errors import ConfigurationError

# The environment variables for certificates, as OpenSSL defines them.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class TLSSettings:
    """A TLS context for httpcore that httpcore cannot change.

    For each call httpcore sets the protocols again, and a context must not change while other threads use it.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self.context = context

    def set_alpn_protocols(self, protocols: list[str]) -> None:
        """Do nothing: the constructor has set the protocols."""


def load_tls_settings(*, verify: object, trust_env: bool) -> TLSSettings:
    """Return the TLS settings of a client for `verify` as httpx has it.

    Raises `ConfigurationError` for an invalid `verify` and for certificates that cannot be read. The type of `verify`
    counts, not its truth value: an empty path, such as that of an empty variable, must not disable verification.
    """
    if isinstance(verify, ssl.SSLContext):
        return TLSSettings(verify)
    if isinstance(verify, bool):
        return _default_settings(verify, tuple(map(os.environ.get, CERTIFICATES)) if trust_env else None)
    if isinstance(verify, str | Path) and str(verify).strip():
        return _settings_of_path(str(verify))
    raise ConfigurationError(
        f"verify: expected True, False, an ssl.SSLContext, or the path of a file or folder of certificates,"
        f" got {verify!r}"
    )


# Cached, because it takes longer than the rest of a client, and clients with the same certificates can share it.
@cache
def _default_settings(verify: bool, environment: tuple[str | None, ...] | None) -> TLSSettings:  # noqa: FBT001, a key
    try:
        context = httpx.create_ssl_context(verify=verify, trust_env=environment is not None)
    except OSError as error:
        raise ConfigurationError(f"the environment's certificates ({', '.join(CERTIFICATES)}): {error}") from None
    return TLSSettings(context)


@cache
def _settings_of_path(path: str) -> TLSSettings:
    is_folder = Path(path).is_dir()
    try:
        context = ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)
    except OSError as error:
        raise ConfigurationError(f"verify: {path!r} has no certificates that can be read ({error})") from None
    return TLSSettings(context)
