"""Pytest, run in a process of its own, as users run it with the plugin of the sandbox."""

import os
import subprocess
import sys
from pathlib import Path

# By the names of their entry points, as they are loaded without any option; others would take time in each worker.
PLUGINS = ["-p", "binance_sandbox", "-p", "xdist", "-p", "asyncio", "-p", "anyio"]
SETTINGS = """
[pytest]
addopts = --strict-markers --strict-config
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""
# What the machine has set, BINANCE_* for its own use.
MACHINE = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "BINANCE_SERVER": "production",
    "BINANCE_API_KEY": "the-machine's",
    "BINANCE_PRIVATE_KEY_FILE": "/nowhere/key.pem",
    "BINANCE_PRIVATE_KEY_PASSWORD": "password",
}


def run_pytest(folder: Path, *arguments: str) -> str:
    """Run a folder's tests as users do, with warnings as errors, and give what is written."""
    (folder / "pytest.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "pytest", *PLUGINS, *arguments]
    environment = os.environ | MACHINE
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
