"""The accounts that the benchmarks' exchange knows, and the signed call as one writes it by hand."""

import hmac
import time
from typing import NamedTuple

# As openapi.yaml has them, which the contenders have nothing to read with.
PATH = "/dapi/v1/balance"
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

    def signed_target(self) -> str:
        """Give the path, and a query with the time of now and its signature."""
        query = f"timestamp={time.time_ns() // 1_000_000}"
        signature = hmac.digest(self.secret.encode(), query.encode(), "sha256").hex()
        return f"{PATH}?{query}&signature={signature}"
