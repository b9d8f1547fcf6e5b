"""The expressions by which generated code decodes and encodes: chosen by the class of the property."""

from typing import Any

import pytest
from attrs import evolve
from binance_generator import patches
from binance_generator.expressions import UnsupportedPropertyError, decoder_of, encoder_of
from binance_generator.spec import Parameter
from openapi_python_client import schema as oai
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import PropertyError
from openapi_python_client.parser.properties import Schemas, property_from_data
from openapi_python_client.parser.properties.protocol import PropertyProtocol

CONFIG = Config.from_sources(ConfigFile(), MetaType.NONE, "openapi.yaml", "utf-8", overwrite=False, output_path=None)
PARAMETER = Parameter("odd", "query", is_required=True, encoding=None, schema={}, bounds={})
TEXT = {"type": "string"}
DECIMAL = {"type": "string", "format": "decimal"}


@pytest.fixture(scope="module", autouse=True)
def _patched() -> None:
    patches.apply()


def property_of(schema: dict[str, Any]) -> PropertyProtocol:
    """Let upstream parse a schema."""
    prop, _ = property_from_data(
        name=oai.UntrustedString("odd"),
        required=True,
        data=oai.Schema.model_validate(schema),
        schemas=Schemas(),
        parent_name="test",
        config=CONFIG,
    )
    assert not isinstance(prop, PropertyError), prop
    return prop


@pytest.mark.parametrize(
    ("schema", "expression"),
    [
        pytest.param({}, "any_value", id="any"),
        pytest.param(TEXT, "string", id="string"),
        pytest.param({"type": "null"}, "null", id="null"),
        pytest.param({"type": "boolean"}, "boolean", id="boolean"),
        pytest.param({"type": "integer"}, "integer", id="integer"),
        pytest.param(DECIMAL, "decimal", id="decimal"),
        pytest.param({"type": "string", "enum": ["a"]}, "enum(TestOdd)", id="enum"),
        pytest.param({"type": "integer", "enum": [1, 2]}, "enum(TestOdd)", id="enum of integers"),
        pytest.param({"const": "a"}, "const('a')", id="const"),
        pytest.param({"type": "object", "properties": {"a": TEXT}}, "model(TestOdd)", id="model"),
    ],
)
def test_values(schema: dict[str, Any], expression: str) -> None:
    """Decoder and encoder of a value have the same name."""
    prop = property_of(schema)

    assert f"decoders.{expression}" == decoder_of(prop)
    assert f"encoders.{expression}" == encoder_of(prop)


@pytest.mark.parametrize(
    ("schema", "decoder", "encoder"),
    [
        pytest.param(
            {"type": "array", "items": {"type": "array", "items": DECIMAL}},
            "decoders.array(decoders.array(decoders.decimal))",
            "encoders.array(encoders.array(encoders.decimal))",
            id="array",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}},
            "decoders.array(decoders.model(TestOddItem))",
            "encoders.array(encoders.model(TestOddItem))",
            id="models",
        ),
        pytest.param(
            {"type": "array", "prefixItems": [{"type": "integer"}, DECIMAL], "maxItems": 2},
            "decoders.tuple_of(decoders.integer, decoders.decimal, is_closed=True)",
            "encoders.tuple_of(encoders.integer, encoders.decimal)",
            id="tuple",
        ),
        pytest.param(
            {"type": "array", "prefixItems": [TEXT]},
            "decoders.tuple_of(decoders.string, is_closed=False)",
            "encoders.tuple_of(encoders.string)",
            id="open tuple",
        ),
        pytest.param(
            {"oneOf": [DECIMAL, {"type": "null"}]},
            "decoders.union(decoders.decimal, decoders.null)",
            "encoders.union(encoders.decimal, encoders.null)",
            id="union",
        ),
    ],
)
def test_values_with_parts(schema: dict[str, Any], decoder: str, encoder: str) -> None:
    """An array, a tuple and a union contain the expressions of their parts."""
    prop = property_of(schema)

    assert decoder == decoder_of(prop)
    assert encoder == encoder_of(prop)


@pytest.mark.parametrize(
    ("schema", "parameter", "encoder"),
    [
        pytest.param(
            {"type": "integer"},
            evolve(PARAMETER, bounds={"minimum": 1, "maximum": 60000}),
            "encoders.bounded(encoders.integer, 1, 60000)",
            id="bounds",
        ),
        pytest.param(
            DECIMAL,
            evolve(PARAMETER, bounds={"maximum": 0.1}),
            'encoders.bounded(encoders.decimal, None, Decimal("0.1"))',
            id="exact bound",
        ),
        pytest.param(
            {"type": "array", "items": TEXT},
            evolve(PARAMETER, encoding="comma_separated"),
            "encoders.comma_separated(encoders.array(encoders.string))",
            id="commas",
        ),
        pytest.param(
            {"type": "integer"},
            evolve(PARAMETER, encoding="json_text", bounds={"minimum": 0}),
            "encoders.json_text(encoders.bounded(encoders.integer, 0, None))",
            id="JSON with a bound",
        ),
        pytest.param(TEXT, PARAMETER, "encoders.string", id="nothing"),
    ],
)
def test_parameters(schema: dict[str, Any], parameter: Parameter, encoder: str) -> None:
    """A parameter's encoder checks the bounds and writes the text that the document describes."""
    assert encoder == encoder_of(property_of(schema), parameter)


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        pytest.param({"type": "number"}, "a number needs `format: decimal`", id="float"),
        pytest.param({"type": "string", "format": "uuid"}, "neither decode nor encode a UuidProperty", id="UUID"),
        pytest.param({"type": "string", "format": "date-time"}, "decode nor encode a DateTimeProperty", id="time"),
        pytest.param({"type": "string", "format": "binary"}, "decode nor encode a FileProperty", id="file"),
        pytest.param({"type": "array", "items": {"type": "number"}}, "a number needs", id="in an array"),
        pytest.param({"oneOf": [TEXT, {"type": "number"}]}, "a number needs", id="in a union"),
        pytest.param({"type": "array", "prefixItems": [TEXT, {"type": "number"}]}, "a number needs", id="in a tuple"),
    ],
)
def test_unsupported_properties(schema: dict[str, Any], error: str) -> None:
    """A class without an expression is an error, also within another property."""
    prop = property_of(schema)

    with pytest.raises(UnsupportedPropertyError, match=error):
        decoder_of(prop)
    with pytest.raises(UnsupportedPropertyError, match=error):
        encoder_of(prop)
