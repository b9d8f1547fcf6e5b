"""Patch of `parser.properties._property_from_ref`: a description beside a reference is kept.

Upstream uses the description of the reference's target, which is less specific. It resolves references only in that
function; there is no hook.
"""

from typing import Any

from attrs import evolve
from openapi_python_client.parser import properties
from openapi_python_client.parser.errors import PropertyError

_upstream_property_from_ref = properties._property_from_ref  # noqa: SLF001, see the module's docstring


def _property_from_ref(*, parent: Any, **others: Any) -> Any:
    prop, schemas = _upstream_property_from_ref(parent=parent, **others)
    if parent is not None and parent.description and not isinstance(prop, PropertyError):
        prop = evolve(prop, description=parent.description)
    return prop, schemas


def apply() -> None:
    """Make upstream keep the description of a schema whose reference is in an `allOf`; see normalize.py."""
    properties._property_from_ref = _property_from_ref  # type: ignore[assignment]  # noqa: SLF001, called by keywords
