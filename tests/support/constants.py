"""Constants that several tests use: paths, published sample credentials, a row and invalid amounts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "openapi.yaml"
# The same in one file.
BUNDLED_SPEC = ROOT / "generated" / "binance_coinm" / "openapi.json"

# Published sample credentials, which open nothing. The second secret is that of the derivatives' pages.
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SECRET_OF_DERIVATIVES = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"

# A row of the balance response, as the exchange documents it.
ROW = {
    "accountAlias": "SgsR",
    "asset": "BTC",
    "balance": "0.00250000",
    "withdrawAvailable": "0.00250000",
    "crossWalletBalance": "0.00241969",
    "crossUnPnl": "0.00000000",
    "availableBalance": "0.00241969",
    "updateTime": 1592468353979,
}

# Strings that are not amounts, and values that are not.
INVALID_AMOUNT_STRINGS: list[Any] = [
    "",
    " 1",
    "1 ",
    "+1",
    "1,5",
    "1_000",
    ".5",
    "5.",
    "1e3",
    "007",
    "-01.5",
    "NaN",
    "Infinity",
    "٣",
    "abc",
    "1" * 65,
    "1" * 10_000,
    "0x1",
]
INVALID_AMOUNT_VALUES: list[Any] = [1.5, Decimal("NaN"), Decimal("1e999999"), 10**64, True, None, [], {}]
