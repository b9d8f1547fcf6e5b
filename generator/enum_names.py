"""The names of an enumeration's members: upstream numbers those that begin with no letter, in the document's order."""

import re
from collections import Counter
from typing import Any

from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.strings import in_double_quote_literal

_upstream_values_from_list = EnumProperty.values_from_list


def name_of(value: str) -> str:
    """Give a name that tells the value; `1m` and `1M` are not the same, so that case stays behind a digit."""
    name = re.sub(r"\W", "_", value)
    return name.upper() if name[:1].isalpha() else f"VALUE_{name}" if name else "EMPTY"


def _values_from_list(values: list[Any], class_info: Any, var_names: list[str]) -> dict[str, Any]:
    if len(var_names) == len(values) or not all(isinstance(value, str) for value in values):
        return _upstream_values_from_list(values, class_info, var_names)
    how_often = Counter(map(name_of, values))
    members: dict[str, Any] = {}
    for place, value in enumerate(values):
        name = name_of(value)
        if how_often[name] > 1:
            name = f"{name}_{place}"
        members[name] = in_double_quote_literal(value)
    return members


def register() -> None:
    """Let upstream name members by `name_of`."""
    EnumProperty.values_from_list = staticmethod(_values_from_list)  # type: ignore[method-assign]
