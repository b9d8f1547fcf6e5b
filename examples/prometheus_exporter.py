"""Export the balances of an account to Prometheus: `python examples/prometheus_exporter.py [PORT [SECONDS]]`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER. The exchange is called at most once in
SECONDS (15), however often the exporter is scraped. If a call fails, `binance_coinm_up` is 0 and there are no balances,
because old ones would look like new ones. A sample of Prometheus is a float64, which is good enough for graphs and
alerts but not for accounting: it has 16 digits, and an amount may have 24.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterable
from threading import Event, Lock
from time import monotonic

from binance_coinm import Client, connect, errors
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Balances(Collector):
    """Calls the exchange when it is scraped, but not more often than every `seconds`."""

    def __init__(self, client: Client, seconds: float) -> None:
        """Store the client, and the seconds for which a result is used again."""
        self._client, self._seconds = client, seconds
        self._lock = Lock()
        self._called, self._metrics = float("-inf"), list[GaugeMetricFamily]()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the metrics, new ones if the last ones are too old."""
        with self._lock:
            if monotonic() - self._called >= self._seconds:
                self._metrics = self._call()
                self._called = monotonic()
            return self._metrics

    def _call(self) -> list[GaugeMetricFamily]:
        up = GaugeMetricFamily("binance_coinm_up", "Whether the last call succeeded")
        weight = GaugeMetricFamily("binance_coinm_used_weight", "Weight of this IP address in the current minute")
        balance = GaugeMetricFamily("binance_coinm_balance", "Balance in units of the asset", labels=["asset"])
        available = GaugeMetricFamily(
            "binance_coinm_available_balance", "Available balance in units of the asset", labels=["asset"]
        )
        try:
            for row in self._client.account.futures_account_balance():
                balance.add_metric([row.asset], float(row.balance))
                available.add_metric([row.asset], float(row.available_balance))
            up.add_metric([], 1)
        except errors.BinanceError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            up.add_metric([], 0)
        if self._client.used_weight is not None:
            weight.add_metric([], self._client.used_weight)
        return [up, weight, balance, available]


def main(port: int, seconds: float) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    stop = Event()

    def end(_number: int, _frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    # Less than the 10 seconds after which Prometheus gives up by default.
    with connect(timeout=8) as client:
        registry = CollectorRegistry()
        registry.register(Balances(client, seconds))
        server, thread = start_http_server(port, "127.0.0.1", registry)
        print(f"http://127.0.0.1:{server.server_port}/metrics", flush=True)
        stop.wait()
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "port", type=int, nargs="?", default=9109, choices=range(1 << 16), metavar="port", help="default: 9109"
    )
    parser.add_argument(
        "seconds", type=float, nargs="?", default=15, help="age of balances that are used again (default: 15)"
    )
    arguments = parser.parse_args()
    try:
        main(arguments.port, arguments.seconds)
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (errors.ConfigurationError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
