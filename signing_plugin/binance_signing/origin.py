"""Origins: where a request goes, and the only one that credentials may go to."""

from ipaddress import ip_address

import httpx

from .errors import ConfigurationError

MAX_PORT = 65_535

Origin = tuple[str, str, int | None]


def origin_of(url: httpx.URL) -> Origin:
    """Return scheme, host and port; the port is None if it is the scheme's default. Source: RFC 6454, section 4."""
    return url.scheme, url.host, url.port


def parse_server_url(server: str) -> httpx.URL:
    """Return the URL of a server; raise `ConfigurationError` if credentials may not go there.

    Credentials go over https, or over http to this machine. The URL may have a path, such as that of a gateway, which
    precedes the paths of operations.
    """
    try:
        url = httpx.URL(server)
        # Read within the `try`, because httpx rejects some hosts only when they are read.
        is_invalid = not url.host or not 0 <= (url.port or 0) <= MAX_PORT
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise _invalid_server(f"is not a URL ({error})") from None
    if url.userinfo or url.query or url.fragment:
        # The URL is not shown, because it may hold a secret.
        raise _invalid_server("has more than scheme, host, port and path")
    if url.scheme not in ("https", "http") or is_invalid:
        raise _invalid_server(f"is {server!r}, which is not an http or https URL")
    if url.scheme == "http" and not is_loopback(url):
        raise _invalid_server(f"is {server!r}, which would send credentials unencrypted; http is for this machine only")
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Return True if a URL's host is this machine. Source: RFC 6761, section 6.3; RFC 6890, tables 4 and 17."""
    if url.host == "localhost":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return False


def _invalid_server(problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"server {problem}; use a Server or a URL such as https://dapi.example,"
        " or set BINANCE_SERVER to a server's name or a URL"
    )
