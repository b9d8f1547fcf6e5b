"""Put balances into a pandas DataFrame, and draw them: `python examples/dataframe.py balances.png`.

The account is that of BINANCE_API_KEY, BINANCE_API_SECRET and BINANCE_SERVER. The columns have the dtype `object` and
hold `Decimal`, because a float64 has 16 digits, where an amount may have 24, and 0.1 + 0.2 is not 0.3. So sums are
exact, also those of several accounts: `pd.concat(frames).groupby("asset").sum()`.
"""

# The keyword arguments of matplotlib have no types.
# pyright: reportUnknownMemberType=false

import argparse
import os
import sys
from decimal import Inexact, getcontext
from pathlib import Path

import pandas as pd
from binance_coinm import connect, errors
from binance_coinm.models import FuturesAccountBalance
from matplotlib.figure import Figure

AMOUNTS = ["balance", "available_balance", "cross_wallet_balance", "cross_un_pnl"]


def frame_of(rows: list[FuturesAccountBalance]) -> pd.DataFrame:
    """Return the assets with a balance, and their exact amounts."""
    data = {name: [getattr(row, name) for row in rows] for name in AMOUNTS}
    frame = pd.DataFrame(data, index=pd.Index([row.asset for row in rows], name="asset"), dtype=object)
    frame["margin"] = frame["cross_wallet_balance"] + frame["cross_un_pnl"]
    return frame[frame["balance"] != 0]


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Draw the share of each balance that is available.

    Amounts of different assets have no common scale, but their shares have. Floats are good enough for bars; the labels
    are exact.
    """
    shares = [100 * float(row["available_balance"]) / float(row["balance"]) for _, row in frame.iterrows()]
    balances = [f"{row['balance']:f} {asset}" for asset, row in frame.iterrows()]
    places = range(len(frame))
    figure = Figure(figsize=(8, 1.2 + 0.35 * len(frame)), layout="constrained")
    axes = figure.subplots()
    axes.barh(places, [100] * len(frame), color="#dddddd", label="balance", tick_label=balances)
    axes.barh(places, shares, height=0.5, color="#3a87c8", label="available")
    ends = axes.barh(places, [max(share, 100) for share in shares], alpha=0)
    axes.bar_label(ends, [f"{share:.1f} %" for share in shares], padding=4)
    axes.set_xlabel("available, in % of the balance")
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="file for the drawing, such as balances.png")
    picture = parser.parse_args().picture
    # A sum of more digits than the 28 of Decimal's default context is an error instead of being rounded.
    getcontext().traps[Inexact] = True
    try:
        with connect() as client:
            frame = frame_of(client.account.futures_account_balance())
    except errors.BinanceError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    draw(frame, picture)
    try:
        print(frame.map("{:f}".format).to_string(), flush=True)
    except BrokenPipeError:
        # The reader has enough, such as head. At exit, Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
