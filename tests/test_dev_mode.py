"""In development mode, with each warning an error, Python finds nothing left open, deprecated or never awaited."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment_with

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
from binance_signing import connect

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

EXAMPLE = str(Path(__file__).parent.parent / "examples" / "balance.py")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        pytest.param(["-c", IMPORTS], 60, id="imports"),
        pytest.param(["-c", CALLS], 10, id="calls"),
        pytest.param(["-m", "binance_coinm_cli", "balance", "--sandbox"], 5, id="command"),
        pytest.param([EXAMPLE], 7, id="example"),
    ],
)
def test_nothing_is_complained_of(arguments: list[str], lines: int) -> None:
    """A process does what it is for, prints at least so many lines, and says nothing on stderr."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]

    ended = subprocess.run(command, env=environment_with({}), check=False, capture_output=True, text=True, timeout=60)

    # How long a step of an event loop takes is the machine's, which may have other things to do.
    assert "" == re.sub(r"^Executing <.*> took [0-9.]+ seconds\n", "", ended.stderr, flags=re.MULTILINE)
    assert 0 == ended.returncode
    assert lines <= len(ended.stdout.splitlines())
