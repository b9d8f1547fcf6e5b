"""What is measured in each round."""

from typing import Any, NamedTuple


class Measure(NamedTuple):
    """One measurement: what it is called, what the worker is to do, and at which of the server's ports."""

    name: str
    kind: str
    port: str = "1"
    rows: int = 1
    callers: int = 1
    # Within a round, the contenders take turns so often; the round's figure is the median.
    repeats: int = 1
    # Some figures hardly differ from round to round, and take long.
    most_rounds: int | None = None

    def command(self, urls: dict[str, str], calls: int, seconds: float) -> dict[str, Any]:
        """Give the command for the worker."""
        return {
            "kind": self.kind,
            "url": urls[self.port],
            "rows": self.rows,
            "callers": self.callers,
            "calls": calls,
            "seconds": seconds,
        }


# These are measured by processes that do nothing else.
IMPORT = "import"
FRESH = "fresh"

MEASURES = (
    Measure("sync", "sync", repeats=3),
    Measure("async", "async", repeats=3),
    Measure("sync_20_rows", "sync", "20", rows=20),
    Measure("sync_1000_rows", "sync", "1000", rows=1_000),
    Measure("parse_1000_rows", "parse", rows=1_000),
    Measure("in_flight_50", "in_flight", callers=50),
    Measure("in_flight_500", "in_flight", callers=500),
    Measure("in_flight_50_delayed", "in_flight", "delayed", callers=50),
    Measure("in_flight_500_delayed", "in_flight", "delayed", callers=500),
    Measure("threads_50", "threads", callers=50),
    Measure(IMPORT, IMPORT, repeats=3),
    Measure(FRESH, FRESH, most_rounds=3),
)
