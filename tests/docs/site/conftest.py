"""Fixtures of the site's tests: the site that `make docs` built, served on loopback, and a browser."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, sync_playwright
from support.constants import ROOT

SITE = ROOT / "site"
# Debian's names; if neither is installed, Playwright uses its own, after `playwright install chromium`.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base's names
        """Log nothing."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the site, and yield its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=SITE)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the gettext templates of all pages, and return their folder."""
    folder = tmp_path_factory.mktemp("gettext")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--quiet",
        "--builder",
        "gettext",
        str(SITE.parent / "docs"),
        str(folder),
    ]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        # Its own sandbox does not work for root, which containers use; it opens only this site.
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
