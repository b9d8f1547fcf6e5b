"""Tell when the available balance of an asset falls below a threshold, and when it is back."""

import sys
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal

from binance_coinm import AuthenticatedClient, errors
from binance_coinm.api.account import futures_account_balance
from binance_signing import connect


def watch(client: AuthenticatedClient, asset: str, threshold: Decimal, turns: Iterable[object]) -> Iterator[str]:
    """Look once in each turn, and give what there is to tell; `errors.ApiKeyError` ends it."""
    was_low = False
    for _ in turns:
        try:
            rows = futures_account_balance.sync(client=client)
        except (errors.ExchangeError, errors.NetworkError) as error:
            yield f"unknown: {error}"
            continue
        available = sum((row.available_balance for row in rows if row.asset == asset), Decimal())
        is_low = available < threshold
        if is_low != was_low:
            yield f"{'low' if is_low else 'enough'}: {available:f} {asset}"
        was_low = is_low


def minutes() -> Iterator[None]:
    """Begin a turn at once, and each further one a minute after the one before."""
    while True:
        yield
        time.sleep(60)


def main() -> None:
    """Look each minute: `python balance_alert.py BTC 0.5`."""
    with connect() as client:
        for words in watch(client, sys.argv[1], Decimal(sys.argv[2]), minutes()):
            print(words, flush=True)


if __name__ == "__main__":
    main()
