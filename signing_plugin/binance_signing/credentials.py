"""Credentials: an API key, and the key that signs for it."""

import os
from pathlib import Path
from typing import Self

from .errors import ConfigurationError
from .keys import HmacKey, Secret, SigningKey, secret_problem
from .private_keys import load_private_key

_API_KEY = "BINANCE_API_KEY"
_SECRET = "BINANCE_API_SECRET"  # noqa: S105, the name of a variable
_KEY_FILE = "BINANCE_PRIVATE_KEY_FILE"
_KEY_PASSWORD = "BINANCE_PRIVATE_KEY_PASSWORD"  # noqa: S105, the name of a variable


class Credentials(Secret):
    """An API key, and the key that signs for it.

    Both belong to one server, because the exchange's servers do not share keys. The key is an `HmacKey`, `Ed25519Key`,
    `RsaKey`, or any object with their `sign`. Raises `ConfigurationError` if either is malformed. The `repr` shows
    neither, and credentials cannot be pickled. Source: General Info, "Endpoint Security Type".
    """

    __slots__ = ("_api_key", "_key")

    def __init__(self, api_key: str, key: SigningKey) -> None:
        problem = secret_problem(api_key)
        problem = f"api_key {problem}; pass it as an argument or set {_API_KEY}" if problem else _key_problem(key)
        if problem:
            del api_key, key  # an exception's traceback keeps this frame
            raise ConfigurationError(problem)
        self._api_key = api_key
        self._key = key

    @classmethod
    def from_env(cls) -> Self:
        """Return the credentials of the environment; raise `ConfigurationError` if it has none, or invalid ones.

        Reads BINANCE_API_KEY and either BINANCE_API_SECRET or BINANCE_PRIVATE_KEY_FILE (and, for an encrypted file,
        BINANCE_PRIVATE_KEY_PASSWORD). An empty variable counts as unset.
        """
        return cls(_require_variable(_API_KEY), _key_from_env())

    @property
    def api_key(self) -> str:
        """The API key, as the exchange issued it."""
        return self._api_key

    @property
    def key(self) -> SigningKey:
        """The key that signs."""
        return self._key


def credentials_problem(value: object) -> str | None:
    """Return why a value is not credentials, without showing it; None if it is."""
    if isinstance(value, Credentials):
        return None
    return f"credentials: expected Credentials(api_key, key), got {type(value).__name__}"


def _key_problem(key: object) -> str | None:
    if callable(getattr(key, "sign", None)) and not isinstance(key, type):
        return None
    expected = "HmacKey(secret), Ed25519Key.from_pem(pem) or RsaKey.from_pem(pem)"
    return f"key is {type(key).__name__}; expected {expected}"


def _key_from_env() -> SigningKey:
    if not os.environ.get(_KEY_FILE):
        return HmacKey(_require_variable(_SECRET))
    if os.environ.get(_SECRET):
        raise ConfigurationError(
            f"{_SECRET} and {_KEY_FILE} are both set, but an API key has only one key; unset one of them"
        )
    key = load_private_key(Path(os.environ[_KEY_FILE]), os.environ.get(_KEY_PASSWORD) or None)
    if isinstance(key, str):
        raise ConfigurationError(f"the private key {key} ({_KEY_FILE}, {_KEY_PASSWORD})")
    return key


def _require_variable(name: str) -> str:
    value = os.environ.get(name)
    if value:
        return value
    raise ConfigurationError(
        f"no credentials: {name} {'is not set' if value is None else 'is empty'}; set {_API_KEY} and {_SECRET}"
        f" (or {_KEY_FILE}), or call connect(Credentials(api_key, HmacKey(secret))). API keys are created in the"
        " account's API Management on the exchange's website, separately for each server"
    )
