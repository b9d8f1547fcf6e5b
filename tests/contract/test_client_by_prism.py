"""The client conforms to the document: Prism, a mock server of openapi.yaml, validates requests and responds."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest
from binance_client.base_client import AuthenticatedClient
from binance_coinm import Credentials, HmacKey, connect
from binance_coinm.api.market import check_server_time
from binance_coinm.models import ServerTime
from binance_coinm.types import Response
from support.call_helpers import Balance
from support.constants import API_KEY, BUNDLED_SPEC, SECRET

VENV = Path(sys.prefix)
CREDENTIALS = Credentials(API_KEY, HmacKey(SECRET))
QUERY = {"recvWindow": "5000", "timestamp": "1591702613943", "signature": "0"}
SECONDS_TO_START = 60

Time = Callable[[AuthenticatedClient], Response[ServerTime]]


@pytest.fixture(scope="module", params=[[], ["--dynamic", "--seed", "1"]], ids=["examples", "generated responses"])
def prism(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run Prism, which rejects requests that violate the document, and return its URL."""
    program = VENV / "node" / "node_modules" / ".bin" / "prism"
    command = [VENV / "bin" / "node", program, "mock", BUNDLED_SPEC, "--port", "0", "--errors", *request.param]
    lines: Queue[str] = Queue()

    def read(process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put("")

    # The command `node` is a Python script that starts the real one, so both are stopped as a group.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        reader = Thread(target=read, args=[process])
        reader.start()
        try:
            output = ""
            while not (url := re.search(r"listening on (http://127\.0\.0\.1:\d+)", output)):
                line = lines.get(timeout=SECONDS_TO_START)
                assert line, output
                output += line
            yield url[1]
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            reader.join()


def time_sync(client: AuthenticatedClient) -> Response[ServerTime]:
    """Call the sync function, and close the client."""
    with client:
        return check_server_time.sync_detailed(client=client)


def time_async(client: AuthenticatedClient) -> Response[ServerTime]:
    """Call the async function in a new event loop, and close the client."""

    async def call() -> Response[ServerTime]:
        async with client:
            return await check_server_time.asyncio_detailed(client=client)

    return asyncio.run(call())


@pytest.mark.parametrize("arguments", [{}, {"recv_window": 3000}], ids=["default", "recv_window"])
def test_balance_conforms(prism: str, balance: Balance, arguments: dict[str, int]) -> None:
    """Prism accepts the request, and its response becomes rows with exact amounts."""
    response = balance(connect(CREDENTIALS, server=prism), **arguments)

    assert response.parsed
    assert all(type(row.balance) is Decimal for row in response.parsed)
    # `to_dict` writes undocumented numbers as text.
    rows = [row.to_dict() | row.additional_properties for row in response.parsed]
    assert rows == json.loads(response.content, parse_float=Decimal)


@pytest.mark.parametrize("time", [time_sync, time_async], ids=["sync", "async"])
def test_time_conforms(prism: str, time: Time) -> None:
    """Prism accepts the request, and its response becomes a time."""
    response = time(connect(CREDENTIALS, server=prism))

    assert response.parsed
    received = response.parsed.to_dict() | response.parsed.additional_properties
    assert received == json.loads(response.content, parse_float=Decimal)


@pytest.mark.parametrize(
    ("headers", "changes", "status", "violation"),
    [
        ({"X-MBX-APIKEY": API_KEY}, {}, 200, ""),
        ({}, {}, 401, "Invalid security scheme used"),
        ({"X-MBX-APIKEY": API_KEY}, {"timestamp": None}, 400, "must have required property 'timestamp'"),
        ({"X-MBX-APIKEY": API_KEY}, {"signature": None}, 400, "must have required property 'signature'"),
        ({"X-MBX-APIKEY": API_KEY}, {"timestamp": "now"}, 400, "parameter timestamp must be integer"),
        ({"X-MBX-APIKEY": API_KEY}, {"recvWindow": "0"}, 400, "parameter recvwindow must be >= 1"),
    ],
    ids=["valid", "no key", "no timestamp", "no signature", "timestamp", "recvWindow"],
)
def test_violations_are_rejected(
    prism: str, headers: dict[str, str], changes: dict[str, Any], status: int, violation: str
) -> None:
    """Prism rejects invalid requests, on which the other tests depend."""
    query = {name: value for name, value in (QUERY | changes).items() if value is not None}

    response = httpx.get(f"{prism}/dapi/v1/balance", params=query, headers=headers)

    assert response.status_code == status
    assert violation in response.headers.get("sl-violations", "")
