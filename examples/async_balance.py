"""Print the balances of an account from async code: `python examples/async_balance.py`.

The account is the one that BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER name. `main` runs on trio as well.
"""

import asyncio
import sys

from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_signing import connect


async def main() -> None:
    """Print a line for each asset that there is something of."""
    async with connect() as client:
        rows = await futures_account_balance.asyncio(client=client)
    for row in rows:
        if row.balance:
            print(f"{row.asset:8} {row.balance:f} of which {row.available_balance:f} available")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")
