"""The fast engine: what it cannot do is an error that says so, and what it does by other means than httpx is the same.

What is true of all engines is tested where the other one is: their tests are marked `engines`.
"""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, main_thread
from typing import Any

import anyio
import binance_signing
import httpx
import pytest
from binance_coinm.api.account import futures_account_balance
from binance_coinm.errors import ConfigurationError, NetworkError, ResponseError
from binance_coinm.security import Security
from binance_sandbox import Fault, Sandbox
from binance_signing import SigningClient, connect
from calls import Balance
from relay import Relay
from test_concurrency import Held, needs_fork
from test_connect import some_credentials
from test_leaks import assert_hidden

pytestmark = pytest.mark.engines("reqwest")

TIME, BALANCE, ORDER = "/dapi/v1/time", "/dapi/v1/balance", "/dapi/v1/order"
HTTPS = "https://127.0.0.1:1"
MEGABYTE = 1 << 20


def run_script(sandbox: Sandbox, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, whose environment names the sandbox."""
    environment = os.environ | {
        "BINANCE_SERVER": sandbox.url,
        "BINANCE_API_KEY": sandbox.account.api_key,
        "BINANCE_API_SECRET": str(sandbox.account.secret),
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

    assert "engine='reqwest' runs on asyncio alone; use engine='httpx' for trio" == str(caught.value)
    assert [] == sandbox.requests


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"verify": "ca.pem"}, "verify: .* and not certificates; name certificates in SSL_CERT_FILE or SSL_CERT_DIR$"),
        ({"verify": ssl.create_default_context()}, "verify: .* and not an SSLContext; name certificates in SSL_CERT"),
        ({"transport": httpx.MockTransport(lambda _: httpx.Response(200, json=[]))}, "transport: it sends by itself$"),
        (
            {"proxy": httpx.Proxy("https://127.0.0.1:1", ssl_context=ssl.create_default_context())},
            "proxy: it takes none with an SSLContext$",
        ),
    ],
    ids=["path", "context", "transport", "context of a proxy"],
)
@pytest.mark.parametrize("server", [HTTPS, "http://127.0.0.1:1"])
def test_settings_that_are_refused(settings: dict[str, Any], told: str, server: str) -> None:
    """What it cannot do is refused when a client is made, with what to do instead."""
    with pytest.raises(ConfigurationError, match=f"^engine='reqwest' cannot do this, but engine='httpx' can; {told}"):
        connect(some_credentials(), server=server, **settings)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_of_an_environment_that_is_not_trusted(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """It takes certificates from the environment in any case, which is refused if this is not to be trusted."""
    told = "trust_env=False: it obeys SSL_CERT_FILE and SSL_CERT_DIR nevertheless; unset them$"
    monkeypatch.setenv(variable, "")
    connect(some_credentials(), server=HTTPS, trust_env=False)

    monkeypatch.setenv(variable, "/certificates")
    with pytest.raises(ConfigurationError, match=told):
        connect(some_credentials(), server=HTTPS, trust_env=False)

    # Where nothing is verified, it makes no difference.
    connect(some_credentials(), server=HTTPS, trust_env=False, verify=False)
    connect(some_credentials(), server="http://127.0.0.1:1", trust_env=False)
    connect(some_credentials(), server=HTTPS)


def test_certificates_that_are_none(monkeypatch: pytest.MonkeyPatch, balance: Balance) -> None:
    """Without certificates that it could trust nothing is sent, and the error is one of the tree."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)

    with pytest.raises((ConfigurationError, NetworkError)):
        balance(connect(some_credentials(), server=HTTPS, recovery=None))


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
    """Where pyreqwest is not installed, the error tells how to install it."""
    for module in list(sys.modules):
        if module.partition(".")[0] == "pyreqwest":
            monkeypatch.setitem(sys.modules, module, None)
        elif module.startswith("binance_signing._reqwest_"):
            monkeypatch.delitem(sys.modules, module)
            monkeypatch.delattr(binance_signing, module.rpartition(".")[2])

    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), engine="reqwest")

    assert (
        "engine='reqwest' needs pyreqwest, which is not installed: pip install 'binance-coinm[reqwest]'"
        == str(caught.value)
    )  # fmt: skip
    assert caught.value.__cause__ is None
    assert "https://dapi.binance.com" == connect(some_credentials(), engine="httpx").base_url


@pytest.mark.parametrize("name", ["urllib", "", "HTTPX", None, 7])
def test_engines_that_there_are(name: Any) -> None:
    """An engine that there is not is refused with the names of those that there are."""
    with pytest.raises(ConfigurationError) as caught:
        connect(some_credentials(), engine=name)

    assert f"engine: expected one of httpx, curl, reqwest, got {name!r}" == str(caught.value)


# Forks, and the end of a process.

_FORK = """
import asyncio, os, signal, sys
from binance_coinm.api.account import futures_account_balance as operation
from binance_coinm.errors import ConfigurationError
from binance_signing import connect

def call(client):
    rows = asyncio.run(operation.asyncio(client=client)) if sys.argv[1] == "async" else operation.sync(client=client)
    return f"{len(rows)} rows"

client = connect(engine="reqwest")
if sys.argv[2] == "used":
    print("parent", call(client), flush=True)
child = os.fork()
if not child:
    # What is lost would be waited for for ever.
    signal.alarm(10)
    for one in (client, connect(engine="reqwest")):
        try:
            print("child", call(one), flush=True)
        except ConfigurationError as error:
            print("child", error, flush=True)
    client.close()
    print("child", call(connect(engine="httpx")), flush=True)
    os._exit(0)
print("exit code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print("parent", call(client), flush=True)
"""
_LOST = (
    "child engine='reqwest' does not work in a fork of a process that has used it; make the first call after the fork,"
    " start the process by spawn, or use engine='httpx'"
)


