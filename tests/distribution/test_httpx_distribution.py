"""The module that is imported as httpx is httpx, or httpx2 if `make test-httpx2` runs the tests."""

import logging
import os
import subprocess
import sys
from importlib.metadata import distributions

import httpcore
import httpx
import pytest
from binance_coinm import connect, errors
from binance_sandbox import Sandbox
from support.call_helpers import Balance

NAME = os.environ.get("HTTPX", "httpx")
CORE = {"httpx": "httpcore", "httpx2": "httpcore2"}[NAME]

SCRIPT = """
import httpcore, httpx._client
print(httpx.__name__, httpx._client.__name__, httpcore.__name__)
"""


def test_in_this_process() -> None:
    """The tests import the intended distribution; with httpx2, httpx is not even installed."""
    installed = {distribution.name for distribution in distributions()}

    assert (NAME, CORE) == (httpx.__name__, httpcore.__name__)
    assert (NAME == "httpx") is ("httpx" in installed) is ("httpcore" in installed)


def test_in_another_process() -> None:
    """A process with an empty environment imports the same."""
    child = subprocess.run([sys.executable, "-I", "-c", SCRIPT], env={}, check=True, capture_output=True, text=True)

    assert [NAME, f"{NAME}._client", CORE] == child.stdout.split()


def test_in_the_sdk(sandbox: Sandbox, balance: Balance, caplog: pytest.LogCaptureFixture) -> None:
    """The base classes of errors and the loggers of calls are those of the distribution."""
    caplog.set_level(logging.DEBUG)

    balance(connect(sandbox.credentials, server=sandbox.url))

    assert f"{NAME}.TransportError" in {f"{base.__module__}.{base.__name__}" for base in errors.NetworkError.__mro__}
    written = {record.name for record in caplog.records if record.name.startswith("http")}
    assert {NAME, f"{CORE}.connection", f"{CORE}.http11"} == written
