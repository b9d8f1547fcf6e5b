"""Patch of `EnumProperty.values_from_list`: members of an enum are named after their values.

Upstream numbers the values that do not begin with a letter in the document's order, so that a value that is inserted
before others renames them. The only public way, `x-enum-varnames`, requires all names to be in the document.
"""

from collections import Counter
from typing import Any

from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.strings import in_double_quote_literal

_upstream_values_from_list = EnumProperty.values_from_list


def member_name(value: str) -> str:
    """Return a name derived from the value; after a digit, case is kept, because `1m` and `1M` are different values."""
    name = "".join(char if char.isidentifier() or char.isdecimal() else "_" for char in value)
    return name.upper() if name[:1].isalpha() else f"VALUE_{name}" if name else "EMPTY"


def _values_from_list(values: list[Any], class_info: Any, var_names: list[str]) -> dict[str, Any]:
    if len(var_names) == len(values) or not all(isinstance(value, str) for value in values):
        return _upstream_values_from_list(values, class_info, var_names)
    counts = Counter(map(member_name, values))
    members: dict[str, Any] = {}
    for index, value in enumerate(values):
        name = member_name(value)
        if counts[name] > 1:
            name = f"{name}_{index}"
        while name in members:
            name = f"{name}_{index}"
        members[name] = in_double_quote_literal(value)
    return members


def apply() -> None:
    """Make upstream name members by `member_name`."""
    EnumProperty.values_from_list = staticmethod(_values_from_list)  # type: ignore[method-assign]
