"""Watch an account and print what changes, within the rate limit: `python examples/polling.py [SECONDS]`.

The account is the one that BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER name; it is asked every SECONDS (5)
until Ctrl-C or SIGTERM. The exchange counts weight for the whole IP address, so that others may use it up: with
`pacing` no call is begun that would have more than half of it, and what the exchange says of waiting is kept to.
"""

import signal
import sys
from decimal import Decimal
from threading import Event

from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_signing import connect

# Half of 2400, the lower of the limits that the exchange's pages name for an IP address and minute.
PACING = 1200
A_MINUTE = 60


def main(seconds: float) -> None:
    """Ask and print until a signal comes; a wait ends at once then, a call within its timeout."""
    stop = Event()

    def end(_number: int, _frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    known: dict[str, Decimal] = {}
    with connect(pacing=PACING) as client:
        while not stop.is_set():
            wait = seconds
            try:
                rows = futures_account_balance.sync(client=client)
            except (errors.RateLimitError, errors.IpBannedError) as error:
                wait = max(seconds, error.retry_after or A_MINUTE)
                print(f"asking again in {wait:g} s: {error}", file=sys.stderr)
            except (errors.ExchangeError, errors.NetworkError) as error:
                print(f"asking again in {wait:g} s: {error}", file=sys.stderr)
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
