"""The pytest fixtures do what users' tests need, however these are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).parent / "users_suite.py"
TESTS = 94
WORKERS = 8
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


def test_users_suite(tmp_path: Path) -> None:
    """Sync and async tests, of pytest-asyncio and of anyio, pass when many workers run them at once."""
    shutil.copy(SUITE, tmp_path / "test_user.py")

    written = run_pytest(tmp_path, "-n", str(WORKERS))

    assert f"{WORKERS} workers [{TESTS} items]" in written, written
    assert f"= {TESTS} passed in" in written, written


def test_fixtures_are_listed(tmp_path: Path) -> None:
    """`pytest --fixtures` shows both fixtures, each with one line on what it does."""
    written = run_pytest(tmp_path, "--fixtures")

    listed = dict(re.findall(r"^(binance_\w+) -- .*\n    (.*)$", written, re.MULTILINE))
    assert {"binance_sandbox", "binance_environment"} == listed.keys()
    assert all(line.endswith(".") for line in listed.values())
