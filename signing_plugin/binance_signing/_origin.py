"""Origins: where a request goes, and the one place where credentials may go."""

from functools import lru_cache
from ipaddress import ip_address

import httpx
from binance_coinm.errors import ConfigurationError

MAX_PORT = 65_535

Origin = tuple[str, str, int | None]


def origin_of(url: httpx.URL) -> Origin:
    """Give scheme, host and port; the port is None when it is the scheme's own. Source: RFC 6454, section 4."""
    return url.scheme, url.host, url.port


@lru_cache(maxsize=256)
def absolute(base_url: str, url: str) -> httpx.URL:
    """Give a URL, or that of a path at the server, as httpx understands both; there are few, and parsing takes time."""
    found = httpx.URL(url)
    return httpx.URL(f"{base_url.rstrip('/')}/{url.lstrip('/')}") if found.is_relative_url else found


def server_url(server: str) -> httpx.URL:
    """Give a server's URL, or raise `ConfigurationError` if credentials may not go there.

    They go over https, or over http to this machine. A path before the exchange's own is a gateway's.
    """
    try:
        url = httpx.URL(server)
        # Read here, because httpx finds out about some hosts no earlier.
        is_wrong = not url.host or not 0 <= (url.port or 0) <= MAX_PORT
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise _refused(f"is no URL ({error})") from None
    if url.userinfo or url.query or url.fragment:
        # Not shown: it may hold a secret.
        raise _refused("has more than scheme, host, port and path")
    if url.scheme not in ("https", "http") or is_wrong:
        raise _refused(f"is {server!r}, which is no http or https URL")
    if url.scheme == "http" and not is_loopback(url):
        raise _refused(f"is {server!r}, which would send credentials unencrypted; http is for this machine only")
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Say whether a URL's host is this machine. Source: RFC 6761, section 6.3; RFC 6890, tables 4 and 17."""
    if url.host == "localhost":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return False


def _refused(wrong: str) -> ConfigurationError:
    return ConfigurationError(
        f"server {wrong}; give a Server or a URL such as https://dapi.example as argument,"
        " or a server's name or a URL in BINANCE_SERVER"
    )
