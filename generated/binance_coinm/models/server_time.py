from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import reading, writing
from ..types import UNSET


@_attrs_define
class ServerTime:
    """The exchange's time."""

    server_time: int
    """ Milliseconds since the epoch. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object, what the document does not name included.

        Raises `ConfigurationError` if a value is not what the document describes.
        """
        return {
            **self.additional_properties,
            "serverTime": writing.integer(self.server_time, "server_time"),
        }

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object; what the document does not name goes to `additional_properties`.

        Raises `ResponseError` if it is not what the document describes.
        """
        _members = reading.members(src_dict)
        _model = cls(
            server_time=reading.integer(_members.pop("serverTime", UNSET), "serverTime"),
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
