"""No cookies: the exchange knows callers by their signature, and what proxies in front of it set is not kept."""

from http.cookiejar import CookieJar
from typing import Any


class NoCookies(CookieJar):
    """A jar that stays empty, and takes no lock: an interruption could leave the standard library's locked for ever."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep nothing of a response."""

    def add_cookie_header(self, request: Any) -> None:
        """Add nothing to a request."""
