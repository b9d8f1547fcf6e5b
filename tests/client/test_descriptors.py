"""A process without free descriptors: a call ends in an exception of the tree, and later ones succeed."""

import subprocess
import sys

import pytest
from support.scripted_server import ScriptedServer, response, rows_of

_SCRIPT = """
import asyncio, os, resource, sys
import trio
from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm import Credentials, HmacKey, RetryPolicy, connect

def describe(error):
    return f"{type(error).__name__}, {error.execution}"

def exhaust():
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return held

def release(held):
    for descriptor in held:
        os.close(descriptor)

def call_sync(client):
    try:
        return f"{len(operation.sync(client=client))} rows"
    except errors.NetworkError as error:
        return describe(error)

async def call_async(client):
    try:
        return f"{len(await operation.asyncio(client=client))} rows"
    except errors.NetworkError as error:
        return describe(error)

def sync():
    for client in clients:
        held = exhaust()
        outcomes = [call_sync(client), call_sync(client)]
        release(held)
        print(*outcomes, call_sync(client), sep="; ")

async def async_():
    for client in clients:
        held = exhaust()
        outcomes = [await call_async(client), await call_async(client)]
        release(held)
        print(*outcomes, await call_async(client), sep="; ")

side, url, authority = sys.argv[1:]
clients = [
    connect(Credentials("first", HmacKey("secret")), server=url, verify=authority or True, **settings)
    for settings in ({"retry": None}, {"retry": RetryPolicy(max_attempts=3, initial_backoff=0)})
]
# Opens what stays open for the lifetime of the process.
with connect(Credentials("first", HmacKey("secret")), server=url, verify=authority or True) as first:
    call_sync(first)
    asyncio.run(call_async(first))
    trio.run(call_async, first)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
{"sync": sync, "asyncio": lambda: asyncio.run(async_()), "trio": lambda: trio.run(async_)}[side]()
for client in clients:
    client.close()
"""


_COLD = """
import asyncio, os, resource, sys
from binance_coinm import Credentials, HmacKey, connect, errors

def attempt(act):
    try:
        act()
    except errors.BinanceError as error:
        print(type(error).__name__, getattr(error, "execution", ""))
    else:
        print("fine")

def connect_to_nobody():
    return connect(Credentials("first", HmacKey("secret")), server="http://127.0.0.1:1", retry=None)

def call(client):
    if side == "sync":
        client.account.futures_account_balance()
    else:
        runner.run(client.aio.account.futures_account_balance())

side = sys.argv[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
with asyncio.Runner() as runner:
    runner.get_loop()
    for act in (connect_to_nobody, lambda: call(client)):
        held = []
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            attempt(act)
        for descriptor in held:
            os.close(descriptor)
        client = connect_to_nobody()
        attempt(lambda: call(client) if act is not connect_to_nobody else None)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no limit on descriptors")
@pytest.mark.parametrize("side", ["sync", "asyncio"])
def test_no_descriptors_left_for_modules(side: str) -> None:
    """Without a descriptor for the modules that `connect` or the first call imports, both end in the tree, too."""
    command = [sys.executable, "-W", "error", "-c", _COLD, side]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert (
        "ConfigurationError \nfine\nNetworkError not_executed\nNetworkError not_executed\n",
        "",
        0,
    ) == (ended.stdout, ended.stderr, ended.returncode)


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no limit on descriptors")
@pytest.mark.parametrize("side", ["sync", "asyncio", "trio"])
@pytest.mark.parametrize(("host", "tls"), [("127.0.0.1", False), ("127.0.0.1", True), ("localhost", False)])
def test_no_descriptors_left(side: str, host: str, *, tls: bool) -> None:
    """A call that can open no socket was not executed, in one attempt or in several; the next one succeeds."""
    with ScriptedServer(lambda request: response(rows_of(request.api_key)), tls=tls) as server:
        url = server.url.replace("127.0.0.1", host)
        command = [sys.executable, "-W", "error", "-c", _SCRIPT, side, url, server.authority]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert ("NetworkError, not_executed; NetworkError, not_executed; 1 rows\n" * 2, "", 0) == (
        ended.stdout,
        ended.stderr,
        ended.returncode,
    )
