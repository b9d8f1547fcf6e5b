"""A program for PyInstaller: it calls, sync and async, with a wrong clock and a connection that fails."""

import asyncio
import json
import sys

from binance_coinm import Credentials, HmacKey, RetryPolicy, connect, models


def main() -> None:
    """Call the exchange of the arguments URL, API key and secret; print the result as JSON."""
    url, api_key, secret = sys.argv[1:]
    with connect(Credentials(api_key, HmacKey(secret)), server=url, retry=RetryPolicy(initial_backoff=0)) as client:
        rows = client.account.futures_account_balance()
        same_rows = asyncio.run(client.aio.account.futures_account_balance())
        result = {
            "models": all(isinstance(row, models.FuturesAccountBalance) for row in rows),
            "same": rows == same_rows,
            "clock": client.clock.offset_ms,
        }
    sys.stdout.write(json.dumps(result))


main()
