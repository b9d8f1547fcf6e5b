"""What upstream has no property for: `type: string, format: decimal`, a `decimal.Decimal` in Python."""

from typing import Any, ClassVar

from attr import define
from document import DECIMAL, is_decimal
from openapi_python_client.parser import properties
from openapi_python_client.parser.errors import PropertyError
from openapi_python_client.parser.properties.protocol import Value
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import PythonCode

# Upstream has no public place where a format is registered.
_upstream_string_based_property = properties._string_based_property  # noqa: SLF001


@define
class DecimalProperty(UuidProperty):
    """A decimal in a string; all that it shares with upstream's UUID in a string it inherits."""

    _type_string: ClassVar[str] = "Decimal"
    template: ClassVar[str] = "decimal_property.py.jinja"

    @classmethod
    def convert_value(cls, value: Any) -> Value | PropertyError | None:
        """Give a `default:` as code, or an error if it is no finite decimal in a string."""
        if value is None or isinstance(value, Value):
            return value
        if not is_decimal(value):
            return PropertyError(f"Invalid decimal value: {value!r}; expected a finite decimal in a string")
        return Value(python_code=PythonCode(f"Decimal({value!r})"), raw_value=value)

    def get_imports(self, *, prefix: str) -> set[str]:
        """Give the import lines of a module that has such a property."""
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


def register() -> None:
    """Let upstream make a `DecimalProperty` wherever the document says so: fields, lists, unions, parameters."""
    properties._string_based_property = _string_based_property  # noqa: SLF001
