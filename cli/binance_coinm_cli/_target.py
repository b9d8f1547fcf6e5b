"""The account to call: the one that the environment names, or that of a local sandbox."""

from collections.abc import Generator
from contextlib import contextmanager

from attrs import frozen
from binance_coinm import Client, Credentials, PublicClient, Server, connect, public
from binance_coinm.errors import ConfigurationError
from binance_coinm.security import Security


@frozen
class Target:
    """Server, account and timeout of calls; a server or credentials of None come from the environment."""

    server: str | None
    credentials: Credentials | None
    timeout: float
    is_sandbox: bool = False

    def client(self, credentials: Credentials | None = None) -> Client:
        """Return a client, by default with this target's credentials; raises ConfigurationError."""
        return connect(credentials or self.credentials, server=self.server, timeout=self.timeout)

    def client_for(self, security: Security) -> Client | PublicClient:
        """Return a client for operations of a security type, without credentials if they need none."""
        if security.api_key_header is None:
            return public(server=self.server, timeout=self.timeout)
        return self.client()


@contextmanager
def open_target(server: str | None, timeout: float, *, use_sandbox: bool) -> Generator[Target]:
    """Yield the target, with a running sandbox if requested; raises ConfigurationError."""
    if not use_sandbox:
        yield Target(server, None, timeout)
        return
    try:
        from binance_sandbox import Sandbox  # noqa: PLC0415, an optional extra
    except ImportError as error:
        raise ConfigurationError(str(error)) from None
    with Sandbox() as sandbox:
        yield Target(sandbox.url, sandbox.credentials, timeout, is_sandbox=True)


def server_label(url: str) -> str:
    """Return a server's name and URL, or the URL alone if it has no name."""
    try:
        return f"{Server(url).name.lower()}, {url}"
    except ValueError:
        return url
