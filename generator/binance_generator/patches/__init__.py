"""Monkeypatches of the pinned openapi-python-client, where it cannot be extended in a public way.

`upstream.sha256` has the checksums of the upstream files that are patched or overridden by templates. A test compares
them, so that an upgrade shows what has to be reviewed.
"""

from openapi_python_client import strings

from . import closed_enum, decimal_property, enum_names, ref_description, tuple_property

# Names that generated modules, functions and models use; a parameter or field of the same name gets a suffix.
RESERVED_NAMES = {
    "Any",
    "AsyncRowIterator",
    "AuthenticatedClient",
    "BaseClient",
    "ClassVar",
    "Decimal",
    "ERROR_MAP",
    "HTTPResponse",
    "IdPaging",
    "IntEnum",
    "Literal",
    "MAX_INT64",
    "MIN_INT64",
    "Mapping",
    "Model",
    "NamedTuple",
    "Response",
    "RowIterator",
    "Security",
    "Self",
    "StrEnum",
    "TimePaging",
    "UNSET",
    "Unset",
    "additional_properties",
    "as_dict",
    "attrgetter",
    "build_request",
    "client",
    "count_results",
    "decoders",
    "encoders",
    "from_dict",
    "from_list",
    "iterate",
    "iterate_async",
    "json_names",
    "parse_response",
    "partial",
    "to_dict",
    "weight_up_to",
}


def apply() -> None:
    """Apply all patches to the imported openapi-python-client; a second call changes nothing."""
    strings.RESERVED_WORDS.update(RESERVED_NAMES)
    closed_enum.apply()
    decimal_property.apply()
    enum_names.apply()
    ref_description.apply()
    tuple_property.apply()