class TestFork:
    """A fork cannot use what its parent has used, says so, and leaves its parent alone."""

    pytestmark = needs_fork

    @pytest.mark.parametrize("side", ["sync", "async"])
    def test_after_a_call(self, sandbox: Sandbox, side: str) -> None:
        """After a call of its parent a fork sends nothing by this engine, and its parent goes on."""
        sandbox.rows = sandbox.rows[:1]

        ended = run_script(sandbox, _FORK, side, "used")

        lines = ["parent 1 rows", _LOST, _LOST, "child 1 rows", "exit code 0", "parent 1 rows"]
        assert (lines, 0) == (ended.stdout.splitlines(), ended.returncode)
        assert 3 == len(sandbox.requests)

    @pytest.mark.parametrize("side", ["sync", "async"])
    def test_before_the_first_call(self, sandbox: Sandbox, side: str) -> None:
        """A client that made no call before the fork makes calls in parent and child."""
        sandbox.rows = sandbox.rows[:1]

        ended = run_script(sandbox, _FORK, side, "unused")

        lines = ["child 1 rows", "child 1 rows", "child 1 rows", "exit code 0", "parent 1 rows"]
        assert (lines, 0) == (ended.stdout.splitlines(), ended.returncode)


_END = """
import asyncio, sys, threading
from binance_coinm.api.account import futures_account_balance as operation
from binance_signing import connect

client = connect(engine="reqwest")
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

client = connect(engine="reqwest")
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

client = connect(engine="reqwest")
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
def test_calls_after_ctrl_c(sandbox: Sandbox) -> None:
    """A client serves on after a call that Ctrl+C ended, and each later caller gets its own answer."""
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
            connect(sandbox.credentials, server=sandbox.url, max_connections=2) as client,
        ):
            threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                futures_account_balance.sync(client=client)
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


def sent_by_each_engine(sandbox: Sandbox, request: dict[str, Any]) -> list[bytes]:
    """Give the first line and the body of a request as each engine sends it, signed at the same time."""
    sent: list[bytes] = []
    with Relay(sandbox.url) as relay:
        for engine in ("httpx", "reqwest"):
            clock = partial(int, 1_700_000_000_000)
            with connect(sandbox.credentials, server=relay.url, clock=clock, recovery=None, engine=engine) as client:
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
    "path", ["/dapi/v1/a\\b", "/dapi/v1/%2e%2e/x", "/dapi/.%2E/x"], ids=["backslash", "%2e%2e", ".%2E"]
)
def test_paths_that_would_be_changed(sandbox: Sandbox, path: str) -> None:
    """A path that the library would change is sent as it is, or refused."""
    try:
        first, second = sent_by_each_engine(sandbox, {"method": "GET", "url": path})
    except ConfigurationError:
        return
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
        (
            {"method": "put", "url": "/x", "content": b"\xff\x00=1"},
            b"PUT /x HTTP/1.1\xff\x00=1&timestamp=1700000000000&",
        ),
    ],
    ids=["query", "form", "odd query", "bytes"],
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
from pyreqwest.client import SyncClientBuilder
from pyreqwest.logging import flush_logs

# Another user of the library wants to know all, for which it begins to log.
with SyncClientBuilder().connection_verbose(True).build() as other:
    other.get(sys.argv[1] + "/a-word-that-is-logged").build().send()
flush_logs()
print("-----")
for server in (sys.argv[1], "http://127.0.0.1:1"):
    with connect(engine="reqwest", server=server, recovery=None) as client:
        for _ in range(2):
            try:
                operation.sync(client=client)
            except BinanceError as error:
                print(error)
            try:
                asyncio.run(operation.asyncio(client=client))
            except BinanceError as error:
                print(error)
flush_logs()
"""


def test_logs(sandbox: Sandbox) -> None:
    """What the library logs at its most talkative shows no URL, key or signature of a call, whatever it ends in."""
    sandbox.answer_next(404)
    sandbox.fail_next(Fault.disconnect())
    sandbox.fail_next(Fault.cut_body())

    ended = run_script(sandbox, _LOGS, sandbox.url)

    assert (0, "") == (ended.returncode, ended.stderr)
    heard, _, shown = ended.stdout.partition("-----")
    assert "a-word-that-is-logged" in heard
    assert "reqwest::connect" in shown
    assert BALANCE not in shown
    assert 5 == len(sandbox.requests)
    assert_hidden(sandbox, shown)


def test_words_of_failures(sandbox: Sandbox, balance: Balance) -> None:
    """What the library says of a failure is told, without the URL that it says it of."""
    client = connect(sandbox.credentials, server=sandbox.url, recovery=None)
    sandbox.close()

    with pytest.raises(NetworkError, match="^no answer, or not all of it, ConnectError: .*refused") as caught:
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

    monkeypatch.setattr("binance_signing._reqwest_messages.Reading.answer", interrupt)

    with pytest.raises(KeyboardInterrupt) as caught:
        balance(connect(sandbox.credentials, server=sandbox.url))

    assert_hidden(sandbox, caught.value)
