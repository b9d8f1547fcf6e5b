"""The TLS of connections: certificates that are trusted, the same by sync and by async calls."""

import ssl
from functools import cache
from pathlib import Path

import httpx
from binance_coinm.errors import ConfigurationError

from ._environment import CERTIFICATES, certificates_from


class TLSSettings:
    """A TLS context as httpcore takes it, without what httpcore would do to it.

    For each call httpcore sets the protocols anew, and a context must not be changed while other threads use it.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self.context = context

    def set_alpn_protocols(self, protocols: list[str]) -> None:
        """Do nothing: they are set already."""


def tls_settings(*, verify: object, trust_env: bool) -> TLSSettings:
    """Return the TLS of a client, for what httpx has as `verify`.

    Raises `ConfigurationError` for a `verify` that is none, and for certificates that cannot be read. By its type and
    not by its truth, because an empty path, as an unset variable gives it, must not switch verification off.
    """
    if isinstance(verify, ssl.SSLContext):
        return TLSSettings(verify)
    if isinstance(verify, bool):
        return _by_default(verify, certificates_from() if trust_env else None)
    if isinstance(verify, str | Path) and str(verify).strip():
        return _of_authorities(str(verify))
    raise ConfigurationError(
        f"verify: expected True, False, an ssl.SSLContext, or a path of certificates (file or folder), got {verify!r}"
    )


# It takes longer to make than all the rest of a client, and clients with the same certificates can have the same.
@cache
def _by_default(verify: bool, environment: tuple[str | None, ...] | None) -> TLSSettings:  # noqa: FBT001, a key
    try:
        context = httpx.create_ssl_context(verify=verify, trust_env=environment is not None)
    except OSError as error:
        raise ConfigurationError(f"the environment's certificates ({', '.join(CERTIFICATES)}): {error}") from None
    return TLSSettings(context)


@cache
def _of_authorities(path: str) -> TLSSettings:
    is_folder = Path(path).is_dir()
    try:
        context = ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)
    except OSError as error:
        raise ConfigurationError(f"verify: {path!r} holds no certificates that can be read ({error})") from None
    return TLSSettings(context)
