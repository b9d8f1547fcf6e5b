"""TLS settings: which certificates sync and async calls trust."""

import os
import ssl
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import httpx
from binance_signing.errors import bounded_repr

from binance_client.errors import ConfigurationError

# The environment variables for certificates, as OpenSSL defines them.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_KEY_LOG = "SSLKEYLOGFILE"


class TLSSettings:
    """A TLS context for httpcore that httpcore cannot change.

    For each call httpcore sets the protocols again, and a context must not change while other threads use it.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self.context = context

    def set_alpn_protocols(self, protocols: list[str]) -> None:
        """Do nothing: the constructor has set the protocols."""


def load_tls_settings(*, verify: object, trust_env: bool, is_shared: bool = True) -> TLSSettings:
    """Return the TLS settings of a client for `verify` as httpx has it.

    They are shared with other clients that trust the same certificates, unless `is_shared` is False.

    Raises `ConfigurationError` for an invalid `verify` and for certificates that cannot be read. The type of `verify`
    counts, not its truth value: an empty path, such as that of an empty variable, must not disable verification.
    """
    build = _shared_settings if is_shared else _build_settings
    if isinstance(verify, ssl.SSLContext):
        return TLSSettings(verify)
    if isinstance(verify, bool):
        variable = next((name for name in CERTIFICATES if trust_env and verify and os.environ.get(name)), None)
        if variable is None:
            return build(verify, None, _key_log() if verify else None)
        return _settings_of_path(variable, os.environ[variable], build)
    if isinstance(verify, str | Path) and os.fspath(verify).strip():
        return _settings_of_path("verify", os.fspath(verify), build)
    raise ConfigurationError(
        f"verify: expected True, False, an ssl.SSLContext, or the path of a file or folder of certificates,"
        f" got {bounded_repr(verify)}"
    )


def _settings_of_path(source: str, path: str, build: Callable[..., TLSSettings]) -> TLSSettings:
    """Return the TLS settings for a path that an argument or a variable names."""
    try:
        # OpenSSL takes several folders, and ignores those that do not exist.
        folders = [folder for folder in map(Path, path.split(os.pathsep)) if folder.is_dir()]
        # A file that was replaced since is read again.
        versions = [
            (found.st_ino, found.st_size, found.st_mtime_ns) for found in map(Path.stat, folders or [Path(path)])
        ]
        return build(True, (path, bool(folders)), *versions, _key_log())  # noqa: FBT003, verify
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        problem = f"{source}: {bounded_repr(path)} has no certificates that can be read ({reason})"
    raise ConfigurationError(problem)


def _key_log() -> str | None:
    """Return the file that `ssl.create_default_context` writes the keys of connections to; raise if it cannot."""
    path = os.environ.get(_KEY_LOG)
    if not path or sys.flags.ignore_environment:
        return None
    try:
        Path(path).open("a").close()
    except (OSError, ValueError) as error:
        problem = f"{_KEY_LOG} is {bounded_repr(path)}, which cannot be written ({error}); correct or unset it"
    else:
        return path
    raise ConfigurationError(problem)


def _build_settings(verify: bool, path: tuple[str, bool] | None, *_versions: object) -> TLSSettings:  # noqa: FBT001, a key
    if path is None:
        return TLSSettings(httpx.create_ssl_context(verify=verify, trust_env=False))
    name, is_folder = path
    return TLSSettings(
        ssl.create_default_context(capath=name) if is_folder else ssl.create_default_context(cafile=name)
    )


# Shared, because it takes longer than the rest of a client. What the settings depend on is in the arguments: also the
# versions of files, and the file for keys.
_shared_settings = lru_cache(maxsize=16)(_build_settings)
