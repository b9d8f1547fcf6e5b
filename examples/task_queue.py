"""Read accounts from several machines by Dask: `python examples/task_queue.py SCHEDULER ACCOUNT...`.

Why several machines: the exchange counts weight per IP address and minute, so that more processes behind one address
gain nothing, and more addresses do. Start `dask scheduler` on one machine, and `dask worker SCHEDULER --nworkers 1` on
each that has an address of its own; Dask gives the next account to a worker that is free. A worker whose weight is used
up waits for the next minute (`pacing`, within `timeout`), and the others go on.

Credentials are never sent: they refuse to be pickled. A task is the name of an account, and each worker has in its own
environment BINANCE_SERVER, BINANCE_API_KEY and BINANCE_API_SECRET, and for an account HEDGE the variables
BINANCE_API_KEY_HEDGE and BINANCE_API_SECRET_HEDGE. A worker has one client, which its threads share.
"""

# Dask leaves some of its arguments without types.
# pyright: reportUnknownMemberType=false

import os
import sys
from typing import cast

from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.models import FuturesAccountBalance
from binance_signing import Credentials, HmacKey, SigningClient, connect
from distributed import Client, Worker, WorkerPlugin, get_worker


class Exchange(WorkerPlugin):
    """A worker's client, which is open as long as the worker runs."""

    name = "exchange"
    client: SigningClient

    def setup(self, worker: Worker) -> None:  # noqa: ARG002, Dask gives it
        """Open the client, by the worker's own environment."""
        self.client = connect(pacing=2000, timeout=70)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002, the same
        """Close it."""
        self.client.close()


def balances(account: str) -> list[FuturesAccountBalance]:
    """Give an account's rows; this is what runs on the workers."""
    exchange = cast("Exchange", get_worker().plugins["exchange"])
    secret = HmacKey(os.environ.get(f"BINANCE_API_SECRET_{account}", ""))
    credentials = Credentials(os.environ.get(f"BINANCE_API_KEY_{account}", ""), secret)
    return futures_account_balance.sync(client=exchange.client.with_credentials(credentials))


def main(scheduler: str, accounts: list[str]) -> int:
    """Print what there is of each account, and give the number of those that failed."""
    failures = 0
    with Client(scheduler) as dask:
        dask.register_plugin(Exchange())
        # `pure=False`: a balance is another one at each call, and no earlier result will do.
        futures = [dask.submit(balances, account, pure=False) for account in accounts]
        for account, future in zip(accounts, futures, strict=True):
            try:
                held = [f"{row.balance:f} {row.asset}" for row in future.result() if row.balance]
                print(f"{account}:", ", ".join(held) or "nothing")
            except errors.BinanceError as error:
                failures += 1
                print(f"{account}: {type(error).__name__}: {error}", file=sys.stderr)
    return failures


if __name__ == "__main__":
    try:
        sys.exit(1 if main(sys.argv[1], sys.argv[2:]) else 0)
    except errors.ConfigurationError as error:
        sys.exit(f"a worker has no client: {error}")
