"""Walks through upstream's properties: what the models and responses of a document are made of."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import evolve
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty, Property
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.union import UnionProperty

from .patches.tuple_property import NamedTupleProperty, TupleProperty


def endpoints_of(data: GeneratorData) -> list[Endpoint]:
    """Return the endpoints of all tags."""
    return [endpoint for tag in data.endpoint_collections_by_tag.values() for endpoint in tag.endpoints]


def models_by_name(data: GeneratorData) -> dict[str, ModelProperty]:
    """Return the models of a document; those within other properties may lack their fields."""
    return {str(model.class_info.name): model for model in data.models}


def walk(props: Iterable[Property], models: dict[str, ModelProperty]) -> Iterator[Property]:
    """Yield these properties and all that are in them, directly or within models, each model once."""
    found: set[str] = set()
    pending = list(props)
    while pending:
        prop = pending.pop()
        yield prop
        pending += _parts(prop)
        if isinstance(prop, ModelProperty) and prop.class_info.name not in found:
            found.add(str(prop.class_info.name))
            pending += fields_of(models[str(prop.class_info.name)])


def named_tuples_in(data: GeneratorData) -> dict[str, NamedTupleProperty]:
    """Return the named tuples of a document, by name."""
    endpoints = endpoints_of(data)
    props = [
        *(prop for endpoint in endpoints for prop in endpoint.query_parameters),
        *(response.prop for endpoint in endpoints for response in endpoint.responses),
    ]
    tuples = [prop for prop in walk(props, models_by_name(data)) if isinstance(prop, NamedTupleProperty)]
    return {str(prop.class_info.name): prop for prop in tuples}


def fields_of(model: ModelProperty) -> list[Property]:
    """Return the properties of a model; the one of its additional properties comes last."""
    additional = [model.additional_properties] if isinstance(model.additional_properties, Property) else []
    return [*(model.required_properties or ()), *(model.optional_properties or ()), *additional]


def replace_fields(model: ModelProperty, change: Callable[[Any], Any]) -> None:
    """Change each property of a model, and all within it."""
    model.required_properties = [replaced(prop, change) for prop in model.required_properties or ()]
    model.optional_properties = [replaced(prop, change) for prop in model.optional_properties or ()]
    if model.additional_properties:
        model.additional_properties = replaced(model.additional_properties, change)


def replaced(prop: Any, change: Callable[[Any], Any]) -> Any:
    """Return a property that is changed, and all within it before."""
    if isinstance(prop, TupleProperty | UnionProperty):
        prop = evolve(prop, inner_properties=[replaced(part, change) for part in prop.inner_properties])
    elif isinstance(prop, ListProperty):
        prop = evolve(prop, inner_property=replaced(prop.inner_property, change))
    return change(prop)


def _parts(prop: Any) -> list[Any]:
    if isinstance(prop, TupleProperty | UnionProperty):
        return prop.inner_properties
    return [prop.inner_property] if isinstance(prop, ListProperty) else []
