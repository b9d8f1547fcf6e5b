"""Enumerations of responses are open: a value that the document does not have is returned as it is.

The exchange adds values, such as the status of an order, without notice; the response to a request that was carried out
must not fail for it. Arguments take the document's values alone, and so do enumerations with `x-closed`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, evolve
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.properties import EnumProperty, ModelProperty, Property
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.strings import PythonCode

from .patches.closed_enum import ClosedEnumProperty, copied_as
from .patches.tuple_property import TupleProperty


@define
class OpenEnumProperty(EnumProperty):
    """An enumeration in a response."""

    is_argument: bool
    """Whether it is in a model that is also an argument."""

    def get_base_type_string(self) -> PythonCode:
        """Return the type of the property: a member, or a value that the document does not have."""
        return PythonCode(f"{self.class_info.name} | {self.value_type.__name__}")


def open_enums(data: GeneratorData) -> None:
    """Replace the enumerations of all responses by open ones."""
    endpoints = [endpoint for tag in data.endpoint_collections_by_tag.values() for endpoint in tag.endpoints]
    models = {str(model.class_info.name): model for model in data.models}
    arguments = _models_of((prop for endpoint in endpoints for prop in endpoint.query_parameters), models)
    responses = [response for endpoint in endpoints for response in endpoint.responses]
    results = _models_of((response.prop for response in responses), models)
    for response in responses:
        response.prop = _opened(response.prop, is_argument=False)
    for name in results:
        model, is_argument = models[name], name in arguments
        model.required_properties = [_opened(prop, is_argument=is_argument) for prop in model.required_properties or ()]
        model.optional_properties = [_opened(prop, is_argument=is_argument) for prop in model.optional_properties or ()]
        if model.additional_properties:
            model.additional_properties = _opened(model.additional_properties, is_argument=is_argument)


def _models_of(props: Iterable[Property], models: dict[str, ModelProperty]) -> set[str]:
    """Return the names of the models in these properties, directly or in another model."""
    found: set[str] = set()
    pending = list(props)
    while pending:
        prop = pending.pop()
        pending += _parts(prop)
        if isinstance(prop, ModelProperty) and prop.class_info.name not in found:
            found.add(str(prop.class_info.name))
            pending += _fields_of(models[str(prop.class_info.name)])
    return found


def _fields_of(model: ModelProperty) -> Iterator[Property]:
    """Yield the properties of a model."""
    yield from model.required_properties or ()
    yield from model.optional_properties or ()
    if model.additional_properties:
        yield model.additional_properties


def _parts(prop: Any) -> list[Any]:
    if isinstance(prop, TupleProperty | UnionProperty):
        return prop.inner_properties
    return [prop.inner_property] if isinstance(prop, ListProperty) else []


def _opened(prop: Any, *, is_argument: bool) -> Any:
    if isinstance(prop, TupleProperty | UnionProperty):
        return evolve(prop, inner_properties=[_opened(part, is_argument=is_argument) for part in prop.inner_properties])
    if isinstance(prop, ListProperty):
        return evolve(prop, inner_property=_opened(prop.inner_property, is_argument=is_argument))
    if isinstance(prop, EnumProperty) and not isinstance(prop, ClosedEnumProperty):
        return copied_as(OpenEnumProperty, prop, is_argument=is_argument)
    return prop
