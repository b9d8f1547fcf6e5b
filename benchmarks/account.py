"""The accounts that the benchmarks' exchange knows, and a signed query as one writes it by hand."""

import hmac
import time
from typing import NamedTuple

# Any key of this form is an account; all of them share one secret, so that there can be as many as are wanted.
API_KEY = "benchmark{:055d}"
API_KEY_PREFIX = b"benchmark0"
SECRET = "of-the-benchmarks-only-" + "0" * 41


class Account(NamedTuple):
    """Where to call, and as whom."""

    url: str
    api_key: str = API_KEY.format(0)
    secret: str = SECRET

    def signed_query(self) -> str:
        """Give a query with the time of now and its signature."""
        query = f"timestamp={time.time_ns() // 1_000_000}"
        signature = hmac.digest(self.secret.encode(), query.encode(), "sha256").hex()
        return f"{query}&signature={signature}"
