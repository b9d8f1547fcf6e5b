"""Private names of libraries: shipped code uses a single one, because any release may change them."""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

PACKAGES = ("binance_coinm", "binance_client", "binance_signing", "binance_sandbox", "binance_coinm_cli")
# In methods these are objects of the module's own class.
_OWN_OBJECTS = ("self", "cls", "super()")
# Named tuples have these public methods, whose underscore keeps them apart from fields.
_is_private = re.compile(r"(?!(?:_asdict|_fields|_make|_replace)$)_[A-Za-z0-9][A-Za-z0-9_]*").fullmatch


def files() -> list[Path]:
    """Return all modules of the shipped packages."""
    found = []
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        for folder in spec.submodule_search_locations or []:
            found += sorted(Path(folder).rglob("*.py"))
    return found


# Names of modules occur as strings where they are imported when they are needed.
MODULES = {file.stem for file in files()}


def named(file: Path) -> str:
    """Return a file's path, from its package on."""
    parts = list(file.parts)
    return "/".join(parts[max(parts.index(package) for package in PACKAGES if package in parts) :])


def modules() -> Iterator[ModuleType]:
    """Import and yield all shipped modules but `__main__`."""
    for file in files():
        name = named(file).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if not name.endswith("__main__"):
            yield importlib.import_module(name)


def defined(tree: ast.AST) -> set[str]:
    """Return the private names that code defines: classes, functions, variables, and attributes of its own objects."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_of_own_object(node):
            names.add(node.attr)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            names |= set(ast.literal_eval(node.value))
    return {name for name in names if _is_private(name)}


def is_of_own_object(node: ast.Attribute) -> bool:
    """Return True if an attribute belongs to the object whose method uses it."""
    return ast.unparse(node.value) in _OWN_OBJECTS


def attributes(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Yield all private attributes in code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            yield node


def foreign_attributes(source: str) -> list[str]:
    """Return the private attributes in code that the code does not define itself."""
    tree = ast.parse(source)
    own = defined(tree)
    return [ast.unparse(node) for node in attributes(tree) if not is_of_own_object(node) and node.attr not in own]


# A variable of the environment: click derives its name from the program's, and documents that.
VARIABLES = {"_BINANCE_COINM_COMPLETE"}


def foreign_strings(source: str) -> list[str]:
    """Return the strings in code that could name a private attribute, for `getattr`, `vars` or `__dict__`."""
    tree = ast.parse(source)
    own = defined(tree) | MODULES
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    # attrgetter accepts a dotted path.
    found = [text for text in texts if any(_is_private(part) and part not in own for part in text.split("."))]
    return [text for text in found if text not in VARIABLES]


def foreign_imports(source: str) -> list[str]:
    """Return the private names and modules that code imports from libraries."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in found if name.split(".")[0] not in PACKAGES and any(map(_is_private, name.split(".")))]


def names_in(code: CodeType) -> set[str]:
    """Return the attributes and globals that a function uses, nested functions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_in(constant)
    return names


def names_of(kind: type) -> set[str]:
    """Return the private names that a class has or uses, by its bytecode, because its source may be missing."""
    names = set(vars(kind))
    for value in vars(kind).values():
        for function in (value, *(getattr(value, name, None) for name in ("__func__", "fget", "fset", "func"))):
            if isinstance(function, FunctionType):
                names |= names_in(function.__code__)
    return {name for name in names if _is_private(name)}


def inherited(kind: type) -> set[str]:
    """Return the private names that a class shares with a library's class that it derives from."""
    not_libraries = {*PACKAGES, *sys.stdlib_module_names}
    libraries = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in not_libraries]
    # Python itself adds this name to abstract classes.
    return names_of(kind) & set[str]().union(*map(names_of, libraries)) - {"_abc_impl"}


@pytest.mark.parametrize("file", files(), ids=named)
def test_no_private_names_of_libraries(file: Path) -> None:
    """Private attributes are used on objects of the module's own classes alone, and nothing private is imported."""
    source = file.read_text(encoding="utf-8")

    assert ([], [], []) == (foreign_attributes(source), foreign_strings(source), foreign_imports(source))


def test_pool_is_the_only_inherited_private_name() -> None:
    """Of a library's private names, derived classes use `_pool` alone, whose value is a pool of our own."""
    found = {
        f"{kind.__module__}.{kind.__qualname__}": names
        for module in modules()
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and (names := inherited(kind))
    }

    assert {
        "binance_client.connections.async_transport.AsyncConnectionTransport": {"_pool"},
        "binance_client.connections.sync_transport.ConnectionTransport": {"_pool"},
    } == found
    assert ["binance_client/connections/async_transport.py", "binance_client/connections/sync_transport.py"] == [
        named(file)
        for file in files()
        if any(node.attr == "_pool" for node in attributes(ast.parse(file.read_text(encoding="utf-8"))))
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("client._transport", ["client._transport"]),
        ("class A:\n    def f(self, client):\n        return self._a or client._b", ["client._b"]),
        ("class A:\n    def f(self, other):\n        self._a = other._a", []),
        ("client.send()._x = 1", ["client.send()._x"]),
        ("client.__class__.__name__", []),
    ],
)
def test_private_attributes_are_found(source: str, found: list[str]) -> None:
    """Private attributes of other objects are found."""
    assert found == foreign_attributes(source)


def test_private_imports_and_strings_are_found() -> None:
    """Private imports and private names in strings are found."""
    source = (
        "import httpx._client\nfrom httpcore import _sync\nfrom . import _retries\nvars(x)['_pool'], f('a._b'), '__x__'"
    )

    assert ["httpx._client", "httpcore._sync"] == foreign_imports(source)
    assert ["_pool", "a._b"] == foreign_strings(source)
