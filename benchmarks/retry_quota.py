"""Count the requests of many calls at once to an exchange that is down, with the retry quota and without.

    python benchmarks/retry_quota.py [--calls 1000] [--write-docs | --smoke]

The exchange answers each request with a 503. The policy is the default one, with its backoffs. With --write-docs, the
plot in docs/explanation/ is drawn again. The exit code is 1 if a threshold is not met.
"""

import asyncio
from pathlib import Path

import common
import httpx
from binance_coinm import connect, errors
from binance_sandbox import Sandbox
from common import Threshold

PLOT = common.ROOT / "docs" / "explanation" / "retry-quota.svg"
QUOTA = 500
FOREVER = 10**6


async def make_calls(sandbox: Sandbox, calls: int, retry_quota: int | None) -> None:
    """Make failing calls by as many tasks of one client."""

    async def call() -> None:
        try:
            await client.aio.account.futures_account_balance()
        except errors.ExchangeError:
            return
        raise RuntimeError("the call did not fail")

    # No call ends because its time is up.
    async with connect(sandbox.credentials, server=sandbox.url, retry_quota=retry_quota, timeout=600) as client:
        await asyncio.gather(*(call() for _ in range(calls)))


def measure(calls: int, retry_quota: int | None) -> list[float]:
    """Return the seconds from the first request at which each request was signed, in their order."""
    with Sandbox() as sandbox:
        sandbox.respond_next(503, times=FOREVER)
        asyncio.run(make_calls(sandbox, calls, retry_quota))
        times = sorted(int(httpx.QueryParams(request.query)["timestamp"]) for request in sandbox.received_requests)
    return [(time - times[0]) / 1000 for time in times]


def draw(lines: dict[str, tuple[list[float], str]], path: Path) -> None:
    """Draw the number of requests over time; each line has its times and its color."""
    with common.plot(path, 7, 3.2) as figure:
        axes = figure.subplots()
        for label, (times, color) in lines.items():
            # Each tenth request is enough for a smooth line.
            numbers = [*range(1, len(times), 10), len(times)]
            axes.plot([times[number - 1] for number in numbers], numbers, color=color, label=f"{label}: {len(times):,}")
        axes.set_title("requests that an exchange that is down gets", loc="left")
        axes.set_xlabel("seconds")
        axes.set_ylim(bottom=0)


def main() -> None:
    """Measure with the quota and without, and report."""
    parser = common.create_parser(__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="number of calls at once (1000)")
    arguments = parser.parse_args()
    calls: int = 200 if arguments.smoke else arguments.calls
    limited, unlimited = measure(calls, QUOTA), measure(calls, None)
    rows = [[f"`retry_quota={QUOTA}`, the default", f"{len(limited):,}"], ["`retry_quota=None`", f"{len(unlimited):,}"]]
    text = common.markdown_table([f"{calls:,} calls at once", "requests"], rows)
    print(f"Measured {common.provenance()}.\n\n{text}")
    if arguments.write_docs:
        draw({"without a quota": (unlimited, common.ORANGE), "with the quota": (limited, common.BLUE)}, PLOT)
    reason = "each call once, and as many retries as the quota has tokens for"
    common.judge([Threshold("requests with the quota", len(limited), calls + QUOTA // 5, reason)])


if __name__ == "__main__":
    main()
