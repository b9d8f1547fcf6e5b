"""The expressions with which generated code decodes and encodes the value of a property.

Upstream's own code, a macro in the template of each property class, accepts most values unchecked. The class of a
property decides its expression; the names are functions of the runtime's modules `decoders` and `encoders`.
"""

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import Literal

from openapi_python_client.parser.properties import AnyProperty, EnumProperty, ModelProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty

from .open_enums import OpenEnumProperty
from .patches.decimal_property import DecimalProperty
from .patches.tuple_property import TupleProperty
from .spec import Operation, Parameter, Spec

_Module = Literal["decoders", "encoders"]
# Properties without inner properties. Subclasses are not included, because they may be encoded differently: a
# DecimalProperty is a subclass of upstream's UuidProperty.
_LEAVES: dict[type, str] = {
    AnyProperty: "any_value",
    BooleanProperty: "boolean",
    DecimalProperty: "decimal",
    IntProperty: "integer",
    NoneProperty: "null",
    StringProperty: "string",
}


class UnsupportedPropertyError(Exception):
    """Generated code can neither decode nor encode a property of this class."""


def decoder_of(prop: PropertyProtocol) -> str:
    """Return the decoder expression of a property; raise `UnsupportedPropertyError` if there is none."""
    return _expression(prop, "decoders")


def encoder_of(prop: PropertyProtocol, parameter: Parameter | None = None) -> str:
    """Return the encoder expression of a property, with the bounds and encoding of the parameter, if it is one."""
    encoder = _expression(prop, "encoders")
    if parameter is None:
        return encoder
    if parameter.minimum is not None or parameter.maximum is not None:
        encoder = f"encoders.bounded({encoder}, {_bound(parameter.minimum)}, {_bound(parameter.maximum)})"
    return f"encoders.{parameter.encoding}({encoder})" if parameter.encoding else encoder


def weight_of(operation: Operation, spec: Spec, names: Mapping[str, str]) -> str:
    """Return the expression of an operation's weight; `names` are the Python names of its parameters."""
    weight = operation.weight
    if isinstance(weight, int):
        return str(weight)
    parameter = operation.parameters[weight["parameter"]]
    name = names[parameter.name]
    if "sent" in weight:
        return f"{weight['not-sent']} if isinstance({name}, Unset) else {weight['sent']}"
    limits = ", ".join(f"{limit}: {weight['up-to'][limit]}" for limit in sorted(weight["up-to"], key=int))
    default = "" if parameter.is_required else f", default={parameter.default(spec)}"
    return f"weight_up_to({{{limits}}}, {name}{default})"


def _bound(value: float | None) -> str:
    # The float 0.1 is greater than the decimal 0.1.
    return f'Decimal("{value}")' if isinstance(value, float) else str(value)


@singledispatch
def _expression(prop: PropertyProtocol, module: _Module) -> str:
    leaf = _LEAVES.get(type(prop))
    if leaf is None:
        raise UnsupportedPropertyError(f"the templates can neither decode nor encode a {type(prop).__name__}")
    return f"{module}.{leaf}"


@_expression.register
def _(_prop: FloatProperty, _module: _Module) -> str:
    raise UnsupportedPropertyError(
        "a number needs `format: decimal`, because a float cannot represent its digits exactly"
    )


@_expression.register
def _(prop: ListProperty, module: _Module) -> str:
    return f"{module}.array({_expression(prop.inner_property, module)})"


@_expression.register
def _(prop: TupleProperty, module: _Module) -> str:
    is_closed = f", is_closed={prop.is_closed}" if module == "decoders" else ""
    return f"{module}.tuple_of({_expressions(prop.inner_properties, module)}{is_closed})"


@_expression.register
def _(prop: UnionProperty, module: _Module) -> str:
    return f"{module}.union({_expressions(prop.inner_properties, module)})"


@_expression.register
def _(prop: ConstProperty, module: _Module) -> str:
    return f"{module}.const({prop.value.python_code.as_unembedded_code()})"


@_expression.register
def _(prop: EnumProperty, module: _Module) -> str:
    return f"{module}.enum({prop.class_info.name})"


@_expression.register
def _(prop: OpenEnumProperty, module: _Module) -> str:
    is_closed = module == "encoders" and prop.is_argument
    return f"{module}.{'enum' if is_closed else 'open_enum'}({prop.class_info.name})"


@_expression.register
def _(prop: ModelProperty, module: _Module) -> str:
    return f"{module}.model({prop.class_info.name})"


def _expressions(props: Iterable[PropertyProtocol], module: _Module) -> str:
    return ", ".join(_expression(prop, module) for prop in props)
