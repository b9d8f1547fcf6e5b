"""What the exchange wants to see on a request."""

from enum import Enum


class Security(Enum):
    """The security types of the exchange. Source: General Info, "Endpoint Security Type".

    Each operation's travels with its request as `request.extensions["security"]`, where whoever signs finds it.
    """

    NONE = ("NONE", None, False)
    USER_DATA = ("USER_DATA", "X-MBX-APIKEY", True)
    TRADE = ("TRADE", "X-MBX-APIKEY", True)
    USER_STREAM = ("USER_STREAM", "X-MBX-APIKEY", False)
    MARKET_DATA = ("MARKET_DATA", "X-MBX-APIKEY", False)

    def __init__(self, _: str, api_key_header: str | None, signed: bool) -> None:
        self.api_key_header = api_key_header
        self.signed = signed
