# /// script
# requires-python = ">=3.11"
# dependencies = ["requests==2.34.2"]
# [tool.bench]
# title = "requests by hand"
# import = "import requests"
# ///
"""requests with its default settings, signed by hand, with one session for all calls; it has no async half."""

from typing import TYPE_CHECKING, Any

from account import Account

if TYPE_CHECKING:
    import requests

    Client = tuple[requests.Session, Account]


def connect(account: Account) -> "Client":
    """Create a session."""
    import requests

    session = requests.Session()
    session.headers.update(account.headers)
    return session, account


def call(client: "Client") -> Any:
    """Sign and send."""
    session, account = client
    response = session.get(account.url + account.signed_target())
    response.raise_for_status()
    return response.json()


def write(client: "Client") -> Any:
    """Sign and send a write."""
    session, account = client
    response = session.post(account.url + account.signed_write())
    response.raise_for_status()
    return response.json()


def close(client: "Client") -> None:
    """Close the connections."""
    client[0].close()
