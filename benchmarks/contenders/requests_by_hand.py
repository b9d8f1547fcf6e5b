# /// script
# requires-python = ">=3.11"
# dependencies = ["requests==2.34.2"]
# [tool.bench]
# title = "requests by hand"
# import = "import requests"
# ///
"""requests with its default settings, signed by hand, one session for all calls; sync only."""

from typing import Any

from account import Account, Client


def connect(account: Account) -> Client:
    """Return a client."""
    import requests

    session = requests.Session()
    session.headers.update(account.headers)

    def send(method: str, target: str) -> Any:
        response = session.request(method, account.url + target)
        response.raise_for_status()
        return response.json()

    return Client(
        lambda: send("GET", account.signed_target()), lambda: send("POST", account.signed_write()), session.close
    )
