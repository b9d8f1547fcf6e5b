"""Print the balances of a COIN-M futures account: that of the environment, or else of a sandbox."""

import os
import sys
from contextlib import ExitStack

from binance_coinm import connect, errors
from binance_sandbox import Sandbox

with ExitStack() as stack:
    try:
        if any(variable.startswith("BINANCE_") for variable in os.environ):
            client = connect()
        else:
            sandbox = stack.enter_context(Sandbox())
            client = connect(sandbox.credentials, server=sandbox.url)
        with client:
            rows = [row.to_dict() for row in client.account.futures_account_balance()]
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")

print(f"{len(rows)} assets at {client.base_url}\n")
lines = [list(rows[0]), *(list(map(str, row.values())) for row in rows)] if rows else []
widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
for line in lines:
    print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
