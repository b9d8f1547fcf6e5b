"""Print the changes of an account's balances, within the rate limit: `python examples/polling.py [SECONDS]`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER; it is polled every SECONDS (5) until
Ctrl-C or SIGTERM. The exchange limits the weight of the whole IP address, so that other programs may use it up. With
`max_weight_per_minute` this one leaves half of it to them; it also waits as long as the exchange says.
"""

import signal
import sys
from decimal import Decimal
from threading import Event

from binance_coinm import connect, errors

# Half of 2400, the lowest limit per IP address and minute in the exchange's documentation.
MAX_WEIGHT = 1200
A_MINUTE = 60


def main(seconds: float) -> None:
    """Poll until a signal arrives, which ends a wait at once, and a call within its timeout."""
    stop = Event()

    def end(_number: int, _frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    known: dict[str, Decimal] = {}
    with connect(max_weight_per_minute=MAX_WEIGHT) as client:
        while not stop.is_set():
            wait = seconds
            try:
                rows = client.account.futures_account_balance()
            except (errors.RateLimitError, errors.IpBannedError) as error:
                wait = max(seconds, error.retry_after or A_MINUTE)
                print(f"next call in {wait:g} s: {error}", file=sys.stderr)
            except (errors.ExchangeError, errors.NetworkError) as error:
                print(f"next call in {wait:g} s: {error}", file=sys.stderr)
            else:
                now = {row.asset: row.balance for row in rows}
                for asset in known | now:
                    before, after = known.get(asset, Decimal(0)), now.get(asset, Decimal(0))
                    if before != after:
                        print(f"{asset}: {before:f} -> {after:f} (weight used: {client.used_weight})", flush=True)
                known = now
            stop.wait(wait)


if __name__ == "__main__":
    try:
        main(float(sys.argv[1]) if sys.argv[1:] else 5)
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")
