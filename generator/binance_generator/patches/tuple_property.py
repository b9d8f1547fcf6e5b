"""Patch of `parser.properties.ListProperty`: an array with `prefixItems` becomes a tuple, or a named tuple.

Its names are the titles of the items, if each has one. Upstream makes it a list whose items have the union of the
types. It looks up the class of an array's property by this name; there is no registry of property classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, evolve
from openapi_python_client import schema as oai
from openapi_python_client.parser import properties
from openapi_python_client.parser.errors import PropertyError
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.strings import PythonCode, PythonIdentifier, pascal_case

from .subclasses import copied_as

if TYPE_CHECKING:
    from openapi_python_client.parser.properties.protocol import PropertyProtocol

# Methods of tuples, which no item of a named tuple can have as its name.
_METHODS = ("count", "index")


@define
class TupleProperty(ListProperty):
    """An array whose items have different types; more items may follow unless it is closed."""

    inner_properties: list[PropertyProtocol]
    is_closed: bool
    template: ClassVar[str] = "tuple_property.py.jinja"

    @classmethod
    def build(cls, *, data: Any, name: Any, required: bool, schemas: Any, config: Any, **others: Any) -> Any:
        """Return the property or an error, and the schemas so far; without `prefixItems`, as upstream does."""
        if not data.prefixItems:
            return super().build(data=data, name=name, required=required, schemas=schemas, config=config, **others)
        inner_properties: list[PropertyProtocol] = []
        titles = [getattr(item, "title", None) for item in data.prefixItems]
        for index, item in enumerate(data.prefixItems):
            inner, schemas = properties.property_from_data(
                name=titles[index] or oai.UntrustedString(f"{name.get_untrusted_value()}_item_{index}"),
                required=True,
                data=item,
                schemas=schemas,
                config=config,
                **others,
            )
            if isinstance(inner, PropertyError):
                return inner, schemas
            inner_properties.append(inner)
        prop = TupleProperty(
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
        if all(titles):
            class_info = Class.from_string(string=_class_name(name, others["parent_name"]), config=config)
            prop = copied_as(NamedTupleProperty, prop, class_info=class_info)
            prop.inner_properties = [_renamed(inner, config.field_prefix) for inner in inner_properties]
        return prop, schemas

    def get_base_type_string(self) -> PythonCode:
        """Return the type of the property."""
        types = (inner.get_type_string().as_unembedded_code() for inner in self.inner_properties)
        return PythonCode(f"tuple[{', '.join(types)}]")

    def get_imports(self, *, prefix: str) -> set[str]:
        """Return the import lines of a module with such a property."""
        return (
            super()
            .get_imports(prefix=prefix)
            .union(*(inner.get_imports(prefix=prefix) for inner in self.inner_properties))
        )

    def get_lazy_imports(self, *, prefix: str) -> set[str]:
        """Return the import lines of a function that uses such a property."""
        return (
            super()
            .get_lazy_imports(prefix=prefix)
            .union(*(inner.get_lazy_imports(prefix=prefix) for inner in self.inner_properties))
        )


@define
class NamedTupleProperty(TupleProperty):
    """An array whose items have titles, which are the names of a named tuple."""

    class_info: Class

    def get_base_type_string(self) -> PythonCode:
        """Return the type of the property."""
        return PythonCode(self.class_info.name)

    def get_imports(self, *, prefix: str) -> set[str]:
        """Return the import lines of a module with such a property."""
        own = f"from {prefix}models.{self.class_info.module_name} import {self.class_info.name}"
        return {*super().get_imports(prefix=prefix), own}


def _renamed(item: Any, prefix: str) -> Any:
    """Return an item whose name is no method of tuples."""
    if item.python_name not in _METHODS:
        return item
    return evolve(item, python_name=PythonIdentifier(f"{item.python_name}_", prefix, skip_snake_case=True))


def _class_name(name: str, parent_name: str) -> str:
    # The name of a component is its reference, which upstream shortens.
    return f"{pascal_case(parent_name)}{pascal_case(name)}" if parent_name else name


def apply() -> None:
    """Make upstream build a `TupleProperty` in fields, lists, unions and parameters."""
    setattr(properties, "ListProperty", TupleProperty)  # noqa: B010, type checkers reject the assignment
