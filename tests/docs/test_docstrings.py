"""Every public name has a docstring."""

import ast
import inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import binance_client
import binance_coinm
import binance_sandbox
import binance_sandbox.pytest_plugin
import binance_signing
import pytest
from binance_client import base_client, errors, models, spec, types
from binance_client.messages import decoders, encoders, error_map, http
from binance_client.policy import clock
from binance_coinm import models as generated_models
from binance_coinm import security, servers
from binance_coinm.api.account import _operations as account_operations
from binance_coinm.api.account import futures_account_balance
from binance_coinm.api.market import _operations as market_operations
from binance_coinm.api.market import check_server_time
from support.constants import ROOT
from support.public_names import names_of

MODULES = [
    account_operations,
    base_client,
    binance_client,
    binance_coinm,
    binance_sandbox,
    binance_sandbox.pytest_plugin,
    binance_signing,
    clock,
    decoders,
    encoders,
    error_map,
    errors,
    futures_account_balance,
    generated_models,
    http,
    market_operations,
    models,
    security,
    check_server_time,
    servers,
    spec,
    types,
]
# The exchange's names of operations have no full stop, and one begins with a number.
SENTENCE = re.compile(r"[A-Z0-9`].*(?:[.:]|\([A-Z_]+\))")
PACKAGES = ("binance_client", "binance_coinm", "binance_sandbox", "binance_signing")


def described() -> Iterator[tuple[str, object]]:
    """Yield what needs a docstring: modules, public classes and functions, and public methods, inherited ones too."""
    for module in MODULES:
        yield module.__name__, module
        for name in names_of(module):
            value = getattr(module, name)
            if inspect.isclass(value) and value.__module__.startswith(PACKAGES):
                yield f"{module.__name__}.{name}", value
                for kind in value.__mro__:
                    if kind.__module__.startswith(PACKAGES):
                        for method, function in vars(kind).items():
                            plain = getattr(function, "__func__", function)
                            if not method.startswith("_") and (inspect.isroutine(plain) or isinstance(plain, property)):
                                yield f"{module.__name__}.{name}.{method}", plain
            elif inspect.isfunction(value) or inspect.ismethod(value):
                yield f"{module.__name__}.{name}", value


DESCRIBED = dict(described())


@pytest.mark.parametrize("name", DESCRIBED)
def test_docstring(name: str) -> None:
    """A docstring begins with one line that is a sentence, and says what the name is for."""
    lines = inspect.cleandoc(DESCRIBED[name].__doc__ or "").splitlines()

    assert lines
    assert SENTENCE.fullmatch(lines[0])


FIRST_WORDS_OF_NONE = {"Give", "Gives", "Hear", "Hears", "Say", "Says", "Take", "Takes", "Tell", "Tells"}


def first_words(path: Path) -> Iterator[str]:
    """Return the first word of each docstring of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring.split()[0].strip(".,:;")


def test_docstrings_begin_as_those_of_the_field() -> None:
    """No docstring of the project begins with one of these words, in place of which PEP 257 has Return and its like."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607, as every developer has it
    found = {
        name: words for name in listed.stdout.split() if (words := FIRST_WORDS_OF_NONE & {*first_words(ROOT / name)})
    }

    assert {} == found
