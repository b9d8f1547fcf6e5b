from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import reading, writing
from ..types import UNSET


@_attrs_define
class FuturesAccountBalance:
    """The balance of one asset in a COIN-M futures account.
    All amounts are in units of the asset, with the exchange's own digits. Source: Futures Account Balance, response
    example; what a field means stands on the Chinese page, 账户余额.

    """

    account_alias: str
    """ Unique code of the account (账户唯一识别码), 4 to 16 characters in the answers that are known. """
    asset: str
    """ The asset (资产). """
    balance: Decimal
    """ Balance of the account (账户余额). """
    withdraw_available: Decimal
    """ The most that can be withdrawn (最大可提款金额), the same as `maxWithdrawAmount` of `GET /dapi/account`. """
    cross_wallet_balance: Decimal
    """ Wallet balance of crossed margin (全仓账户余额). """
    cross_un_pnl: Decimal
    """ Unrealised profit and loss of crossed positions (全仓持仓未实现盈亏). It can be negative. """
    available_balance: Decimal
    """ What can be used for orders (可用下单余额). """
    update_time: int
    """ When the row last changed, in milliseconds since the epoch; 0 if it never has. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)
    columns: ClassVar[Mapping[str, reading.Reader[Any]]] = {
        "accountAlias": reading.text,
        "asset": reading.text,
        "balance": reading.decimal,
        "withdrawAvailable": reading.decimal,
        "crossWalletBalance": reading.decimal,
        "crossUnPnl": reading.decimal,
        "availableBalance": reading.decimal,
        "updateTime": reading.integer,
    }

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object, what the document does not name included.

        Raises `ConfigurationError` if a value is not what the document describes.
        """
        return {
            **self.additional_properties,
            "accountAlias": writing.text(self.account_alias, "account_alias"),
            "asset": writing.text(self.asset, "asset"),
            "balance": writing.decimal(self.balance, "balance"),
            "withdrawAvailable": writing.decimal(self.withdraw_available, "withdraw_available"),
            "crossWalletBalance": writing.decimal(self.cross_wallet_balance, "cross_wallet_balance"),
            "crossUnPnl": writing.decimal(self.cross_un_pnl, "cross_un_pnl"),
            "availableBalance": writing.decimal(self.available_balance, "available_balance"),
            "updateTime": writing.integer(self.update_time, "update_time"),
        }

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object; what the document does not name goes to `additional_properties`.

        Raises `ResponseError` if it is not what the document describes.
        """
        _members = reading.members(src_dict)
        _model = cls(
            account_alias=reading.text(_members.pop("accountAlias", UNSET), "accountAlias"),
            asset=reading.text(_members.pop("asset", UNSET), "asset"),
            balance=reading.decimal(_members.pop("balance", UNSET), "balance"),
            withdraw_available=reading.decimal(_members.pop("withdrawAvailable", UNSET), "withdrawAvailable"),
            cross_wallet_balance=reading.decimal(_members.pop("crossWalletBalance", UNSET), "crossWalletBalance"),
            cross_un_pnl=reading.decimal(_members.pop("crossUnPnl", UNSET), "crossUnPnl"),
            available_balance=reading.decimal(_members.pop("availableBalance", UNSET), "availableBalance"),
            update_time=reading.integer(_members.pop("updateTime", UNSET), "updateTime"),
        )
        _model.additional_properties = _members
        return _model

    @property
    def additional_keys(self) -> list[str]:
        """The names of the members that the document does not name."""
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
