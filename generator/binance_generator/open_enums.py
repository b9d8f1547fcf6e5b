"""Enumerations of responses are open: a value that the document does not have is returned as it is.

The exchange adds values, such as the status of an order, without notice; the response to a request that was carried out
must not fail for it. Arguments take the document's values alone, and so do enumerations with `x-closed`.
"""

from functools import partial
from typing import Any

from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.properties import EnumProperty, ModelProperty

from .patches.closed_enum import ClosedEnumProperty
from .patches.subclasses import copied_as
from .properties import endpoints_of, models_by_name, replace_fields, replaced, walk
from .property_classes import OpenEnumProperty


def open_enums(data: GeneratorData) -> None:
    """Replace the enumerations of all responses by open ones."""
    endpoints = endpoints_of(data)
    models = models_by_name(data)
    responses = [response for endpoint in endpoints for response in endpoint.responses]
    arguments = _models_in([prop for endpoint in endpoints for prop in endpoint.query_parameters], models)
    results = _models_in([response.prop for response in responses], models)
    for response in responses:
        response.prop = replaced(response.prop, partial(_opened, is_argument=False))
    for name in results:
        replace_fields(models[name], partial(_opened, is_argument=name in arguments))


def _models_in(props: list[Any], models: dict[str, ModelProperty]) -> set[str]:
    """Return the names of the models in these properties, directly or in another model."""
    return {str(prop.class_info.name) for prop in walk(props, models) if isinstance(prop, ModelProperty)}


def _opened(prop: Any, *, is_argument: bool) -> Any:
    if isinstance(prop, EnumProperty) and not isinstance(prop, ClosedEnumProperty):
        return copied_as(OpenEnumProperty, prop, is_argument=is_argument)
    return prop
