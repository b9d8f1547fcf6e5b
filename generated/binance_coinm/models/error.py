from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import reading, writing
from ..types import UNSET


@_attrs_define
class Error:
    """What the exchange says when it says no. A code means the same everywhere; its message varies.
    Proxies in front of the exchange answer with HTML instead, and an exchange under maintenance may send an object that
    has neither of the two members, such as `{"239999": "…"}`.

    """

    code: int
    """ The exchange's error code; negative, but for those of a restricted location (0). """
    msg: str
    """ The exchange's words. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)
    columns: ClassVar[Mapping[str, reading.Reader[Any]]] = {
        "code": reading.integer,
        "msg": reading.text,
    }

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.additional_properties,
            "code": writing.integer(self.code, "code"),
            "msg": writing.text(self.msg, "msg"),
        }

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        _members = reading.members(src_dict)
        _model = cls(
            code=reading.integer(_members.pop("code", UNSET), "code"),
            msg=reading.text(_members.pop("msg", UNSET), "msg"),
        )
        _model.additional_properties = _members
        return _model

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
