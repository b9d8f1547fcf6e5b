"""The generated package whose functions a client serves, and what its document says of the exchange."""

from enum import StrEnum
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from binance_coinm.errors import ConfigurationError
from binance_coinm.refusals import Refusals


class Package(NamedTuple):
    """What is to be known of a package. `time_module` is its operation that tells the time, None without one."""

    refusals: Refusals
    servers: type[StrEnum]
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
