"""The exchange's servers."""

from enum import StrEnum


class Server(StrEnum):
    """A server of the exchange, as its URL, by the name that openapi.yaml gives it. Each has its own API keys."""

    PRODUCTION = "https://dapi.binance.com"
    DEMO = "https://demo-dapi.binance.com"
    TESTNET = "https://testnet.binancefuture.com"

    @classmethod
    def named(cls, text: str) -> str:
        """Give the server of a name, in upper or lower case, or a URL as it is; raise ValueError for anything else."""
        if "://" in text:
            return text
        try:
            return cls[text.upper()]
        except KeyError:
            raise ValueError(f"expected {', '.join(member.name.lower() for member in cls)} or a URL") from None
