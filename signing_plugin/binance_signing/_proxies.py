"""Which proxy a request goes through."""

import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec

import httpx
from attrs import field, frozen
from binance_coinm.errors import ConfigurationError

from ._origin import MAX_PORT
from ._tls_settings import TLSSettings, tls_settings

_SOCKS = "socksio"
# Bytes of a user or a password. Source: RFC 1929, section 2.
_MAX_SOCKS_WORD = 255
# The standard library's types leave it out.
proxy_bypass_environment: Callable[[str, dict[str, str]], bool] = vars(urllib.request)["proxy_bypass_environment"]
_WRONG = "proxy: expected a URL such as http://user:password@host:3128, or an httpx.Proxy"
_WRONG_ENVIRONMENT = "the environment's proxy (HTTPS_PROXY, ALL_PROXY) is no URL of a proxy"


@frozen
class Proxies:
    """One proxy for all requests, or the environment's, which is for https and has exceptions."""

    proxy: httpx.Proxy | None
    tls: TLSSettings | None = None
    is_for_all: bool = True
    exceptions: str = field(default="", repr=False)

    def proxy_for(self, url: httpx.URL) -> httpx.Proxy | None:
        """Return the proxy of a request, None if it goes straight to its server."""
        # Over http requests go to this machine alone.
        if self.is_for_all or (url.scheme == "https" and not self._is_exception(url)):
            return self.proxy
        return None

    def _is_exception(self, url: httpx.URL) -> bool:
        named = {name.strip().strip("[]") for name in self.exceptions.split(",")}
        host = url.netloc.decode("ascii")
        return url.host in named or proxy_bypass_environment(host, {"no": self.exceptions})


def proxies_of(given: str | httpx.URL | httpx.Proxy | None, *, trust_env: bool) -> Proxies:
    """Return the proxies of a client; raise `ConfigurationError` if one that would be used is none."""
    environment = urllib.request.getproxies() if trust_env and given is None else {}
    proxy = _named(environment) if given is None else _parsed(given)
    if proxy is None:
        wrong = _WRONG_ENVIRONMENT if given is None else _WRONG
        is_wrong = given is not None or bool(_url_in(environment))
        # The frame goes along with an exception, and its variables, which may hold a password, must not.
        del given, environment
        if is_wrong:
            raise ConfigurationError(wrong)
        return Proxies(None)
    tls = None
    if proxy.url.scheme == "https":
        tls = TLSSettings(proxy.ssl_context) if proxy.ssl_context else tls_settings(verify=True, trust_env=trust_env)
    return Proxies(proxy, tls, given is not None, environment.get("no", ""))


def _url_in(environment: Mapping[str, str]) -> str:
    # urllib prefers lower case to upper case; an empty variable counts as one that is not set.
    return environment.get("https") or environment.get("all") or ""


def _named(environment: Mapping[str, str]) -> httpx.Proxy | None:
    url = _url_in(environment)
    return _parsed(url if "://" in url else f"http://{url}") if url else None


def _parsed(given: str | httpx.URL | httpx.Proxy) -> httpx.Proxy | None:
    proxy: httpx.Proxy | None = None
    with suppress(AttributeError, TypeError, ValueError, httpx.InvalidURL):
        proxy = given if isinstance(given, httpx.Proxy) else httpx.Proxy(given)
    if proxy is None or not proxy.url.host or not 0 <= (proxy.url.port or 0) <= MAX_PORT:
        return None
    if proxy.url.scheme.startswith("socks") and any(len(word) > _MAX_SOCKS_WORD for word in proxy.raw_auth or ()):
        return None
    if proxy.url.scheme.startswith("socks") and find_spec(_SOCKS) is None:
        del given, proxy
        raise ConfigurationError(
            "a SOCKS proxy needs socksio, which is not installed: pip install 'binance-coinm[socks]'"
        )
    return proxy


def is_of_socks(error: Exception) -> bool:
    """Return True for what the library of SOCKS raises if a proxy does not speak it, which httpcore hands on."""
    return type(error).__module__.partition(".")[0] == _SOCKS
