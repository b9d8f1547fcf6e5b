"""What all tests share: a clean environment, a sandbox, and a search of every exception for secrets."""

import os
import re
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from binance_coinm import errors
from binance_sandbox import Sandbox
from hypothesis import settings
from support.call_helpers import Balance, Call, balance_async, balance_sync, call_async, call_sync
from support.constants import API_KEY, SECRET
from support.recording_proxy import RecordingProxy
from support.specs import Kinds, kinds_in

_SIGNATURE = re.compile("[0-9a-f]{64}|signature=")


# The same examples in each run of the tests; others in each run of `make fuzz`, which names the profile.
settings.register_profile("default", max_examples=200, derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("brief", settings.get_profile("default"), max_examples=600, derandomize=False)
settings.register_profile("fuzz", settings.get_profile("brief"), max_examples=10_000)


def pytest_configure() -> None:
    """Handle Ctrl+C, which processes that a script starts in the background ignore, and so do their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _environment_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own settings out of each test."""
    for variable in os.environ:
        if variable.startswith(("BINANCE_", "SSL_CERT_", "SSLKEYLOGFILE")) or variable.lower().endswith("_proxy"):
            monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _exceptions_without_secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail each test in which a `BinanceError` was created that shows a key, a secret or a signature."""
    created: list[errors.BinanceError] = []

    def remember(error: errors.BinanceError, *args: object, **settings: object) -> None:
        created.append(error)
        super(errors.BinanceError, error).__init__(*args, **settings)

    monkeypatch.setattr(errors.BinanceError, "__init__", remember, raising=False)
    yield
    for error in created:
        text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert SECRET not in text
        assert API_KEY not in text
        assert not _SIGNATURE.search(text)


@pytest.fixture(params=[balance_sync, balance_async], ids=["sync", "async"])
def balance(request: pytest.FixtureRequest) -> Balance:
    """Return a call of the balance operation, once of the sync and once of the async function."""
    call: Balance = request.param
    return call


@pytest.fixture(params=[call_sync, call_async], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Return a call of any operation, once of the sync and once of the async function."""
    call: Call = request.param
    return call


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a running exchange."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def exchange() -> Iterator[Sandbox]:
    """Return a running exchange for the tests of a module; calls of all operations do not reach its weight limit."""
    with Sandbox(weight_limit=1_000_000) as sandbox:
        yield sandbox


@pytest.fixture
def relay(sandbox: Sandbox) -> Iterator[RecordingProxy]:
    """Return a relay in front of the exchange, which records the connections to it."""
    with RecordingProxy(sandbox.url) as relay:
        yield relay


@pytest.fixture(scope="session")
def kinds() -> Iterator[Kinds]:
    """Return a package with operations of all kinds, which is generated once for all tests."""
    with TemporaryDirectory() as folder, kinds_in(Path(folder)) as kinds:
        yield kinds
