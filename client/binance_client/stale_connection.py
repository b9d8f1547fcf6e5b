"""Stale connections, which the server has closed while they were idle."""

import httpx


class StaleConnectionError(httpx.RemoteProtocolError):
    """A connection that had served calls before ended without a byte of a response.

    The server has closed it while it was idle, or crashed because of this request, which looks the same.
    """


class UnsentRequestError(StaleConnectionError, httpx.ConnectError):
    """A connection that had served calls before ended before a byte of the request was sent."""
