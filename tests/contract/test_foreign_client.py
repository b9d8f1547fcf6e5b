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
# Operations of all sections and security types, and with all shapes of responses.
OTHERS = """
import json, sys
from foreign import AccountApi, ApiClient, Configuration, MarketApi, StreamApi, TradeApi
from foreign import KlineInterval, OrderSide, OrderType

host, api_key, timestamp, of_income, of_order = sys.argv[1:]
keys = dict.fromkeys(["TRADE", "USER_DATA", "USER_STREAM"], api_key)
signed = {"symbol": "BTCUSD_PERP", "timestamp": int(timestamp)}
with ApiClient(Configuration(host=host, api_key=keys)) as client:
    market = MarketApi(client)
    responses = [
        market.exchange_information(),
        market.kline_candlestick_data("BTCUSD_PERP", KlineInterval("1h")),
        AccountApi(client).get_income_history(signature=of_income, **signed),
        TradeApi(client).new_order(
            side=OrderSide("BUY"), type=OrderType("MARKET"), quantity="1", signature=of_order, **signed
        ),
        StreamApi(client).start_user_data_stream(),
    ]
print(json.dumps(responses, default=lambda model: model.to_dict()))
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


def call(package: Path, *arguments: str, program: str = PROGRAM) -> Any:
    """Call with the foreign client, in its own environment."""
    command = [str(VENV / "foreign" / "bin" / "python"), "-W", "error", "-c", program, *arguments]
    return json.loads(subprocess.check_output(command, env={"PYTHONPATH": str(package)}))


def sign(sandbox: Sandbox, parameters: str = "recvWindow=3000") -> str:
    """Return the signature of what a program sends."""
    assert sandbox.account.secret
    query = f"{parameters}&timestamp={NOW_MS}"
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


def test_other_operations(package: Path, sandbox: Sandbox) -> None:
    """Operations of each section can be called, and their responses are read completely."""
    paths = json.loads(BUNDLED_SPEC.read_text(encoding="utf-8"))["paths"]

    responses = call(
        package,
        sandbox.url,
        sandbox.account.api_key,
        str(NOW_MS),
        sign(sandbox, "symbol=BTCUSD_PERP"),
        sign(sandbox, "symbol=BTCUSD_PERP&side=BUY&type=MARKET&quantity=1"),
        program=OTHERS,
    )

    operations = [
        ("exchangeInfo", "get"),
        ("klines", "get"),
        ("income", "get"),
        ("order", "post"),
        ("listenKey", "post"),
    ]
    examples = [
        next(
            iter(
                paths[f"/dapi/v1/{name}"][method]["responses"]["200"]["content"]["application/json"][
                    "examples"
                ].values()
            )
        )
        for name, method in operations
    ]
    assert [example["value"] for example in examples] == responses
