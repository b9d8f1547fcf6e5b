"""Export the balances of an account to Prometheus: `python examples/prometheus_exporter.py [PORT [SECONDS]]`.

The account is the one that BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER name. However many scrape it, and
however often, the exchange is asked once in SECONDS (15) at most. When it cannot be asked, `binance_coinm_up` is 0 and
there are no balances, for old ones would pass for new ones. A sample of Prometheus is a float64, by its format: it is
good for graphs and alarms, and not for accounts, as it has 16 digits and an amount may have 24.
"""

import signal
import sys
from collections.abc import Iterable
from threading import Event, Lock
from time import monotonic

from binance_coinm import errors
from binance_coinm.api.account import futures_account_balance
from binance_signing import SigningClient, connect
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Balances(Collector):
    """Asks the exchange when it is scraped, unless it has just done so."""

    def __init__(self, client: SigningClient, seconds: float) -> None:
        """Take the client to ask by, and how long its answer does."""
        self._client, self._seconds = client, seconds
        self._lock = Lock()
        self._asked, self._metrics = float("-inf"), list[GaugeMetricFamily]()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Give the metrics of now, or those of a moment ago."""
        with self._lock:
            if monotonic() - self._asked >= self._seconds:
                self._metrics = self._ask()
                self._asked = monotonic()
            return self._metrics

    def _ask(self) -> list[GaugeMetricFamily]:
        up = GaugeMetricFamily("binance_coinm_up", "Whether the exchange gave the balances")
        weight = GaugeMetricFamily("binance_coinm_used_weight", "Weight this IP address has used of its minute")
        balance = GaugeMetricFamily("binance_coinm_balance", "Balance in units of the asset", labels=["asset"])
        available = GaugeMetricFamily("binance_coinm_available_balance", "Available of it", labels=["asset"])
        try:
            for row in futures_account_balance.sync(client=self._client):
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
    # Prometheus waits for 10 seconds by itself.
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
    try:
        main(int((sys.argv[1:] or ["9109"])[0]), float((sys.argv[2:] or ["15"])[0]))
    except errors.ConfigurationError as error:
        sys.exit(f"{type(error).__name__}: {error}")
