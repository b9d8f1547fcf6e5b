"""Patch of `parser.properties._string_based_property`: `type: string, format: decimal` becomes a `decimal.Decimal`.

Upstream chooses the class by the format in that function, with a chain of ifs; there is no registry of formats.
"""

from typing import Any, ClassVar

from attr import define
from openapi_python_client.parser import properties
from openapi_python_client.parser.errors import PropertyError
from openapi_python_client.parser.properties.protocol import Value
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import PythonCode

from binance_generator.spec import DECIMAL, is_decimal

_upstream_string_based_property = properties._string_based_property  # noqa: SLF001, see the module's docstring


@define
class DecimalProperty(UuidProperty):
    """A decimal in a string; everything else is the same as for upstream's UUID in a string."""

    _type_string: ClassVar[str] = "Decimal"
    template: ClassVar[str] = "decimal_property.py.jinja"

    @classmethod
    def convert_value(cls, value: Any) -> Value | PropertyError | None:
        """Return a `default:` as code, or an error if it is not a finite decimal in a string."""
        if value is None or isinstance(value, Value):
            return value
        if not is_decimal(value):
            return PropertyError(f"Invalid decimal value: {value!r}; expected a finite decimal in a string")
        return Value(python_code=PythonCode(f"Decimal({value!r})"), raw_value=value)

    def get_imports(self, *, prefix: str) -> set[str]:
        """Return the import lines of a module with such a property."""
        return super().get_imports(prefix=prefix) - {"from uuid import UUID"} | {"from decimal import Decimal"}


def _string_based_property(name: Any, required: Any, data: Any, config: Any) -> Any:
    prop = _upstream_string_based_property(name, required, data, config)
    if data.schema_format != DECIMAL or isinstance(prop, PropertyError):
        return prop
    return DecimalProperty.build(
        name=name,
        required=required,
        default=data.default,
        python_name=prop.python_name,
        description=data.description,
        example=data.example,
    )


def apply() -> None:
    """Make upstream build a `DecimalProperty` in fields, lists, unions and parameters."""
    properties._string_based_property = _string_based_property  # noqa: SLF001, see the module's docstring
