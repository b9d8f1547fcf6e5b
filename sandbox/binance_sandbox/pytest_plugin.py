"""The pytest fixtures `binance_sandbox` and `binance_environment`: a running sandbox of its own for each test."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binance_sandbox import Sandbox


@pytest.fixture
def binance_sandbox() -> "Iterator[Sandbox]":
    """Run the exchange's side of the call for the length of a test, on a free port."""
    # pytest loads this module in every run of a user, most of which have no need of a server.
    from binance_sandbox import Sandbox  # noqa: PLC0415

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def binance_environment(binance_sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> "Sandbox":
    """Let `connect()` reach `binance_sandbox`, by BINANCE_* in the environment; give the sandbox."""
    account = binance_sandbox.account
    monkeypatch.setenv("BINANCE_SERVER", binance_sandbox.url)
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", str(account.secret))
    # An API key has one key; a private one of the machine's own settings would be a second.
    monkeypatch.delenv("BINANCE_PRIVATE_KEY_FILE", raising=False)
    monkeypatch.delenv("BINANCE_PRIVATE_KEY_PASSWORD", raising=False)
    return binance_sandbox
