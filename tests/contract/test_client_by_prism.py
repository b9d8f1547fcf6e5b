"""The client keeps to the document: Prism, a mock server by openapi.yaml, checks its requests and makes answers."""

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
from binance_coinm import AuthenticatedClient
from binance_coinm.api.market import server_time
from binance_coinm.models import ServerTime
from binance_coinm.types import Response
from binance_signing import Credentials, HmacKey, connect
from calls import Balance
from samples import API_KEY, SECRET

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
VENV = Path(sys.prefix)
CREDENTIALS = Credentials(API_KEY, HmacKey(SECRET))
QUERY = {"recvWindow": "5000", "timestamp": "1591702613943", "signature": "0"}
SECONDS_TO_START = 60

Time = Callable[[AuthenticatedClient], Response[ServerTime]]


@pytest.fixture(
    scope="module", params=[[], ["--dynamic", "--seed", "1"]], ids=["answers with examples", "makes up answers"]
)
def prism(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a Prism that refuses what breaks the document, and give its URL."""
    program = VENV / "node" / "node_modules" / ".bin" / "prism"
    command = [VENV / "bin" / "node", program, "mock", DOCUMENT, "--port", "0", "--errors", *request.param]
    lines: Queue[str] = Queue()

    def read(process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put("")

    # The command `node` is a Python script that starts the real one, so that both are ended as a group.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        reader = Thread(target=read, args=[process])
        reader.start()
        try:
            said = ""
            while not (url := re.search(r"listening on (http://127\.0\.0\.1:\d+)", said)):
                line = lines.get(timeout=SECONDS_TO_START)
                assert line, said
                said += line
            yield url[1]
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            reader.join()


def time_sync(client: AuthenticatedClient) -> Response[ServerTime]:
    """Call by the sync function."""
    with client:
        return server_time.sync_detailed(client=client)


def time_async(client: AuthenticatedClient) -> Response[ServerTime]:
    """Call by the async function, in an event loop of its own."""

    async def call() -> Response[ServerTime]:
        async with client:
            return await server_time.asyncio_detailed(client=client)

    return asyncio.run(call())


@pytest.mark.parametrize("arguments", [{}, {"recv_window": 3000}], ids=["default", "recv_window"])
def test_balance_keeps_to_the_document(prism: str, balance: Balance, arguments: dict[str, int]) -> None:
    """Prism finds nothing wrong with the request, and what it answers by the document is rows with exact amounts."""
    answer = balance(connect(CREDENTIALS, server=prism), **arguments)

    assert answer.parsed
    assert all(type(row.balance) is Decimal for row in answer.parsed)
    assert [row.to_dict() for row in answer.parsed] == json.loads(answer.content, parse_float=Decimal)


@pytest.mark.parametrize("time", [time_sync, time_async], ids=["sync", "async"])
def test_time_keeps_to_the_document(prism: str, time: Time) -> None:
    """Prism finds nothing wrong with the request, and what it answers by the document is a time."""
    answer = time(connect(CREDENTIALS, server=prism))

    assert answer.parsed
    assert answer.parsed.to_dict() == json.loads(answer.content, parse_float=Decimal)


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
    ids=["in order", "no key", "no timestamp", "no signature", "timestamp", "recvWindow"],
)
def test_what_breaks_the_document_is_refused(
    prism: str, headers: dict[str, str], changes: dict[str, Any], status: int, violation: str
) -> None:
    """What the other tests rely on: each mistake in a request is found."""
    query = {name: value for name, value in (QUERY | changes).items() if value is not None}

    answer = httpx.get(f"{prism}/dapi/v1/balance", params=query, headers=headers)

    assert answer.status_code == status
    assert violation in answer.headers.get("sl-violations", "")
