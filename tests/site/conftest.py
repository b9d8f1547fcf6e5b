"""What the tests of the site share: the site that `make docs` made, served on loopback, and a browser."""

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

SITE = Path(__file__).parents[2] / "site"
# By Debian's names; where none is installed, it is Playwright's own, after `playwright install chromium`.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base's names
        """Say nothing of each request."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the site, and give its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=SITE)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what there is to be translated."""
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
        # Its own sandbox does not work for root, whom containers have; it opens this site alone.
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
