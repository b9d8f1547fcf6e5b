"""Upstream's properties as instances of subclasses, which keep more of the document."""

from typing import Any, TypeVar

from attrs import fields

P = TypeVar("P")


def copied_as(kind: type[P], prop: Any, **values: Any) -> P:
    """Return a copy of a property as one of a subclass, with the values of the subclass's own attributes."""
    return kind(**{attribute.name: getattr(prop, attribute.name) for attribute in fields(type(prop))}, **values)
