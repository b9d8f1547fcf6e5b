"""Which distribution the tests import as httpx: httpx itself, or httpx2 in `make test-httpx2`."""

import os

import pytest

with_httpx_alone = pytest.mark.skipif(
    os.environ.get("HTTPX") == "httpx2", reason="httpx2 takes any host name that begins with xn--"
)
