"""The fast engine: what it cannot do is an error that says so, and what it does by other means than httpx is the same.

What is true of all engines is tested where the other one is: their tests are marked `engines`.
"""

import asyncio
import os
import selectors
import signal
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from threading import Event, main_thread
from typing import Any, get_args

import anyio
import binance_signing
import httpx
import pycurl
import pytest
from authority import Authority
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ConfigurationError, NetworkError, ResponseError
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from binance_signing import SigningClient, connect
from binance_signing._engines import EngineName
from binance_signing._sockets import SelectedSockets
from calls import Balance
from cryptography import x509
from relay import Relay
from test_concurrency import Held
from test_connect import some_credentials
from test_leaks import assert_hidden

pytestmark = pytest.mark.engines("curl")

TIME, BALANCE, ORDER = "/dapi/v1/time", "/dapi/v1/balance", "/dapi/v1/order"
HTTPS = "https://127.0.0.1:1"
MEGABYTE = 1 << 20


def run_script(sandbox: Sandbox, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, whose environment names the sandbox."""
    environment = os.environ | {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": str(sandbox.account.secret),
        **variables,
    }
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)


# What it cannot do.


def test_trio(sandbox: Sandbox) -> None:
    """Under trio nothing is sent, and the error names the engine that can."""

    async def main() -> None:
        await futures_account_balance.asyncio(client=connect(sandbox.credentials, server=sandbox.url))

    with pytest.raises(ConfigurationError) as caught:
        anyio.run(main, backend="trio")

    assert "engine='curl' runs on asyncio alone; use engine='httpx' for trio" == str(caught.value)
    assert [] == sandbox.requests


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"verify": ssl.create_default_context()}, "verify: it takes True, False or a path, and no SSLContext$"),
        ({"transport": httpx.MockTransport(lambda _: httpx.Response(200, json=[]))}, "transport: it sends by itself$"),
        (
            {"proxy": httpx.Proxy("https://127.0.0.1:1", ssl_context=ssl.create_default_context())},
            "proxy: it takes none with an SSLContext$",
        ),
    ],
    ids=["context", "transport", "context of a proxy"],
)
@pytest.mark.parametrize("server", [HTTPS, "http://127.0.0.1:1"])
def test_settings_that_are_refused(settings: dict[str, Any], told: str, server: str) -> None:
    """What it cannot do is refused when a client is made, with what to do instead."""
    with pytest.raises(ConfigurationError, match=f"^engine='curl' cannot do this, but engine='httpx' can; {told}"):
        connect(some_credentials(), server=server, **settings)


@pytest.mark.parametrize(
    ("version", "features"),
    [("8.3.0", pycurl.VERSION_ASYNCHDNS), ("8.4.0", 0)],
    ids=["no limit of bodies", "resolver that blocks"],
)
def test_library_that_is_too_old(monkeypatch: pytest.MonkeyPatch, version: str, features: int) -> None:
    """A libcurl that could not keep what is promised is refused when a client is made."""
    number = int("".join(f"{int(part):02x}" for part in version.split(".")), 16)
    monkeypatch.setattr(pycurl, "version_info", lambda: (11, version, number, "Linux", features))

    with pytest.raises(ConfigurationError, match=f"^engine='curl' needs libcurl 8.4 or later .* this is {version};"):
        connect(some_credentials())


def test_async_calls_on_windows(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Where no event loop could watch many sockets as one, an async call is refused, and nothing is sent."""
    monkeypatch.setattr("binance_signing._curl_async_engine.SOCKETS", selectors.SelectSelector)

    with pytest.raises(ConfigurationError, match="^engine='curl' makes no async calls on this system"):
        asyncio.run(futures_account_balance.asyncio(client=connect(sandbox.credentials, server=sandbox.url)))

    assert [] == sandbox.requests


def test_many_async_calls_without_epoll(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Where there is no epoll, the system's own way to watch many sockets serves as well, for one call and for many."""
    monkeypatch.setattr("binance_signing._curl_async_engine.SOCKETS", SelectedSockets)

    async def call() -> None:
        async with connect(sandbox.credentials, server=sandbox.url) as client:
            first = await futures_account_balance.asyncio(client=client)
            others = await asyncio.gather(*(futures_account_balance.asyncio(client=client) for _ in range(20)))
            assert [first] * 20 == others

    asyncio.run(call())
    assert 21 == len(sandbox.requests)


def test_user_in_a_url(sandbox: Sandbox) -> None:
    """A URL with a user, which httpx would make a header of, is refused without its password."""
    with (
        connect(sandbox.credentials, server=sandbox.url) as client,
        pytest.raises(ConfigurationError, match="^engine='curl' takes no user in the URL of a request") as caught,
    ):
        client.request({"method": "GET", "url": f"{sandbox.url.replace('//', '//user:password@')}{TIME}"})

    assert "password" not in str(caught.value)
    assert [] == sandbox.requests


def test_clients_of_httpx() -> None:
    """There is no client of httpx to be had."""
    client = connect(some_credentials(), server=HTTPS)
    told = "^this client has another engine than httpx; connect with engine='httpx'$"

    async def of_a_loop() -> object:
        async with client:
            return client.get_async_httpx_client()

    with pytest.raises(ConfigurationError, match=told):
        client.get_httpx_client()
    with pytest.raises(ConfigurationError, match=told):
        asyncio.run(of_a_loop())


@pytest.mark.parametrize("name", ["follow_redirects", "timeout", "auth"])
def test_arguments_of_a_request(sandbox: Sandbox, name: str) -> None:
    """What only httpx can do of a request by hand is refused, and nothing is sent."""
    with (
        connect(sandbox.credentials, server=sandbox.url) as client,
        pytest.raises(ConfigurationError, match=f"{name}.*engine='httpx'"),
    ):
        client.request({"method": "GET", "url": TIME, name: True})

    assert [] == sandbox.requests


@pytest.mark.parametrize("content", [{"files": {"file": b"1"}}, {"content": iter([b"a=1"])}], ids=["files", "stream"])
@pytest.mark.parametrize("extensions", [{}, {"security": Security.TRADE}], ids=["unsigned", "signed"])
def test_bodies_that_can_only_be_streamed(
    sandbox: Sandbox, content: dict[str, Any], extensions: dict[str, Any]
) -> None:
    """A body that it cannot send is refused, and nothing is sent."""
    with (
        connect(sandbox.credentials, server=sandbox.url) as client,
        pytest.raises(ConfigurationError, match="a body that can only be streamed"),
    ):
        client.request({"method": "POST", "url": ORDER, "extensions": extensions, **content})

    assert [] == sandbox.requests


def test_request_without_a_client(sandbox: Sandbox) -> None:
    """An engine has no credentials of its own: what needs some is refused unless it comes from a client."""
    with (
        connect(sandbox.credentials, server=sandbox.url) as client,
        pytest.raises(
            ConfigurationError, match="^a request that needs credentials goes through the client that has them$"
        ),
    ):
        client.engine().request(method="GET", url=BALANCE, extensions={"security": Security.USER_DATA})

    assert [] == sandbox.requests


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pycurl is not installed, the error tells how to install it."""
    for module in list(sys.modules):
        if module.partition(".")[0] == "pycurl":
            monkeypatch.setitem(sys.modules, module, None)
        elif module.startswith("binance_signing._curl_"):
            monkeypatch.delitem(sys.modules, module)
            monkeypatch.delattr(binance_signing, module.rpartition(".")[2])

    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), engine="curl")

    assert "engine='curl' needs pycurl, which is not installed: pip install 'binance-coinm[curl]'" == str(caught.value)
    assert caught.value.__cause__ is None
    assert "https://dapi.binance.com" == connect(some_credentials(), engine="httpx").base_url


@pytest.mark.parametrize("name", ["reqwest", "urllib", "", "HTTPX", None, 7])
def test_engines_that_there_are(name: Any) -> None:
    """An engine that there is not is refused with the names of those that there are."""
    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), engine=name)

    assert f"engine: expected one of httpx, curl, got {name!r}" == str(caught.value)


# Forks, and the end of a process.

_FORK = """
import asyncio, os, signal, sys
from binance_coinm.api.account import futures_account_balance as operation
from binance_signing import connect

def call(client):
    rows = asyncio.run(operation.asyncio(client=client)) if sys.argv[1] == "async" else operation.sync(client=client)
    return f"{len(rows)} rows"

client = connect(engine="curl")
if sys.argv[2] == "used":
    print("parent", call(client), flush=True)
child = os.fork()
if not child:
    # What is lost would be waited for for ever.
    signal.alarm(10)
    for one in (client, connect(engine="curl")):
        print("child", call(one), flush=True)
    client.close()
    # It ends as processes do, with all that it has.
    sys.exit()
print("exit code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print("parent", call(client), flush=True)
"""


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
class TestFork:
    """A fork makes calls with the clients that came along, and leaves its parent alone."""

    @pytest.mark.parametrize("side", ["sync", "async"])
    @pytest.mark.parametrize("used", ["used", "unused"])
    def test_calls(self, sandbox: Sandbox, side: str, used: str) -> None:
        """Parent and child make calls with the same client, whether it was used before the fork or not."""
        sandbox.rows = sandbox.rows[:1]

        ended = run_script(sandbox, _FORK, side, used)

        before = ["parent 1 rows"] if used == "used" else []
        lines = [*before, "child 1 rows", "child 1 rows", "exit code 0", "parent 1 rows"]
        assert (lines, 0, "") == (ended.stdout.splitlines(), ended.returncode, ended.stderr)

    def test_end_of_a_fork(self, sandbox: Sandbox, tmp_path: Path) -> None:
        """A fork that ends leaves the connection of its parent open by TLS too, where a goodbye is said."""
        authority = Authority()
        (tmp_path / "authority.pem").write_bytes(authority.certificate)
        (tmp_path / "server.pem").write_bytes(authority.server(x509.IPAddress(ip_address("127.0.0.1"))))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "server.pem")
        sandbox.rows = sandbox.rows[:1]
        with Relay(sandbox.url, context) as relay:
            environment = {"SSL_CERT_FILE": str(tmp_path / "authority.pem"), "BINANCE_SERVER": relay.url}

            ended = run_script(sandbox, _FORK, "sync", "used", **environment)

            lines = ["parent 1 rows", "child 1 rows", "child 1 rows", "exit code 0", "parent 1 rows"]
            assert (lines, 0, "") == (ended.stdout.splitlines(), ended.returncode, ended.stderr)
            # The child's clients are of equal settings, so that they share one.
            assert 2 == relay.accepted


_END = """
import asyncio, sys, threading
from binance_coinm.api.account import futures_account_balance as operation
from binance_signing import connect

client = connect(engine="curl")
if "async" in sys.argv:
    print(len(asyncio.run(operation.asyncio(client=client))), "rows")
if "sync" in sys.argv:
    print(len(operation.sync(client=client)), "rows")
"""


@pytest.mark.parametrize("sides", [("async",), ("sync",), ("sync", "async")], ids="-".join)
def test_end_of_a_process(sandbox: Sandbox, sides: tuple[str, ...]) -> None:
    """A process that ends at once after a call, with a client that nobody closed, ends well each time."""
    sandbox.rows = sandbox.rows[:1]

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(lambda _: run_script(sandbox, _END, *sides), range(10)))

    assert [(0, "1 rows\n" * len(sides), "")] * 10 == [(end.returncode, end.stdout, end.stderr) for end in ended]


_CALL_AT_THE_END = """
import asyncio, atexit
from binance_coinm.api.account import futures_account_balance as operation
from binance_signing import connect

client = connect(engine="curl")
atexit.register(lambda: print(len(asyncio.run(operation.asyncio(client=client))), "rows"))
atexit.register(lambda: print(len(operation.sync(client=client)), "rows"))
"""


def test_call_at_the_end_of_a_process(sandbox: Sandbox) -> None:
    """A process may make its calls when it has come to its end already."""
    sandbox.rows = sandbox.rows[:1]

    ended = run_script(sandbox, _CALL_AT_THE_END)

    assert (0, "1 rows\n" * 2, "") == (ended.returncode, ended.stdout, ended.stderr)


_END_IN_THE_MIDDLE = """
import threading
from binance_coinm.api.account import futures_account_balance as operation
from binance_signing import connect

client = connect(engine="curl")
operation.sync(client=client)
for _ in range(3):
    threading.Thread(target=lambda: operation.sync(client=client), daemon=True).start()
input()
"""


def test_end_of_a_process_in_the_middle_of_calls(sandbox: Sandbox) -> None:
    """A process that ends while other threads of it wait for an answer ends well too."""
    held = Held()
    environment = os.environ | {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": str(sandbox.account.secret),
    }
    sandbox.answer_next(200, body=[])
    sandbox.fail_next(held.fault(), times=3)
    command = [sys.executable, "-c", _END_IN_THE_MIDDLE]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        held.wait_for(3)
        ended = process.communicate(b"\n", timeout=30)

    assert (0, (b"", b"")) == (process.returncode, ended)


# Interruptions.


@pytest.mark.engines
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system does not send signals to threads")
def test_ctrl_c(sandbox: Sandbox, balance: Balance) -> None:
    """Ctrl+C ends the wait for an answer before there is one, and what is raised holds no secret."""
    held, is_ended = Held(), Event()
    sandbox.fail_next(held.fault())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> bool:
        held.wait_for(1)
        signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
        ended_by_itself = is_ended.wait(10)
        held.let_go()
        return ended_by_itself

    try:
        with ThreadPoolExecutor(1) as threads:
            interrupted = threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt) as caught:
                balance(connect(sandbox.credentials, server=sandbox.url, timeout=30))
            is_ended.set()
            assert interrupted.result()
    finally:
        signal.signal(signal.SIGINT, before)

    assert_hidden(sandbox, caught.value)
    assert 1 == len(sandbox.requests)


@pytest.mark.engines
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system does not send signals to threads")
def test_calls_after_ctrl_c(sandbox: Sandbox, relay: Relay) -> None:
    """A call that Ctrl+C ends leaves no connection; its client serves on, and later callers get their own answers."""
    held = Held()
    [row, *_] = sandbox.rows
    sandbox.answer_next(200, body=[row | {"accountAlias": "interrupted"}], fault=held.fault())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        held.wait_for(1)
        signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)

    try:
        with (
            ThreadPoolExecutor(1) as threads,
            connect(sandbox.credentials, server=relay.url, max_connections=2) as client,
        ):
            threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                futures_account_balance.sync(client=client)
            assert relay.settles_at(0)
            for number in range(3):
                sandbox.rows = [row | {"accountAlias": str(number)}]
                assert str(number) == futures_account_balance.sync(client=client)[0].account_alias
            held.let_go()
            assert "2" == futures_account_balance.sync(client=client)[0].account_alias
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.engines
@pytest.mark.parametrize("fault", [Fault.silence(), Fault.drip_body()], ids=lambda fault: fault.name)
def test_cancelled_by_a_scope(sandbox: Sandbox, fault: Fault) -> None:
    """A scope of anyio catches its own cancellation of a call, before and while the answer comes."""
    sandbox.fail_next(fault)

    async def main() -> bool:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client:
            with anyio.move_on_after(0.1) as scope:
                await futures_account_balance.asyncio(client=client)
            assert await futures_account_balance.asyncio(client=client)
            return scope.cancelled_caught

    assert asyncio.run(main())


@pytest.mark.engines
@pytest.mark.parametrize("fault", [Fault.silence(), Fault.drip_body()], ids=lambda fault: fault.name)
def test_cancelled_by_a_timeout(sandbox: Sandbox, fault: Fault) -> None:
    """A timeout of asyncio ends a call in asyncio's own exception."""
    sandbox.fail_next(fault)

    async def main() -> None:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client, asyncio.timeout(0.1):
            await futures_account_balance.asyncio(client=client)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(main())

    assert type(caught.value) is TimeoutError
    assert_hidden(sandbox, caught.value)


@pytest.mark.engines
def test_cancelled_with_a_word(sandbox: Sandbox) -> None:
    """A task that is cancelled with a word ends with that word, and holds no secret."""
    held = Held()
    sandbox.fail_next(held.fault())

    async def main() -> asyncio.CancelledError:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client:
            task = asyncio.create_task(futures_account_balance.asyncio(client=client))
            await asyncio.to_thread(held.wait_for, 1)
            task.cancel("word")
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert task.cancelled()
            return caught.value

    cancellation = asyncio.run(main())

    assert ("word",) == cancellation.args
    assert_hidden(sandbox, cancellation)


@pytest.mark.engines
def test_cancelled_by_a_group(sandbox: Sandbox) -> None:
    """A group of tasks, one of which fails, ends in that failure alone."""
    held = Held()
    sandbox.fail_next(held.fault())

    async def fail() -> None:
        await asyncio.to_thread(held.wait_for, 1)
        raise LookupError

    async def main() -> None:
        async with connect(sandbox.credentials, server=sandbox.url, timeout=2) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(futures_account_balance.asyncio(client=client))
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())

    assert [LookupError] == [type(error) for error in caught.value.exceptions]


# Pools.


def called(client: SigningClient, side: str, runner: asyncio.Runner) -> None:
    """Make a call, and leave the client open."""
    if side == "sync":
        futures_account_balance.sync(client=client)
    else:
        runner.run(futures_account_balance.asyncio(client=client))


@pytest.mark.parametrize("side", ["sync", "async"])
def test_pools_are_shared(sandbox: Sandbox, relay: Relay, side: str) -> None:
    """Clients of equal settings share connections, whatever their accounts, until the last one is closed."""
    with asyncio.Runner() as runner:
        first = connect(sandbox.credentials, server=relay.url, timeout=3, max_connections=1)
        second = connect(sandbox.add_account().credentials, server=relay.url)
        for client in (first, second, first):
            called(client, side, runner)
        assert (1, 1) == (relay.accepted, relay.open)

        runner.run(first.aclose())
        called(second, side, runner)
        assert (1, 1) == (relay.accepted, relay.open)

        runner.run(second.aclose())
        assert relay.settles_at(0)


@pytest.mark.parametrize("side", ["sync", "async"])
@pytest.mark.parametrize("settings", [{"verify": False}, {"proxy": "http://127.0.0.1:1"}], ids=["verify", "proxy"])
def test_pools_of_other_settings(sandbox: Sandbox, relay: Relay, side: str, settings: dict[str, Any]) -> None:
    """Clients of other settings have connections of their own."""
    with asyncio.Runner() as runner:
        first = connect(sandbox.credentials, server=relay.url, recovery=None)
        second = connect(sandbox.credentials, server=relay.url, recovery=None, **settings)
        called(first, side, runner)
        if "proxy" in settings:
            with pytest.raises(NetworkError):
                called(second, side, runner)
        else:
            called(second, side, runner)
        assert (1 if "proxy" in settings else 2) == relay.accepted
        for client in (first, second):
            runner.run(client.aclose())


@pytest.mark.engines
@pytest.mark.parametrize("side", ["sync", "async"])
def test_pools_are_of_their_proxy(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    """A client goes through the proxy that the environment names when it is made, whatever an older one does."""
    with Sandbox() as first_proxy, Sandbox() as second_proxy, asyncio.Runner() as runner:
        clients: list[SigningClient] = []
        for proxy in (first_proxy, second_proxy):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            clients.append(connect(some_credentials(), server=HTTPS, recovery=None))
            with pytest.raises(NetworkError):
                called(clients[-1], side, runner)
        for client in clients:
            runner.run(client.aclose())

        assert (1, 1) == (len(first_proxy.requests), len(second_proxy.requests))


def test_no_cookie_is_kept(sandbox: Sandbox, balance: Balance) -> None:
    """A cookie of an answer comes back to nobody."""
    sandbox.answer_next(200, body=[], headers={"Set-Cookie": "name=value; Path=/"})
    with connect(sandbox.credentials, server=sandbox.url) as client:
        client.request({"method": "GET", "url": TIME})

        balance(connect(sandbox.credentials, server=sandbox.url))
        client.request({"method": "GET", "url": TIME})

    assert all("Cookie" not in request.headers for request in sandbox.requests)


# What goes over the wire.


def sent_by_each_engine(sandbox: Sandbox, request: dict[str, Any], server: str | None = None) -> list[bytes]:
    """Give the first line and the body of a request as each engine sends it, to a server or to a proxy before it."""
    sent: list[bytes] = []
    with Relay(sandbox.url) as relay:
        for engine in get_args(EngineName):
            clock = partial(int, 1_700_000_000_000)
            proxy = relay.url if server else None
            with connect(
                sandbox.credentials, server=server or relay.url, clock=clock, recovery=None, engine=engine, proxy=proxy
            ) as client:
                client.request(request)
            head, _, body = relay.received[-1].partition(b"\r\n\r\n")
            sent.append(head.partition(b"\r\n")[0] + body)
    return sent


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/dapi/v1/a b'c", b"/dapi/v1/a%20b'c"),
        ("/dapi/v1/%2F%41", b"/dapi/v1/%2F%41"),
        ("/dapi/v1/é", b"/dapi/v1/%C3%A9"),
        ("/dapi//v1/", b"/dapi//v1/"),
        ("/dapi/v1/;a=1", b"/dapi/v1/;a=1"),
        ("/dapi/v1/[x]{y}", b"/dapi/v1/[x]%7By%7D"),
        ('/dapi/v1/a|b^c`d"<>', b"/dapi/v1/a|b^c%60d%22%3C%3E"),
        ("/dapi/v1/~!$&()*+,:@", b"/dapi/v1/~!$&()*+,:@"),
        ("/dapi/v1/%zz%", b"/dapi/v1/%zz%"),
        ("/dapi/v1/#?b=2", b"/dapi/v1/"),
    ],
)
def test_paths_arrive_as_they_are(sandbox: Sandbox, path: str, arrives: bytes) -> None:
    """A path with odd characters is sent by each engine with the same bytes."""
    first, second = sent_by_each_engine(sandbox, {"method": "GET", "url": path, "params": {"a": "'"}})

    assert b"GET " + arrives + b"?a=%27 HTTP/1.1" == first == second


@pytest.mark.parametrize(
    "path",
    ["/dapi/v1/a\\b", "/dapi/v1/%2e%2e/x", "/dapi/.%2E/x", "/dapi/v1/%2f?a=%c3%a9", "/dapi/v1/../x"],
    ids=["backslash", "%2e%2e", ".%2E", "lower case", ".."],
)
def test_paths_that_a_library_would_change(sandbox: Sandbox, path: str) -> None:
    """What is a URL in one of several ways is sent in this one."""
    first, second = sent_by_each_engine(sandbox, {"method": "GET", "url": path})

    assert first == second


@pytest.mark.parametrize(
    ("request_", "arrives"),
    [
        (
            {"method": "GET", "url": "/x", "params": {"a": "it's", "b": "é ~*", "c": [1, 2], "d": ""}},
            b"GET /x?a=it%27s&b=%C3%A9+~%2A&c=1&c=2&d=&timestamp=1700000000000&signature=",
        ),
        (
            {"method": "POST", "url": "/x?a=1", "data": {"a": "it's", "b": "é €", "c": [1, 2]}},
            b"POST /x?a=1 HTTP/1.1a=it%27s&b=%C3%A9+%E2%82%AC&c=1&c=2&timestamp=1700000000000&signature=",
        ),
        ({"method": "DELETE", "url": "/x?a=[1]&b=|^"}, b"DELETE /x?a=[1]&b=|^&timestamp=1700000000000&signature="),
        ({"method": "GET", "url": "/x?a=%c3%a9&b='"}, b"GET /x?a=%c3%a9&b='&timestamp=1700000000000&signature="),
        (
            {"method": "put", "url": "/x", "content": b"\xff\x00=1"},
            b"PUT /x HTTP/1.1\xff\x00=1&timestamp=1700000000000&",
        ),
    ],
    ids=["query", "form", "odd query", "lower case", "bytes"],
)
def test_signed_requests_arrive_as_they_are(sandbox: Sandbox, request_: dict[str, Any], arrives: bytes) -> None:
    """A signed request is sent by each engine with the same bytes, the signature among them."""
    first, second = sent_by_each_engine(sandbox, {**request_, "extensions": {"security": Security.TRADE}})

    assert first == second
    assert first.startswith(arrives)


@pytest.mark.engines
@pytest.mark.parametrize("url", [f"{BALANCE}?recvWindow=5000'", f"{BALANCE}?recvWindow=%35000&x'='"])
def test_apostrophes_are_signed(sandbox: Sandbox, url: str) -> None:
    """An apostrophe in a URL is signed as it is sent: the exchange finds fault with the parameters alone."""
    with connect(sandbox.credentials, server=sandbox.url, recovery=None) as client:
        answer = client.request({"method": "GET", "url": url, "extensions": {"security": Security.USER_DATA}})

    assert 400 == answer.status_code
    assert b"-1022" not in answer.content


@pytest.mark.engines
@pytest.mark.parametrize("name", ["User-Agent", "Accept-Encoding", "Host", "Accept", "X-Header", "Content-Type"])
def test_headers_of_a_request(sandbox: Sandbox, name: str) -> None:
    """A header that is given with a request takes the place of the client's own."""
    with connect(sandbox.credentials, server=sandbox.url) as client:
        client.request({"method": "GET", "url": TIME, "headers": {name: "identity"}})

    assert "identity" == sandbox.requests[0].headers[name]


@pytest.mark.engines
def test_headers_of_an_answer(sandbox: Sandbox, balance: Balance) -> None:
    """Headers come as they were sent: in any case, double ones, and empty ones."""
    lines = [b"HTTP/1.1 200 OK", b"X-A: 1", b"x-a: 2", b"X-Empty:", b"X-Case: ABC", b"content-length: 2", b"", b"[]"]
    sandbox.fail_next(Fault.garbage(b"\r\n".join(lines)))

    headers = balance(connect(sandbox.credentials, server=sandbox.url)).headers

    assert isinstance(headers, httpx.Headers)
    assert {"x-a": "1, 2", "x-empty": "", "x-case": "ABC", "content-length": "2"} == dict(headers)
    assert "ABC" == headers["X-CASE"]


@pytest.mark.engines
def test_write_over_a_connection_that_was_used(sandbox: Sandbox, relay: Relay) -> None:
    """A write is not sent again when a connection ends that had served another call before."""
    with connect(sandbox.credentials, server=relay.url) as client:
        client.request({"method": "GET", "url": TIME})
        sandbox.fail_next(Fault.disconnect(), times=5, path=ORDER)

        with pytest.raises(NetworkError) as caught:
            client.request({"method": "POST", "url": ORDER, "extensions": {"security": Security.TRADE}})

    assert "unknown" == caught.value.outcome
    assert [TIME, ORDER] == [request.path for request in sandbox.requests]


@pytest.mark.engines
@pytest.mark.parametrize("side", ["sync", "async"])
def test_connection_that_the_server_has_closed(sandbox: Sandbox, side: str) -> None:
    """A write is not sent over a connection that the server closed after another answer, but over a new one."""
    received: list[bytes] = []
    ready = [Event(), Event()]

    def serve(listener: socket.socket) -> None:
        for closed in ready:
            with listener.accept()[0] as connection:
                received.append(connection.recv(MEGABYTE))
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")
            closed.set()

    async def main(url: str) -> None:
        async with connect(sandbox.credentials, server=url, timeout=5) as client:
            for request, closed in zip(requests, ready, strict=True):
                answer = client.request(request) if side == "sync" else await client.request_async(request)
                assert b"[]" == answer.content
                assert closed.wait(5)

    requests: list[dict[str, Any]] = [
        {"method": "GET", "url": TIME},
        {"method": "POST", "url": ORDER, "extensions": {"security": Security.TRADE}},
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        served = threads.submit(serve, listener)
        asyncio.run(main(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        served.result()

    assert [b"GET", b"POST"] == [request.partition(b" ")[0] for request in received]


# Proxies.


@pytest.mark.parametrize("path", ["/x?a=%c3%a9", "/dapi/v1/%2e%2e/x"])
def test_proxy_of_plain_http(sandbox: Sandbox, path: str) -> None:
    """A proxy is told the whole URL of a request by plain http, with the bytes that are signed."""
    request = {"method": "GET", "url": path, "extensions": {"security": Security.USER_DATA}}

    first, second = sent_by_each_engine(sandbox, request, "http://127.0.0.1:1")

    assert first == second
    assert first.startswith(b"GET http://127.0.0.1:1/")


@pytest.mark.engines
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_user_of_a_proxy(monkeypatch: pytest.MonkeyPatch, balance: Balance, way: str) -> None:
    """A proxy gets its user and password, and no error of a call shows them."""
    with Sandbox() as proxy:
        url = proxy.url.replace("//", "//user:hunter%402@")
        monkeypatch.setenv("HTTPS_PROXY", url if way == "environment" else "http://127.0.0.1:1")
        settings: dict[str, Any] = {"proxy": url} if way == "argument" else {}

        with pytest.raises(NetworkError) as caught:
            balance(connect(some_credentials(), server=HTTPS, recovery=None, **settings))

    assert "Basic " + b64encode(b"user:hunter@2").decode() == proxy.requests[0].headers["Proxy-Authorization"]
    assert "failed" == caught.value.outcome
    assert "hunter" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.engines
@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*", "exchange.example,127.0.0.1"])
def test_servers_without_a_proxy(monkeypatch: pytest.MonkeyPatch, balance: Balance, no_proxy: str) -> None:
    """What NO_PROXY names does not go through the proxy of the environment."""
    with Sandbox() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)

        with pytest.raises(NetworkError):
            balance(connect(some_credentials(), server=HTTPS, recovery=None))

    assert [] == proxy.requests


@pytest.mark.engines
def test_headers_for_a_proxy(sandbox: Sandbox, balance: Balance) -> None:
    """Headers that are for a proxy go to it alone."""
    with Sandbox() as proxy:
        given = httpx.Proxy(proxy.url, headers={"X-Proxy": "for it"})
        with pytest.raises(NetworkError):
            balance(connect(sandbox.credentials, server=HTTPS, proxy=given, recovery=None))

    assert "for it" == proxy.requests[0].headers["X-Proxy"]
    assert "X-MBX-APIKEY" not in proxy.requests[0].headers


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1", "http://user:hunter/2@127.0.0.1"])
def test_proxy_of_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """What the environment names as a proxy and is none is refused when a client is made, and not shown."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), server=HTTPS)

    assert "the environment's proxy (HTTPS_PROXY, ALL_PROXY) is no URL of one" == str(caught.value)
    assert "hunter" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


# Bodies.


def test_huge_body_is_not_read(sandbox: Sandbox, relay: Relay, balance: Balance) -> None:
    """Of a body of a gigabyte no more is read than a little beyond the limit, by the library neither."""
    sandbox.fail_next(Fault.huge_body(1 << 30))

    with pytest.raises(ResponseError, match="at most 16777216 bytes"):
        balance(connect(sandbox.credentials, server=relay.url))

    assert relay.settles_at(0)
    assert 16 * MEGABYTE < relay.sent < 64 * MEGABYTE


# What shows.

_LOGS = """
import asyncio, logging, sys
logging.basicConfig(level=1, stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm.errors import BinanceError
from binance_signing import connect

for server in (sys.argv[1], "http://127.0.0.1:1"):
    with connect(engine="curl", server=server, recovery=None) as client:
        for _ in range(2):
            try:
                operation.sync(client=client)
            except BinanceError as error:
                print(error)
            try:
                asyncio.run(operation.asyncio(client=client))
            except BinanceError as error:
                print(error)
"""


def test_logs(sandbox: Sandbox) -> None:
    """What is logged and written shows no URL, key or signature of a call, whatever it ends in."""
    sandbox.answer_next(404)
    sandbox.fail_next(Fault.disconnect())
    sandbox.fail_next(Fault.cut_body())

    ended = run_script(sandbox, _LOGS, sandbox.url)

    assert (0, "") == (ended.returncode, ended.stderr)
    assert "ConnectError" in ended.stdout
    assert BALANCE not in ended.stdout
    assert 4 == len(sandbox.requests)
    assert_hidden(sandbox, ended.stdout)


def test_words_of_failures(sandbox: Sandbox, balance: Balance) -> None:
    """What the library says of a failure is told, without the URL that it says it of."""
    client = connect(sandbox.credentials, server=sandbox.url, recovery=None)
    sandbox.close()

    with pytest.raises(NetworkError, match="^no answer, or not all of it, ConnectError: .* connect") as caught:
        balance(client)

    assert BALANCE not in str(caught.value)
    assert "timestamp" not in str(caught.value)
    assert_hidden(sandbox, caught.value)


def test_interruption_while_an_answer_comes(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, balance: Balance
) -> None:
    """A call that is interrupted in the middle of an answer does not bring along the variables of what was sent."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("binance_signing._curl_transfer.answer_of", interrupt)

    with pytest.raises(KeyboardInterrupt) as caught:
        balance(connect(sandbox.credentials, server=sandbox.url))

    assert_hidden(sandbox, caught.value)
