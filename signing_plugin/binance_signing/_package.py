"""The generated package whose functions a client serves, and what its document says of the exchange."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from binance_coinm.errors import ConfigurationError
from binance_coinm.refusals import Refusals


class Servers(Protocol):
    """The `Server` of a package."""

    def __iter__(self) -> Iterator[str]:
        """Give all servers, in the document's order."""
        ...

    def named(self, text: str) -> str:
        """Give the server of a name, or a URL as it is; raise ValueError for anything else."""
        ...


class Package(NamedTuple):
    """What is to be known of a package. `time_module` is its operation that tells the time, None without one."""

    refusals: Refusals
    servers: Servers
    time_module: str | None

    def server_time(self) -> Any:
        """Import the operation that tells the exchange's time, which few clients need: most clocks are right."""
        return import_module(str(self.time_module))


def package_of(module: ModuleType) -> Package:
    """Give what is to be known of a package; raise `ConfigurationError` if `make generate` has not made it."""
    name = getattr(module, "__name__", None)
    try:
        facts = import_module(f"{name}.facts")
        servers = import_module(f"{name}.servers").Server
        time_module = facts.SERVER_TIME and f"{name}.{facts.SERVER_TIME}"
        return Package(facts.REFUSALS, servers, time_module)
    except (ImportError, AttributeError):
        raise ConfigurationError(
            f"package: expected a package that `make generate` made, such as binance_coinm, got {module!r}"
        ) from None
