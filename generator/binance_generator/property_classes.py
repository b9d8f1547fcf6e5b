"""Classes of properties that say more about responses than upstream's; the modules that replace properties use them."""

from attrs import define
from openapi_python_client.parser.properties import EnumProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.strings import PythonCode


@define
class OpenEnumProperty(EnumProperty):
    """An enumeration in a response."""

    is_argument: bool
    """Whether it is in a model that is also an argument."""

    def get_base_type_string(self) -> PythonCode:
        """Return the type of the property: a member, or a value that the document does not have."""
        return PythonCode(f"{self.class_info.name} | {self.value_type.__name__}")


@define
class TaggedUnionProperty(UnionProperty):
    """A union of models; all but perhaps the last have the same required field, each with another value."""

    tag: str
    """The name of that field."""
    values: list[str]
    """Its values, in the order of the models."""


@define
class OrErrorProperty(UnionProperty):
    """A union whose last part is the model of the exchange's errors."""
