"""Print the balances of an account as a table: `python examples/balance.py`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER, or one of a sandbox if none of these is
set.
"""

import os
import sys
from contextlib import ExitStack
from decimal import Decimal

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

# A row may have fields that others lack: those that the exchange has added since.
names = list(dict.fromkeys(name for row in rows for name in row))
cells = [[row.get(name, "") for name in names] for row in rows]
texts = [[f"{cell:f}" if isinstance(cell, Decimal) else str(cell) for cell in line] for line in cells]
lines = [names, *texts] if rows else []
widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
try:
    print(f"{len(rows)} assets at {client.base_url}\n")
    for line in lines:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    sys.stdout.flush()
except BrokenPipeError:
    # The reader has enough, such as head. At exit, Python would try to write the rest.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)
