"""What the SDK's speed and size have to be, against the other contenders of the same run."""

from typing import NamedTuple

from summary import Figure, Summary

DEFAULT, BY_HAND = "sdk", "httpx_by_hand"
REQUESTS_PEERS = ("official", "binance_futures_connector", "python_binance", "ccxt_coinm", "unicorn")
# Those that are not deprecated.
MAINTAINED = ("official", "python_binance", "ccxt_coinm", "unicorn")

SYNC = Figure("sync", "median_us")
ASYNC = Figure("async", "median_us")
IN_FLIGHT = Figure("in_flight_50", "calls_per_s", more_is_better=True)
IMPORT = Figure("import", "import_ms")
CLIENTS = Figure("fresh", "clients")


class Ratio(NamedTuple):
    """A bound of a ratio: over one contender, or over the best one of several."""

    text: str
    contender: str
    figure: Figure
    over: tuple[str, ...]
    bound: float


class Verdict(NamedTuple):
    """A demand, what was measured, and whether that is good enough; None if it could not be measured."""

    text: str
    measured: float | None
    bound: str
    passed: bool
    over: str = ""


RATIOS = (
    Ratio("sync call, over httpx by hand", DEFAULT, SYNC, (BY_HAND,), 1.15),
    Ratio("sync call, over the fastest peer on requests", DEFAULT, SYNC, REQUESTS_PEERS, 0.95),
    Ratio("async call, over httpx by hand", DEFAULT, ASYNC, (BY_HAND,), 1.15),
    Ratio("calls/s, 50 in flight, over httpx by hand", DEFAULT, IN_FLIGHT, (BY_HAND,), 2.5),
    Ratio("import, over the fastest peer that is maintained", DEFAULT, IMPORT, MAINTAINED, 0.55),
    Ratio("import, over that of httpx and attrs", DEFAULT, IMPORT, (BY_HAND,), 1.10),
)

# Reads over a distance: in which half of this SDK, and over which contender in which of its halves.
DISTANCE_READS = ("read_6", "read_20", "read_50")
DISTANCE_OVER = (
    ("sync", "requests_by_hand", "sync"),
    ("async", "aiohttp_by_hand", "async"),
    ("async", "requests_by_hand", "sync"),
)
DISTANCE_BOUND = 1.15


def verdicts(summary: Summary) -> list[Verdict]:
    """Hold the result against all demands."""
    return [
        *(of_ratio(summary, demand) for demand in RATIOS),
        of_size(summary),
        at_most("1,000 clients of 1,000 accounts, seconds", thousand(summary, "clients_s"), 1),
        at_most("1,000 clients of 1,000 accounts, MB", thousand(summary, "clients_mb"), 100),
        at_most(
            "models of 1,000 rows, over json.loads of the same bytes",
            summary.median(DEFAULT, Figure("parse_1000_rows", "over_json")),
            3,
        ),
    ]


def of_ratio(summary: Summary, demand: Ratio) -> Verdict:
    """Hold a ratio against its bound."""
    over = summary.best(demand.over, demand.figure)
    measured = summary.ratio(demand.contender, over, demand.figure) if over else None
    title = summary.contenders[over]["title"] if over and len(demand.over) > 1 else ""
    if not demand.figure.more_is_better:
        return at_most(demand.text, measured, demand.bound, title)
    passed = measured is not None and measured >= demand.bound
    return Verdict(demand.text, measured, f"≥ {demand.bound:g}", passed, title)


def of_size(summary: Summary) -> Verdict:
    """Hold the installed size against that of the smallest peer."""
    sizes = {name: size for name in MAINTAINED if (size := summary.installed_mb(name)) is not None}
    smallest = min(sizes, key=sizes.__getitem__, default="")
    own = summary.installed_mb(DEFAULT)
    measured = own / sizes[smallest] if own is not None and smallest else None
    title = summary.contenders[smallest]["title"] if smallest else ""
    return at_most("installed size, over the smallest peer that is maintained", measured, 0.25, title)


def thousand(summary: Summary, name: str) -> float | None:
    """Give a figure of 1,000 clients; there is none if not all of them could be made in time."""
    clients = summary.median(DEFAULT, CLIENTS)
    return summary.median(DEFAULT, Figure("fresh", name)) if clients == 1_000 else None  # noqa: PLR2004, as its name says


def at_most(text: str, measured: float | None, bound: float, over: str = "") -> Verdict:
    """Hold a value against an upper bound."""
    return Verdict(text, measured, f"≤ {bound:g}", measured is not None and measured <= bound, over)
