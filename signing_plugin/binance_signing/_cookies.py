"""No cookies: the exchange knows callers by their signature, and what proxies in front of it set is not kept."""

import httpx


class NoCookies(httpx.Cookies):
    """Cookies that stay none.

    The standard library's jar, which httpx asks for each response, takes a lock that an interruption could leave locked
    for ever, and a twentieth of a call's time.
    """

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing of a response."""
