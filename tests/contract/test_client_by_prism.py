"""The client conforms to the document: Prism, a mock server of openapi.yaml, validates requests and responds."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest
from binance_coinm import Client, Credentials, HmacKey, connect
from binance_coinm.types import Response
from support.call_helpers import Balance
from support.constants import API_KEY, BUNDLED_SPEC, SECRET
from support.operations import OPERATIONS, arguments, as_sent, content, endpoint, resolved

VENV = Path(sys.prefix)
CREDENTIALS = Credentials(API_KEY, HmacKey(SECRET))
QUERY = {"recvWindow": "5000", "timestamp": "1591702613943", "signature": "0"}
SECONDS_TO_START = 60

Call = Callable[[Client, Any, dict[str, Any]], Response[Any]]


MODES = {"examples": [], "generated responses": ["--dynamic", "--seed", "1"]}


@contextmanager
def running(arguments: list[str]) -> Iterator[str]:
    """Run Prism, which rejects requests that violate the document; yield its URL."""
    program = VENV / "node" / "node_modules" / ".bin" / "prism"
    command: list[str | Path] = [
        VENV / "bin" / "node",
        program,
        "mock",
        BUNDLED_SPEC,
        "--port",
        "0",
        "--errors",
        *arguments,
    ]
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


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """Return the URL of a Prism for each mode."""
    with ExitStack() as stack:
        yield {mode: stack.enter_context(running(arguments)) for mode, arguments in MODES.items()}


@pytest.fixture(params=MODES)
def prism(request: pytest.FixtureRequest, urls: dict[str, str]) -> str:
    """Return the URL of a Prism."""
    return urls[request.param]


@pytest.mark.parametrize("arguments", [{}, {"recv_window": 3000}], ids=["default", "recv_window"])
def test_balance_conforms(prism: str, balance: Balance, arguments: dict[str, int]) -> None:
    """Prism accepts the request, and its response becomes rows with exact amounts."""
    response = balance(connect(CREDENTIALS, server=prism), **arguments)

    assert response.parsed
    assert all(type(row.balance) is Decimal for row in response.parsed)
    # `to_dict` writes undocumented numbers as text.
    rows = [row.to_dict() | row.additional_properties for row in response.parsed]
    assert rows == json.loads(response.content, parse_float=Decimal)


def call_sync(client: Client, module: Any, kwargs: dict[str, Any]) -> Response[Any]:
    """Call the sync function, and close the client."""
    with client:
        response: Response[Any] = module.sync_detailed(client=client, **kwargs)
        return response


def call_async(client: Client, module: Any, kwargs: dict[str, Any]) -> Response[Any]:
    """Call the async function in a new event loop, and close the client."""

    async def call() -> Response[Any]:
        async with client:
            response: Response[Any] = await module.asyncio_detailed(client=client, **kwargs)
            return response

    return asyncio.run(call())


def has_tuples(schema: Mapping[str, Any]) -> bool:
    """Return True if an array within the schema has items of different types, which Prism cannot generate."""
    schema = resolved(schema)
    parts = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return "prefixItems" in schema or any(map(has_tuples, parts))


# Prism generates as many results as it likes, and not one for each item of a batch.
CASES = [
    (mode, operation_id)
    for mode in MODES
    for operation_id in OPERATIONS
    if mode == "examples"
    or not (has_tuples(content(operation_id)["schema"]) or "x-result-for" in OPERATIONS[operation_id])
]


@pytest.mark.parametrize("call", [call_sync, call_async], ids=["sync", "async"])
@pytest.mark.parametrize(("mode", "operation_id"), CASES)
def test_each_operation_conforms(urls: dict[str, str], mode: str, operation_id: str, call: Call) -> None:
    """Prism accepts the request with all arguments, and its response is read completely."""
    module = endpoint(operation_id)

    response = call(connect(CREDENTIALS, server=urls[mode]), module, arguments(module, with_optional=True))

    assert as_sent(json.loads(response.content, parse_float=Decimal)) == as_sent(response.parsed)


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
