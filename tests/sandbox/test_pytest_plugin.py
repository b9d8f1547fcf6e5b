"""The pytest fixtures, as users' tests run them."""

import re
import shutil
from pathlib import Path

from support.pytest_runner import run_pytest

SUITE = Path(__file__).parent / "plugin_suite.py"
TESTS = 97
WORKERS = 8


def test_plugin_suite(tmp_path: Path) -> None:
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
