"""Which proxy a request goes through."""

import os
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec

import httpx
from attrs import field, frozen
from binance_signing.origin import parse_url, shown_url

from binance_client.errors import ConfigurationError

from .tls_settings import TLSSettings, load_tls_settings

_SOCKS = "socksio"
# Bytes of a user name or password. Source: RFC 1929, section 2.
_MAX_SOCKS_BYTES = 255
# Missing in the type stubs of the standard library.
proxy_bypass_environment: Callable[[str, dict[str, str]], bool] = vars(urllib.request)["proxy_bypass_environment"]
# In their order of precedence, by urllib's names; each may be in upper case.
_VARIABLES = {"https": "https_proxy", "all": "all_proxy"}
_EXPECTED = "expected a URL such as http://user:password@host:3128 (or https://, socks5://), or an httpx.Proxy"


@frozen
class Proxies:
    """One proxy for all requests, or the environment's, which is only for https and has exceptions."""

    proxy: httpx.Proxy | None
    tls: TLSSettings | None = None
    is_for_all: bool = True
    exceptions: str = field(default="", repr=False)

    def proxy_for(self, url: httpx.URL) -> httpx.Proxy | None:
        """Return the proxy of a request, None if it goes directly to its server."""
        # Requests over http go only to this machine, and never through the environment's proxy.
        if self.is_for_all or (url.scheme == "https" and not _is_exception(url, self.exceptions)):
            return self.proxy
        return None


def _is_exception(url: httpx.URL, exceptions: str) -> bool:
    hosts = {name.strip() for name in exceptions.split(",")}
    netloc = url.netloc.decode("ascii")
    # An exception may name the port, also that of https.
    address = netloc if url.port else f"{netloc}:443"
    return url.host in hosts or proxy_bypass_environment(address, {"no": exceptions})


def load_proxies(argument: str | httpx.URL | httpx.Proxy | None, server: httpx.URL, *, trust_env: bool) -> Proxies:
    """Return the proxies of a client of a server; raise `ConfigurationError` if one that would be used is invalid."""
    environment = urllib.request.getproxies() if trust_env and argument is None else {}
    # urllib prefers lower case to upper case; an empty variable counts as unset.
    kind = next((kind for kind in _VARIABLES if environment.get(kind)), "")
    url, exceptions = environment.get(kind, ""), environment.get("no", "")
    proxy: httpx.Proxy | str | None = None
    source, is_for_all = "proxy", argument is not None
    if argument is not None:
        proxy = _parse(argument)
    elif url:
        proxy = _parse(url if "://" in url else f"http://{url}")
        source = f"{_variable_of(kind, url)} is {shown_url(url)}"
    # An exception's traceback keeps this frame, whose variables must not hold a password.
    del argument, environment, url
    if isinstance(proxy, str):
        if not is_for_all and _is_exception(server, exceptions):
            return Proxies(None)
        raise ConfigurationError(f"{source}: {proxy}")
    tls = None
    try:
        if proxy is not None and proxy.url.scheme == "https":
            context = proxy.ssl_context
            tls = TLSSettings(context) if context else load_tls_settings(verify=True, trust_env=trust_env)
        return Proxies(proxy, tls, is_for_all, exceptions)
    finally:
        del proxy


def _variable_of(kind: str, url: str) -> str:
    """Return the name of the variable that names a proxy; there is none if the system's settings name it."""
    names = (name for name, value in os.environ.items() if name.lower() == _VARIABLES[kind] and value == url)
    return next(names, "the system's proxy")


def _parse(argument: str | httpx.URL | httpx.Proxy) -> httpx.Proxy | str:
    """Return the proxy, or what was expected instead."""
    proxy: httpx.Proxy | None = None
    with suppress(ValueError, httpx.InvalidURL):
        if isinstance(argument, httpx.Proxy):
            proxy = argument
        elif parse_url(argument) is not None:
            proxy = httpx.Proxy(argument)
    if proxy is None or parse_url(proxy.url) is None or not proxy.url.host:
        return _EXPECTED
    if not proxy.url.scheme.startswith("socks"):
        return proxy
    if any(len(part) > _MAX_SOCKS_BYTES for part in proxy.raw_auth or ()):
        return f"expected a user name and a password of at most {_MAX_SOCKS_BYTES} bytes each"
    if find_spec(_SOCKS) is None:
        return "a SOCKS proxy needs socksio, which is not installed: pip install 'binance-coinm[socks]'"
    return proxy


def is_socks_error(error: Exception) -> bool:
    """Return True for an exception of the SOCKS library, which httpcore does not map to its own."""
    return type(error).__module__.partition(".")[0] == _SOCKS
