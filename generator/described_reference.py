"""What upstream leaves out: the description beside a reference, which says more than that of what is referred to."""

from typing import Any

from attrs import evolve
from openapi_python_client.parser import properties
from openapi_python_client.parser.errors import PropertyError

# Upstream has no public place where a reference is followed.
_upstream_property_from_ref = properties._property_from_ref  # noqa: SLF001


def _property_from_ref(*, parent: Any, **others: Any) -> Any:
    prop, schemas = _upstream_property_from_ref(parent=parent, **others)
    if parent is not None and parent.description and not isinstance(prop, PropertyError):
        prop = evolve(prop, description=parent.description)
    return prop, schemas


def register() -> None:
    """Let upstream keep the description wherever there is one, with the reference in an `allOf` of its own."""
    properties._property_from_ref = _property_from_ref  # type: ignore[assignment]  # noqa: SLF001, called by keywords
