"""Operations as methods of the client: they do the same as the functions, and editors and `help` find them."""

import asyncio
import inspect
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import binance_coinm
import pytest
import yaml
from binance_client.base_client import BaseClient
from binance_coinm import Client, connect
from binance_coinm.api.account import futures_account_balance, get_income_history
from binance_coinm.api.account._operations import AccountOperations
from binance_coinm.api.market import check_server_time
from binance_coinm.errors import ConfigurationError, ExchangeError, SignatureError
from binance_coinm.models import FuturesAccountBalance
from binance_sandbox import Sandbox
from support.constants import SPEC
from support.specs import Kinds

Rows = list[FuturesAccountBalance]
Call = Callable[..., Rows]


def call_sync(client: Client, **arguments: Any) -> Rows:
    """Call the method, and close the client."""
    with client:
        return client.account.futures_account_balance(**arguments)


def call_async(client: Client, **arguments: Any) -> Rows:
    """Await the method of `aio`, and close the client."""

    async def call() -> Rows:
        async with client:
            return await client.aio.account.futures_account_balance(**arguments)

    return asyncio.run(call())


@pytest.fixture(params=[call_sync, call_async], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Return a function that makes one call and closes the client, sync or async."""
    call: Call = request.param
    return call


def sent_parameters(sandbox: Sandbox) -> list[str]:
    """Return the only query that arrived, without the values that differ in each request."""
    [request] = sandbox.pop_requests()
    return re.sub("(timestamp|signature)=[^&]*", r"\1", request.query.decode()).split("&")


@pytest.mark.parametrize("arguments", [{}, {"recv_window": 4000}], ids=["default", "recv_window"])
def test_methods_do_the_same_as_functions(sandbox: Sandbox, call: Call, arguments: dict[str, int]) -> None:
    """A method sends the request of the function, and returns its rows."""
    rows = call(connect(sandbox.credentials, server=sandbox.url), **arguments)
    sent = sent_parameters(sandbox)
    with connect(sandbox.credentials, server=sandbox.url) as client:
        expected = futures_account_balance.sync(client=client, **arguments)

    assert expected == rows
    assert [*(f"recvWindow={value}" for value in arguments.values()), "timestamp", "signature"] == sent
    assert sent == sent_parameters(sandbox)


def test_methods_without_credentials(sandbox: Sandbox) -> None:
    """An operation without credentials is a method too; its function also takes a client that cannot sign."""

    async def call() -> int:
        async with connect(sandbox.credentials, server=sandbox.url) as client:
            return (await client.aio.market.check_server_time()).server_time

    with connect(sandbox.credentials, server=sandbox.url) as client, BaseClient(sandbox.url) as plain:
        times = [
            client.market.check_server_time().server_time,
            check_server_time.sync(client=plain).server_time,
            asyncio.run(call()),
        ]

    assert sorted(times) == times
    assert [b""] * 3 == [request.query for request in sandbox.received_requests]


def test_invalid_arguments_are_not_sent(sandbox: Sandbox, call: Call) -> None:
    """An invalid argument of a method is an error before anything is sent."""
    with pytest.raises(ConfigurationError, match="^recv_window: expected an integer of at least 1, got 0$"):
        call(connect(sandbox.credentials, server=sandbox.url), recv_window=0)
    with pytest.raises(TypeError, match="asset"):
        call(connect(sandbox.credentials, server=sandbox.url), asset="BTC")

    assert [] == sandbox.received_requests


def test_methods_raise_the_errors_of_functions(sandbox: Sandbox, call: Call) -> None:
    """A method raises the error of the response."""
    sandbox.respond_next(400, body={"code": -1022, "msg": "Signature for this request is not valid."})

    with pytest.raises(SignatureError):
        call(connect(sandbox.credentials, server=sandbox.url))


def test_methods_of_derived_clients(sandbox: Sandbox, call: Call) -> None:
    """The methods of a derived client have its options and its credentials, not those of the original client."""
    other = sandbox.add_account(responses={"futuresAccountBalance": []})
    with connect(sandbox.credentials, server=sandbox.url) as client:
        assert client.account.futures_account_balance() == asyncio.run(client.aio.account.futures_account_balance())
        sandbox.pop_requests()

        sandbox.respond_next(503)
        with pytest.raises(ExchangeError):
            call(client.with_options(retry=None))
    with connect(sandbox.credentials, server=sandbox.url) as client:
        assert client.account.futures_account_balance() == asyncio.run(client.aio.account.futures_account_balance())

        assert [] == call(client.with_credentials(other.credentials))

    assert [503, 200, 200, 200] == [request.status for request in sandbox.received_requests]


def test_derived_clients_are_of_the_same_type(sandbox: Sandbox) -> None:
    """`connect`, `with_options` and `with_credentials` return a client of the package's own type."""
    with connect(sandbox.credentials, server=sandbox.url) as client:
        derived = [client.with_options(timeout=1), client.with_credentials(sandbox.credentials)]

    assert [Client] * 3 == [type(one) for one in (client, *derived)]


def public(value: object) -> set[str]:
    """Return the public names that completion offers for a value."""
    return {name for name in dir(value) if not name.startswith("_")}


def test_completion_offers_tags_and_operations(sandbox: Sandbox) -> None:
    """`dir` of the client has its tags, and `dir` of a tag nothing but its operations and their iterators."""
    with connect(sandbox.credentials, server=sandbox.url) as client:
        assert {"account", "market", "stream", "trade", "aio"} <= public(client)
        assert {"account", "market", "stream", "trade"} == public(client.aio)
        assert {"account": (13, 1), "market": (26, 8), "stream": (3, 0), "trade": (28, 4)} == {
            tag: tuple(
                sum(name.startswith("iterate_") is is_iterator for name in public(getattr(client, tag)))
                for is_iterator in (False, True)
            )
            for tag in public(client.aio)
        }
        for tag in public(client.aio):
            assert public(getattr(client, tag)) == public(getattr(client.aio, tag))
        stream = {"start_user_data_stream", "keepalive_user_data_stream", "close_user_data_stream"}
        assert stream == public(client.stream)


@pytest.mark.parametrize(
    "name",
    ["binance_coinm", "binance_client", "binance_client.errors", "binance_coinm.models", "binance_sandbox", "binance_signing"],
)  # fmt: skip
def test_completion_offers_public_names(name: str) -> None:
    """`dir` of a package is its `__all__`."""
    module = import_module(name)

    assert sorted(module.__all__) == dir(module)


def test_completion_offers_functions() -> None:
    """`dir` of an operation's module has its functions, the iterators where there are some, and nothing else."""
    functions = ["asyncio", "asyncio_detailed", "build_request", "parse_response", "sync", "sync_detailed"]

    assert functions == dir(futures_account_balance)
    assert sorted([*functions, "iterate", "iterate_async"]) == dir(get_income_history)


def test_every_operation_is_a_method(kinds: Kinds) -> None:
    """Each operation of a document is a method by its tag, sync and async, with the parameters of the functions."""
    folder = Path(kinds.package.__file__).parent / "api"
    modules = [path for path in folder.glob("*/*.py") if not path.stem.startswith("_")]
    assert len(modules) > 40

    for path in modules:
        module = kinds.operation(f"{path.parent.name}.{path.stem}")
        operations = kinds.operation(f"{path.parent.name}._operations")
        for prefix, function in (("", module.sync), ("Async", module.asyncio)):
            kind = getattr(operations, f"{prefix}{path.parent.name.title()}Operations")
            method = getattr(kind, path.stem)
            expected, actual = dict(inspect.signature(function).parameters), dict(inspect.signature(method).parameters)
            del expected["client"], actual["self"]

            assert list(expected) == list(actual)
            assert [one.default for one in expected.values()] == [one.default for one in actual.values()]
            assert all(one.kind is one.KEYWORD_ONLY for one in actual.values())
            assert inspect.iscoroutinefunction(function) is inspect.iscoroutinefunction(method)


def test_help_of_a_method() -> None:
    """`help` of a method has all that the document says of the operation."""
    document = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    operation = document["paths"]["/dapi/v1/balance"]["get"]
    recv_window = document["components"]["parameters"]["recvWindow"]
    text = " ".join(pydoc.plain(pydoc.render_doc(AccountOperations.futures_account_balance)).split())

    assert "futures_account_balance(" in text
    assert ", *, recv_window: " in text
    assert " ".join(operation["summary"].split()) in text
    assert " ".join(operation["description"].split()) in text
    assert f"recv_window (int | Unset): {' '.join(recv_window['description'].split())}" in text
    assert operation["externalDocs"]["url"] in text
    assert "Raises: ConfigurationError: " in text
    assert "Returns: list[FuturesAccountBalance]" in text


def test_documentation_is_written_once(kinds: Kinds) -> None:
    """Functions and `aio` methods refer to the method, so that a package has each documentation once."""
    module, operations = kinds.operation("trade.new_order"), kinds.operation("trade._operations")
    sources = [path.read_text(encoding="utf-8") for path in Path(kinds.package.__file__).parent.rglob("*.py")]

    assert 1 == "".join(sources).count("New Order (TRADE)")
    for function, method in (
        (module.sync, "client.trade.new_order"),
        (module.sync_detailed, "client.trade.new_order"),
        (module.asyncio, "client.aio.trade.new_order"),
        (module.asyncio_detailed, "client.aio.trade.new_order"),
        (operations.AsyncTradeOperations.new_order, "client.trade.new_order"),
    ):
        assert f"`{method}`" in function.__doc__
        assert 1 == len(function.__doc__.splitlines())


@pytest.mark.parametrize("package", ["binance_coinm", "kinds_client"])
def test_import_costs_no_operations(kinds: Kinds, package: str) -> None:
    """Neither the import of a package nor `connect` imports operations or models, however many there are."""
    program = (
        f"import sys, {package} as package; package.connect(package.Credentials('k', package.HmacKey('s'))).close();"
        f" print(*(name for name in sys.modules if name.startswith(({package + '.api.'!r}, {package + '.models.'!r}))))"
    )
    child = subprocess.run(
        [sys.executable, "-c", program], cwd=kinds.document.parent, capture_output=True, text=True, check=True
    )

    imported = child.stdout.split()
    assert imported
    assert [] == [name for name in imported if name.count(".") > 2 and not name.endswith("._operations")]


@pytest.fixture
def kinds_sandbox(kinds: Kinds) -> Iterator[Sandbox]:
    """Return a running exchange with the operations of the second package."""
    with Sandbox(document=kinds.document) as sandbox:
        yield sandbox


def test_clients_of_two_packages(kinds: Kinds, sandbox: Sandbox) -> None:
    """In a program with two packages each has its own client and models; they share functions and errors."""
    with connect(sandbox.credentials, server=sandbox.url) as client:
        rows = client.account.futures_account_balance()
    with kinds.package.connect(sandbox.credentials, server=sandbox.url) as other:
        other_rows = other.account.futures_account_balance()
        rows_by_function = futures_account_balance.sync(client=other)

    assert not isinstance(other, Client)
    assert isinstance(other, kinds.package.Client)
    assert rows == rows_by_function
    assert [kinds.models.FuturesAccountBalance] * len(rows) == [type(row) for row in other_rows]
    assert [row.to_dict() for row in rows] == [row.to_dict() for row in other_rows]
    assert kinds.package.errors.SignatureError is SignatureError


def test_environment_of_a_second_package(kinds: Kinds, monkeypatch: pytest.MonkeyPatch, kinds_sandbox: Sandbox) -> None:
    """The `connect` of a second package reads the same variables."""
    account = kinds_sandbox.account
    monkeypatch.setenv("BINANCE_API_KEY", account.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", account.secret or "")
    monkeypatch.setenv("BINANCE_SERVER", kinds_sandbox.url)

    with kinds.package.connect() as client:
        client.trade.current_all_open_orders()

    assert [200] == [request.status for request in kinds_sandbox.received_requests]


def test_errors_and_clock_of_a_second_package(kinds: Kinds, kinds_sandbox: Sandbox) -> None:
    """Methods of a second package raise the errors of the tree and synchronize their client's clock, sync and async."""
    kinds_sandbox.clock_offset_ms = -3_600_000

    async def call() -> Any:
        async with kinds.package.connect(kinds_sandbox.credentials, server=kinds_sandbox.url) as client:
            order = await client.aio.trade.new_order(symbol="X", side="BUY", type_="MARKET")
            kinds_sandbox.respond_next(400, body={"code": -2019, "msg": "Margin is insufficient."})
            with pytest.raises(binance_coinm.errors.ApiError, match="code -2019"):
                await client.aio.trade.new_order(symbol="X", side="BUY", type_="MARKET")
            return order, client.clock.offset_ms

    with kinds.package.connect(kinds_sandbox.credentials, server=kinds_sandbox.url) as client:
        order = client.trade.new_order(symbol="X", side="BUY", type_="MARKET")
        offset = client.clock.offset_ms
    other, other_offset = asyncio.run(call())

    assert order == other
    assert Decimal("0.0") == order.avg_price
    assert all(-3_660_000 < found < -3_540_000 for found in (offset, other_offset))
