"""The pytest fixtures `binance_sandbox` and `binance_environment`: a running sandbox for each test."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binance_sandbox import Sandbox


@pytest.fixture
def binance_sandbox() -> "Iterator[Sandbox]":
    """Run a sandbox on a free port for the duration of a test."""
    # Imported here because pytest loads this module in every run, and most runs need no server.
    from binance_sandbox import Sandbox  # noqa: PLC0415

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def binance_environment(binance_sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> "Sandbox":
    """Set the environment variables BINANCE_* so that `connect()` uses `binance_sandbox`, and return the sandbox."""
    from binance_sandbox.environment import environment_of  # noqa: PLC0415, the same

    for name, value in environment_of(binance_sandbox).items():
        monkeypatch.setenv(name, value)
    # Removed because a private key set on this machine would be a second key beside the secret.
    monkeypatch.delenv("BINANCE_PRIVATE_KEY_FILE", raising=False)
    monkeypatch.delenv("BINANCE_PRIVATE_KEY_PASSWORD", raising=False)
    return binance_sandbox
