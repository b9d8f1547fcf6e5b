"""The pytest fixture `binance_sandbox`: a running sandbox of its own for each test."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binance_sandbox import Sandbox


@pytest.fixture
def binance_sandbox() -> "Iterator[Sandbox]":
    """Run the exchange's side of the call for the length of a test."""
    # pytest loads this module in every run of a user, most of which have no need of a server.
    from binance_sandbox import Sandbox  # noqa: PLC0415

    with Sandbox() as sandbox:
        yield sandbox
