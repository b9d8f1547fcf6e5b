"""Print a line when the available balance of an asset falls below a threshold, and when it is back."""

import sys
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal

from binance_coinm import Client, connect, errors


def watch(client: Client, asset: str, threshold: Decimal, turns: Iterable[object]) -> Iterator[str]:
    """Call once in each turn, and yield the lines to print; `errors.ApiKeyError` is raised."""
    was_low = False
    for _ in turns:
        try:
            rows = client.account.futures_account_balance()
        except (errors.ExchangeError, errors.NetworkError) as error:
            yield f"unknown: {error}"
            continue
        available = sum((row.available_balance for row in rows if row.asset == asset), Decimal())
        is_low = available < threshold
        if is_low != was_low:
            yield f"{'low' if is_low else 'enough'}: {available:f} {asset}"
        was_low = is_low


def minutes() -> Iterator[None]:
    """Yield at once, and then a minute after each turn."""
    while True:
        yield
        time.sleep(60)


def main() -> None:
    """Watch an asset each minute: `python balance_alert.py BTC 0.5`."""
    with connect() as client:
        for line in watch(client, sys.argv[1], Decimal(sys.argv[2]), minutes()):
            print(line, flush=True)


if __name__ == "__main__":
    main()
