"""What the fast engine is told of a client's settings: options of libcurl, which else has its own."""

import urllib.request
from pathlib import Path
from typing import Any

import certifi
import httpx
import pycurl
from attrs import field, frozen
from binance_coinm.errors import ConfigurationError

from ._certificates import tls_context
from ._environment import certificates_from, made_of

# The first one that holds the limit of a body also where no length is told.
_LIBCURL = 0x080400
# Seconds, as long as httpx keeps a connection that nobody uses.
IDLE = 5
_VERIFIES_THE_NAME = 2
# Options of libcurl that pycurl has no names for.
_SUPPRESS_CONNECT_HEADERS = 265
_QUICK_EXIT = 322
_ALWAYS: tuple[tuple[int, Any], ...] = (
    # Timeouts without signals, which are the program's own.
    (pycurl.NOSIGNAL, 1),
    # A resolver's thread is not waited for when the time is up.
    (_QUICK_EXIT, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
    (pycurl.FOLLOWLOCATION, 0),
    # Bodies are decoded up to a limit, which libcurl holds only for what comes over the wire.
    (pycurl.HTTP_CONTENT_DECODING, 0),
    (pycurl.MAXAGE_CONN, IDLE),
    (_SUPPRESS_CONNECT_HEADERS, 1),
    # It would choose among several ways else, and ask before it tells them.
    (pycurl.PROXYAUTH, pycurl.HTTPAUTH_BASIC),
)


@frozen
class Settings:
    """All that connections can differ in."""

    options: tuple[tuple[int, Any], ...] = field(repr=False)
    # The proxy is told whole URLs of http, or what goes by http does not go through it.
    tells_proxy_urls: bool
    skips_proxy_by_http: bool


def settings_of(settings: dict[str, Any]) -> Settings:
    """Give what a client's settings are to libcurl; raise `ConfigurationError` for what it cannot do."""
    _, version, number, _, features, *_ = pycurl.version_info()
    if number < _LIBCURL or not features & pycurl.VERSION_ASYNCHDNS:
        raise ConfigurationError(
            f"engine='curl' needs libcurl 8.4 or later with a resolver that does not block, and this is {version};"
            " install a wheel of pycurl"
        )
    proxy, verify, trust_env = settings["proxy"], settings["verify"], settings["trust_env"]
    if not isinstance(verify, bool | str):
        raise _refused("verify: it takes True, False or a path, and no SSLContext")
    if settings["transport"] is not None:
        raise _refused("transport: it sends by itself")
    if proxy is not None and proxy.ssl_context is not None:
        raise _refused("proxy: it takes none with an SSLContext")
    environment = certificates_from() if trust_env else None
    options = [*_ALWAYS, *_of_certificates(verify, environment)]
    named = made_of(_proxy_of_the_environment) if proxy is None and trust_env else None
    if proxy is not None:
        options += _of_proxy(proxy)
    elif named is not None:
        options += [*_of_proxy(named), (pycurl.NOPROXY, urllib.request.getproxies().get("no", ""))]
    else:
        options.append((pycurl.PROXY, ""))
    return Settings(
        tuple(options),
        tells_proxy_urls=proxy is not None and proxy.url.scheme in ("http", "https"),
        skips_proxy_by_http=named is not None,
    )


def _refused(what: str) -> ConfigurationError:
    return ConfigurationError(f"engine='curl' cannot do this, but engine='httpx' can; {what}")


def _of_certificates(verify: bool | str, environment: tuple[str | None, ...] | None) -> list[tuple[int, Any]]:  # noqa: FBT001, httpx's
    """Name the certificates that httpx would trust, and nothing of what libcurl was built with."""
    file, folder = environment or (None, None)
    if isinstance(verify, str):
        file, folder = (None, verify) if Path(verify).is_dir() else (verify, None)
    if verify and (file or folder):
        # What cannot be read is told as httpx tells it, and before anything is sent.
        tls_context(verify, environment)
    default = certifi.where()
    return [
        (pycurl.CAINFO, file or (None if folder else default)),
        (pycurl.CAPATH, None if file else folder or None),
        (pycurl.PROXY_CAINFO, default),
        (pycurl.PROXY_CAPATH, None),
        (pycurl.SSL_VERIFYPEER, int(bool(verify))),
        (pycurl.SSL_VERIFYHOST, _VERIFIES_THE_NAME if verify else 0),
    ]


def _of_proxy(proxy: httpx.Proxy) -> list[tuple[int, Any]]:
    # A proxy resolves names by itself, as with httpx.
    scheme = "socks5h" if proxy.url.scheme == "socks5" else proxy.url.scheme
    options: list[tuple[int, Any]] = [(pycurl.PROXY, f"{scheme}://{proxy.url.netloc.decode()}"), (pycurl.NOPROXY, "")]
    if proxy.auth is not None:
        options += zip((pycurl.PROXYUSERNAME, pycurl.PROXYPASSWORD), proxy.auth, strict=True)
    if proxy.headers:
        options.append((pycurl.PROXYHEADER, tuple(f"{name}: {value}" for name, value in proxy.headers.multi_items())))
    return options


def _proxy_of_the_environment() -> httpx.Proxy | None:
    # The one for https; it is read when a client is made, and not when it calls.
    named = urllib.request.getproxies()
    url = named.get("https") or named.get("all")
    if not url:
        return None
    return httpx.Proxy(url if "://" in url else f"http://{url}")
