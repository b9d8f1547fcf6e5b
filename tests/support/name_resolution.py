"""Name resolution that a test controls."""

import socket
from collections.abc import Callable
from typing import Any

import pytest


def addresses_of_localhost(monkeypatch: pytest.MonkeyPatch, resolve: Callable[[], list[str]]) -> None:
    """Let `resolve` return the addresses of `localhost`, each time that they are looked up.

    The patched `socket.getaddrinfo` has positional-only parameters, as wrappers of other libraries may have.
    """
    getaddrinfo = socket.getaddrinfo

    def patched(
        host: str | bytes | None, port: Any, family: int = 0, kind: int = 0, protocol: int = 0, flags: int = 0, /
    ) -> list[Any]:
        # A numeric address is not a name, and is never looked up.
        is_name = host in ("localhost", b"localhost") and not flags & socket.AI_NUMERICHOST
        hosts = resolve() if is_name else [host]
        return [info for one in hosts for info in getaddrinfo(one, port, family, kind, protocol, flags)]

    monkeypatch.setattr(socket, "getaddrinfo", patched)
