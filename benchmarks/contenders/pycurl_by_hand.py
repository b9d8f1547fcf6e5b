# /// script
# requires-python = ">=3.11"
# dependencies = ["pycurl==7.49.0"]
# [tool.bench]
# title = "pycurl by hand"
# import = "import pycurl"
# ///
"""pycurl with its default settings, signed by hand; a handle is for one call at a time, and used again."""

import json
from typing import TYPE_CHECKING, Any

from account import Account

if TYPE_CHECKING:
    import pycurl

    SyncClient = tuple[list[pycurl.Curl], Account]
    # There are no types of `AsyncCurlMulti`.
    AsyncClient = tuple[Any, list[pycurl.Curl], Account]


def connect(account: Account) -> "SyncClient":
    """Make a client."""
    return [], account


def call(client: "SyncClient") -> Any:
    """Sign and send."""
    idle, account = client
    handle = _handle(idle, account)
    body = handle.perform_rb()
    return _read(idle, handle, body)


def close(client: "SyncClient") -> None:
    """Close the connections."""
    client[0].clear()


async def connect_async(account: Account) -> "AsyncClient":
    """Make a client."""
    import pycurl

    multi: Any = pycurl
    return multi.AsyncCurlMulti(), [], account


async def call_async(client: "AsyncClient") -> Any:
    """Sign and send."""
    import pycurl

    multi, idle, account = client
    handle, body = _handle(idle, account), bytearray()
    handle.setopt(pycurl.WRITEFUNCTION, body.extend)
    await multi.perform(handle)
    return _read(idle, handle, body)


async def close_async(client: "AsyncClient") -> None:
    """Close the connections."""
    multi, idle, _ = client
    idle.clear()
    await multi.aclose()


def _handle(idle: "list[pycurl.Curl]", account: Account) -> "pycurl.Curl":
    import pycurl

    handle = idle.pop() if idle else pycurl.Curl()
    handle.setopt(pycurl.URL, f"{account.url}{account.signed_target()}")
    handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in account.headers.items()])
    handle.setopt(pycurl.FAILONERROR, 1)
    return handle


def _read(idle: "list[pycurl.Curl]", handle: "pycurl.Curl", body: bytes | bytearray) -> Any:
    idle.append(handle)
    return json.loads(body)
