"""Whom the command calls: the account that the environment names, or a sandbox that it brings along."""

from collections.abc import Generator
from contextlib import contextmanager

from attrs import frozen
from binance_coinm.errors import ConfigurationError
from binance_signing import Credentials, Server, SigningClient, connect


@frozen
class Target:
    """Whom to call; what is None comes from the environment."""

    server: str | None
    credentials: Credentials | None
    timeout: float
    is_sandbox: bool = False

    def client(self, credentials: Credentials | None = None) -> SigningClient:
        """Give a client, by default with this target's credentials; raise `ConfigurationError`."""
        client = connect(credentials or self.credentials, server=self.server, timeout=self.timeout)
        # Made now, for it reads what the environment says of proxies.
        client.engine()
        return client


@contextmanager
def target(server: str | None, timeout: float, *, use_sandbox: bool) -> Generator[Target]:
    """Give whom to call; a sandbox runs as long as the context. Raises `ConfigurationError`."""
    if not use_sandbox:
        yield Target(server, None, timeout)
        return
    try:
        from binance_sandbox import Sandbox  # noqa: PLC0415, an extra, which few runs need
    except ImportError as error:
        raise ConfigurationError(str(error)) from None
    with Sandbox() as sandbox:
        yield Target(sandbox.url, sandbox.credentials, timeout, is_sandbox=True)


def name_of(url: str) -> str:
    """Give a server's name and URL."""
    try:
        return f"{Server(url).name.lower()}, {url}"
    except ValueError:
        return url
