"""All that is imported as httpx is httpx, or, if `make test-httpx2` runs the tests, httpx2 and nothing else."""

import os
import subprocess
import sys
from importlib.metadata import distributions
from typing import Any

import httpcore
import httpx
from binance_coinm import errors
from binance_signing import Credentials, HmacKey, connect

NAME = os.environ.get("HTTPX", "httpx")
CORE = {"httpx": "httpcore", "httpx2": "httpcore2"}[NAME]

SCRIPT = """
import httpcore, httpx._client
print(httpx.__name__, httpx._client.__name__, httpcore.__name__)
"""


def test_in_this_process() -> None:
    """The tests import what they are to be run with, and beside httpx2 httpx is not even installed."""
    installed = {distribution.name for distribution in distributions()}

    assert (NAME, CORE) == (httpx.__name__, httpcore.__name__)
    assert (NAME == "httpx") is ("httpx" in installed) is ("httpcore" in installed)


def test_in_another_process() -> None:
    """A process that a test starts imports the same, be its environment empty."""
    child = subprocess.run([sys.executable, "-I", "-c", SCRIPT], env={}, check=True, capture_output=True, text=True)

    assert [NAME, f"{NAME}._client", CORE] == child.stdout.split()


def test_in_the_sdk() -> None:
    """The errors are of it, and connections are made by it."""
    client = connect(Credentials("api-key", HmacKey("secret"))).get_httpx_client()
    pool: Any = client._transport._pool  # type: ignore[attr-defined]  # noqa: SLF001, there is no public way

    assert f"{NAME}.TransportError" in {f"{base.__module__}.{base.__name__}" for base in errors.NetworkError.__mro__}
    assert CORE == type(pool).__module__.partition(".")[0]
