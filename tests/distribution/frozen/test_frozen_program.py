"""A program frozen by PyInstaller, which has to follow every import of the SDK."""

import json
import subprocess
import sys
from pathlib import Path

from binance_sandbox import Fault, Sandbox

PROGRAM = Path(__file__).with_name("program.py")
# Folders of the packages, because PyInstaller does not see an editable installation.
PACKAGES = ("generated", "client", "signing_plugin")
OFFSET_MS = 10_000


def test_frozen_program(tmp_path: Path) -> None:
    """Built without hidden imports, and run without Python, it calls, synchronizes its clock and retries."""
    root = Path(__file__).parents[3]
    paths = [argument for package in PACKAGES for argument in ("--paths", str(root / package))]
    build = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR", *paths, str(PROGRAM)]
    subprocess.run(build, cwd=tmp_path, check=True)
    with Sandbox(clock_offset_ms=OFFSET_MS) as sandbox:
        sandbox.inject_fault(Fault.disconnect())
        credentials = (sandbox.account.api_key, str(sandbox.account.secret))

        frozen = [str(tmp_path / "dist" / "program" / "program"), sandbox.url, *credentials]
        child = subprocess.run(frozen, env={}, capture_output=True, text=True, check=False)

        # Disconnected; timestamp rejected; time requested; accepted; the async call.
        paths_called = [request.path for request in sandbox.received_requests]
    assert (0, "") == (child.returncode, child.stderr)
    result = json.loads(child.stdout)
    assert result["models"]
    assert result["same"]
    assert abs(result["clock"] - OFFSET_MS) < OFFSET_MS / 2
    assert ["/dapi/v1/balance"] * 2 + ["/dapi/v1/time"] + ["/dapi/v1/balance"] * 2 == paths_called
