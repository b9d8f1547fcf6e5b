"""Arguments of any value: each is accepted, or rejected by an error of the tree before anything is sent.

The functions and their parameters are found by introspection. The profiles (how many examples are tried) are in
conftest.py; `make fuzz` and `make test` have different ones.
"""

import asyncio
import inspect
import math
import re
import ssl
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NamedTuple

import httpx
import pytest
from binance_client.base_client import AuthenticatedClient, BaseClient
from binance_coinm import Credentials, Ed25519Key, HmacKey, RetryPolicy, RsaKey, connect
from binance_coinm.errors import BinanceError, ConfigurationError
from binance_coinm.security import Security
from binance_coinm.types import UNSET
from binance_signing import Signer
from hypothesis import given
from hypothesis import strategies as st
from support.constants import API_KEY, SECRET
from support.specs import Kinds

SERVER = "https://exchange.example"
# No error shows more of a value than this.
MAX_TEXT = 2000


class UnfriendlyError(Exception):
    """An exception of an argument's own class, which a call may end in."""


class Unfriendly:
    """A value without a text, a truth value, an order or an equal."""

    def _refuse(self, *_: object) -> Any:
        raise UnfriendlyError

    __repr__ = __str__ = __bool__ = __eq__ = __lt__ = __gt__ = __len__ = __iter__ = _refuse
    __hash__ = object.__hash__


def deep(levels: int) -> list[Any]:
    """Return a list within a list, and so on."""
    outer: list[Any] = []
    for _ in range(levels):
        outer = [outer]
    return outer


URLS = [
    *("https://xn--a-", "https://xn--/", "https://ä-.example", "https://a:65536", "https://a:-1", "https://a:b"),
    *(
        "https://[::1",
        "https://[::1%25eth0]",
        "https://..",
        "https:// a",
        "https://a\0",
        "https://%zz",
        "//a",
        "https:",
    ),
    *("https://user:word@a", "https://user:wo/rd@a", "https://a?b", "https://a#b", "http://127.0.0.1:1", "ftp://a"),
    *("socks5://ä:ö@a", "socks://a", f"socks5://user:{'p' * 256}@a", "http://\ud800:b@c", f"https://{'a' * 70_000}"),
    *("https://a/dapi", "https://a/dapi/v1/", "https://ä.example", "HTTPS://A", "\ud800", "/\ud800", "\0", "/a\0"),
]
TYPED = [None, True, False, object(), int, len, Path("/"), Path("missing"), Decimal("NaN"), Decimal("sNaN"), 1j, {1}]
NUMBERS = [0, -1, 1, 10**40, 10**400, 10**5000, -(10**5000), math.nan, math.inf, -math.inf, 5e-324, 86_400.5, 2**63]
TEXTS = ["", " ", "a" * 300, "a" * 100_000, "/" + "a" * 5000, ".", "/dev/null", "é", "数💰", "a\nb", "-----BEGIN"]
OTHERS = [b"a", bytearray(b"a"), memoryview(b"a"), httpx.URL(SERVER), httpx.Timeout(1), Unfriendly(), [Unfriendly()]]
NESTED = [deep(400), deep(100_000), {"a": {"b": [None]}}, [()], {1: 2}, {"\ud800": "\ud800"}]

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary()
nested = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
urls = st.builds("{}{}".format, st.sampled_from(["https://", "http://", "socks5://", "https://a/", "/"]), st.text())
special: st.SearchStrategy[Any] = st.sampled_from([*URLS, *TYPED, *NUMBERS, *TEXTS, *OTHERS, *NESTED])
values = special | urls | nested
# What the parameters of operations usually have.
usual: st.SearchStrategy[Any] = st.sampled_from([1, "a", Decimal(1), True, ["a"], [1], "BTCUSD_PERP", UNSET])


class Group(NamedTuple):
    """A function, and valid arguments, each of which is replaced in turn."""

    function: Callable[..., Any]
    arguments: dict[str, Any]

    @property
    def parameters(self) -> list[str]:
        """The names of all parameters, whether they have a valid argument or not."""
        return [
            name
            for name, parameter in inspect.signature(self.function).parameters.items()
            if parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        ]


@pytest.fixture
def _exceptions_without_secrets() -> None:
    """Replace the check of all exceptions at the end of a test, because it would keep each example's."""


CREDENTIALS = Credentials(API_KEY, HmacKey(SECRET))
# One for all clients, because it takes longer than the rest of a client.
CONTEXT = ssl.create_default_context()
DERIVED = connect(CREDENTIALS, server=SERVER, verify=CONTEXT)


def set_timeout(timeout: float) -> None:
    """Set the timeout of a client."""
    connect(CREDENTIALS, server=SERVER, verify=CONTEXT).timeout = timeout


def set_credentials(credentials: Credentials) -> None:
    """Set the credentials of a client."""
    connect(CREDENTIALS, server=SERVER, verify=CONTEXT).credentials = credentials


def without_connect(
    base_url: str,
    headers: dict[str, str],
    timeout: float,
    verify: ssl.SSLContext,
    httpx_args: dict[str, Any],
) -> None:
    """Build the clients of httpx of a client that `connect` has not built."""
    for kind in (BaseClient, AuthenticatedClient):
        client = kind(base_url, headers=headers, timeout=timeout, verify=verify, httpx_args=httpx_args)
        client.get_httpx_client().close()
        client.get_async_httpx_client()


