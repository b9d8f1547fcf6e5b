"""The document is complete: a client that OpenAPI Generator makes from openapi.yaml can call the sandbox."""

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from binance_coinm import connect
from binance_sandbox import Sandbox
from support.constants import BUNDLED_SPEC

VENV = Path(sys.prefix)
NOW_MS = 1591702613943
# This client does not sign: timestamp and signature are arguments like any other.
PROGRAM = """
import json, sys
from foreign import AccountApi, ApiClient, ApiException, Configuration, MarketApi

host, api_key, signature = sys.argv[1:]
with ApiClient(Configuration(host=host, api_key={"USER_DATA": api_key})) as client:
    timestamp = MarketApi(client).check_server_time().server_time
    try:
        rows = AccountApi(client).futures_account_balance(timestamp=timestamp, signature=signature, recv_window=3000)
        result = [row.to_dict() for row in rows]
    except ApiException as error:
        result = [type(error).__name__, error.status, error.data.code]
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the client; without a PATH, so that no other Java than the installed one is used."""
    folder = tmp_path_factory.mktemp("foreign")
    generator = VENV / "bin" / "openapi-generator-cli"
    options = [
        "-g",
        "python",
        "-i",
        str(BUNDLED_SPEC),
        "-o",
        str(folder),
        "--additional-properties",
        "packageName=foreign",
    ]

    subprocess.run([generator, "generate", *options], check=True, env={"PATH": ""})

    return folder


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a running exchange whose clock stands still."""
    with Sandbox(clock=lambda: NOW_MS) as sandbox:
        yield sandbox


def call(package: Path, *arguments: str) -> Any:
    """Call with the foreign client, in its own environment."""
    command = [str(VENV / "foreign" / "bin" / "python"), "-W", "error", "-c", PROGRAM, *arguments]
    return json.loads(subprocess.check_output(command, env={"PYTHONPATH": str(package)}))


def sign(sandbox: Sandbox) -> str:
    """Return the signature of what the program sends."""
    assert sandbox.account.secret
    query = f"recvWindow=3000&timestamp={NOW_MS}"
    return hmac.new(sandbox.account.secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def test_foreign_client_gets_the_same_rows(package: Path, sandbox: Sandbox) -> None:
    """With a valid signature it gets the rows of our own client, with all digits."""
    rows = call(package, sandbox.url, sandbox.account.api_key, sign(sandbox))

    with connect(sandbox.credentials, server=sandbox.url, clock=lambda: NOW_MS) as client:
        own = client.account.futures_account_balance(recv_window=3000)
    assert [row["asset"] for row in rows] == ["BTC", "ETH", "XRP", "ADA", "DOT"]
    assert rows == [row.to_dict() for row in own]


def test_wrong_signature(package: Path, sandbox: Sandbox) -> None:
    """A wrong signature is the document's error, as an exception of that client."""
    error = call(package, sandbox.url, sandbox.account.api_key, sign(sandbox)[::-1])

    assert error == ["BadRequestException", 400, -1022]


def test_wrong_key(package: Path, sandbox: Sandbox) -> None:
    """A wrong key is the document's error, as an exception of that client."""
    error = call(package, sandbox.url, sandbox.account.api_key[::-1], sign(sandbox))

    assert error == ["UnauthorizedException", 401, -2015]
