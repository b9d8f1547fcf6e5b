"""The expressions with which generated code decodes and encodes the value of a property.

Upstream's own code, a macro in the template of each property class, accepts most values unchecked. The class of a
property decides its expression; the names are functions of the runtime's modules `decoders` and `encoders`.
"""

from collections.abc import Iterable, Mapping, Sequence
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
from openapi_python_client.strings import in_double_quote_literal

from .patches.decimal_property import DecimalProperty
from .patches.tuple_property import NamedTupleProperty, TupleProperty
from .property_classes import OpenEnumProperty, OrErrorProperty, TaggedUnionProperty
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
# What most values are, and the test of it: they are decoded in line, which takes half the time of a call.
_INLINE: dict[type, tuple[str, str]] = {
    BooleanProperty: ("_value", "is bool"),
    DecimalProperty: ("Decimal(_value)", "is str and _is_decimal(_value)"),
    IntProperty: ("_value", "is int and MIN_INT64 <= _value <= MAX_INT64"),
    StringProperty: ("_value", "is str"),
}


class UnsupportedPropertyError(Exception):
    """Generated code can neither decode nor encode a property of this class."""


def decoder_of(prop: PropertyProtocol) -> str:
    """Return the decoder expression of a property; raise `UnsupportedPropertyError` if there is none."""
    return _expression(prop, "decoders")


def decoding_of(prop: PropertyProtocol, source: str, loc: str) -> str:
    """Return the expression that decodes the value of `source`, an expression that is evaluated once."""
    decoder = _constant_of(prop) if _is_built(prop) else decoder_of(prop)
    decode = "decoders.member" if prop.required else "decoders.optional"
    inline = _inline_of(prop)
    if inline is None:
        return f"{decode}({decoder}, {source}, {loc})"
    result, test = inline
    return f"{result} if type(_value := {source}) {test} else {decode}({decoder}, _value, {loc})"


def _inline_of(prop: PropertyProtocol) -> tuple[str, str] | None:
    """Return what most values of a property are, and the test of it, if they are decoded in line."""
    prop = _first_of(prop)
    if isinstance(prop, EnumProperty):
        return "_member", f"is {prop.value_type.__name__} and (_member := {_members_of(prop)}.get(_value))"
    if isinstance(prop, ConstProperty) and isinstance(prop.value.raw_value, str):
        literal = str(prop.value.python_code.as_unembedded_code())
        return literal, f"is str and _value == {literal}"
    return _INLINE.get(type(prop))


def decimals_of(props: Iterable[PropertyProtocol]) -> list[PropertyProtocol]:
    """Return the properties that are decoded together: decimals that are always there, if there are several."""
    decimals: list[PropertyProtocol] = [prop for prop in props if type(prop) is DecimalProperty and prop.required]
    return decimals if len(decimals) > 1 else []


def decoding_of_decimals(props: Sequence[PropertyProtocol], target: str, source: str, loc: str) -> str:
    """Return the statement that decodes the decimals among the properties.

    Target, source and location are formats, of the property `prop`, its name `name` as a literal, and its `index`.
    """
    decimals = decimals_of(props)
    targets, sources, locs = (
        ", ".join(
            text.format(prop=prop, name=f'"{in_double_quote_literal(prop.name)}"', index=index)
            for index, prop in enumerate(props)
            if prop in decimals
        )
        for text in (target, source, loc)
    )
    return f"{targets} = decoders.decimals(({sources}), ({locs}))"


def constants_of(props: Iterable[PropertyProtocol]) -> dict[str, str]:
    """Return what the expressions of `decoding_of` need in their module, by name."""
    constants: dict[str, str] = {}
    for prop in props:
        first = _first_of(prop)
        if isinstance(first, EnumProperty):
            constants[_members_of(first)] = f"decoders.members({first.class_info.name})"
        if _is_built(prop):
            constants[_constant_of(prop)] = decoder_of(prop)
    return constants


def variables_of(props: Iterable[PropertyProtocol]) -> list[str]:
    """Return the statements with which the expressions of `decoding_of` find their variables."""
    inline = " ".join(text for prop in props for text in _inline_of(prop) or ())
    return [
        *["_is_decimal = decoders.is_decimal"] * ("_is_decimal" in inline),
        *["_value: Any"] * bool(inline),
        *["_member: Any"] * ("_member" in inline),
    ]


def _first_of(prop: PropertyProtocol) -> PropertyProtocol:
    """Return the first type of a union, because a value that it takes is taken as that; else the property itself."""
    return _first_of(prop.inner_properties[0]) if isinstance(prop, UnionProperty) else prop


def _is_built(prop: PropertyProtocol) -> bool:
    """Return True if the decoder of a property is built of others, which is done once, when its module is imported."""
    return type(prop) not in _LEAVES and not isinstance(prop, EnumProperty | ConstProperty)


def _members_of(prop: EnumProperty) -> str:
    return f"_{prop.class_info.name}"


def _constant_of(prop: PropertyProtocol) -> str:
    return f"_decode_{prop.python_name}"


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
def _(prop: NamedTupleProperty, module: _Module) -> str:
    if module == "encoders":
        return f"encoders.tuple_of({_expressions(prop.inner_properties, module)})"
    return f"decoders.named_tuple({prop.class_info.name})"


@_expression.register
def _(prop: TaggedUnionProperty, module: _Module) -> str:
    if module == "encoders":
        return f"encoders.union({_expressions(prop.inner_properties, module)})"
    classes = [part.class_info.name for part in prop.inner_properties if isinstance(part, ModelProperty)]
    by_value = ", ".join(f'"{value}": {name}' for value, name in zip(prop.values, classes, strict=False))
    other = "".join(f", {name}" for name in classes[len(prop.values) :])
    return f'decoders.tagged("{prop.tag}", {{{by_value}}}{other})'


@_expression.register
def _(prop: OrErrorProperty, module: _Module) -> str:
    *others, error = prop.inner_properties
    if module == "encoders":
        return f"encoders.union({_expressions(prop.inner_properties, module)})"
    other = _expression(others[0], module) if len(others) == 1 else f"decoders.union({_expressions(others, module)})"
    return f"decoders.or_error({other}, {_expression(error, module)})"


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
