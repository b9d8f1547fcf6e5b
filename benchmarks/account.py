"""The accounts of the benchmark server: credentials, balances, and the signed call written by hand."""

import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# The same as in openapi.yaml.
PATH = "/dapi/v1/balance"
# A write, as an example of all calls that change something: it sets the leverage of a symbol.
WRITE_PATH = "/dapi/v1/leverage"
WRITE = {"symbol": "BTCUSD_PERP", "leverage": 10}
API_KEY_HEADER = "X-MBX-APIKEY"
# Each key of this form is an account, so that there can be any number of accounts; they share one secret.
API_KEY = "benchmark{:055d}"
API_KEY_PREFIX = b"benchmark0"
SECRET = "of-the-benchmarks-only-" + "0" * 41
# The distant server returns this many rows, like those of a typical account.
DISTANT_ROWS = 5
ROUND_TRIP_SECONDS = 0.05


class Account(NamedTuple):
    """The server's URL and the credentials for it."""

    url: str
    api_key: str = API_KEY.format(0)
    secret: str = SECRET

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each call."""
        return {API_KEY_HEADER: self.api_key}

    def signed_target(self, path: str = PATH, parameters: str = "") -> str:
        """Return the path with a query of the parameters (each followed by `&`), the current time and the signature."""
        query = f"{parameters}timestamp={time.time_ns() // 1_000_000}"
        signature = hmac.digest(self.secret.encode(), query.encode(), "sha256").hex()
        return f"{path}?{query}&signature={signature}"

    def signed_write(self) -> str:
        """Return the path and the signed query of a write."""
        return self.signed_target(WRITE_PATH, "".join(f"{name}={value}&" for name, value in WRITE.items()))


class Client(NamedTuple):
    """The functions of an implementation that are measured; they return responses, or awaitables of them."""

    call: Callable[[], Any]
    write: Callable[[], Any] | None
    close: Callable[[], Any]


def balance_rows(count: int) -> list[dict[str, Any]]:
    """Return the server's rows, each with a different balance."""
    return [
        {
            "accountAlias": "SgsR",
            "asset": f"A{number}",
            "balance": f"{number}.00250000",
            "withdrawAvailable": f"{number}.00250000",
            "crossWalletBalance": f"{number}.00241969",
            "crossUnPnl": "-0.00012300",
            "availableBalance": f"{number}.00241969",
            "updateTime": 1592468353979 + number,
        }
        for number in range(count)
    ]


def payload(count: int) -> bytes:
    """Return a response body with this many rows, formatted as the exchange does."""
    return json.dumps(balance_rows(count), separators=(",", ":")).encode()


# Long responses other than of balances: the path, and how many items of the document's example they have.
LONG_RESPONSES = {
    "orders": ("/dapi/v1/allOrders", 1_000),
    "contracts": ("/dapi/v1/exchangeInfo", 300),
    "candles": ("/dapi/v1/klines", 1_500),
}
_DOCUMENT = Path(__file__).parents[1] / "generated" / "binance_coinm" / "openapi.json"


def long_response(kind: str) -> bytes:
    """Return the body of a long response: the first example that the document has, with its first item repeated."""
    path, count = LONG_RESPONSES[kind]
    responses = json.loads(_DOCUMENT.read_text(encoding="utf-8"))["paths"][path]["get"]["responses"]
    example = next(iter(responses["200"]["content"]["application/json"]["examples"].values()))["value"]
    if kind == "contracts":
        example["symbols"] = example["symbols"][:1] * count
    else:
        example = example[:1] * count
    return json.dumps(example, separators=(",", ":")).encode()
