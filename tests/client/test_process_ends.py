"""The exit of a process and of a fork: both exit cleanly with everything still open, and leave others alone."""

import os
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest
from binance_sandbox import Sandbox
from cryptography import x509
from support.certificates import Authority
from support.concurrency import ResponseGate
from support.recording_proxy import RecordingProxy


def run_script(sandbox: Sandbox, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, with the sandbox in its environment."""
    environment = os.environ | {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": str(sandbox.account.secret),
        **variables,
    }
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)


_FORK = """
import asyncio, os, signal, sys
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm import connect

def call(client):
    rows = asyncio.run(operation.asyncio(client=client)) if sys.argv[1] == "async" else operation.sync(client=client)
    return f"{len(rows)} rows"

client = connect()
if sys.argv[2] == "used":
    print("parent", call(client), flush=True)
child = os.fork()
if not child:
    # A lost wakeup would make it wait forever.
    signal.alarm(10)
    for one in (client, connect()):
        print("child", call(one), flush=True)
    client.close()
    # Exit as processes do, with everything still open.
    sys.exit()
print("exit code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print("parent", call(client), flush=True)
"""


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
class TestFork:
    """A fork makes calls with the clients of its parent, and leaves the parent alone."""

    @pytest.mark.parametrize("side", ["sync", "async"])
    @pytest.mark.parametrize("used", ["used", "unused"])
    def test_calls(self, sandbox: Sandbox, side: str, used: str) -> None:
        """Parent and child make calls with the same client, whether it was used before the fork or not."""
        sandbox.balances = sandbox.balances[:1]

        ended = run_script(sandbox, _FORK, side, used)

        before = ["parent 1 rows"] if used == "used" else []
        lines = [*before, "child 1 rows", "child 1 rows", "exit code 0", "parent 1 rows"]
        assert (lines, 0, "") == (ended.stdout.splitlines(), ended.returncode, ended.stderr)

    def test_exit_of_a_fork(self, sandbox: Sandbox, tmp_path: Path) -> None:
        """A fork that exits leaves its parent's connection open, by TLS too, which sends a closing alert."""
        authority = Authority()
        (tmp_path / "authority.pem").write_bytes(authority.certificate)
        (tmp_path / "server.pem").write_bytes(authority.server(x509.IPAddress(ip_address("127.0.0.1"))))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "server.pem")
        sandbox.balances = sandbox.balances[:1]
        with RecordingProxy(sandbox.url, context) as relay:
            environment = {"SSL_CERT_FILE": str(tmp_path / "authority.pem"), "BINANCE_SERVER": relay.url}

            ended = run_script(sandbox, _FORK, "sync", "used", **environment)

            lines = ["parent 1 rows", "child 1 rows", "child 1 rows", "exit code 0", "parent 1 rows"]
            assert (lines, 0, "") == (ended.stdout.splitlines(), ended.returncode, ended.stderr)
            # One for the parent, and one for each client of the child.
            assert 3 == relay.accepted


_EXIT = """
import asyncio, sys
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm import connect

client = connect()
if "async" in sys.argv:
    print(len(asyncio.run(operation.asyncio(client=client))), "rows")
if "sync" in sys.argv:
    print(len(operation.sync(client=client)), "rows")
"""


@pytest.mark.parametrize("sides", [("async",), ("sync",), ("sync", "async")], ids="-".join)
def test_process_exit(sandbox: Sandbox, sides: tuple[str, ...]) -> None:
    """A process that exits right after a call, with a client that was not closed, exits cleanly each time."""
    sandbox.balances = sandbox.balances[:1]

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(lambda _: run_script(sandbox, _EXIT, *sides), range(10)))

    assert [(0, "1 rows\n" * len(sides), "")] * 10 == [(end.returncode, end.stdout, end.stderr) for end in ended]


_CALL_AT_EXIT = """
import asyncio, atexit
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm import connect

client = connect()
atexit.register(lambda: print(len(asyncio.run(operation.asyncio(client=client))), "rows"))
atexit.register(lambda: print(len(operation.sync(client=client)), "rows"))
"""


def test_call_at_process_exit(sandbox: Sandbox) -> None:
    """A process may make calls while it exits."""
    sandbox.balances = sandbox.balances[:1]

    ended = run_script(sandbox, _CALL_AT_EXIT)

    assert (0, "1 rows\n" * 2, "") == (ended.returncode, ended.stdout, ended.stderr)


_EXIT_DURING_CALLS = """
import threading
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm import connect

client = connect()
operation.sync(client=client)
for _ in range(3):
    threading.Thread(target=lambda: operation.sync(client=client), daemon=True).start()
input()
"""


def test_process_exit_during_calls(sandbox: Sandbox) -> None:
    """A process that exits while other threads of it wait for a response exits cleanly."""
    gate = ResponseGate()
    environment = os.environ | {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": str(sandbox.account.secret),
    }
    sandbox.respond_next(200, body=[])
    sandbox.inject_fault(gate.fault(), times=3)
    command = [sys.executable, "-c", _EXIT_DURING_CALLS]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        gate.wait_for(3)
        ended = process.communicate(b"\n", timeout=30)

    assert (0, (b"", b"")) == (process.returncode, ended)


_EXIT_DURING_ASYNC_CALLS = """
import asyncio, sys, threading
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm import connect

client = connect()

async def call():
    await operation.asyncio(client=client)

async def calls():
    await asyncio.gather(call(), call(), call())

async def calls_on_trio():
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(call)

async def wait_for_input():
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(sys.stdin, ready.set_result, None)
    await ready
    loop.remove_reader(sys.stdin)

if sys.argv[1] == "asyncio in a thread":
    threading.Thread(target=asyncio.run, args=(calls(),), daemon=True).start()
    input()
elif sys.argv[1] == "trio in a thread":
    import trio
    threading.Thread(target=trio.run, args=(calls_on_trio,), daemon=True).start()
    input()
else:
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(call()) for _ in range(3)]
    loop.run_until_complete(wait_for_input())
    if sys.argv[1] == "a closed loop":
        loop.close()
print("end")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="event loops on Windows cannot wait for stdin")
@pytest.mark.parametrize("how", ["asyncio in a thread", "trio in a thread", "an open loop", "a closed loop"])
def test_process_exit_during_async_calls(sandbox: Sandbox, how: str) -> None:
    """A process that exits while async calls wait for a response exits cleanly, whatever became of their loop."""
    gate = ResponseGate()
    environment = os.environ | {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": str(sandbox.account.secret),
    }
    sandbox.inject_fault(gate.fault(), times=3)
    command = [sys.executable, "-c", _EXIT_DURING_ASYNC_CALLS, how]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        gate.wait_for(3)
        out, errors = process.communicate(b"\n", timeout=30)

    assert (0, b"end\n") == (process.returncode, out)
    # asyncio reports tasks that are pending, and Python the exceptions of httpcore that follow.
    assert how.endswith("loop") or errors == b""
