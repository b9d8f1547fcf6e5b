"""Print the balances of an account from async code: `python examples/async_balance.py`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER. `main` also runs on trio.
"""

import asyncio
import os
import sys

from binance_coinm import connect, errors


async def main() -> None:
    """Print a line for each asset with a balance."""
    async with connect() as client:
        rows = await client.aio.account.futures_account_balance()
    for row in rows:
        if row.balance:
            print(f"{row.asset:8} {row.balance:f} of which {row.available_balance:f} available")


if __name__ == "__main__":
    try:
        asyncio.run(main())
        sys.stdout.flush()
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
