"""The plugin alone: what it needs, and that it serves a client of httpx without the rest of the project."""

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "signing_plugin" / "binance_signing"
PROGRAM = """
import sys

import httpx

of_httpx = set(sys.modules)

from binance_signing import Credentials, HmacKey, Signer


class Security:
    api_key_header = "X-MBX-APIKEY"
    signed = True


def respond(request):
    return httpx.Response(200, text=f"{request.headers['X-MBX-APIKEY']} {request.url.query.decode()}")


signer = Signer(Credentials("key", HmacKey("secret")), "https://dapi.example", clock=lambda: 1)
hooks = {"request": [signer]}
with httpx.Client(transport=httpx.MockTransport(respond), event_hooks=hooks, base_url="https://dapi.example") as client:
    print(client.get("/dapi/v1/balance", extensions={"security": Security}).text)
print(sorted({"attr", "binance_client", "binance_coinm"} & set(sys.modules) - of_httpx))
"""
# Of "timestamp=1" with "secret", by `printf timestamp=1 | openssl dgst -sha256 -hmac secret`.
SIGNATURE = "c402d7b980cc9eabd875601df69f390fe7790d9ca1e140a3f62ec5f5d161e797"
MAX_LINES = 700


def test_serves_a_client_of_httpx() -> None:
    """On a plain client of httpx it signs, and neither runtime nor generated package is imported."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    assert f"key timestamp=1&signature={SIGNATURE}\n[]\n" == done.stdout


def test_is_small() -> None:
    """It can be read in an hour."""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py"))

    assert lines <= MAX_LINES
