"""Patch of `EnumProperty.build`: an enumeration with `x-closed: true` gets a class of its own.

Upstream reads no extension of an enumeration but `x-enum-varnames`, and copies the property for each reference.
"""

from typing import Any

from attrs import define, evolve
from openapi_python_client.parser.properties.enum_property import EnumProperty

from .subclasses import copied_as

CLOSED = "x-closed"  # The extension of an enumeration that will not get further values.

_upstream_build = EnumProperty.build


@define
class ClosedEnumProperty(EnumProperty):
    """An enumeration whose values are all in the document."""


def _build(*, data: Any, **others: Any) -> Any:
    prop, schemas = _upstream_build(data=data, **others)
    if isinstance(prop, EnumProperty) and (data.model_extra or {}).get(CLOSED):
        prop = copied_as(ClosedEnumProperty, prop)
        schemas = evolve(schemas, classes_by_name={**schemas.classes_by_name, prop.class_info.name: prop})
    return prop, schemas


def apply() -> None:
    """Make upstream keep what the document says of an enumeration."""
    EnumProperty.build = staticmethod(_build)  # type: ignore[method-assign]
