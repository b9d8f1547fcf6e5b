"""Print an account's balances and their changes, within the rate limit: `python examples/polling.py [SECONDS]`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER; it is polled every SECONDS (5) until
Ctrl-C or SIGTERM. The exchange limits the weight of the whole IP address, so that other programs may use it up. With
`max_weight_per_minute` this one leaves half of it to them; it also waits as long as the exchange says.
"""

import argparse
import os
import signal
import sys
from decimal import Decimal
from threading import Event

from binance_coinm import connect, errors

# Half of 2400, the lowest limit per IP address and minute in the exchange's documentation.
MAX_WEIGHT = 1200
A_MINUTE = 60
DAY = 86_400


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
                    before, after = known.get(asset), now.get(asset, Decimal(0))
                    if after != (before or 0):
                        change = f"{after:f}" if before is None else f"{before:f} -> {after:f}"
                        print(f"{asset}: {change} (weight used: {client.used_weight})", flush=True)
                known = now
            stop.wait(wait)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=5, help="time between two calls (default: 5)")
    seconds = parser.parse_args().seconds
    if not 0 < seconds <= DAY:
        parser.error(f"seconds: expected a positive number, at most {DAY}")
    try:
        main(seconds)
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
