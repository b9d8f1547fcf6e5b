"""No cookies: the exchange identifies callers by their API key, and the cookies of proxies are not wanted."""

import httpx

from binance_client.errors import ConfigurationError


class NoCookies(httpx.Cookies):
    """Cookies that stay empty.

    The standard library's cookie jar, which httpx consults for each response, takes a twentieth of a call's time, and a
    lock that an interruption could leave locked for good.
    """

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing of a response."""


class WithoutCookies:
    """A mixin for httpx clients without cookies; their constructors set `_no_cookies`."""

    _no_cookies: NoCookies

    @property
    def cookies(self) -> httpx.Cookies:
        """No cookies, even if a response sets some."""
        return self._no_cookies

    @cookies.setter
    def cookies(self, cookies: object) -> None:  # noqa: ARG002, as in httpx
        raise ConfigurationError("no cookie is sent or kept; the exchange identifies callers by their API key")
