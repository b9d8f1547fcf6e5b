"""The rows that the benchmarks' exchange answers with, so that each answer can be verified."""

import json
from typing import Any

# As many as an account has that is in use.
FEW = 5


def rows(count: int) -> list[dict[str, Any]]:
    """Give this many rows, each with a balance of its own."""
    return [
        {
            "accountAlias": "SgsR",
            "asset": f"A{number}",
            "balance": f"{number}.00250000",
            "withdrawAvailable": f"{number}.00250000",
            "crossWalletBalance": f"{number}.00241969",
            "crossUnPnl": "-0.00012300",
            "availableBalance": f"{number}.00241969",
            "updateTime": 1592468353979 + number,
        }
        for number in range(count)
    ]


def body(count: int) -> bytes:
    """Give an answer's body with this many rows, as compact as the exchange writes it."""
    return json.dumps(rows(count), separators=(",", ":")).encode()
