"""The account to call: the one that the environment names, or that of a local sandbox."""

import logging
import os
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from attrs import field, frozen
from binance_coinm import Client, Credentials, PublicClient, Server, connect, public
from binance_coinm.errors import ConfigurationError
from binance_coinm.security import Security

from ._output import logs_on_stderr
from ._profiles import profile_in_environment

if TYPE_CHECKING:
    from binance_sandbox import Sandbox


@frozen
class Target:
    """Server, account and timeout of calls; a server or credentials of None come from the environment."""

    server: str | None
    credentials: Credentials | None
    timeout: float
    is_sandbox: bool = False
    # Where variables of the environment come from, other than from the environment.
    sources: Mapping[str, str] = field(factory=dict[str, str])

    def client(self, credentials: Credentials | None = None) -> Client:
        """Return a client, by default with this target's credentials; raises ConfigurationError."""
        return connect(credentials or self.credentials, server=self.server, timeout=self.timeout)

    def client_for(self, security: Security) -> Client | PublicClient:
        """Return a client for operations of a security type, without credentials if they need none."""
        if security.api_key_header is None:
            return public(server=self.server, timeout=self.timeout)
        return self.client()

    @property
    def server_source(self) -> str:
        """What names the server."""
        if self.is_sandbox:
            return "the sandbox"
        if self.server:
            return "--server"
        return self.source_of("BINANCE_SERVER") if os.environ.get("BINANCE_SERVER") else "the default"

    def source_of(self, variable: str) -> str:
        """Return what a variable of the environment comes from: a profile, or itself."""
        return self.sources.get(variable, variable)


@contextmanager
def open_target(
    server: str | None, timeout: float, *, profile: str | None, use_sandbox: bool, verbosity: int
) -> Generator[Target]:
    """Yield the target, with a running sandbox if requested; raises ConfigurationError."""
    with ExitStack() as stack:
        if verbosity:
            stack.enter_context(logs_on_stderr(logging.INFO if verbosity == 1 else logging.DEBUG))
        if use_sandbox:
            sandbox = stack.enter_context(new_sandbox())
            yield Target(sandbox.url, sandbox.credentials, timeout, is_sandbox=True)
        else:
            sources = stack.enter_context(profile_in_environment(profile))
            yield Target(server, None, timeout, sources=sources)


def new_sandbox(port: int = 0) -> "Sandbox":
    """Return a sandbox that is not running yet; raises ConfigurationError if its extra is not installed."""
    try:
        from binance_sandbox import Sandbox  # noqa: PLC0415, an optional extra
    except ImportError as error:
        raise ConfigurationError(str(error)) from None
    return Sandbox(port=port)


def server_label(url: str) -> str:
    """Return a server's name and URL, or the URL alone if it has no name."""
    try:
        return f"{Server(url).name.lower()}, {url}"
    except ValueError:
        return url
