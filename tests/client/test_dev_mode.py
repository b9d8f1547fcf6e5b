"""In development mode, with warnings as errors, Python finds nothing left open, deprecated or never awaited."""

import re
import subprocess
import sys

import pytest
from support.cli_runner import environment_with
from support.constants import ROOT

IMPORTS = """
import importlib, pkgutil, sys
for name in ("binance_coinm", "binance_signing", "binance_sandbox", "binance_coinm_cli"):
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        importlib.import_module(module.name)
print(*(name for name in sys.modules if name.startswith("binance_")), sep="\\n")
"""

CALLS = """
import asyncio
from binance_coinm.api.account import futures_account_balance
from binance_sandbox import Sandbox
from binance_coinm import connect

def client():
    return connect(sandbox.credentials, server=sandbox.url)

async def call():
    async with client() as connection:
        return await futures_account_balance.asyncio(client=connection)

with Sandbox() as sandbox:
    with client() as connection:
        print(*futures_account_balance.sync(client=connection), sep="\\n")
    print(*asyncio.run(call()), sep="\\n")
"""

EXAMPLE = str(ROOT / "examples" / "balance.py")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        pytest.param(["-c", IMPORTS], 60, id="imports"),
        pytest.param(["-c", CALLS], 10, id="calls"),
        pytest.param(["-m", "binance_coinm_cli", "balance", "--sandbox"], 5, id="command"),
        pytest.param([EXAMPLE], 7, id="example"),
    ],
)
def test_no_warnings(arguments: list[str], lines: int) -> None:
    """A process succeeds, prints at least this many lines, and writes nothing to stderr."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]

    ended = subprocess.run(command, env=environment_with({}), check=False, capture_output=True, text=True, timeout=60)

    # A slow step of an event loop is not a fault of the code; the machine may be busy.
    assert "" == re.sub(r"^Executing <.*> took [0-9.]+ seconds\n", "", ended.stderr, flags=re.MULTILINE)
    assert 0 == ended.returncode
    assert lines <= len(ended.stdout.splitlines())
