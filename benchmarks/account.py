"""The accounts that the benchmarks' exchange knows, and the signed call as one writes it by hand."""

import hmac
import time
from typing import NamedTuple

# As openapi.yaml has them, which the contenders have nothing to read with.
PATH = "/dapi/v1/balance"
# What stands for all that changes something: the leverage of a symbol.
WRITE_PATH = "/dapi/v1/leverage"
WRITE = {"symbol": "BTCUSD_PERP", "leverage": 10}
API_KEY_HEADER = "X-MBX-APIKEY"
# Any key of this form is an account; all of them share one secret, so that there can be as many as are wanted.
API_KEY = "benchmark{:055d}"
API_KEY_PREFIX = b"benchmark0"
SECRET = "of-the-benchmarks-only-" + "0" * 41


class Account(NamedTuple):
    """Where to call, and as whom."""

    url: str
    api_key: str = API_KEY.format(0)
    secret: str = SECRET

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each call."""
        return {API_KEY_HEADER: self.api_key}

    def signed_target(self, path: str = PATH, parameters: str = "") -> str:
        """Return the path, and a query of these parameters (each with its `&`), the current time and the signature."""
        query = f"{parameters}timestamp={time.time_ns() // 1_000_000}"
        signature = hmac.digest(self.secret.encode(), query.encode(), "sha256").hex()
        return f"{path}?{query}&signature={signature}"

    def signed_write(self) -> str:
        """Return the path and the signed query of a write."""
        return self.signed_target(WRITE_PATH, "".join(f"{name}={value}&" for name, value in WRITE.items()))
