"""Rows of balances: their fields, their amounts, and what changed."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from attrs import frozen
from binance_coinm import reading
from binance_coinm.models import FuturesAccountBalance

_COLUMNS = FuturesAccountBalance.columns
FIELDS = tuple(_COLUMNS)
# The fields that are amounts, by the names that the exchange has for them.
AMOUNTS = tuple(name for name, read in _COLUMNS.items() if read is reading.decimal)


@frozen
class Row:
    """A row: its fields as the exchange names and writes them, and the amounts among them.

    `update_time` is in milliseconds since the epoch; 0 if the row never changed.
    """

    asset: str
    account_alias: str
    update_time: int
    fields: dict[str, Any]
    amounts: dict[str, Decimal]

    @property
    def is_zero(self) -> bool:
        """Whether there is nothing of the asset."""
        return not any(self.amounts.values())


@frozen
class Change:
    """An amount that is another one than before; None where there was, or is, no row of the asset."""

    asset: str
    name: str
    before: Decimal | None
    after: Decimal | None


def row(balance: FuturesAccountBalance) -> Row:
    """Give a row, the fields that the document knows before those that it does not."""
    fields = balance.to_dict()
    return Row(
        balance.asset,
        balance.account_alias,
        balance.update_time,
        {name: fields[name] for name in (*FIELDS, *balance.additional_keys)},
        {name: Decimal(fields[name]) for name in AMOUNTS},
    )


def changes(before: Sequence[Row], after: Sequence[Row]) -> list[Change]:
    """Give the amounts that changed, in the order of the rows, those of assets that are gone last."""
    old, new = ({row.asset: row.amounts for row in rows} for rows in (before, after))
    compared = [
        Change(asset, name, old.get(asset, {}).get(name), new.get(asset, {}).get(name))
        for asset in {**new, **old}
        for name in AMOUNTS
    ]
    return [change for change in compared if change.before != change.after]
