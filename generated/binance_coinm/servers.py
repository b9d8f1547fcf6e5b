"""The exchange's servers."""

from enum import StrEnum


class Server(StrEnum):
    """A server of the exchange, as its URL, by the name that openapi.yaml gives it. Each has its own API keys."""

    PRODUCTION = "https://dapi.binance.com"
    DEMO = "https://demo-dapi.binance.com"
    TESTNET = "https://testnet.binancefuture.com"
