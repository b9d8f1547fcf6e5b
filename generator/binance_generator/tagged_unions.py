"""Unions of models that one field tells apart are decoded by that field.

It is a constant of each model, such as the `filterType` of a filter, or the code of the exchange's errors.
"""

from typing import Any

from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.union import UnionProperty

from .patches.subclasses import copied_as
from .properties import endpoints_of, models_by_name, replace_fields, replaced
from .property_classes import OrErrorProperty, TaggedUnionProperty

_ERROR = "Error"


def tag_unions(data: GeneratorData) -> None:
    """Replace the unions that can be told apart by a field, in all responses and models."""
    models = models_by_name(data)

    def change(prop: Any) -> Any:
        return _tagged(prop, models) if isinstance(prop, UnionProperty) else prop

    for endpoint in endpoints_of(data):
        for response in endpoint.responses:
            response.prop = replaced(response.prop, change)
    for model in models.values():
        replace_fields(model, change)


def _tagged(prop: UnionProperty, models: dict[str, ModelProperty]) -> UnionProperty:
    parts = [models[str(part.class_info.name)] for part in prop.inner_properties if isinstance(part, ModelProperty)]
    if len(parts) != len(prop.inner_properties):
        return prop
    if parts[-1].class_info.name == _ERROR:
        return copied_as(OrErrorProperty, prop)
    constants = [_constants_of(model) for model in parts]
    for name in constants[0]:
        values = [of_model[name] for of_model in constants if name in of_model]
        # All models, or all but the last, which is that of any other value.
        if len(values) >= max(2, len(parts) - 1) and name in constants[-2] and len({*values}) == len(values):
            return copied_as(TaggedUnionProperty, prop, tag=name, values=values)
    return prop


def _constants_of(model: ModelProperty) -> dict[str, str]:
    """Return the texts of a model's required fields that can have only one."""
    return {
        prop.name.get_untrusted_value(): prop.value.raw_value
        for prop in model.required_properties or ()
        if isinstance(prop, ConstProperty) and isinstance(prop.value.raw_value, str)
    }
