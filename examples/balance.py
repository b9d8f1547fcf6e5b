"""Print the balances of an account as a table: `python examples/balance.py`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER, or one of a sandbox if none of these is
set.
"""

import os
import sys
from contextlib import ExitStack

from binance_coinm import connect, errors
from binance_sandbox import Sandbox

HEADER = ("asset", "balance", "available", "unrealized PnL")

with ExitStack() as stack:
    try:
        if any(variable.startswith("BINANCE_") for variable in os.environ):
            client, kind = connect(), ""
        else:
            sandbox = stack.enter_context(Sandbox())
            client, kind = connect(sandbox.credentials, server=sandbox.url), ", a sandbox with made-up balances"
        with client:
            rows = client.account.futures_account_balance()
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")

cells = [(row.asset, f"{row.balance:f}", f"{row.available_balance:f}", f"{row.cross_un_pnl:f}") for row in rows]
lines = [HEADER, *cells] if rows else []
widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
try:
    print(f"{len(rows)} assets at {client.base_url}{kind}\n")
    for line in lines:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    sys.stdout.flush()
except BrokenPipeError:
    # The reader has enough, such as head. At exit, Python would try to write the rest.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)