def sign(security: object, clock: object, recv_window: int) -> None:
    """Sign a request by hand."""
    signer = Signer(CREDENTIALS, SERVER, clock=lambda: clock, recv_window=recv_window)  # type: ignore[arg-type, return-value]
    signer(httpx.Request("GET", SERVER, extensions={"security": security}))


GROUPS = {
    "connect": Group(connect, {"credentials": CREDENTIALS, "server": SERVER, "verify": CONTEXT}),
    "with_options": Group(DERIVED.with_options, {}),
    "with_credentials": Group(DERIVED.with_credentials, {}),
    "timeout": Group(set_timeout, {}),
    "credentials": Group(set_credentials, {}),
    "RetryPolicy": Group(RetryPolicy, {}),
    "Signer": Group(Signer, {"credentials": CREDENTIALS, "server": SERVER}),
    "request hook": Group(sign, {"security": Security.TRADE, "clock": 1, "recv_window": 5000}),
    "Credentials": Group(Credentials, {"api_key": API_KEY, "key": HmacKey(SECRET)}),
    "HmacKey": Group(HmacKey, {}),
    "Ed25519Key": Group(Ed25519Key.from_pem, {"pem": "a"}),
    "RsaKey": Group(RsaKey.from_pem, {"pem": "a"}),
    "Client": Group(
        without_connect,
        {"base_url": SERVER, "headers": {}, "timeout": 1, "verify": CONTEXT, "httpx_args": {"trust_env": False}},
    ),
}


def rejection_of(call: Callable[[], object]) -> str | None:
    """Call; return the text of a `ConfigurationError`, None for a result or any other error of the tree."""
    try:
        call()
    except ConfigurationError as error:
        return str(error)
    except (BinanceError, UnfriendlyError):
        return None
    return None


@pytest.mark.parametrize("name", GROUPS)
@given(data=st.data())
def test_arguments_are_accepted_or_rejected(name: str, data: st.DataObject) -> None:
    """Whatever an argument is, it is accepted, or a `ConfigurationError` with a short text and without its password."""
    group = GROUPS[name]
    parameter = data.draw(st.sampled_from(group.parameters))
    value = data.draw(values)

    rejection = rejection_of(lambda: group.function(**{**group.arguments, parameter: value})) or ""

    assert len(rejection) < MAX_TEXT
    assert parameter not in ("server", "proxy") or not re.search("user:word|wo/rd", rejection)


REQUEST_PARTS = ["method", "url", "params", "data", "content", "json", "headers", "timeout", "extensions"]
REQUEST_EXTENSIONS = ["security", "weight"]


class Exchange:
    """A transport that counts requests, and a client over it."""

    def __init__(self) -> None:
        """Create the client."""
        self.requests = 0
        transport = httpx.MockTransport(self._respond)
        # A port of this machine, whose rate limit is that of this client alone.
        self.client = connect(CREDENTIALS, server="http://127.0.0.1", transport=transport, retry=None)

    def _respond(self, _: httpx.Request) -> httpx.Response:
        self.requests += 1
        return httpx.Response(200, json=[])


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """Return an event loop for all examples."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def operations(kinds: Kinds) -> list[Any]:
    """Return the modules of all operations of two generated packages."""
    packages = [import_module(f"{package}.api") for package in ("binance_coinm", kinds.package.__name__)]
    modules = [
        import_module(found.name)
        for package in packages
        for found in walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [module for module in modules if hasattr(module, "sync_detailed")]


def assert_not_sent_if_rejected(exchange: Exchange, call: Callable[[], object]) -> None:
    """Call; assert that nothing was sent for a `ConfigurationError`."""
    rejection = rejection_of(call)
    assert rejection is None or (0 == exchange.requests and len(rejection) < MAX_TEXT)


@pytest.mark.filterwarnings("ignore:Use 'content=")
@pytest.mark.parametrize("side", ["sync", "async"])
@given(data=st.data())
def test_arguments_of_requests(side: str, runner: asyncio.Runner, data: st.DataObject) -> None:
    """The same goes for a request by hand; nothing is sent for a `ConfigurationError`."""
    exchange = Exchange()
    request: dict[str, Any] = {"method": "POST", "url": "/dapi/v1/a", "extensions": {"security": Security.TRADE}}
    part = data.draw(st.sampled_from([*REQUEST_PARTS, *REQUEST_EXTENSIONS]))
    (request if part in REQUEST_PARTS else request["extensions"])[part] = data.draw(values)

    def call() -> object:
        client = exchange.client
        return client.request(request) if side == "sync" else runner.run(client.request_async(request))

    assert_not_sent_if_rejected(exchange, call)


@pytest.mark.parametrize("side", ["sync", "async"])
@given(data=st.data())
def test_arguments_of_operations(side: str, runner: asyncio.Runner, operations: list[Any], data: st.DataObject) -> None:
    """The same goes for each parameter of each operation."""
    exchange = Exchange()
    operation = data.draw(st.sampled_from(operations))
    names = [name for name in Group(operation.sync_detailed, {}).parameters if name != "client"]
    arguments = {name: data.draw(usual | values) for name in names}

    def call() -> object:
        if side == "sync":
            return operation.sync_detailed(client=exchange.client, **arguments)
        return runner.run(operation.asyncio_detailed(client=exchange.client, **arguments))

    assert_not_sent_if_rejected(exchange, call)
