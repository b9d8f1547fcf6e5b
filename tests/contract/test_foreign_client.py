"""The document is enough for others: a client that OpenAPI Generator makes of openapi.yaml can call the sandbox."""

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from binance_coinm.api.account import futures_account_balance
from binance_sandbox import Sandbox
from binance_signing import connect

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
VENV = Path(sys.prefix)
NOW_MS = 1591702613943
# It knows of no signing: timestamp and signature are arguments like any other.
PROGRAM = """
import json, sys
from foreign import AccountApi, ApiClient, ApiException, Configuration, MarketApi

host, api_key, signature = sys.argv[1:]
with ApiClient(Configuration(host=host, api_key={"USER_DATA": api_key})) as client:
    timestamp = MarketApi(client).server_time().server_time
    try:
        rows = AccountApi(client).futures_account_balance(timestamp=timestamp, signature=signature, recv_window=3000)
        said = [row.to_dict() for row in rows]
    except ApiException as error:
        said = [type(error).__name__, error.status, error.data.code]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the client; it has no PATH on which another Java could be than the one that comes along."""
    folder = tmp_path_factory.mktemp("foreign")
    generator = VENV / "bin" / "openapi-generator-cli"
    options = ["-g", "python", "-i", str(DOCUMENT), "-o", str(folder), "--additional-properties", "packageName=foreign"]

    subprocess.run([generator, "generate", *options], check=True, env={"PATH": ""})

    return folder


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Run an exchange whose time stands still."""
    with Sandbox(clock=lambda: NOW_MS) as sandbox:
        yield sandbox


def call(package: Path, *arguments: str) -> Any:
    """Call by the foreign client, in its own environment."""
    command = [str(VENV / "foreign" / "bin" / "python"), "-W", "error", "-c", PROGRAM, *arguments]
    return json.loads(subprocess.check_output(command, env={"PYTHONPATH": str(package)}))


def sign(sandbox: Sandbox) -> str:
    """Sign by hand what the program sends."""
    assert sandbox.account.secret
    query = f"recvWindow=3000&timestamp={NOW_MS}"
    return hmac.new(sandbox.account.secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def test_foreign_client_gets_the_same_rows(package: Path, sandbox: Sandbox) -> None:
    """With a signature over its query it gets what our own client gets, digit by digit."""
    rows = call(package, sandbox.url, sandbox.account.api_key, sign(sandbox))

    with connect(sandbox.credentials, server=sandbox.url, clock=lambda: NOW_MS) as client:
        own = futures_account_balance.sync(client=client, recv_window=3000)
    assert [row["asset"] for row in rows] == ["BTC", "ETH", "XRP", "ADA", "DOT"]
    assert rows == [row.to_dict() for row in own]


def test_foreign_client_with_a_wrong_signature_is_refused(package: Path, sandbox: Sandbox) -> None:
    """What the other test relies on: it gets the document's error, as an exception of its own."""
    refused = call(package, sandbox.url, sandbox.account.api_key, sign(sandbox)[::-1])

    assert refused == ["BadRequestException", 400, -1022]


def test_foreign_client_with_a_wrong_key_is_refused(package: Path, sandbox: Sandbox) -> None:
    """The key goes where the document says, and a wrong one gets the document's error."""
    refused = call(package, sandbox.url, sandbox.account.api_key[::-1], sign(sandbox))

    assert refused == ["UnauthorizedException", 401, -2015]
