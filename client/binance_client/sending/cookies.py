"""No cookies: the exchange identifies callers by their API key, and the cookies of proxies are not wanted."""

import httpx


class NoCookies(httpx.Cookies):
    """Cookies that stay empty.

    The standard library's cookie jar, which httpx consults for each response, takes a twentieth of a call's time, and a
    lock that an interruption could leave locked for good.
    """

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing of a response."""
