"""The plot of docs/performance.md: what a call takes, and how many there are in a second."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from summary import Figure, Summary

# All of these can be read on white as well as on black.
GREY, SYNC, ASYNC, OWN = "#808080", "#3a87c8", "#d9822b", "#2f9e6b"
PANELS = (
    ("µs per call, one after the other", (("sync", "median_us", "sync", SYNC), ("async", "median_us", "async", ASYNC))),
    ("calls/s, 50 in flight", (("in_flight_50", "calls_per_s", "async", ASYNC),)),
)
BAR = 0.38


def draw(summary: Summary, path: Path) -> None:
    """Draw horizontal bars, on no background."""
    of_sync, of_async = Figure("sync", "median_us"), Figure("async", "median_us")
    names = sorted(
        (name for name in summary.contenders if summary.median(name, of_sync) or summary.median(name, of_async)),
        key=lambda name: summary.median(name, of_sync) or summary.median(name, of_async) or 0,
        reverse=True,
    )
    settings: dict[Any, Any] = {
        "svg.hashsalt": "binance-coinm",
        "font.size": 9,
        "text.color": GREY,
        "axes.labelcolor": GREY,
        "axes.edgecolor": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
    }
    with mpl.rc_context(settings):
        canvas = Canvas(figsize=(10, 1 + 0.42 * len(names)), layout="constrained")
        panels = canvas.subplots(1, 2, sharey=True)
        for axes, (title, bars) in zip(panels, PANELS, strict=True):
            for number, (measure, figure, label, color) in enumerate(bars):
                values = [summary.median(name, Figure(measure, figure)) or 0 for name in names]
                offset = (number - (len(bars) - 1) / 2) * -BAR
                drawn = axes.barh([row + offset for row in range(len(names))], values, BAR, color=color, label=label)
                axes.bar_label(drawn, [f"{value:,.0f}" if value else "" for value in values], padding=3, fontsize=8)
            axes.margins(x=0.15)
            axes.set_title(title, loc="left")
            axes.set_yticks(range(len(names)), [summary.contenders[name]["title"] for name in names])
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(axis="y", length=0)
            axes.legend(frameon=False)
        for label, name in zip(panels[0].get_yticklabels(), names, strict=True):
            if name.startswith("sdk"):
                label.set_color(OWN)
                label.set_fontweight("bold")
        # Without a date, the same result gives the same file.
        canvas.savefig(path, format="svg", transparent=True, metadata={"Date": None})
