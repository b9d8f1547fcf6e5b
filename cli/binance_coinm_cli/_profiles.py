"""Profiles: servers and accounts that have a name in the configuration file."""

import os
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from binance_coinm import Server
from binance_coinm.errors import ConfigurationError

_API_KEY, _SECRET, _KEY_FILE = "BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_PRIVATE_KEY_FILE"
# The keys of a profile, their types, and the variable of the environment that each takes the place of.
_KEYS: dict[str, tuple[type, str]] = {
    "server": (str, "BINANCE_SERVER"),
    "api_key": (str, _API_KEY),
    "private_key_file": (str, _KEY_FILE),
    "keyring": (bool, _SECRET),
}
_SECRETS = {"api_secret", "secret", "private_key", "private_key_password", "password"}
# The name under which the keyring has the secrets; a profile is a user of it.
_SERVICE = "binance-coinm"


@contextmanager
def profile_in_environment(name: str | None) -> Generator[Mapping[str, str]]:
    """Set the variables that a profile names and that the environment does not have, while the context is open.

    Yields where each of them comes from. Without a name, that is BINANCE_PROFILE or else nothing. Raises
    ConfigurationError for an invalid file or profile, and for API keys of two accounts.
    """
    name = name or os.environ.get("BINANCE_PROFILE")
    sources: dict[str, str] = {}
    try:
        if name:
            _set_variables(name, sources)
        yield sources
    finally:
        for variable in sources:
            del os.environ[variable]


def _set_variables(name: str, sources: dict[str, str]) -> None:
    file, profile = _read(name)
    has_key = bool(os.environ.get(_SECRET) or os.environ.get(_KEY_FILE))
    try:
        if os.environ.get(_API_KEY, "") not in ("", profile.get("api_key", os.environ.get(_API_KEY))):
            raise ConfigurationError(
                f"{_API_KEY} and profile {name} are of two accounts; unset {_API_KEY}, or do not use the profile"
            )
        for key, (_, variable) in _KEYS.items():
            is_set = has_key if variable in (_SECRET, _KEY_FILE) else os.environ.get(variable)
            if profile.get(key) and not is_set:
                os.environ[variable] = _value(name, key, profile[key], file.parent)
                sources[variable] = f"{key} of profile {name}"
    finally:
        # An exception's traceback keeps this frame.
        del profile


def _value(name: str, key: str, value: Any, folder: Path) -> str:
    """Return what a variable is set to."""
    if key == "keyring":
        return _secret_from_keyring(name)
    if key == "private_key_file":
        path = folder / Path(value).expanduser()
        if not path.is_file():
            raise ConfigurationError(f"profile {name}: private_key_file: there is no file {path}")
        return str(path)
    return str(value)


def _read(name: str) -> tuple[Path, dict[str, Any]]:
    """Return the configuration file, and the profile of this name in it."""
    file = _file()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        problem = _profile_problem(content, name)
        if problem is None:
            return file, content["profiles"][name]
        del content  # an exception's traceback keeps this frame
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except ValueError as error:
        problem = f"expected TOML: {error}"
    # Raised here, because the context of an exception keeps its frames too.
    raise ConfigurationError(f"{file}: {problem}")


def _profile_problem(content: dict[str, Any], name: str) -> str | None:
    """Return what is wrong with the profile of this name; never shows a secret."""
    profiles = content.get("profiles")
    if content.keys() != {"profiles"} or not isinstance(profiles, dict):
        return "expected tables [profiles.NAME], and nothing else"
    profile: Any = cast("dict[str, Any]", profiles).get(name)
    if profile is None:
        return f"no profile {name}; there is {', '.join(cast('dict[str, Any]', profiles)) or 'none'}"
    if not isinstance(profile, dict):
        return f"profiles.{name}: expected a table [profiles.{name}]"
    settings = cast("dict[str, Any]", profile)
    problems = [_problem(key, value) for key, value in settings.items()]
    if settings.get("keyring") and "private_key_file" in settings:
        problems.append("keyring: an API key has only one key; remove this or private_key_file")
    return next((f"profiles.{name}.{problem}" for problem in problems if problem), None)


def _problem(key: str, value: object) -> str | None:
    """Return what is wrong with a key of a profile, to be read after the profile's name; never shows a secret."""
    if key in _SECRETS:
        return (
            f"{key}: secrets do not belong in this file; use {_SECRET} or BINANCE_PRIVATE_KEY_PASSWORD in the"
            " environment, private_key_file, or keyring = true"
        )
    if key not in _KEYS:
        return f"{key}: expected one of {', '.join(_KEYS)}"
    kind = _KEYS[key][0]
    if not isinstance(value, kind) or value == "":
        return f"{key}: expected {'true or false' if kind is bool else 'a text in quotation marks'}"
    try:
        if key == "server":
            Server.from_name(str(value))
    except ValueError as error:
        return f"{key}: {error}"
    return None


def _file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.environ.get("BINANCE_COINM_CONFIG") or f"{folder}/binance-coinm/config.toml").expanduser()


def _secret_from_keyring(name: str) -> str:
    try:
        import keyring  # noqa: PLC0415, an optional extra
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"profile {name} needs keyring, which is not installed: pip install 'binance-coinm[keyring]'"
        ) from None
    try:
        secret = keyring.get_password(_SERVICE, name)
    except KeyringError as error:
        raise ConfigurationError(f"profile {name}: the system's keyring cannot be used: {error}") from None
    if not secret:
        raise ConfigurationError(f"the system's keyring has no secret: keyring set {_SERVICE} {name}")
    return secret
