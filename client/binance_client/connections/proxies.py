"""Which proxy a request goes through."""

import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec

import httpx
from attrs import field, frozen
from binance_signing.origin import MAX_PORT

from binance_client.errors import ConfigurationError

from .tls_settings import TLSSettings, load_tls_settings

_SOCKS = "socksio"
# Bytes of a user name or password. Source: RFC 1929, section 2.
_MAX_SOCKS_BYTES = 255
# Missing in the type stubs of the standard library.
proxy_bypass_environment: Callable[[str, dict[str, str]], bool] = vars(urllib.request)["proxy_bypass_environment"]
_INVALID_ARGUMENT = "proxy: expected a URL such as http://user:password@host:3128, or an httpx.Proxy"
_INVALID_ENVIRONMENT = "the environment's proxy (HTTPS_PROXY, ALL_PROXY) is not the URL of a proxy"


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
        if self.is_for_all or (url.scheme == "https" and not self._is_exception(url)):
            return self.proxy
        return None

    def _is_exception(self, url: httpx.URL) -> bool:
        hosts = {name.strip().strip("[]") for name in self.exceptions.split(",")}
        host = url.netloc.decode("ascii")
        return url.host in hosts or proxy_bypass_environment(host, {"no": self.exceptions})


def load_proxies(argument: str | httpx.URL | httpx.Proxy | None, *, trust_env: bool) -> Proxies:
    """Return the proxies of a client; raise `ConfigurationError` if one that would be used is invalid."""
    environment = urllib.request.getproxies() if trust_env and argument is None else {}
    proxy = _from_environment(environment) if argument is None else _parse(argument)
    if proxy is None:
        message = _INVALID_ENVIRONMENT if argument is None else _INVALID_ARGUMENT
        is_invalid = argument is not None or bool(_url_in(environment))
        # The exception's traceback keeps this frame, whose variables must not hold a password.
        del argument, environment
        if is_invalid:
            raise ConfigurationError(message)
        return Proxies(None)
    tls = None
    if proxy.url.scheme == "https":
        tls = (
            TLSSettings(proxy.ssl_context) if proxy.ssl_context else load_tls_settings(verify=True, trust_env=trust_env)
        )
    return Proxies(proxy, tls, argument is not None, environment.get("no", ""))


def _url_in(environment: Mapping[str, str]) -> str:
    # urllib prefers lower case to upper case; an empty variable counts as unset.
    return environment.get("https") or environment.get("all") or ""


def _from_environment(environment: Mapping[str, str]) -> httpx.Proxy | None:
    url = _url_in(environment)
    return _parse(url if "://" in url else f"http://{url}") if url else None


def _parse(argument: str | httpx.URL | httpx.Proxy) -> httpx.Proxy | None:
    proxy: httpx.Proxy | None = None
    with suppress(AttributeError, TypeError, ValueError, httpx.InvalidURL):
        proxy = argument if isinstance(argument, httpx.Proxy) else httpx.Proxy(argument)
    if proxy is None or not proxy.url.host or not 0 <= (proxy.url.port or 0) <= MAX_PORT:
        return None
    if proxy.url.scheme.startswith("socks") and any(len(part) > _MAX_SOCKS_BYTES for part in proxy.raw_auth or ()):
        return None
    if proxy.url.scheme.startswith("socks") and find_spec(_SOCKS) is None:
        del argument, proxy
        raise ConfigurationError(
            "a SOCKS proxy needs socksio, which is not installed: pip install 'binance-coinm[socks]'"
        )
    return proxy


def is_socks_error(error: Exception) -> bool:
    """Return True for an exception of the SOCKS library, which httpcore does not map to its own."""
    return type(error).__module__.partition(".")[0] == _SOCKS
