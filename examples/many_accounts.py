"""Print the balances of many accounts, a few at a time: `python examples/many_accounts.py`.

There is the account of BINANCE_API_KEY and BINANCE_API_SECRET, and one for each pair of variables with a suffix, such
as BINANCE_API_KEY_HEDGE and BINANCE_API_SECRET_HEDGE. All share the connections of one client. What goes wrong with an
account is told beside its name, and the others are shown all the same.
"""

import asyncio
import os
import sys

from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_signing import Credentials, HmacKey, SigningClient, connect

# As many calls, and so connections, at once. The time that a call may take does not run while it waits for its place.
PLACES = 8
KEY, SECRET = "BINANCE_API_KEY", "BINANCE_API_SECRET"

Outcome = list[FuturesAccountBalance] | errors.BinanceError


async def balances(client: SigningClient, suffix: str, places: asyncio.Semaphore) -> Outcome:
    """Give an account's rows, or the error that there is instead."""
    try:
        credentials = Credentials(os.environ[KEY + suffix], HmacKey(os.environ.get(SECRET + suffix, "")))
        async with places:
            return await futures_account_balance.asyncio(client=client.with_credentials(credentials))
    except errors.BinanceError as error:
        return error


async def main() -> bool:
    """Print what there is of all accounts; say whether all could be read."""
    suffixes = sorted(variable.removeprefix(KEY) for variable in os.environ if variable.startswith(KEY))
    places = asyncio.Semaphore(PLACES)
    async with connect() as client:
        outcomes = await asyncio.gather(*(balances(client, suffix, places) for suffix in suffixes))
    for suffix, outcome in zip(suffixes, outcomes, strict=True):
        name = suffix.removeprefix("_").lower() or "main"
        if isinstance(outcome, errors.BinanceError):
            print(f"{name}: {type(outcome).__name__}: {outcome}", file=sys.stderr)
        else:
            print(f"{name}:", ", ".join(f"{row.balance:f} {row.asset}" for row in outcome if row.balance) or "nothing")
    return not any(isinstance(outcome, errors.BinanceError) for outcome in outcomes)


if __name__ == "__main__":
    try:
        sys.exit(0 if asyncio.run(main()) else 1)
    except errors.ConfigurationError as error:
        sys.exit(f"{type(error).__name__}: {error}")
