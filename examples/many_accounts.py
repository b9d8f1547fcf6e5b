"""Print the balances of many accounts, a few at a time: `python examples/many_accounts.py`.

The accounts are that of BINANCE_API_KEY and BINANCE_API_SECRET, and one for each pair of variables with a suffix, such
as BINANCE_API_KEY_HEDGE and BINANCE_API_SECRET_HEDGE. All share the connections of one client. The error of an account
is printed beside its name, and does not affect the others.
"""

import asyncio
import os
import sys

from binance_coinm import Client, Credentials, HmacKey, connect, errors
from binance_coinm.models import FuturesAccountBalance

# How many calls, and so connections, there are at once. A call's timeout does not begin before it has a permit.
MAX_CALLS = 8
KEY, SECRET = "BINANCE_API_KEY", "BINANCE_API_SECRET"

Result = list[FuturesAccountBalance] | errors.BinanceError


async def balances(client: Client, suffix: str, permits: asyncio.Semaphore) -> Result:
    """Return the rows of an account, or the error of the call."""
    try:
        credentials = Credentials(os.environ[KEY + suffix], HmacKey(os.environ.get(SECRET + suffix, "")))
        async with permits:
            return await client.with_credentials(credentials).aio.account.futures_account_balance()
    except errors.BinanceError as error:
        return error


async def main() -> bool:
    """Print the balances of all accounts; return True if no call failed."""
    suffixes = sorted(variable.removeprefix(KEY) for variable in os.environ if variable.startswith(KEY))
    permits = asyncio.Semaphore(MAX_CALLS)
    async with connect() as client:
        results = await asyncio.gather(*(balances(client, suffix, permits) for suffix in suffixes))
    for suffix, result in zip(suffixes, results, strict=True):
        name = suffix.removeprefix("_").lower() or "main"
        if isinstance(result, errors.BinanceError):
            print(f"{name}: {type(result).__name__}: {result}", file=sys.stderr)
        else:
            print(f"{name}:", ", ".join(f"{row.balance:f} {row.asset}" for row in result if row.balance) or "nothing")
    return not any(isinstance(result, errors.BinanceError) for result in results)


if __name__ == "__main__":
    try:
        is_complete = asyncio.run(main())
        sys.stdout.flush()
    except errors.ConfigurationError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(0 if is_complete else 1)
