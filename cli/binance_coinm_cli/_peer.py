"""Who is at the other end: addresses, a connection, and a certificate."""

import socket
import ssl
import time
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx
from attrs import frozen

_DEFAULT_PORTS = {"https": 443, "http": 80}
_DAY = 86_400


@frozen
class Peer:
    """Whom connections are made to: the server, or a proxy before it."""

    host: str
    port: int
    is_proxy: bool = False


@frozen
class Connected:
    """A connection that was made; `tls` is None without TLS."""

    address: str
    seconds: float
    tls: "Tls | None" = None


@frozen
class Tls:
    """How a connection is encrypted, and by whose certificate; `expires` is in seconds since the epoch."""

    version: str
    seconds: float
    issuer: str
    expires: float

    @property
    def days_left(self) -> int:
        """The days until the certificate expires."""
        return int((self.expires - time.time()) // _DAY)


def peer_of(url: httpx.URL) -> Peer:
    """Give whom a client's connections for a URL are made to: proxies are for https alone, as in `connect`."""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if url.scheme == "https" and proxy and not proxy_bypass(url.host):
        # It may hold a password, which is in no attribute of a peer.
        url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
        return Peer(url.host, url.port or _DEFAULT_PORTS.get(url.scheme, 1080), is_proxy=True)
    return Peer(url.host, url.port or _DEFAULT_PORTS[url.scheme])


def addresses(peer: Peer) -> list[str]:
    """Ask for the addresses of a host's name; raise OSError, or UnicodeError for what cannot be one."""
    found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    # Keys of a dict are unique and keep their order.
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def connected(peer: Peer, scheme: str, timeout: float) -> Connected:
    """Connect, and verify the server as a client does; raise OSError, of which ssl.SSLError is one."""
    begun = time.monotonic()
    with socket.create_connection((peer.host, peer.port), timeout) as connection:
        address, seconds = str(connection.getpeername()[0]), time.monotonic() - begun
        if scheme == "http" or peer.is_proxy:
            return Connected(address, seconds)
        begun = time.monotonic()
        with httpx.create_ssl_context().wrap_socket(connection, server_hostname=peer.host) as encrypted:
            taken = time.monotonic() - begun
            certificate: dict[str, Any] = encrypted.getpeercert() or {}
            expires = ssl.cert_time_to_seconds(certificate["notAfter"])
            return Connected(address, seconds, Tls(str(encrypted.version()), taken, _issuer(certificate), expires))


def _issuer(certificate: dict[str, Any]) -> str:
    names = dict(pair for part in certificate["issuer"] for pair in part)
    return ", ".join(names[kind] for kind in ("commonName", "organizationName") if kind in names) or "nobody named"
