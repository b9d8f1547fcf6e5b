"""What upstream has no property for, as it mixes the types: an array with `prefixItems`, a tuple in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define
from openapi_python_client import schema as oai
from openapi_python_client.parser import properties
from openapi_python_client.parser.errors import PropertyError
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.strings import PythonCode, PythonIdentifier

if TYPE_CHECKING:
    from openapi_python_client.parser.properties.protocol import PropertyProtocol


@define
class TupleProperty(ListProperty):
    """An array each of whose items has a type of its own; unless it is closed, more items may follow."""

    inner_properties: list[PropertyProtocol]
    is_closed: bool
    template: ClassVar[str] = "tuple_property.py.jinja"

    @classmethod
    def build(cls, *, data: Any, name: Any, required: bool, schemas: Any, config: Any, **others: Any) -> Any:
        """Give the property and the schemas so far, or an error; a list, if all items have one type."""
        if not data.prefixItems:
            return super().build(data=data, name=name, required=required, schemas=schemas, config=config, **others)
        inner_properties: list[PropertyProtocol] = []
        for place, item in enumerate(data.prefixItems):
            inner, schemas = properties.property_from_data(
                name=oai.UntrustedString(f"{name.get_untrusted_value()}_item_{place}"),
                required=True,
                data=item,
                schemas=schemas,
                config=config,
                **others,
            )
            if isinstance(inner, PropertyError):
                return inner, schemas
            inner_properties.append(inner)
        prop = cls(
            name=name,
            required=required,
            default=None,
            python_name=PythonIdentifier(value=name, prefix=config.field_prefix),
            description=data.description,
            example=data.example,
            inner_property=inner_properties[0],
            inner_properties=inner_properties,
            is_closed=data.maxItems == len(inner_properties),
        )
        return prop, schemas

    def get_base_type_string(self) -> PythonCode:
        """Give the type of the property."""
        types = (inner.get_type_string().as_unembedded_code() for inner in self.inner_properties)
        return PythonCode(f"tuple[{', '.join(types)}]")

    def get_imports(self, *, prefix: str) -> set[str]:
        """Give the import lines of a module that has such a property."""
        return (
            super()
            .get_imports(prefix=prefix)
            .union(*(inner.get_imports(prefix=prefix) for inner in self.inner_properties))
        )

    def get_lazy_imports(self, *, prefix: str) -> set[str]:
        """Give the import lines of a function that needs such a property."""
        return (
            super()
            .get_lazy_imports(prefix=prefix)
            .union(*(inner.get_lazy_imports(prefix=prefix) for inner in self.inner_properties))
        )


def register() -> None:
    """Let upstream make a `TupleProperty` wherever the document says so."""
    # Upstream has no public place where a property is registered.
    setattr(properties, "ListProperty", TupleProperty)  # noqa: B010, else the name would be one that is not exported
