"""Origins: where a request goes, and the only one that credentials may go to."""

import re
from ipaddress import ip_address

import httpx

from .errors import ConfigurationError, bounded_repr

MAX_PORT = 65_535
Origin = tuple[str, str, int | None]


def origin_of(url: httpx.URL) -> Origin:
    """Return scheme, host and port; the port is None if it is the scheme's default. Source: RFC 6454, section 4."""
    return url.scheme, url.host, url.port


def parse_server_url(server: object) -> httpx.URL:
    """Return the URL of a server; raise `ConfigurationError` if credentials may not go there.

    Credentials go over https, or over http to this machine. The URL may have a path, such as that of a gateway, which
    precedes the paths of operations.
    """
    url, shown = parse_url(server), shown_url(server)
    if url is None or url.scheme not in ("https", "http") or not url.host:
        problem = "is not an http or https URL"
    elif url.userinfo or url.query or url.fragment:
        problem = "has more than scheme, host, port and path; remove the rest"
    elif url.scheme == "http" and not is_loopback(url):
        problem = "would send credentials unencrypted; http is for this machine only"
    else:
        return url
    del server, url  # an exception's traceback keeps this frame
    raise ConfigurationError(
        f"server is {shown}, which {problem}; use a Server or a URL such as https://dapi.example,"
        " or set BINANCE_SERVER to a server's name or a URL"
    )


def parse_url(text: object) -> httpx.URL | None:
    """Return a text or URL of httpx as a URL, None if it is not one; httpx does not check all hosts and ports."""
    if not isinstance(text, str | httpx.URL):
        return None
    try:
        url = httpx.URL(text)
        # Reads the host too, which may raise.
        *_, port = origin_of(url)
    except (httpx.InvalidURL, ValueError):
        return None
    return url if 0 <= (port or 0) <= MAX_PORT else None


def shown_url(url: object) -> str:
    """Return the `repr` of a URL for an error, without what may be secret: user, password, query and fragment."""
    if not isinstance(url, str | httpx.URL):
        return bounded_repr(url)
    text = re.sub(r"^(\w[\w+.-]*://)?.*@", r"\1[hidden]@", str(url), flags=re.DOTALL)
    return bounded_repr(re.sub("[?#].*", "?[hidden]", text, flags=re.DOTALL))


def is_loopback(url: httpx.URL) -> bool:
    """Return True if a URL's host is this machine. Source: RFC 6761, section 6.3; RFC 6890, tables 4 and 17."""
    try:
        return url.host == "localhost" or ip_address(url.host).is_loopback
    except ValueError:
        return False
