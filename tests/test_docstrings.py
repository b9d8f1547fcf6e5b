"""Whoever asks for help on a public name gets an answer."""

import inspect
import re
from collections.abc import Iterator

import binance_coinm
import binance_sandbox
import binance_sandbox.pytest_plugin
import binance_signing
import pytest
from binance_coinm import client, engines, errors, models, reading, refusals, security, servers, types, writing
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import server_time
from test_public_names import names_of

MODULES = [
    binance_coinm,
    binance_sandbox,
    binance_sandbox.pytest_plugin,
    binance_signing,
    client,
    engines,
    errors,
    futures_account_balance,
    models,
    reading,
    refusals,
    security,
    server_time,
    servers,
    types,
    writing,
]
# The exchange's names of operations are none and have no full stop.
SENTENCE = re.compile(r"[A-Z`].*(?:[.:]|\([A-Z_]+\))")
OURS = ("binance_coinm", "binance_sandbox", "binance_signing")


def described() -> Iterator[tuple[str, object]]:
    """Give what has to have a docstring: modules, public classes and functions, and public methods, inherited too."""
    for module in MODULES:
        yield module.__name__, module
        for name in names_of(module):
            value = getattr(module, name)
            if inspect.isclass(value):
                yield f"{module.__name__}.{name}", value
                for kind in value.__mro__:
                    if kind.__module__.startswith(OURS):
                        for method, function in vars(kind).items():
                            plain = getattr(function, "__func__", function)
                            if not method.startswith("_") and (inspect.isroutine(plain) or isinstance(plain, property)):
                                yield f"{module.__name__}.{name}.{method}", plain
            elif callable(value):
                yield f"{module.__name__}.{name}", value


DESCRIBED = dict(described())


@pytest.mark.parametrize("name", DESCRIBED)
def test_docstring(name: str) -> None:
    """A docstring begins with a line of its own, which says what there is to say if nothing else is read."""
    lines = inspect.cleandoc(DESCRIBED[name].__doc__ or "").splitlines()

    assert lines
    assert SENTENCE.fullmatch(lines[0])
