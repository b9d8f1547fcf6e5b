"""Read accounts from several machines with Dask: `python examples/task_queue.py SCHEDULER ACCOUNT...`.

Several machines help because the exchange limits the weight per IP address and minute. Start `dask scheduler` on one
machine, and `dask worker SCHEDULER --nworkers 1` on each machine with an IP address of its own; Dask assigns the next
account to a free worker. A worker that has used up its weight waits for the next minute (`max_weight_per_minute`,
within `timeout`), while the others continue.

Credentials are never sent: they cannot be pickled. A task is the name of an account. Each worker's environment has
BINANCE_SERVER, BINANCE_API_KEY and BINANCE_API_SECRET, and for an account HEDGE also BINANCE_API_KEY_HEDGE and
BINANCE_API_SECRET_HEDGE. A worker has one client, which its threads share.
"""

# Some arguments of Dask have no types.
# pyright: reportUnknownMemberType=false

import argparse
import os
import sys
from typing import cast

from binance_coinm import Client, Credentials, HmacKey, connect, errors
from binance_coinm.models import FuturesAccountBalance
from distributed import Client as DaskClient
from distributed import Worker, WorkerPlugin, get_worker


class Exchange(WorkerPlugin):
    """The client of a worker, open as long as the worker runs."""

    name = "exchange"
    client: Client

    def setup(self, worker: Worker) -> None:  # noqa: ARG002, Dask passes it
        """Open the client with the credentials of the worker's environment."""
        self.client = connect(max_weight_per_minute=2000, timeout=70)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002, the same
        """Close the client."""
        self.client.close()


def balances(account: str) -> list[FuturesAccountBalance]:
    """Return the rows of an account; this runs on the workers."""
    exchange = cast("Exchange", get_worker().plugins["exchange"])
    secret = HmacKey(os.environ.get(f"BINANCE_API_SECRET_{account}", ""))
    credentials = Credentials(os.environ.get(f"BINANCE_API_KEY_{account}", ""), secret)
    return exchange.client.with_credentials(credentials).account.futures_account_balance()


def main(scheduler: str, accounts: list[str]) -> int:
    """Print the balances of each account, and return the number of failed calls."""
    failures = 0
    with DaskClient(scheduler) as dask:
        dask.register_plugin(Exchange())
        # `pure=False`: balances change, so that no earlier result may be used again.
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scheduler", help="address of the scheduler, such as tcp://127.0.0.1:8786")
    parser.add_argument("accounts", nargs="+", metavar="account", help="suffix of its variables, such as HEDGE")
    arguments = parser.parse_args()
    try:
        failures = main(arguments.scheduler, arguments.accounts)
        sys.stdout.flush()
    except errors.ConfigurationError as error:
        sys.exit(f"a worker has no client: {error}")
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(1 if failures else 0)
