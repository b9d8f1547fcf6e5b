"""Interrupt calls by exceptions of a signal handler, as timeouts of task queues do, and report what is left.

    cd tests && python -m support.interrupted EXCEPTION NUMBER [--tls]

EXCEPTION is the name of a built-in exception, a subclass of which is raised. ValueError is unsuitable, because
libraries catch it.
"""

import builtins
import gc
import random
import signal
import sys
from collections import Counter

from binance_coinm import Client, errors
from binance_coinm.api.account import futures_account_balance
from binance_coinm.security import Security

from support.scripted_server import ScriptedServer, client_of, owner_of, response, rows_of

AFTERWARDS = 20
# Seconds that a call takes at most, so that a moment within them is a moment of the call.
CALL = 0.004
# Seconds after which the signal is sent again if its exception was lost: Python swallows exceptions of finalizers.
AGAIN = 1

_KIND: type[BaseException] = getattr(builtins, sys.argv[1])


class Interruption(_KIND):  # type: ignore[misc, valid-type]  # the class is an argument
    """What the handler raises."""


def interrupt(*_: object) -> None:
    """Raise the exception."""
    raise Interruption


def interrupted(client: Client, number: int) -> int:
    """Make one call, every second one a write, and interrupt it; return 1 when it was interrupted."""
    try:
        if number % 2:
            order = {"method": "POST", "url": "/dapi/v1/order", "extensions": {"security": Security.TRADE}}
            client.request({**order, "params": {"number": number}})
        else:
            futures_account_balance.sync(client=client)
        while True:
            signal.pause()
    except Interruption:
        return 1


def main(number: int, *, tls: bool) -> str:
    """Make and interrupt calls, then make some more; return what became of them."""
    chance = random.Random(7)  # noqa: S311, moments are not secret
    count = answered = raw = 0
    with ScriptedServer(lambda request: response(rows_of(request.api_key)), tls=tls) as server:
        with client_of(server, max_connections=2) as client:
            # Imports encodings.idna, for which the interpreter itself would print an exception that it ignores.
            futures_account_balance.sync(client=client)
            signal.signal(signal.SIGALRM, interrupt)
            for index in range(number):
                try:
                    signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, CALL), AGAIN)
                    count += interrupted(client, index)
                except Interruption:
                    # Before the call, or after it.
                    count += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            for _ in range(AFTERWARDS):
                try:
                    answered += owner_of(futures_account_balance.sync(client=client)) == "first"
                except errors.BinanceError:
                    continue
                except Exception:  # noqa: BLE001, what is counted
                    raw += 1
            # Some connections are in a reference cycle with their response.
            gc.collect()
            most = 2 if server.settles_at_most(2) else len(server.open)
        writes = Counter(
            request.target.split("&timestamp")[0] for request in server.requests if request.method == "POST"
        )
        twice = sum(times > 1 for times in writes.values())
    return f"{count} interrupted, {answered} answered, {raw} raw, {twice} writes twice, at most {most} open"


if __name__ == "__main__":
    print(main(int(sys.argv[2]), tls="--tls" in sys.argv))
